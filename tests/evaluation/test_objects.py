"""Objects of a mask, and the prompt that each of them gives."""

from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.errors import ShotError, UnknownNameError
from napari_catsam.evaluation.objects import (
    choose_objects,
    find_boxes,
    find_interior_points,
    prompts_from_labels,
    split_objects,
)

TWO_AREAS = np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 9]], np.uint8)
TWO_VALUES = np.array([[5, 0, 5, 0], [0, 0, 0, 0], [9, 9, 0, 0]], np.uint8)


def test_auto_splits_a_binary_mask_into_areas_that_may_touch_at_a_corner() -> None:
    assert split_objects(TWO_AREAS).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 2]]
    assert split_objects(TWO_AREAS > 0).max() == 2


def test_auto_takes_several_values_as_labels_also_where_one_lies_apart() -> None:
    assert split_objects(TWO_VALUES).tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [2, 2, 0, 0]]


def test_labels_forces_one_object_a_value() -> None:
    assert split_objects(TWO_AREAS, "labels").max() == 1


def test_components_splits_every_value_and_keeps_touching_values_apart() -> None:
    assert split_objects(TWO_VALUES, "components").max() == 3
    assert split_objects([[1, 2, 2]], "components").tolist() == [[1, 2, 2]]


def test_large_labels_cost_no_more_than_small_ones() -> None:
    labels = np.array([[0, 2**31 - 2, 7]], np.int64)
    assert split_objects(labels).tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("rule", ["auto", "labels", "components"])
def test_an_empty_mask_has_no_object(rule: str) -> None:
    assert split_objects(np.zeros((4, 4), np.uint8), rule).max() == 0


def test_an_unknown_rule_and_a_stack_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="object rule 'label', expected one of auto, labels"):
        split_objects(TWO_AREAS, "label")
    with pytest.raises(ShotError, match=r"shape \(2, 3, 4\)"):
        split_objects(np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(ShotError, match="dtype float64"):
        split_objects(np.zeros((3, 4)))


def test_a_box_is_tight_and_ends_one_past_the_last_pixel() -> None:
    labels = split_objects(TWO_VALUES)
    assert find_boxes(labels).tolist() == [[0, 0, 1, 3], [2, 0, 3, 2]]


def test_a_point_is_the_middle_of_a_disc_and_inside_a_ring() -> None:
    rows, columns = np.mgrid[:40, :60]
    disc = (rows - 15) ** 2 + (columns - 12) ** 2 <= 100
    distance = np.hypot(rows - 20, columns - 42)
    ring = (distance > 8) & (distance < 15)
    labels = split_objects(disc * 1 + ring * 2)
    disc_point, ring_point = find_interior_points(labels)
    assert disc_point.tolist() == [15, 12]
    assert ring[tuple(ring_point.astype(int))]


def test_the_edge_of_the_image_counts_as_an_edge_of_the_object() -> None:
    assert find_interior_points(np.ones((9, 9), np.int32)).tolist() == [[4, 4]]


def test_prompts_have_one_row_an_object() -> None:
    labels = split_objects(TWO_VALUES)
    boxes, points = prompts_from_labels(labels, "box"), prompts_from_labels(labels, "point")
    assert boxes.points is None
    assert points.boxes is None
    assert np.shape(points.points) == (2, 1, 2)
    assert np.asarray(points.labels).tolist() == [[1], [1]]
    with pytest.raises(UnknownNameError, match=r"prompt 'boxes'.*did you mean 'box'"):
        prompts_from_labels(labels, "boxes")


def test_small_objects_are_left_out_and_the_others_numbered_anew() -> None:
    labels = split_objects(TWO_VALUES, "components")
    assert np.bincount(labels.ravel()).tolist() == [8, 1, 1, 2]
    assert choose_objects(labels, smallest=2).tolist() == (labels == 3).astype(int).tolist()
    assert choose_objects(labels, smallest=3).max() == 0
    assert choose_objects(np.zeros((3, 4), np.int32), smallest=2).max() == 0


@pytest.mark.parametrize(
    ("limit", "kept"), [(None, range(1, 11)), (1, [1]), (2, [1, 10]), (4, [1, 4, 7, 10])]
)
def test_a_limit_spreads_evenly_over_the_numbers(limit: int | None, kept: list[int]) -> None:
    labels = np.repeat(np.arange(11, dtype=np.int32), 2)[None]
    chosen = choose_objects(labels, limit=limit)
    assert chosen.max() == len(kept)
    assert [int(labels[chosen == n][0]) for n in range(1, len(kept) + 1)] == list(kept)
    assert chosen.dtype == np.int32


def test_the_limit_counts_only_objects_that_are_large_enough() -> None:
    labels = np.array([[1, 2, 2, 3, 4, 4, 5, 5]], np.int32)
    assert choose_objects(labels, smallest=2, limit=2).tolist() == [[0, 1, 1, 0, 0, 0, 2, 2]]
