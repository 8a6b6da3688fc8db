# ruff: noqa: F811
"""Outlines and scribbles drawn on the real canvas, with mouse and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_catsam.plugin.live.prompt import Tool
from tests.plugin.conftest import WAIT
from tests.plugin.live.test_commands import CONTROL, NONE, Stage, make_stage  # noqa: F401

SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
DIAMOND = [(10, 40), (30, 60), (50, 40), (30, 20), (11, 39)]
LINE = [(20, 10), (20, 35), (20, 60)]

Places = Sequence[tuple[float, float]]


def draw(stage: Stage, places: Places, modifier: Any = NONE) -> None:
    """Drag along places, each of which the canvas must have seen before the next one."""
    QTest.mouseMove(stage.canvas, stage.at(places[0]))
    QTest.mousePress(stage.canvas, LEFT, modifier, stage.at(places[0]))
    for place in places[1:]:
        move(stage, place, LEFT, modifier)
    QTest.mouseRelease(stage.canvas, LEFT, modifier, stage.at(places[-1]))
    stage.settle()


def move(
    stage: Stage, place: tuple[float, float], button: Any = Qt.MouseButton.NoButton, mod: Any = NONE
) -> None:
    """Move until the canvas has seen it: it passes over moves that follow each other too quickly."""
    world = np.array(stage.image.data_to_world((*([0] * (stage.image.ndim - 2)), *place))[-2:])
    tolerance = 3 / stage.window.scene.camera.zoom

    def arrived() -> bool:
        point = QPointF(stage.at(place))
        event = QMouseEvent(
            QEvent.Type.MouseMove, point, stage.canvas.mapToGlobal(point), button, button, mod
        )
        QApplication.sendEvent(stage.canvas, event)
        at = np.array(stage.window.cursor.position)[-2:]
        return bool(np.linalg.norm(at - world) < tolerance)

    stage.qtbot.waitUntil(arrived, timeout=WAIT)


def double_click(stage: Stage, place: tuple[float, float]) -> None:
    stage.click(place)
    QTest.mouseDClick(stage.canvas, LEFT, NONE, stage.at(place))
    stage.settle()


def asked(stage: Stage) -> Any:
    return stage.library.predictors["vit_nano"].asked


def drawn_paths(stage: Stage) -> list[np.ndarray]:
    return [np.asarray(path) for path in stage.window.layers["object box"].data]


def test_shift_and_drag_around_an_object_is_its_outline(make_stage: Any) -> None:
    stage = make_stage()
    draw(stage, DIAMOND, SHIFT)
    (prompts,) = asked(stage)
    np.testing.assert_allclose(prompts.boxes, [[10.5, 20.5, 50.5, 60.5]], atol=1)
    (mask,) = np.asarray(prompts.masks)
    assert mask.shape == (60, 80)
    assert mask[30, 40]
    assert not mask[14, 26]
    (shown,) = drawn_paths(stage)
    np.testing.assert_allclose(shown[0], shown[-1])
    np.testing.assert_allclose(shown[:4], DIAMOND[:4], atol=1)


def test_an_open_path_is_positive_clicks_and_with_control_negative_ones(make_stage: Any) -> None:
    stage = make_stage()
    draw(stage, LINE, SHIFT)
    (prompts,) = asked(stage)
    np.testing.assert_array_equal(prompts.labels, [[1, 1, 1]])
    np.testing.assert_allclose(np.asarray(prompts.points)[0, :, 0], 20, atol=1)
    draw(stage, [(40, 10), (40, 35), (40, 60)], SHIFT | CONTROL)
    np.testing.assert_array_equal(asked(stage)[-1].labels, [[1, 1, 1, 0, 0, 0]])
    assert len(stage.window.layers["object prompts"].data) == 6
    assert len(drawn_paths(stage)) == 2


def test_undo_takes_back_a_whole_scribble(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((30, 40))
    draw(stage, LINE, SHIFT)
    assert len(stage.window.layers["object prompts"].data) == 4
    stage.press(Qt.Key.Key_U)
    assert len(stage.window.layers["object prompts"].data) == 1
    assert drawn_paths(stage) == []


def test_the_tool_says_what_a_drag_draws(make_stage: Any) -> None:
    stage = make_stage()
    stage.session.tool = Tool.ELLIPSE
    draw(stage, [(10, 20), (30, 60)])
    (mask,) = np.asarray(asked(stage)[0].masks)
    assert mask[20, 40]
    assert not mask[12, 22]
    stage.session.tool = Tool.LASSO
    draw(stage, DIAMOND)
    (mask,) = np.asarray(asked(stage)[-1].masks)
    assert mask[45, 40]


def test_a_key_takes_the_next_tool(make_stage: Any) -> None:
    stage = make_stage()
    tools = []
    for _ in range(4):
        stage.press(Qt.Key.Key_K)
        tools.append(stage.session.tool)
    assert tools == [Tool.ELLIPSE, Tool.LASSO, Tool.POLYGON, Tool.BOX]


@pytest.mark.parametrize("end", ["double click", "enter", "keypad"])
def test_a_polygon_is_clicked_corner_by_corner_and_closed(make_stage: Any, end: str) -> None:
    stage = make_stage()
    stage.session.tool = Tool.POLYGON
    zoom = stage.window.scene.camera.zoom
    for place in DIAMOND[:3]:
        stage.click(place)
    assert asked(stage) == []
    assert stage.session.live is None
    if end == "double click":
        double_click(stage, DIAMOND[3])
    else:
        stage.click(DIAMOND[3])
        stage.press(Qt.Key.Key_Return if end == "enter" else Qt.Key.Key_Enter)
    (prompts,) = asked(stage)
    assert np.asarray(prompts.masks)[0, 30, 40]
    np.testing.assert_allclose(prompts.boxes, [[10.5, 20.5, 50.5, 60.5]], atol=1)
    assert stage.window.scene.camera.zoom == zoom


def test_a_polygon_follows_the_mouse_and_escape_drops_it(make_stage: Any) -> None:
    stage = make_stage()
    stage.session.tool = Tool.POLYGON
    for place in DIAMOND[:2]:
        stage.click(place)
    move(stage, (50, 40))
    (path,) = drawn_paths(stage)
    assert len(path) == 3
    stage.press(Qt.Key.Key_Escape)
    assert drawn_paths(stage) == []
    stage.press(Qt.Key.Key_Return)
    assert asked(stage) == []


def test_what_was_said_last_gives_way_to_the_hint_of_the_tool(make_stage: Any) -> None:
    stage = make_stage()
    stage.session.tool, stage.session.note = Tool.POLYGON, "object 2 in cells masks"
    stage.click(DIAMOND[0])
    assert stage.session.note == ""


def test_undo_takes_back_one_corner_of_a_polygon_before_any_prompt(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((30, 40))
    stage.session.tool = Tool.POLYGON
    for place in DIAMOND[:2]:
        stage.click(place)
    stage.press(Qt.Key.Key_U)
    stage.press(Qt.Key.Key_U)
    assert stage.session.live is not None
    stage.press(Qt.Key.Key_U)
    assert stage.session.live is None


def test_another_slice_drops_the_corners_of_a_polygon(make_stage: Any) -> None:
    stage = make_stage((3, 60, 80))
    stage.session.tool = Tool.POLYGON
    for place in DIAMOND[:3]:
        stage.click(place)
    stage.window.dims.set_current_step(0, 2)
    stage.press(Qt.Key.Key_Return)
    assert stage.session.live is None


def test_an_outline_is_accepted_as_the_models_mask_of_its_slice(make_stage: Any) -> None:
    stage = make_stage((3, 60, 80))
    stage.window.dims.set_current_step(0, 2)
    draw(stage, DIAMOND, SHIFT)
    (path,) = drawn_paths(stage)
    assert (path[:, 0] == 2).all()
    stage.press(Qt.Key.Key_Y)
    assert stage.masks.data[2, 30, 40] == 1
    assert not stage.masks.data[:2].any()


@pytest.mark.parametrize(
    "placement",
    [
        {"scale": (0.5, 2.0)},
        {"rotate": 20.0, "translate": (30.0, -20.0)},
        {"affine": [[1.0, 0.2, 5.0], [0.0, 1.5, 7.0], [0.0, 0.0, 1.0]]},
    ],
    ids=["anisotropic", "turned", "sheared"],
)
def test_an_outline_means_the_same_pixels_wherever_the_image_lies(
    make_stage: Any, placement: dict[str, Any]
) -> None:
    stage = make_stage(**placement)
    draw(stage, DIAMOND, SHIFT)
    (prompts,) = asked(stage)
    np.testing.assert_allclose(prompts.boxes, [[10.5, 20.5, 50.5, 60.5]], atol=1)
    (mask,) = np.asarray(prompts.masks)
    assert abs(mask.sum() - 800) < 80


def test_an_outline_outside_of_the_image_says_so_and_changes_nothing(make_stage: Any) -> None:
    stage = make_stage()
    stage.click((30, 40))
    live = stage.session.live
    draw(stage, [(-9, 40), (-4, 45), (-4, 30), (-9, 39)], SHIFT)
    assert "outside of the image" in stage.session.note
    assert stage.session.live is live
    assert drawn_paths(stage) == []


def test_a_double_click_zooms_again_when_annotating_ends(make_stage: Any) -> None:
    stage = make_stage()
    before = list(stage.window.mouse_double_click_callbacks)
    stage.live.stop()
    after = list(stage.window.mouse_double_click_callbacks)
    assert [callback.__name__ for callback in after] == ["double_click_to_zoom"]
    assert before != after
