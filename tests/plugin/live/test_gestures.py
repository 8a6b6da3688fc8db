"""What the mouse does on the prompt layer, without a canvas: events in, clicks and sketches out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.plugin.live.gestures import Gestures, Sketch
from napari_catsam.plugin.live.prompt import Tool

RING = [(0, 0), (0, 40), (40, 40), (40, 0), (3, 0)]


class Hand:
    """Gives events to the layer's callbacks and writes down what comes of them; 1 pixel is 1 unit."""

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self.layer = viewer.add_points(ndim=2)
        self.gestures = Gestures(viewer, self.layer)
        self.clicks: list[tuple[tuple[float, ...], bool]] = []
        self.drawing: list[Sketch] = []
        self.drawn: list[Sketch] = []
        self.gestures.clicked.connect(self._on_clicked)
        self.gestures.drawing.connect(self.drawing.append)
        self.gestures.drawn.connect(self.drawn.append)

    def drag(self, places: Sequence[tuple[float, float]], *modifiers: str, button: int = 1) -> None:
        event = SimpleNamespace(type="mouse_press", button=button, modifiers=modifiers)
        event.pos = event.position = places[0]
        runs = [callback(self.layer, event) for callback in self.layer.mouse_drag_callbacks]
        alive = [run for run in runs if next(run, self) is None]
        for kind, place in [("mouse_move", at) for at in places] + [("mouse_release", places[-1])]:
            event.type = kind
            event.pos = event.position = place
            alive = [run for run in alive if next(run, self) is None]
        assert alive == []

    def double_click(self) -> None:
        event = SimpleNamespace(type="mouse_double_click", button=1, modifiers=(), position=(0, 0))
        for owner in (self.viewer, self.layer):
            for callback in owner.mouse_double_click_callbacks:
                callback(owner, event)

    def move(self, place: tuple[float, float]) -> None:
        event = SimpleNamespace(type="mouse_move", position=place)
        for callback in self.layer.mouse_move_callbacks:
            callback(self.layer, event)

    def _on_clicked(self, position: Any, negative: bool) -> None:
        self.clicks.append((tuple(position), negative))


@pytest.fixture
def hand(qapp: Any) -> Hand:
    return Hand(ViewerModel())


def places(sketch: Sketch) -> list[tuple[float, ...]]:
    return [tuple(np.asarray(at).tolist()) for at in sketch.positions]


@pytest.mark.parametrize(("modifiers", "negative"), [((), False), (("Control",), True)])
def test_a_press_that_keeps_still_is_a_click(hand: Hand, modifiers: Any, negative: bool) -> None:
    hand.drag([(5, 6), (6, 7)], *modifiers)
    assert hand.clicks == [((5, 6), negative)]
    assert hand.drawn == []


def test_a_drag_is_a_box_of_its_two_ends(hand: Hand) -> None:
    hand.drag([(5, 6), (20, 9), (30, 40)])
    (sketch,) = hand.drawn
    assert (sketch.tool, sketch.negative) == (Tool.BOX, False)
    assert places(sketch) == [(5, 6), (30, 40)]
    assert places(hand.drawing[0]) == [(5, 6), (20, 9)]


@pytest.mark.parametrize("tool", list(Tool))
def test_shift_draws_freehand_whatever_the_tool(hand: Hand, tool: Tool) -> None:
    hand.gestures.tool = tool
    hand.drag(RING, "Shift", "Control")
    (sketch,) = hand.drawn
    assert (sketch.tool, sketch.negative) == (Tool.LASSO, True)
    assert places(sketch)[:5] == RING


def test_the_tool_is_what_a_plain_drag_draws(hand: Hand) -> None:
    hand.gestures.tool = Tool.ELLIPSE
    hand.drag(RING[:3])
    hand.gestures.tool = Tool.LASSO
    hand.drag(RING)
    assert [(s.tool, len(s.positions)) for s in hand.drawn] == [(Tool.ELLIPSE, 2), (Tool.LASSO, 6)]


def test_moves_of_less_than_a_step_add_no_vertex(hand: Hand) -> None:
    hand.gestures.tool = Tool.LASSO
    hand.drag([(0, 0), (0, 10), (0, 11), (0, 11.5), (0, 20)])
    assert places(hand.drawn[0])[:3] == [(0, 0), (0, 10), (0, 20)]


def test_a_polygon_grows_by_clicks_and_freehand_and_ends_by_a_double_click(hand: Hand) -> None:
    hand.gestures.tool = Tool.POLYGON
    hand.drag([(0, 0)])
    hand.drag([(0, 40)])
    hand.double_click()
    assert hand.drawn == []
    hand.move((9, 9))
    assert places(hand.drawing[-1]) == [(0, 0), (0, 40), (9, 9)]
    hand.drag([(40, 40), (40, 20), (40, 0)])
    hand.double_click()
    (sketch,) = hand.drawn
    assert places(sketch)[:5] == [(0, 0), (0, 40), (40, 40), (40, 20), (40, 0)]
    assert hand.clicks == []


def test_a_negative_click_is_one_also_with_the_polygon_tool(hand: Hand) -> None:
    hand.gestures.tool = Tool.POLYGON
    hand.drag([(7, 7)], "Control")
    assert hand.clicks == [((7, 7), True)]


def test_corners_are_taken_back_one_by_one_or_dropped(hand: Hand) -> None:
    hand.gestures.tool = Tool.POLYGON
    for place in RING[:3]:
        hand.drag([place])
    assert hand.gestures.drop_corner()
    assert places(hand.drawing[-1]) == RING[:2]
    hand.gestures.tool = Tool.BOX
    assert hand.drawing[-1].positions == ()
    assert not hand.gestures.drop_corner()


@pytest.mark.parametrize(("modifier", "button"), [("Alt", 1), ("Shift", 2)])
def test_other_buttons_and_naparis_zoom_are_left_alone(
    hand: Hand, modifier: str, button: int
) -> None:
    hand.drag(RING, modifier, button=button)
    assert (hand.clicks, hand.drawn, hand.drawing) == ([], [], [])


def test_a_double_click_zooms_only_where_no_prompt_is_given(hand: Hand) -> None:
    camera = hand.viewer.scene.camera
    zoom = camera.zoom
    hand.double_click()
    assert camera.zoom == zoom
    hand.gestures.close()
    hand.double_click()
    assert camera.zoom == 2 * zoom


def test_a_closed_one_hears_nothing(hand: Hand) -> None:
    hand.gestures.close()
    assert hand.layer.mouse_move_callbacks == []
    hand.drag([(5, 6)])
    assert hand.clicks == []
