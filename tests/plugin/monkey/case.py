"""One user and one seed; its own process, as OpenGL may end it. See ``run.py``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugin.conftest import FakeLibrary
from tests.plugin.monkey.user import Monkey

TURNED = np.array([[1, 0, 0, 0], [0, 0.9, 0.3, 5], [0, -0.3, 0.9, 7], [0, 0, 0, 1.0]])

IMAGES: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((4, 60, 80), {"scale": (2.0, 1.0, 1.0), "translate": (4.0, -20.0, 30.0)}),
    ((4, 60, 80), {}),
    ((60, 80), {}),
    ((4, 60, 80), {"scale": (3.0, 0.5, 0.5), "affine": TURNED}),
    ((2, 3, 60, 80), {}),
)
"""Shape and placement of the image that a user begins with; the seed chooses."""


@pytest.fixture
def monkey(
    window: Any, docked: Any, library: FakeLibrary, qtbot: Any, tmp_path: Path, seed: int
) -> Iterator[Monkey]:
    shape, placement = IMAGES[seed % len(IMAGES)]
    window.show()
    window.window._qt_window.resize(900, 500)  # what is drawn costs most of the time
    qtbot.waitExposed(window.window._qt_window)
    data = np.random.default_rng(seed).integers(0, 255, shape, np.uint8)
    window.add_image(data, name="cells", **placement)
    window.add_labels(np.zeros(shape, np.int32), name="kept", **placement)
    window.reset_view()
    monkey = Monkey(window, docked, library, qtbot, seed, tmp_path)
    yield monkey
    monkey.gate.set()
    monkey.record.close()


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's own, of rolled axes
def test_actions_raise_nothing_and_keep_what_was_accepted(
    monkey: Monkey, actions: int, caplog: pytest.LogCaptureFixture
) -> None:
    monkey.run(actions)
    monkey.end()
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert not errors
    assert monkey.record.writes >= actions // 40
    print(f"{monkey.record.writes} objects written, {monkey.record.checks} checks")
    widget, accepted = monkey.widget, {x: h.now for x, h in monkey.record.histories.items()}
    widget.shut_down()
    assert not [layer.name for layer in monkey.window.layers if layer.metadata]
    for labels, expected in accepted.items():
        np.testing.assert_array_equal(labels.data, expected)
