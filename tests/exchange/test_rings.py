"""Outlines along pixel edges hold exactly their pixels, and are polygons as others want them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from napari_catsam.exchange.rings import fill_rings, trace_rings


def random_mask(seed: int) -> np.ndarray:
    """Return speckles, blobs with holes, or a few pixels."""
    random = np.random.default_rng(seed)
    size = random.integers(1, 40, 2)
    field = ndimage.gaussian_filter(random.random(size), (0, 0.5, 1, 2)[seed % 4])
    return field >= np.quantile(field, (0.3, 0.5, 0.95)[seed % 3])


def filled(polygons: list[list[np.ndarray]], size: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(size, bool)
    for rings in polygons:
        mask[fill_rings(rings, (size[0], size[1]))] = True
    return mask


def doubled_area(ring: np.ndarray) -> int:
    rows, columns = ring.T
    return int(rows @ np.roll(columns, -1) - np.roll(rows, -1) @ columns)


@pytest.mark.parametrize("seed", range(60))
def test_the_pixels_come_back(seed: int) -> None:
    mask = random_mask(seed)
    assert np.array_equal(filled(trace_rings(mask), mask.shape), mask)


@pytest.mark.parametrize("seed", range(24))
def test_rings_are_those_of_valid_polygons(seed: int) -> None:
    mask = random_mask(seed)
    parts, count = ndimage.label(mask)
    polygons = trace_rings(mask)
    assert len(polygons) == count
    for number, (outer, *holes) in enumerate(polygons, 1):
        assert doubled_area(outer) > 0
        assert all(doubled_area(hole) < 0 for hole in holes)
        assert sum(map(doubled_area, (outer, *holes))) == 2 * np.count_nonzero(parts == number)
        for ring in (outer, *holes):  # none goes through a point twice, or straight on
            assert len(np.unique(ring, axis=0)) == len(ring)
            sides = np.roll(ring, -1, axis=0) - ring
            assert np.array_equal(sides[:, 0] == 0, np.roll(sides[:, 0] != 0, 1))
            assert ((sides == 0).sum(axis=1) == 1).all()


def test_masks_of_four_by_four_pixels_come_back() -> None:
    numbers = np.arange(0, 2**16, 53)
    for mask in (numbers[:, None] >> np.arange(16) & 1).astype(bool).reshape(-1, 4, 4):
        assert np.array_equal(filled(trace_rings(mask), (4, 4)), mask)


def test_a_rectangle_has_four_corners() -> None:
    mask = np.zeros((6, 9), bool)
    mask[1:4, 2:9] = True
    (((*ring,),),) = trace_rings(mask)
    assert {tuple(point) for point in ring} == set(itertools.product((1, 4), (2, 9)))


def test_pixels_that_touch_at_a_corner_are_two_polygons() -> None:
    assert [len(rings) for rings in trace_rings(np.eye(2, dtype=bool))] == [1, 1]


def test_a_hole_that_touches_the_outline_at_a_corner_is_a_hole() -> None:
    mask = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], bool)
    ((outer, hole),) = trace_rings(mask)
    assert {tuple(point) for point in hole.tolist()} == set(itertools.product((1, 2), (1, 2)))
    assert [1, 2] in outer.tolist()


def test_an_island_in_a_hole_is_a_polygon_of_its_own() -> None:
    mask = np.ones((5, 5), bool)
    mask[1:4, 1:4] = False
    mask[2, 2] = True
    assert sorted(len(rings) for rings in trace_rings(mask)) == [1, 2]


def test_no_object_has_no_polygon() -> None:
    assert trace_rings(np.zeros((3, 4), bool)) == []


def test_slanted_outlines_hold_the_centres_inside() -> None:
    triangle = np.array([(0, 0), (4, 0), (4, 4)])
    rows, columns = fill_rings([triangle], (9, 9))
    # The centres on the slanted side belong to one of the two triangles that share it.
    other = np.array([(0, 0), (0, 4), (4, 4)])
    mask = np.zeros((9, 9), int)
    mask[rows, columns] += 1
    mask[fill_rings([other], (9, 9))] += 1
    assert (mask[:4, :4] == 1).all()
    assert mask.sum() == 16


def test_what_lies_outside_the_image_is_cut_off() -> None:
    square = np.array([(-5, -5), (-5, 2), (9, 2), (9, -5)])
    mask = np.zeros((3, 4), bool)
    mask[fill_rings([square], (3, 4))] = True
    assert mask.tolist() == [[True, True, False, False]] * 3
    rows, _ = fill_rings([square + 100], (3, 4))
    assert len(rows) == 0


def test_a_closed_ring_and_either_direction_are_the_same() -> None:
    ring = np.array([(0, 0), (0, 3), (2, 3), (2, 0)])
    expected = fill_rings([ring], (4, 4))
    for other in (ring[::-1], np.concatenate((ring, ring[:1]))):
        assert np.array_equal(fill_rings([other], (4, 4)), expected)
