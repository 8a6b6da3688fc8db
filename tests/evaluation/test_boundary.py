from __future__ import annotations

import math

import numpy as np
import pytest

from napari_catsam.evaluation.boundary import boundary_iou, find_boundary


def draw_square(side: int, start: int, stop: int) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[start:stop, start:stop] = True
    return mask


def test_the_boundary_lies_inside_of_the_mask_and_is_so_many_pixels_wide() -> None:
    boundary = find_boundary(draw_square(40, 10, 30), width=3)
    assert np.array_equal(boundary, draw_square(40, 10, 30) & ~draw_square(40, 13, 27))


def test_the_edge_of_the_image_is_outline() -> None:
    boundary = find_boundary(np.ones((20, 20), bool), width=2)
    assert np.array_equal(boundary, ~draw_square(20, 2, 18))


def test_the_same_masks_have_1_and_empty_ones_nothing() -> None:
    mask, empty = draw_square(50, 10, 40), np.zeros((50, 50), bool)
    assert boundary_iou(mask, mask) == 1
    assert boundary_iou(empty, mask) == 0
    assert math.isnan(boundary_iou(empty, empty))


def test_an_error_at_the_outline_counts_more_than_in_the_whole_mask() -> None:
    # 2 % of the diagonal of 100 x 100 is 3 pixels.
    truth, guess = draw_square(100, 10, 90), draw_square(100, 11, 89)
    ring = lambda a: draw_square(100, a, 100 - a) & ~draw_square(100, a + 3, 97 - a)  # noqa: E731
    expected = (ring(10) & ring(11)).sum() / (ring(10) | ring(11)).sum()
    assert boundary_iou(guess, truth) == pytest.approx(expected)
    assert expected < 0.6 < (guess & truth).sum() / truth.sum()
