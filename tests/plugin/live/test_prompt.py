"""From places on a plane to one prompt: clicks, boxes, outlines and scribbles."""

from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.errors import PromptError
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.live_object import LiveObject, Reading
from napari_catsam.plugin.live.prompt import LivePrompt, Tool, read_prompt
from napari_catsam.types import Intensity

SIZE = (40, 60)
SQUARE = [(9.5, 19.5), (9.5, 39.5), (29.5, 39.5), (29.5, 19.5)]
STROKE = [(10, 10), (10, 30), (10, 50)]


def make_plane() -> Plane:
    return Plane(np.zeros(SIZE), (slice(None),) * 2, (0, 1), SIZE, Intensity(), "cells")


def read(places: list[tuple[float, float]], tool: Tool, *, positive: bool = True) -> LivePrompt:
    return read_prompt([np.array(at) for at in places], make_plane(), positive=positive, tool=tool)


def answer(live: LiveObject, value: float = 1.0) -> LiveObject:
    mask = ObjectMask((0, 0), np.ones((2, 2), bool), 0.9)
    return live.answer((Reading(mask, np.full((4, 4), value, np.float32)),))


@pytest.mark.parametrize("tool", [Tool.LASSO, Tool.POLYGON])
def test_what_goes_around_an_object_is_its_mask_and_its_box(tool: Tool) -> None:
    prompts = LiveObject(make_plane()).add(read([*SQUARE, (10.5, 19.5)], tool)).to_prompts()
    np.testing.assert_allclose(prompts.boxes, [[10, 20, 30, 40]])
    (mask,) = np.asarray(prompts.masks)
    assert mask.dtype == bool
    assert mask.sum() == 400
    assert mask[10:30, 20:40].all()


def test_an_ellipse_fills_its_box_but_the_corners() -> None:
    prompts = LiveObject(make_plane()).add(read([SQUARE[2], SQUARE[0]], Tool.ELLIPSE)).to_prompts()
    np.testing.assert_allclose(prompts.boxes, [[10, 20, 30, 40]])
    (mask,) = np.asarray(prompts.masks)
    assert mask[20, 30]
    assert not mask[11, 21]
    assert abs(mask.sum() / 400 - np.pi / 4) < 0.02


def test_an_open_path_is_a_scribble_of_positive_clicks() -> None:
    prompts = LiveObject(make_plane()).add(read(STROKE, Tool.LASSO)).to_prompts()
    assert prompts.boxes is None
    assert prompts.masks is None
    np.testing.assert_array_equal(prompts.labels, [[1, 1, 1]])
    np.testing.assert_allclose(np.asarray(prompts.points)[0, :, 0], 10)


@pytest.mark.parametrize("path", [STROKE, [*SQUARE, SQUARE[0]]])
def test_a_negative_path_is_a_scribble_even_if_it_is_closed(
    path: list[tuple[float, float]],
) -> None:
    live = LiveObject(make_plane()).add(LivePrompt((20.0, 30.0)))
    prompts = live.add(read(path, Tool.LASSO, positive=False)).to_prompts()
    first, *others = np.asarray(prompts.labels)[0].tolist()
    assert first == 1
    assert others in ([0] * 3, [0] * 4)
    assert prompts.boxes is None


def test_clicks_refine_the_outline_until_the_model_has_answered() -> None:
    live = answer(LiveObject(make_plane()).add(LivePrompt((20.0, 30.0))))
    outlined = live.add(read(SQUARE, Tool.POLYGON))
    waiting = outlined.add(LivePrompt((21.0, 31.0)))
    assert np.asarray(waiting.to_prompts().masks).shape == (1, *SIZE)
    answered = answer(outlined, 2.0).add(LivePrompt((21.0, 31.0)))
    np.testing.assert_array_equal(answered.to_prompts().masks, np.full((1, 4, 4), 2.0))
    assert np.asarray(answered.to_prompts().boxes).tolist() == [[10, 20, 30, 40]]


def test_a_box_after_an_outline_replaces_it() -> None:
    live = LiveObject(make_plane()).add(read(SQUARE, Tool.POLYGON))
    prompts = live.add(LivePrompt((0.0, 0.0, 5.0, 5.0))).add(LivePrompt((2.0, 2.0))).to_prompts()
    assert prompts.masks is None
    np.testing.assert_allclose(prompts.boxes, [[0, 0, 5, 5]])


def test_what_is_outside_is_cut_off() -> None:
    places = [(30.0, 50.0), (30.0, 90.0), (70.0, 90.0), (70.0, 50.0)]
    prompt = read(places, Tool.POLYGON)
    assert prompt.at == (30.5, 50.5, 40, 60)
    assert prompt.to_mask(SIZE)[31:, 51:].all()


@pytest.mark.parametrize("tool", [Tool.BOX, Tool.ELLIPSE, Tool.POLYGON])
def test_what_lies_outside_of_the_image_is_refused(tool: Tool) -> None:
    places = [(50.0, 70.0), (50.0, 90.0), (70.0, 90.0)]
    with pytest.raises(PromptError, match=f"the {tool} is outside of the image"):
        read(places if tool is Tool.POLYGON else places[::2], tool)


def test_a_scribble_that_leaves_the_image_is_refused() -> None:
    prompt = read([(10.0, 10.0), (10.0, 90.0)], Tool.LASSO)
    with pytest.raises(PromptError, match="the scribble leaves the image"):
        prompt.check_inside(make_plane())


def test_an_outline_around_no_pixel_is_refused() -> None:
    with pytest.raises(PromptError, match="the polygon encloses no pixel"):
        read([(10.3, 10), (20.3, 20), (20.5, 20), (10.5, 10)], Tool.POLYGON)


def test_a_tiny_ellipse_is_refused() -> None:
    with pytest.raises(PromptError, match="the ellipse is smaller than 2 pixels"):
        read([(10.0, 10.0), (11.0, 40.0)], Tool.ELLIPSE)
