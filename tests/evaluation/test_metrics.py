"""Intersection over union, of one object and of a set."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from napari_catsam.errors import ShotError
from napari_catsam.evaluation.metrics import (
    Confusion,
    count_pixels,
    dataset_iou,
    object_iou,
    rank_correlation,
)


def square(top: int, left: int, side: int = 4) -> np.ndarray:
    mask = np.zeros((10, 12), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_pixels_are_counted_in_all_four_ways() -> None:
    counts = count_pixels(square(0, 0), square(0, 2))
    assert counts == Confusion(hits=8, false_alarms=8, misses=8, rest=96)


def test_equal_masks_have_iou_one_and_separate_masks_zero() -> None:
    assert object_iou(square(1, 1), square(1, 1)) == 1
    assert object_iou(square(0, 0), square(5, 5)) == 0


def test_half_overlap_is_a_third() -> None:
    assert object_iou(square(0, 0), square(0, 2)) == pytest.approx(8 / 24)


def test_two_empty_masks_have_no_iou() -> None:
    nothing = np.zeros((3, 3), bool)
    assert isnan(object_iou(nothing, nothing))


def test_pixels_that_are_not_valid_do_not_count() -> None:
    valid = np.ones((10, 12), bool)
    valid[:, 4:] = False
    assert object_iou(square(0, 0), square(0, 2), valid) == pytest.approx(8 / 16)


def test_the_set_has_one_confusion_matrix_and_not_a_mean_of_images() -> None:
    large, small = np.ones((10, 12), bool), square(0, 0, side=1)
    pairs = [(large, large), (np.zeros_like(small), small)]
    assert dataset_iou(iter(pairs)) == pytest.approx(120 / 121)


def test_an_image_without_foreground_changes_the_set_only_by_false_alarms() -> None:
    nothing = np.zeros((10, 12), bool)
    assert dataset_iou([(square(0, 0), square(0, 0)), (nothing, nothing)]) == 1
    assert dataset_iou([(square(0, 0), square(0, 0)), (square(0, 0), nothing)]) == 0.5


def test_masks_of_two_sizes_are_refused() -> None:
    with pytest.raises(ShotError, match=r"\(10, 12\) with one of \(3, 3\)"):
        object_iou(square(0, 0), np.zeros((3, 3)))


def test_ranks_correlate_whatever_the_scale() -> None:
    values = [0.1, 0.5, 0.7, 0.9]
    assert rank_correlation(values, [v**9 for v in values]) == pytest.approx(1)
    assert rank_correlation(values, [-v for v in values]) == pytest.approx(-1)


def test_equal_values_share_their_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    assert rank_correlation([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


def test_few_or_constant_values_have_no_rank_correlation() -> None:
    assert isnan(rank_correlation([1, 2], [1, 2]))
    assert isnan(rank_correlation([], []))
    assert isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
    assert isnan(rank_correlation([1, 2, 3], [0, 0, 0]))
