from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from napari_catsam.adaptation.prompts import (
    blur_outline,
    correct_prompts,
    jitter_boxes,
    sample_click,
    simulate_prompts,
)
from napari_catsam.geometry import Frame, boxes_from_masks
from napari_catsam.types import Prompts
from tests.adaptation.pictures import draw_discs


def disc_masks() -> npt.NDArray[np.bool_]:
    labels = np.asarray(draw_discs().masks)
    return labels == np.arange(1, 6)[:, None, None]


@pytest.mark.parametrize("seed", range(10))
def test_clicks_lie_inside_of_their_object(seed: int) -> None:
    for mask in disc_masks():
        row, column = sample_click(mask, np.random.default_rng(seed)).astype(int)
        assert mask[row, column]


def test_clicks_prefer_the_middle() -> None:
    mask = disc_masks()[1]
    clicks = [sample_click(mask, np.random.default_rng(seed)) for seed in range(200)]
    distance = np.linalg.norm(np.array(clicks) - (60, 25), axis=1)
    assert distance.mean() < 0.6 * 12  # an even draw would give two thirds of the radius
    assert distance.std() > 1


@pytest.mark.parametrize("seed", range(10))
def test_boxes_are_off_by_at_most_a_tenth_of_their_side(seed: int) -> None:
    tight = boxes_from_masks(disc_masks())
    moved = jitter_boxes(tight, (96, 80), np.random.default_rng(seed))
    side = np.tile(tight[:, 2:] - tight[:, :2], 2)
    assert (np.abs(moved - tight) <= 0.1 * side).all()
    assert (moved != tight).any()


def test_boxes_stay_in_the_view() -> None:
    whole = np.array([[0.0, 0.0, 96.0, 80.0]])
    for seed in range(20):
        box = jitter_boxes(whole, (96, 80), np.random.default_rng(seed))[0]
        assert box.min() >= 0
        assert box[2] <= 96
        assert box[3] <= 80


def test_boxes_clicks_both_and_masks_are_asked_for() -> None:
    kinds = set()
    for seed in range(60):
        prompts = simulate_prompts(disc_masks(), np.random.default_rng(seed))
        assert len(prompts) == 5
        given = (prompts.boxes, prompts.points, prompts.masks)
        kinds.add(tuple(value is not None for value in given))
    assert kinds == {
        (True, False, False),
        (False, True, False),
        (True, True, False),
        (False, False, True),
    }


@pytest.mark.parametrize("seed", range(6))
def test_a_coarse_mask_is_off_at_its_outline_alone(seed: int) -> None:
    for mask in disc_masks():
        coarse = blur_outline(mask, np.random.default_rng(seed))
        assert coarse.any()
        assert (coarse != mask).any()
        overlap = (coarse & mask).sum() / (coarse | mask).sum()
        assert 0.4 < overlap < 1


def test_a_correction_gives_the_mask_back() -> None:
    truth = np.zeros((1, 16, 16), bool)
    truth[0, 4:8, 4:8] = True
    box, frame = Prompts(boxes=[[0.0, 0.0, 64.0, 64.0]]), Frame((64, 64), 64, "pad")
    logits = np.full((1, 16, 16), -2.0, np.float32)
    nothing = np.zeros_like(truth)
    rng = np.random.default_rng(0)
    prompts = correct_prompts(box, nothing, truth, frame, rng, logits)
    np.testing.assert_array_equal(np.asarray(prompts.masks), logits)


def test_prompts_depend_on_the_generator_alone() -> None:
    one, two = (simulate_prompts(disc_masks(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(one.boxes), np.asarray(two.boxes))


def correct(guess: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> Prompts:
    """Correct one object; the grid is a quarter of a 64-pixel view that fills the input."""
    box = Prompts(boxes=[[0.0, 0.0, 64.0, 64.0]])
    frame = Frame((64, 64), 64, "pad")
    return correct_prompts(box, guess[None], truth[None], frame, np.random.default_rng(0))


def test_a_missed_part_gets_a_positive_click() -> None:
    truth, guess = np.zeros((16, 16), bool), np.zeros((16, 16), bool)
    truth[2:12, 2:12], guess[2:12, 2:6] = True, True
    prompts = correct(guess, truth)
    (row, column), label = np.asarray(prompts.points)[0, 0], np.asarray(prompts.labels)[0, 0]
    assert label == 1
    assert 8 <= row < 48
    assert 24 <= column < 48


def test_a_made_up_part_gets_a_negative_click() -> None:
    truth, guess = np.zeros((16, 16), bool), np.zeros((16, 16), bool)
    truth[2:6, 2:6], guess[2:6, 2:14] = True, True
    prompts = correct(guess, truth)
    (row, column), label = np.asarray(prompts.points)[0, 0], np.asarray(prompts.labels)[0, 0]
    assert label == 0
    assert 8 <= row < 24
    assert 24 <= column < 56


def test_a_perfect_mask_gets_one_more_click_inside() -> None:
    truth = np.zeros((16, 16), bool)
    truth[4:8, 4:8] = True
    prompts = correct(truth, truth)
    assert np.asarray(prompts.labels)[0, 0] == 1
    assert (np.asarray(prompts.points)[0, 0] >= 16).all()
    assert (np.asarray(prompts.points)[0, 0] < 32).all()


def test_a_correction_keeps_the_click_before_it() -> None:
    truth = np.zeros((16, 16), bool)
    truth[4:8, 4:8] = True
    click = Prompts(points=[[[20.0, 20.0]]])
    frame = Frame((64, 64), 64, "pad")
    guess = np.zeros((1, 16, 16), bool)
    prompts = correct_prompts(click, guess, truth[None], frame, np.random.default_rng(0))
    assert np.asarray(prompts.points).shape == (1, 2, 2)
    np.testing.assert_array_equal(np.asarray(prompts.points)[0, 0], (20, 20))
