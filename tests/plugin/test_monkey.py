"""Two hundred actions in a row, drawn by chance, raise nothing and change no accepted label."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugin.conftest import FakeLibrary
from tests.plugin.monkey import Monkey

ACTIONS = 200
TURNED = np.array([[1, 0, 0, 0], [0, 0.9, 0.3, 5], [0, -0.3, 0.9, 7], [0, 0, 0, 1.0]])

CASES: dict[int, tuple[tuple[int, ...], dict[str, Any]]] = {
    1: ((4, 60, 80), {}),
    2: ((60, 80), {}),
    3: ((4, 60, 80), {"scale": (3.0, 0.5, 0.5), "affine": TURNED}),
    4: ((2, 3, 60, 80), {}),
    5: ((4, 60, 80), {"scale": (2.0, 1.0, 1.0), "translate": (4.0, -20.0, 30.0)}),
}
"""Seeds, and the shape and placement of the image that each begins with."""


@pytest.fixture
def make_monkey(
    window: Any, docked: Any, library: FakeLibrary, qtbot: Any, tmp_path: Path
) -> Iterator[Any]:
    made: list[Monkey] = []

    def make(seed: int) -> Monkey:
        shape, placement = CASES.get(seed, CASES[1 + seed % 5])
        window.show()
        window.window._qt_window.resize(900, 500)  # what is drawn costs most of the time
        qtbot.waitExposed(window.window._qt_window)
        data = np.random.default_rng(seed).integers(0, 255, shape, np.uint8)
        window.add_image(data, name="cells", **placement)
        window.add_labels(np.zeros(shape, np.int32), name="kept", **placement)
        window.reset_view()
        made.append(Monkey(window, docked, library, qtbot, seed, tmp_path))
        return made[0]

    yield make
    for monkey in made:
        monkey.gate.set()
        monkey.record.close()


@pytest.mark.monkey
@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's own, of rolled axes
@pytest.mark.parametrize("seed", CASES)
def test_two_hundred_actions_raise_nothing_and_keep_what_was_accepted(
    make_monkey: Any, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    monkey = make_monkey(seed)
    try:
        monkey.run(ACTIONS)
        monkey.end()
    except BaseException:
        print(f"seed {seed}, the last actions:", *monkey.log, sep="\n")
        raise
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert not errors
    assert monkey.record.writes >= 5
    widget, accepted = monkey.widget, {x: h.now for x, h in monkey.record.histories.items()}
    widget.shut_down()
    assert not [layer.name for layer in monkey.window.layers if layer.metadata]
    for labels, expected in accepted.items():
        np.testing.assert_array_equal(labels.data, expected)
