"""``kill -9`` while annotating loses at most the last five seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.session import Session
from tests.plugin.annotate_until_killed import BEGUN, SIDE, VOLUME, place_of

WAIT = 20_000
ALLOWED = 5.0
OLD = 12
"""So many masks are older than what may be lost when the process is killed, however slow it is."""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_all_but_the_last_five_seconds_is_restored(
    qtbot: Any, library: Any, projects: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.plugin.annotate_until_killed"],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], env=dict(os.environ),
    )  # fmt: skip
    accepted = []
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            number, label, at = line.split()
            accepted.append((int(number), int(label), float(at)))
            if len(accepted) > OLD and accepted[-1][2] - accepted[OLD - 1][2] > ALLOWED:
                break
        killed_at = time.time()
        process.kill()
    assert process.returncode == -signal.SIGKILL

    viewer = ViewerModel()
    viewer.add_image(VOLUME, name="cells")
    widget = CatsamWidget(viewer, Session(library=library))
    with qtbot.waitSignal(widget.autosave.offered, timeout=WAIT):
        pass
    with qtbot.waitSignal(widget.autosave.restored, timeout=WAIT):
        widget.restore_bar.restore_button.click()
    restored = viewer.layers["masks"].data
    old = [(number, label) for number, label, at in accepted if killed_at - at > ALLOWED]
    assert len(old) >= OLD
    for number, label in old:
        step, row, column = place_of(number)
        square = restored[step, row : row + SIDE, column : column + SIDE]
        assert (square == label).all(), number
    widget.live_view.annotate.click()
    assert widget.session.live.prompts == (BEGUN,)
    widget.close()
