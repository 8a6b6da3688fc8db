"""How masks become objects."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.measure import label

from napari_catsam.errors import ShotError
from napari_catsam.evaluation.datasets.rule import ObjectRule, draw_objects, find_objects


def squares(*areas: int) -> np.ndarray:
    """Return a mask with one row of so many pixels an area, on every other row."""
    mask = np.zeros((2 * len(areas), max(areas)), np.uint8)
    for number, area in enumerate(areas):
        mask[2 * number, :area] = 1
    return mask


def areas_of(labels: np.ndarray) -> list[int]:
    return [int(n) for n in np.bincount(labels.ravel())[1:]]


def test_pixels_that_touch_at_a_corner_are_one_object_of_eight_and_two_of_four() -> None:
    mask = np.eye(2, dtype=np.uint8)
    assert find_objects(mask, ObjectRule(connectivity=8)).max() == 1
    assert find_objects(mask, ObjectRule(connectivity=4)).max() == 2


def test_smaller_objects_are_left_out_and_the_others_numbered_without_a_gap() -> None:
    labels = find_objects(squares(21, 20, 30), ObjectRule(smallest_area=21))
    assert areas_of(labels) == [21, 30]
    assert labels.dtype == np.int32


def test_objects_up_to_the_share_of_the_largest_are_left_out() -> None:
    rule = ObjectRule(smallest_area=1, smallest_share=0.1)
    assert areas_of(find_objects(squares(100, 10, 11), rule)) == [100, 11]


def test_the_larger_of_the_two_limits_decides() -> None:
    rule = ObjectRule(smallest_area=21, smallest_share=0.001)
    assert areas_of(find_objects(squares(1000, 20, 21), rule)) == [1000, 21]
    assert areas_of(find_objects(squares(30_000, 30, 31), rule)) == [30_000, 31]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("connectivity", [4, 8])
def test_objects_are_the_components_that_another_library_finds(
    seed: int, connectivity: Literal[4, 8]
) -> None:
    noise = np.random.default_rng(seed).normal(size=(80, 90))
    mask = gaussian_filter(noise, 1.5) > 0.1
    rule = ObjectRule(connectivity=connectivity, smallest_area=21, smallest_share=0.05)
    components = label(mask, connectivity=connectivity // 4)
    areas = np.bincount(components.ravel())[1:]
    kept = 1 + np.flatnonzero(areas > max(20, 0.05 * areas.max()))
    assert 0 < len(kept) < len(areas)
    found = find_objects(mask, rule)
    assert sorted(areas_of(found)) == sorted(int(area) for area in areas[kept - 1])
    assert np.array_equal(found > 0, np.isin(components, kept))


def test_a_mask_without_objects_gives_none() -> None:
    assert not find_objects(np.zeros((4, 5), np.uint8), ObjectRule(smallest_share=0.5)).any()
    assert not find_objects(squares(5, 3), ObjectRule(smallest_area=6)).any()


def test_the_units_say_what_one_object_is() -> None:
    mask = np.asarray([[1, 0, 2, 2], [0, 0, 0, 0], [2, 0, 1, 1]])
    counts = {
        unit: int(find_objects(mask, ObjectRule(unit=unit)).max())  # type: ignore[arg-type]
        for unit in ("foreground", "whole", "values", "labels", "auto")
    }
    assert counts == {"foreground": 4, "whole": 1, "values": 4, "labels": 2, "auto": 2}
    assert find_objects(mask != 0, ObjectRule(unit="auto")).max() == 4


def test_touching_areas_of_two_values_are_two_objects() -> None:
    mask = np.asarray([[1, 1, 2, 2]])
    labels = find_objects(mask, ObjectRule(unit="values"))
    assert labels.tolist() == [[1, 1, 2, 2]]


def test_of_too_many_objects_so_many_as_allowed_are_drawn_by_chance() -> None:
    labels = find_objects(squares(*range(1, 41)), ObjectRule())
    rule = ObjectRule(most_objects=25)
    drawn = [draw_objects(labels, rule, np.random.default_rng(seed)) for seed in range(2)]
    assert [int(one.max()) for one in drawn] == [25, 25]
    assert all(len(set(areas_of(one))) == 25 for one in drawn)
    assert not np.array_equal(drawn[0] > 0, drawn[1] > 0)
    assert np.array_equal(drawn[0], draw_objects(labels, rule, np.random.default_rng(0)))


def test_chance_is_not_asked_where_all_objects_are_taken() -> None:
    labels = find_objects(squares(*range(1, 26)), ObjectRule())
    random = np.random.default_rng(0)
    for rule in (ObjectRule(), ObjectRule(most_objects=25)):
        assert np.array_equal(draw_objects(labels, rule, random), labels)
    assert random.random() == np.random.default_rng(0).random()


def test_masks_of_fractions_or_of_three_axes_are_refused() -> None:
    for wrong in (np.zeros((4, 4), float), np.zeros((4, 4, 3), int)):
        with pytest.raises(ShotError, match="give integers"):
            find_objects(wrong, ObjectRule())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"connectivity": 6}, "expected 4 or 8"),
        ({"most_objects": 0}, "expected 1 or more"),
        ({"smallest_share": 1.0}, "below 1"),
    ],
)
def test_rules_out_of_range_are_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ObjectRule(**change)  # type: ignore[arg-type]
