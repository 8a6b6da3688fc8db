from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.adaptation.held_out import plan_held_out
from napari_catsam.types import Shot


def draw_squares(*sides: int) -> Shot:
    """Draw labelled squares in a row, apart."""
    labels = np.zeros((max(sides) + 2, sum(sides) + 2 * len(sides)), np.int32)
    start = 1
    for label, side in enumerate(sides, start=1):
        labels[1 : 1 + side, start : start + side] = label
        start += side + 2
    return Shot(np.zeros(labels.shape, np.uint8), labels)


@pytest.mark.parametrize("seed", range(6))
def test_of_objects_of_like_size_one_is_held_out_and_never_the_largest(seed: int) -> None:
    plan = plan_held_out([draw_squares(8, 10, 12, 9, 10)], seed=seed)
    assert plan.held == "objects"
    assert plan.scored == 1
    assert plan.out[0] <= {1, 2, 4, 5}


def test_a_tree_with_specks_beside_it_is_held_out_in_part_and_not_as_a_whole() -> None:
    plan = plan_held_out([draw_squares(120, 5, 4, 4, 6)])
    assert plan.held == "regions"
    assert list(plan.regions[0]) == [1]


def test_small_objects_of_very_unlike_size_are_not_held_out() -> None:
    plan = plan_held_out([draw_squares(30, 2, 2, 2)])
    assert plan.held == "none"


def test_ignored_pixels_do_not_make_an_object_large() -> None:
    shot = draw_squares(40, 6, 6, 6, 6)
    ignore = np.zeros(shot.masks.shape, bool)
    ignore[8:] = True
    ignore[:, 8:41] = True
    assert plan_held_out([shot]).held == "regions"
    assert plan_held_out([Shot(shot.image, shot.masks, ignore=ignore)]).held == "objects"


def test_of_shots_with_few_objects_up_to_half_are_held_out() -> None:
    plan = plan_held_out([draw_squares(10, 11, 12) for _ in range(4)])
    assert plan.held == "images"
    assert sorted(map(len, plan.out)) == [0, 0, 3, 3]


def test_of_shots_with_many_objects_a_fifth_is_held_out() -> None:
    plan = plan_held_out([draw_squares(10, 11, 12, 9, 10) for _ in range(4)])
    assert sorted(map(len, plan.out)) == [0, 0, 0, 5]


def test_where_half_of_the_shots_are_too_few_objects_a_fifth_is_held_out() -> None:
    plan = plan_held_out([draw_squares(120, 5) for _ in range(4)])
    assert sorted(map(len, plan.out)) == [0, 0, 0, 2]


@pytest.mark.parametrize("seed", range(4))
def test_the_shot_with_objects_of_the_usual_size_is_held_out(seed: int) -> None:
    sizes = [(60,), (45,), (8, 9), (9, 10)]
    plan = plan_held_out([draw_squares(*some) for some in sizes], seed=seed)
    assert plan.out == (set(), {1}, set(), set())


def test_the_only_shot_with_a_large_object_is_not_held_out() -> None:
    plan = plan_held_out([draw_squares(*some) for some in [(10,), (11,), (200,), (12,)]])
    assert plan.out[2] == set()


def test_of_three_shots_one_is_held_out() -> None:
    plan = plan_held_out([draw_squares(10) for _ in range(3)])
    assert sorted(map(len, plan.out)) == [0, 0, 1]


def test_shots_are_held_out_until_their_objects_are_enough() -> None:
    plan = plan_held_out([draw_squares(10, 10) for _ in range(10)])
    assert sum(map(bool, plan.out)) == 2  # a fifth, with four objects
    plan = plan_held_out([draw_squares(10) for _ in range(10)])
    assert sum(map(bool, plan.out)) == 4
