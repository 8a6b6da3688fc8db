"""The whole loop on the real canvas, by mouse and keys, with the model that comes with the package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool
from qtpy.QtWidgets import QApplication

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session
from tests.plugin.conftest import WAIT
from tests.plugin.live.test_commands import CONTROL, Stage
from tests.plugin.live.test_drawing import move

SIZE = (96, 128)
DISCS = [(30, 36, 16), (60, 84, 20), (48, 64, 24)]
"""Middle and radius of the one bright disc of each slice."""

MODEL_WAIT = 6 * WAIT
"""The first prompt loads torch and the weights."""


def draw_disc(number: int) -> Any:
    row, column, radius = DISCS[number]
    rows, columns = np.indices(SIZE)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def make_stack() -> Any:
    noise = np.random.default_rng(0).normal(40, 6, (3, *SIZE))
    return (noise + 150 * np.stack([draw_disc(n) for n in range(3)])).astype(np.uint8)


def overlap(mask: Any, number: int) -> float:
    disc = draw_disc(number)
    return float((mask & disc).sum() / (mask | disc).sum())


class Bench(Stage):
    """A stage whose model is the real one."""

    def settle(self) -> None:
        while self.queue.busy:
            with self.qtbot.waitSignal(self.queue.busy_changed, timeout=MODEL_WAIT):
                pass

    def draw_box(self, number: int) -> None:
        row, column, radius = DISCS[number]
        reach = radius + 2
        self.drag((row - reach, column - reach), (row + reach, column + reach))

    def preview(self) -> Any:
        """Return the mask that is shown, at the size of the plane."""
        live = self.session.live
        mask = np.zeros(SIZE, bool)
        mask[live.reading.mask.window] = live.reading.mask.mask
        return mask


@pytest.fixture
def bench(window: Any, qtbot: Any) -> Iterator[Bench]:
    window.show()
    qtbot.waitExposed(window.window._qt_window)
    image = window.add_image(make_stack(), name="cells")
    window.dims.set_current_step(0, 0)
    widget = CatsamWidget(window, Session(library=Library(), device="cpu"))
    window.window.add_dock_widget(widget, name="CAT-SAM")
    window.reset_view()
    bench = Bench(
        window, image, widget.session, widget.queue, widget.commands.live, qtbot, None
    )  # fmt: skip
    bench.widget = widget
    widget.live_view.annotate.click()
    yield bench
    widget.shut_down()


def test_a_stack_is_annotated_with_mouse_and_keys(bench: Bench) -> None:
    layers, masks = bench.window.layers, "cells masks"

    # a box, and clicks that change its mask
    bench.draw_box(0)
    assert overlap(bench.preview(), 0) > 0.8
    bench.click(DISCS[0][:2])
    bench.click((80, 110), CONTROL)
    assert [prompt.positive for prompt in bench.session.live.prompts] == [True, True, False]
    assert bench.session.live.answered
    assert not bench.preview()[80, 110]
    assert masks not in layers

    # accept, undo, accept again
    wanted = bench.preview()
    bench.press(Qt.Key.Key_Y)
    np.testing.assert_array_equal(bench.masks.data[0] == 1, wanted)
    bench.press(Qt.Key.Key_U)
    assert not bench.masks.data.any()
    bench.draw_box(0)
    bench.press(Qt.Key.Key_Y)
    (first,) = np.unique(bench.masks.data)[1:]
    assert overlap(bench.masks.data[0] == first, 0) > 0.8

    # refine what is there
    move(bench, DISCS[0][:2])
    bench.press(Qt.Key.Key_G)
    assert bench.session.live.picked.id == first
    bench.draw_box(0)
    bench.click(DISCS[0][:2])
    wanted = bench.preview()
    bench.press(Qt.Key.Key_Y)
    np.testing.assert_array_equal(bench.masks.data[0] == first, wanted)

    # the next slice is another image, and another object
    before = bench.masks.data.copy()
    bench.window.dims.set_current_step(0, 1)
    bench.draw_box(1)
    bench.press(Qt.Key.Key_Y)
    np.testing.assert_array_equal(bench.masks.data[0], before[0])
    assert overlap(bench.masks.data[1] > first, 1) > 0.8

    # layers that are renamed, and one that is deleted
    bench.image.name, bench.masks.name = "nuclei", "mine"
    bench.window.dims.set_current_step(0, 2)
    bench.draw_box(2)
    bench.press(Qt.Key.Key_Y)
    assert overlap(layers["mine"].data[2] > 0, 2) > 0.8
    layers.remove("mine")
    layers.selection.active = layers["object prompts"]
    bench.draw_box(2)
    bench.press(Qt.Key.Key_Y)
    assert overlap(layers["nuclei masks"].data[2] > 0, 2) > 0.8
    layers.remove("nuclei")
    assert not bench.live.active
    bench.qtbot.waitUntil(lambda: [layer.name for layer in layers] == ["nuclei masks"])


def test_closing_while_the_model_works_keeps_what_was_accepted(bench: Bench) -> None:
    bench.draw_box(0)
    bench.press(Qt.Key.Key_Y)
    masks, accepted = bench.masks, bench.masks.data.copy()
    bench.window.dims.set_current_step(0, 1)
    row, column, radius = DISCS[1]
    bench.live.give(LivePrompt((row - radius, column - radius, row + radius, column + radius)))
    assert bench.queue.busy
    bench.window.window.remove_dock_widget(bench.widget)
    assert QThreadPool.globalInstance().waitForDone(MODEL_WAIT)
    QApplication.processEvents()
    np.testing.assert_array_equal(masks.data, accepted)
    assert [layer.name for layer in bench.window.layers] == ["cells", "cells masks"]
