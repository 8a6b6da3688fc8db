"""The object that is being annotated: values alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import PromptError
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.live_object import LiveObject, Reading, Undrawn
from napari_catsam.plugin.live.prompt import LivePrompt, read_prompt
from napari_catsam.plugin.objects.picking import PickedObject
from napari_catsam.types import Intensity

CLICK, OTHER = LivePrompt((5.0, 6.0)), LivePrompt((7.0, 8.0), positive=False)
BOX = LivePrompt((1.0, 2.0, 9.0, 10.0))


def make_plane(data: Any = None, step: int = 0) -> Plane:
    data = np.zeros((3, 20, 20)) if data is None else data
    return Plane(data, (step, slice(None), slice(None)), (1, 2), (20, 20), Intensity(), "cells")


def make_reading(value: float = 1.0, model: str = "base") -> Reading:
    mask = ObjectMask((0, 0), np.ones((2, 2), bool), 0.9)
    return Reading(mask, np.full((4, 4), value, np.float32), model, ("vit_nano", model))


def test_a_lone_click_is_asked_as_one_positive_point() -> None:
    prompts = LiveObject(make_plane()).add(CLICK).to_prompts()
    np.testing.assert_array_equal(prompts.points, [[[5, 6]]])
    np.testing.assert_array_equal(prompts.labels, [[1]])
    assert prompts.boxes is None
    assert prompts.masks is None


def test_a_second_click_goes_with_the_mask_of_the_first() -> None:
    first = LiveObject(make_plane()).add(CLICK).answer((make_reading(1.0), make_reading(2.0)))
    prompts = first.next_reading().add(OTHER).to_prompts()
    np.testing.assert_array_equal(prompts.labels, [[1, 0]])
    assert np.asarray(prompts.masks).shape == (1, 4, 4)
    assert (np.asarray(prompts.masks) == 2.0).all()


def test_a_model_is_asked_without_the_mask_of_another_one() -> None:
    box = LiveObject(make_plane()).add(BOX).answer((make_reading(2.0, "v1"),))
    live = box.add(OTHER).answer((make_reading(3.0, "v1"),)).forget()
    prompts = live.to_prompts(("vit_nano", "base"))
    assert prompts.masks is None
    np.testing.assert_array_equal(prompts.boxes, [BOX.at])
    np.testing.assert_array_equal(prompts.labels, [[0]])
    assert (np.asarray(live.to_prompts(("vit_nano", "v1")).masks) == 2.0).all()


def test_for_another_model_the_picked_mask_counts_again() -> None:
    live = LiveObject.refine(make_plane(), make_picked()).add(CLICK).answer((make_reading(),))
    prompts = live.add(OTHER).to_prompts(("vit_nano", "v1"))
    assert np.asarray(prompts.masks).shape == (1, 20, 20)


def test_a_reading_that_is_not_drawn_is_shown_when_it_is_and_then_kept() -> None:
    first, second = make_reading(1.0), make_reading(2.0)
    live = LiveObject(make_plane()).add(CLICK).answer((first, Undrawn(lambda: second)))
    asked = live.next_reading()
    assert (asked.answered, asked.reading, asked.settled) == (False, first, live)
    assert asked.undrawn is live.readings[1]
    shown = asked.show_drawn(second)
    assert (shown.answered, shown.reading, shown.undrawn) == (True, second, None)
    assert shown.before is live.before
    again = shown.next_reading().next_reading()
    assert (again.answered, again.reading) == (True, second)


def test_a_prompt_or_another_model_takes_the_place_of_a_reading_that_is_wanted() -> None:
    live = LiveObject(make_plane()).add(CLICK).answer((make_reading(), Undrawn(make_reading)))
    asked = live.next_reading()
    assert asked.undrawn is not None
    assert asked.add(OTHER).undrawn is None
    assert asked.forget().undrawn is None
    assert (np.asarray(asked.add(OTHER).to_prompts().masks) == 1.0).all()


def test_a_new_box_replaces_the_last_one_and_its_mask() -> None:
    live = LiveObject(make_plane()).add(BOX).answer((make_reading(),))
    other = LivePrompt((0.0, 0.0, 5.0, 5.0))
    prompts = live.add(other).to_prompts()
    np.testing.assert_array_equal(prompts.boxes, [other.at])
    assert prompts.masks is None


def test_the_mask_stays_until_the_answer_is_there() -> None:
    live = LiveObject(make_plane()).add(CLICK).answer((make_reading(),))
    asked = live.add(OTHER)
    assert asked.reading is live.reading
    assert live.answered
    assert not asked.answered


def test_the_object_before_is_what_it_was() -> None:
    live = LiveObject(make_plane()).add(CLICK).answer((make_reading(),))
    assert live.add(OTHER).before is live


def test_readings_go_round() -> None:
    live = LiveObject(make_plane()).add(CLICK).answer((make_reading(1), make_reading(2)))
    assert [live.chosen, live.next_reading().chosen, live.next_reading().next_reading().chosen] == [
        0, 1, 0,
    ]  # fmt: skip


def test_an_object_without_an_answer_has_no_reading() -> None:
    assert LiveObject(make_plane()).next_reading().reading is None


def test_an_object_lies_on_its_plane_alone() -> None:
    data = np.zeros((3, 20, 20))
    live = LiveObject(make_plane(data, 1))
    assert live.lies_on(make_plane(data, 1))
    assert not live.lies_on(make_plane(data, 2))
    assert not live.lies_on(make_plane(data.copy(), 1))


def make_picked() -> PickedObject:
    return PickedObject("layer", 5, ObjectMask((3, 4), np.ones((6, 7), bool), float("nan")))


def test_a_picked_object_is_asked_with_its_mask_at_the_size_of_the_plane() -> None:
    prompts = LiveObject.refine(make_plane(), make_picked()).add(OTHER).to_prompts()
    wanted = np.zeros((1, 20, 20), bool)
    wanted[0, 3:9, 4:11] = True
    np.testing.assert_array_equal(prompts.masks, wanted)
    np.testing.assert_array_equal(prompts.labels, [[0]])


def test_the_second_click_on_a_picked_object_goes_with_the_answer_to_the_first() -> None:
    live = LiveObject.refine(make_plane(), make_picked()).add(CLICK).answer((make_reading(3.0),))
    assert np.asarray(live.add(OTHER).to_prompts().masks).shape == (1, 4, 4)


def test_before_the_first_answer_clicks_go_with_the_picked_mask() -> None:
    live = LiveObject.refine(make_plane(), make_picked()).add(CLICK).add(OTHER)
    assert np.asarray(live.to_prompts().masks).shape == (1, 20, 20)


def test_a_box_takes_the_place_of_the_picked_mask() -> None:
    live = LiveObject.refine(make_plane(), make_picked()).add(BOX)
    assert live.to_prompts().masks is None


def test_a_picked_object_needs_no_answer_of_another_model() -> None:
    live = LiveObject.refine(make_plane(), make_picked())
    assert live.begun
    assert live.forget().answered
    assert not live.add(CLICK).forget().answered
    assert not LiveObject(make_plane()).begun


def test_no_prompt_is_an_error() -> None:
    with pytest.raises(PromptError):
        LiveObject(make_plane()).to_prompts()


def test_two_places_are_a_box_clipped_to_the_plane() -> None:
    places = [np.array([15.5, 3.5]), np.array([-4.0, 30.0])]
    assert read_prompt(places, make_plane(), positive=True).at == (0, 4, 16, 20)


def test_a_tiny_box_is_refused() -> None:
    places = [np.array([5.0, 5.0]), np.array([5.5, 9.0])]
    with pytest.raises(PromptError, match="smaller than 2 pixels"):
        read_prompt(places, make_plane(), positive=True)


@pytest.mark.parametrize("at", [(-1.0, 5.0), (5.0, 20.0)])
def test_a_click_outside_of_the_plane_is_refused(at: tuple[float, float]) -> None:
    LivePrompt((-0.4, 19.4)).check_inside(make_plane())
    with pytest.raises(PromptError, match="outside of the image"):
        LivePrompt(at).check_inside(make_plane())
