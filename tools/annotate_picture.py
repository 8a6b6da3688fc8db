"""Make the picture of annotating object by object: ``python tools/annotate_picture.py``.

Needs a display; ``tools/with_display.sh`` makes one. The real widget, the installed weights.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from napari import Viewer
from qtpy.QtCore import QEventLoop, QTimer
from skimage import data

from napari_catsam.geometry import boxes_from_masks
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.coins import find_coins
from napari_catsam.plugin.live import LivePrompt

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "annotate.png"
ACCEPTED = 9
"""Coins that are annotated before the picture is taken."""


def let_pass(milliseconds: int) -> None:
    """Let the window draw and answers arrive."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def settle(widget: CatsamWidget) -> None:
    """Wait until the model has answered."""
    let_pass(100)
    while widget.queue.busy:
        let_pass(50)


def main() -> None:
    """Annotate some coins by boxes and one by clicks."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CATSAM_PROJECTS"] = folder
        viewer = Viewer()
        viewer.window.resize(1250, 900)
        image = data.coins()
        viewer.add_image(image, name="coins")
        widget = CatsamWidget(viewer)
        viewer.window.add_dock_widget(widget, name="CAT-SAM")
        let_pass(1000)
        viewer.reset_view()
        widget.live_view.annotate.click()
        coins = find_coins(image)
        masks = [coins == number for number in range(1, ACCEPTED + 2)]
        boxes = boxes_from_masks(np.stack(masks))
        for box in boxes[:-1]:
            widget.commands.live.give(LivePrompt(tuple(map(float, box))))
            settle(widget)
            widget.live_view.accept.click()
        rows, columns = np.nonzero(masks[-1])
        widget.commands.live.give(LivePrompt((float(rows.mean()), float(columns.mean()))))
        settle(widget)
        let_pass(500)
        viewer.screenshot(str(PICTURE), canvas_only=False, flash=False)
        widget.shut_down()
        viewer.close()


if __name__ == "__main__":
    main()
