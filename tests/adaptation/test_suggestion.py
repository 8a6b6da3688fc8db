"""Where to annotate next, from what two models make of objects."""

from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.adaptation.suggestion import (
    ObjectLook,
    choose_places,
    find_region,
    make_grid,
    name_region,
    rank_places,
)


def look(place: int, agreement: float | None, score: float, row: float = 0.0) -> ObjectLook:
    return ObjectLook(place, (row, 5.0), score, agreement)


def test_places_where_the_models_disagree_come_first() -> None:
    looks = [look(3, 0.95, 0.9), look(7, 0.4, 0.9), look(9, 0.7, 0.9)]
    assert [found.place for found in rank_places(looks, 9)] == [7, 9, 3]
    assert rank_places(looks, 1)[0].doubt == pytest.approx((0.6 + 0.1) / 2)


def test_places_with_low_scores_come_first_where_the_models_agree() -> None:
    looks = [look(0, 0.9, 0.9), look(1, 0.9, 0.3)]
    first, second = rank_places(looks, 5)
    assert (first.place, second.place) == (1, 0)
    assert first.doubt == pytest.approx((0.1 + 0.7) / 2)


def test_without_an_adapted_model_the_score_alone_counts() -> None:
    first, _ = rank_places([look(0, None, 0.8), look(1, None, 0.5)], 5)
    assert (first.place, first.agreement, first.score) == (1, None, 0.5)
    assert first.doubt == pytest.approx(0.5)


def test_a_place_counts_by_the_mean_of_its_objects_and_is_shown_at_the_worst() -> None:
    looks = [look(0, 0.2, 0.9, row=1), look(0, 1.0, 0.9, row=2), look(1, 0.5, 0.9, row=3)]
    first, second = rank_places(looks, 5)
    assert (first.place, first.at) == (1, (3, 5))
    assert (second.place, second.at, second.agreement) == (0, (1, 5), pytest.approx(0.6))


def test_a_score_beyond_one_is_no_negative_doubt() -> None:
    assert look(0, 1.0, 1.2).doubt == 0
    assert look(0, 0.0, -0.1).doubt == 1


def test_few_are_suggested_and_equal_ones_in_their_order() -> None:
    looks = [look(place, 0.5, 0.5) for place in (4, 2, 8, 6)]
    assert [found.place for found in rank_places(looks, 3)] == [2, 4, 6]
    assert rank_places([], 3) == ()


@pytest.mark.parametrize(
    ("count", "most", "left_out", "chosen"),
    [
        (5, 9, (), [0, 1, 2, 3, 4]),
        (5, 9, (1, 2), [0, 3, 4]),
        (3, 9, (0, 1, 2), [0, 1, 2]),
        (100, 4, (), [12, 37, 62, 87]),
        (10, 1, (), [5]),
    ],
)
def test_places_are_spread_evenly(
    count: int, most: int, left_out: tuple[int, ...], chosen: list[int]
) -> None:
    assert choose_places(count, most, left_out) == chosen


def test_a_long_stack_is_looked_at_in_few_different_places() -> None:
    chosen = choose_places(1000, 24, range(0, 1000, 2))
    assert len(set(chosen)) == 24
    assert all(place % 2 for place in chosen)
    assert max(np.diff(chosen)) < 50


def test_points_lie_in_the_middles_of_equal_parts() -> None:
    grid = make_grid((4, 8), 2)
    assert grid.tolist() == [[0.5, 1.5], [0.5, 5.5], [2.5, 1.5], [2.5, 5.5]]


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ((0, 0), "top left"), ((0, 50), "top"), ((50, 50), "middle"), ((50, 99), "right"),
        ((99, 99), "bottom right"), ((120, -3), "bottom left"),
    ],
)  # fmt: skip
def test_regions_have_names(at: tuple[float, float], name: str) -> None:
    assert name_region(find_region(at, (100, 100))) == name
