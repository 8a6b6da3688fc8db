"""Annotating on the real canvas: mouse and keys, the fake model's answers, and what is written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.device.jobs import DeviceQueue
from napari_catsam.plugin.live.commands import LiveCommands
from napari_catsam.plugin.session import Session
from tests.plugin.conftest import WAIT, FakeLibrary

CONTROL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier


@dataclass
class Stage:
    """A window with an image, and hands for its canvas; places are (row, column) of the image."""

    window: Viewer
    image: Image
    session: Session
    queue: DeviceQueue
    live: LiveCommands
    qtbot: Any
    library: FakeLibrary

    @property
    def canvas(self) -> Any:
        return self.window.window._qt_viewer.canvas.native

    def at(self, place: tuple[float, float]) -> QPoint:
        world = self.image.data_to_world((*([0] * (self.image.ndim - 2)), *place))[-2:]
        camera, size = self.window.scene.camera, self.canvas.size()
        row, column = (np.array(world) - camera.center[-2:]) * camera.zoom
        return QPoint(round(size.width() / 2 + column), round(size.height() / 2 + row))

    def click(self, place: tuple[float, float], modifier: Any = NONE) -> None:
        QTest.mouseMove(self.canvas, self.at(place))
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, modifier, self.at(place))
        self.settle()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        left = Qt.MouseButton.LeftButton
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        QTest.mouseMove(self.canvas, self.at(start))
        QTest.mousePress(self.canvas, left, NONE, self.at(start))
        for place in (middle, end):
            self.move_pressed(place)
        QTest.mouseRelease(self.canvas, left, NONE, self.at(end))
        self.settle()

    def move_pressed(self, place: tuple[float, float]) -> None:
        """Move with the button held, which QTest has no function for."""
        left, point = Qt.MouseButton.LeftButton, QPointF(self.at(place))
        event = QMouseEvent(
            QEvent.Type.MouseMove, point, self.canvas.mapToGlobal(point), left, left, NONE
        )
        QApplication.sendEvent(self.canvas, event)

    def press(self, key: Any, modifier: Any = NONE) -> None:
        QTest.keyClick(self.canvas, key, modifier)
        self.settle()

    def settle(self) -> None:
        """Wait until the device has nothing to do."""
        while self.queue.busy:
            with self.qtbot.waitSignal(self.queue.busy_changed, timeout=WAIT):
                pass

    @property
    def shown(self) -> Any:
        """The mask that is shown, cut to its box, with the world position of its first pixel."""
        layer = self.window.layers["object"]
        data = np.asarray(layer.data)
        at = np.argwhere(data)
        low, high = (at.min(axis=0), at.max(axis=0) + 1) if len(at) else ([0], [0])
        window = tuple(slice(first, end) for first, end in zip(low, high, strict=True))
        return data[window], layer.data_to_world([*low, *([0] * (data.ndim - len(low)))])

    @property
    def masks(self) -> Labels:
        return self.window.layers["cells masks"]


@pytest.fixture
def make_stage(window: Viewer, library: FakeLibrary, qtbot: Any) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(shape: tuple[int, ...] = (60, 80), **placement: Any) -> Stage:
        window.show()
        qtbot.waitExposed(window.window._qt_window)
        image = window.add_image(np.zeros(shape, np.uint8), name="cells", **placement)
        session, queue = Session(library=library), DeviceQueue()
        live = LiveCommands(window, session, queue, Engine(library))
        live.start(image)
        window.reset_view()
        made.append(Stage(window, image, session, queue, live, qtbot, library))
        return made[-1]

    yield make
    for stage in made:
        stage.live.stop()
        stage.queue.close()


def test_a_click_shows_a_mask_and_writes_nothing(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((20, 30))
    mask, origin = stage.shown
    assert mask.shape == (3, 3)
    np.testing.assert_allclose(origin, (19, 29))
    assert [layer.name for layer in stage.window.layers if layer.name == "cells masks"] == []


def test_accept_writes_the_mask_under_the_next_number(make_stage: Any) -> None:
    stage = make_stage()
    for number, place in enumerate([(20, 30), (40, 50)], start=1):
        stage.click(place)
        stage.press(Qt.Key.Key_Y)
        assert stage.masks.data[place] == number
    assert np.count_nonzero(stage.masks.data) == 18
    assert stage.session.live is None
    assert stage.session.note.startswith("object 2 in cells masks")
    assert stage.window.layers.selection.active.name == "object prompts"


def test_a_drag_is_a_box(make_stage: Any) -> None:
    stage = make_stage()
    stage.drag((10, 15), (30, 45))
    (prompts,) = stage.library.predictors["vit_nano"].asked
    np.testing.assert_allclose(np.asarray(prompts.boxes)[0], (10.5, 15.5, 30.5, 45.5), atol=0.6)
    mask, _ = stage.shown
    assert mask.all()
    assert abs(mask.size - 600) < 90


def test_control_click_is_negative_and_refines_the_mask(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((20, 30))
    stage.click((22, 33), CONTROL)
    first, second = stage.library.predictors["vit_nano"].asked
    assert first.masks is None
    np.testing.assert_array_equal(second.labels, [[1, 0]])
    assert np.asarray(second.masks).shape == (1, 4, 4)


def test_plain_clicks_turn_negative_by_a_key(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((20, 30))
    stage.press(Qt.Key.Key_Q)
    stage.click((22, 33))
    np.testing.assert_array_equal(stage.library.predictors["vit_nano"].asked[-1].labels, [[1, 0]])


def test_readings_of_a_lone_click_are_cycled_through(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((20, 30))
    sides = []
    for _ in range(4):
        sides.append(stage.shown[0].shape[0])
        stage.press(Qt.Key.Key_H)
    assert sides == [3, 5, 7, 3]


def test_undo_takes_back_one_prompt_then_the_object_then_one_accepted_mask(
    make_stage: Any,
) -> None:
    stage = make_stage()
    stage.click((20, 30))
    stage.press(Qt.Key.Key_Y)
    stage.click((40, 50))
    stage.click((42, 52))
    asked = len(stage.library.predictors["vit_nano"].asked)
    stage.press(Qt.Key.Key_U)
    assert stage.shown[0].shape == (3, 3)
    assert len(stage.library.predictors["vit_nano"].asked) == asked  # it is remembered
    stage.press(Qt.Key.Key_U)
    assert stage.session.live is None
    assert stage.masks.data.any()
    stage.press(Qt.Key.Key_Z, CONTROL)
    assert not stage.masks.data.any()


def test_clear_drops_the_object_alone(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((20, 30))
    stage.press(Qt.Key.Key_Y)
    stage.click((40, 50))
    stage.press(Qt.Key.Key_W)
    assert stage.session.live is None
    assert not stage.shown[0].any()
    assert stage.masks.data[20, 30] == 1


def test_accepted_objects_keep_their_pixels(make_stage: Any) -> None:
    stage = make_stage()
    stage.drag((10, 10), (20, 20))
    stage.press(Qt.Key.Key_Y)
    before = stage.masks.data.copy()
    stage.drag((15, 15), (40, 40))
    stage.press(Qt.Key.Key_Y)
    assert (stage.masks.data[before == 1] == 1).all()
    assert stage.masks.data.max() == 2


def test_of_many_prompts_while_the_model_works_only_the_newest_are_asked(make_stage: Any) -> None:
    stage = make_stage()
    gate = stage.library.predictors["vit_nano"].gate = threading.Event()
    for column in range(30, 36):
        stage.live.give(_click(20, column))
    gate.set()
    stage.settle()
    asked = stage.library.predictors["vit_nano"].asked
    assert [np.asarray(prompts.points).shape[1] for prompts in asked] == [1, 6]
    assert stage.session.live.answered


def test_an_answer_for_an_object_that_was_cleared_is_dropped(make_stage: Any) -> None:
    stage = make_stage()
    gate = stage.library.predictors["vit_nano"].gate = threading.Event()
    stage.live.give(_click(20, 30))
    stage.live.clear()
    gate.set()
    stage.settle()
    assert stage.session.live is None
    assert not stage.shown[0].any()


def test_a_prompt_on_another_slice_begins_another_object(make_stage: Any) -> None:
    stage = make_stage((3, 60, 80))
    stage.window.dims.set_current_step(0, 1)
    stage.click((20, 30))
    stage.window.dims.set_current_step(0, 2)
    stage.click((40, 50))
    stage.press(Qt.Key.Key_Y)
    assert np.unique(np.nonzero(stage.masks.data)[0]).tolist() == [2]


@pytest.mark.parametrize(
    "placement",
    [
        {"scale": (0.5, 2.0)},
        {"scale": (2.0, 2.0), "translate": (30.0, -20.0)},
        {"rotate": 20.0},
        {"affine": [[1.0, 0.2, 5.0], [0.0, 1.5, 7.0], [0.0, 0.0, 1.0]]},
    ],
    ids=["anisotropic", "moved", "turned", "sheared"],
)
def test_a_click_means_the_same_pixel_wherever_the_image_lies(
    make_stage: Any, placement: dict[str, Any]
) -> None:
    stage = make_stage(**placement)
    stage.click((20, 30))
    (prompts,) = stage.library.predictors["vit_nano"].asked
    np.testing.assert_allclose(np.asarray(prompts.points)[0, 0], (20, 30), atol=0.6)
    _, origin = stage.shown
    np.testing.assert_allclose(origin, stage.image.data_to_world((19, 29)))
    stage.press(Qt.Key.Key_Y)
    assert stage.masks.data[20, 30] == 1


def test_a_click_outside_of_the_image_says_so(make_stage: Any) -> None:
    stage = make_stage()
    stage.live.give(_click(20, 300))
    assert "outside of the image" in stage.session.note
    assert stage.session.live is None


@pytest.mark.parametrize("name", ["object", "object box", "object prompts", "cells"])
def test_removing_a_layer_ends_annotating_and_keeps_what_was_accepted(
    make_stage: Any, name: str
) -> None:
    stage = make_stage()
    stage.click((20, 30))
    stage.press(Qt.Key.Key_Y)
    stage.window.layers.remove(name)
    assert not stage.live.active
    left = {"cells", "cells masks"} - {name}
    stage.qtbot.waitUntil(lambda: {layer.name for layer in stage.window.layers} == left)
    assert stage.masks.data[20, 30] == 1


def test_an_error_of_the_model_is_told_and_the_next_prompt_works(
    make_stage: Any, prompt_error: Any
) -> None:
    stage = make_stage()
    stage.library.predictors["vit_nano"].error = prompt_error
    stage.live.give(_click(20, 30))
    stage.settle()
    assert "draw another" in stage.session.note
    stage.library.predictors["vit_nano"].error = None
    stage.live.give(_click(20, 31))
    stage.settle()
    assert stage.session.live.answered


def test_accepted_masks_go_into_the_chosen_layer(make_stage: Any) -> None:
    stage = make_stage()
    labels = stage.window.add_labels(np.zeros((60, 80), np.uint16), name="mine")
    stage.live.choose_target(labels)
    stage.window.layers.selection.active = stage.window.layers["object prompts"]
    stage.click((20, 30))
    stage.press(Qt.Key.Key_Y)
    assert labels.data[20, 30] == 1
    assert "cells masks" not in stage.window.layers


def _click(row: float, column: float) -> Any:
    from napari_catsam.plugin.live.prompt import LivePrompt

    return LivePrompt((float(row), float(column)))
