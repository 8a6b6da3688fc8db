"""A process that annotates in a real viewer until it is killed; says when each mask was accepted.

Run by ``test_kill.py``, with the folder for projects in ``NAPARI_CATSAM_PROJECTS``.
"""

from __future__ import annotations

import time

import napari
import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QTimer

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.layers.mask_writing import write_objects
from napari_catsam.plugin.layers.new_layers import ObjectMask, add_labels
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session
from tests.plugin.conftest import FakeLibrary

SHAPE, SIDE, EVERY_MS = (4, 200, 200), 8, 150
BEGUN = LivePrompt((190.0, 190.0))
"""The prompt of an object that is never accepted."""

VOLUME = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


def place_of(number: int) -> tuple[int, int, int]:
    """Return the plane and the corner of an object that no other one overlaps."""
    row, column = divmod(number // SHAPE[0], 20)
    return number % SHAPE[0], row * 10, column * 10


def main() -> None:
    viewer = napari.Viewer()
    image = viewer.add_image(VOLUME, name="cells")
    widget = CatsamWidget(viewer, Session(library=FakeLibrary()))
    viewer.window.add_dock_widget(widget)
    labels = add_labels(viewer, image, "masks")
    widget.live_view.annotate.click()
    widget.commands.live.give(BEGUN)
    numbers = iter(range(SHAPE[0] * 400))

    def accept() -> None:
        number = next(numbers)
        step, row, column = place_of(number)
        viewer.dims.set_current_step(0, step)
        mask = ObjectMask((row, column), np.ones((SIDE, SIDE), bool), 0.9)
        written = write_objects(labels, locate_plane(viewer, image), [mask])
        assert isinstance(labels, Labels)
        print(number, written.ids[0], time.time(), flush=True)

    timer = QTimer()
    timer.timeout.connect(accept)
    timer.start(EVERY_MS)
    napari.run()


if __name__ == "__main__":
    main()
