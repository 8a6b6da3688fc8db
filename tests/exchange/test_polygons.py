"""Polygons hold exactly the pixels that they were traced from."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy import ndimage

from napari_catsam.exchange.polygons import fill_polygons, trace_polygons

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # of pycocotools
)


def filled(polygons: list, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[fill_polygons(polygons, size)] = True
    return mask


def random_mask(seed: int) -> np.ndarray:
    """Return a blob, speckles or a few pixels, without a hole."""
    random = np.random.default_rng(seed)
    size = random.integers(1, 40, 2)
    field = ndimage.gaussian_filter(random.random(size), (0, 0.5, 1, 2)[seed % 4])
    mask = field >= np.quantile(field, (0.3, 0.5, 0.95)[seed % 3])
    return ndimage.binary_fill_holes(mask)


@pytest.mark.parametrize("seed", range(60))
def test_the_pixels_come_back(seed: int) -> None:
    mask = random_mask(seed)
    assert np.array_equal(filled(trace_polygons(mask), mask.shape), mask)


@pytest.mark.parametrize("seed", range(60))
def test_pycocotools_differs_by_a_pixel_at_the_border(seed: int) -> None:
    mask = random_mask(seed)
    flat = [(vertices + 0.5)[:, ::-1].ravel().tolist() for vertices in trace_polygons(mask)]
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, *mask.shape))) > 0
    near = np.ones((3, 3), bool)
    assert not (theirs & ~ndimage.binary_dilation(mask, near)).any()
    assert not (ndimage.binary_erosion(mask, near, border_value=1) & ~theirs).any()


def test_each_part_is_a_polygon() -> None:
    mask = np.array([[1, 0, 1], [0, 1, 0]], bool)  # touching at corners
    assert len(trace_polygons(mask)) == 3


def test_a_straight_side_has_no_vertex() -> None:
    (vertices,) = trace_polygons(np.ones((30, 50), bool))
    assert len(vertices) <= 8


def test_an_object_with_a_hole_has_no_polygon() -> None:
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    assert trace_polygons(mask) == []


def test_what_lies_outside_the_plane_is_cut_off() -> None:
    assert filled([[(-5, -5), (-5, 1.5), (9, 1.5), (9, -5)]], (3, 4)).tolist() == (
        [[True, True, False, False]] * 3
    )
