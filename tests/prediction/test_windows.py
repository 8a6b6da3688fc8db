"""The pyramid: every object finds a window with room around it, and none leaves the image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.prediction.window_prompts import CONTEXT
from napari_catsam.prediction.windows import Pyramid, Window

PYRAMID = Pyramid((300, 500), 64)
SIZES = [(300, 500), (500, 300), (603, 1272), (64, 2000), (1, 700), (257, 257)]


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((603, 1272), 512, (1272, 636, 318)),
        ((1272, 603), 512, (1272, 636, 318)),
        ((2048, 2048), 1024, (2048, 1024, 512)),
        ((300, 500), 64, (500, 250, 125, 63)),
        ((64, 64), 64, (64, 32)),
        ((63, 63), 64, (63,)),
        ((1, 1), 64, (1,)),
    ],
)
def test_sides_halve_down_to_half_of_the_input(
    size: tuple[int, int], side: int, expected: tuple[int, ...]
) -> None:
    assert Pyramid(size, side).sides == expected


@pytest.mark.parametrize(("length", "level"), [(40, 0), (64, 0), (65, 1), (128, 1), (129, 2)])
def test_the_full_level_is_the_coarsest_that_loses_no_pixel(length: int, level: int) -> None:
    assert Pyramid((40, length), 64).full_level == level


@pytest.mark.parametrize(
    ("side", "level"), [(0, 3), (63, 3), (63.5, 2), (125, 2), (126, 1), (251, 0), (9999, 0)]
)
def test_the_finest_level_with_long_enough_windows_is_found(side: float, level: int) -> None:
    assert PYRAMID.find_level(side) == level


@pytest.mark.parametrize("size", SIZES)
def test_windows_stay_in_the_image_and_are_square_where_it_is_large_enough(
    size: tuple[int, int],
) -> None:
    pyramid = Pyramid(size, 64)
    for centre in np.random.default_rng(0).uniform(0, 1, (50, 2)) * size:
        for level, side in enumerate(pyramid.sides):
            window = pyramid.place(level, centre)
            assert window.level == level
            assert window.size == (min(side, size[0]), min(side, size[1]))
            assert pyramid.whole.contains(np.array([window.corner]))
            assert (np.add(window.corner, window.size) <= size).all()
            assert window.contains(centre[None])


@pytest.mark.parametrize("size", SIZES)
def test_an_object_has_an_eighth_of_its_window_around_it_unless_the_image_ends(
    size: tuple[int, int],
) -> None:
    pyramid, rng = Pyramid(size, 64), np.random.default_rng(1)
    for centre in rng.uniform(0, 1, (50, 2)) * size:
        for level, side in enumerate(pyramid.sides):
            window, margin = pyramid.place(level, centre), side / CONTEXT / 2 + side / 8 - 1
            low = np.maximum(centre - margin, 0)
            high = np.minimum(centre + margin, size)
            assert window.contains(np.stack([low, high]))


def test_windows_lie_half_a_window_apart() -> None:
    corners = {PYRAMID.place(2, np.array([0, column])).corner[1] for column in range(500)}
    assert sorted(corners) == [0, 62, 124, 186, 248, 310, 372, 375]


def test_level_0_is_the_whole_image() -> None:
    assert PYRAMID.place(0, np.array([3.0, 4.0])) == PYRAMID.whole == Window(0, (0, 0), (300, 500))


def test_a_far_point_takes_a_coarser_window() -> None:
    centre = np.array([150.0, 100.0])
    near = PYRAMID.find_window(3, centre, np.array([[150, 100], [160, 110]]))
    far = PYRAMID.find_window(3, centre, np.array([[150, 100], [150, 150]]))
    all_over = PYRAMID.find_window(3, centre, np.array([[150, 100], [150, 499]]))
    assert (near.level, far.level, all_over.level) == (3, 2, 0)
    assert far.contains(np.array([[150, 150]]))
    assert all_over == PYRAMID.whole


def test_a_window_contains_its_far_edge_and_half_a_pixel_before_the_first() -> None:
    window = Window(1, (10, 20), (30, 40))
    assert window.contains(np.array([[9.5, 19.5], [40, 60]]))
    assert not window.contains(np.array([[9.4, 30]]))
    assert not window.contains(np.array([[20, 60.1]]))


@pytest.mark.parametrize("corner", [(0, 0), (25, 0), (60, 55), (10, 12), (95, 10), (10, 99)])
def test_the_overlap_is_the_same_pixels_in_both_windows(corner: tuple[int, int]) -> None:
    image = np.arange(150 * 150).reshape(150, 150)
    one, other = Window(1, (20, 15), (50, 45)), Window(2, corner, (40, 40))
    shared = image[one.slices][one.find_overlap(other)]
    assert np.array_equal(shared, image[other.slices][other.find_overlap(one)])
    assert set(shared.flat) == set(image[one.slices].flat) & set(image[other.slices].flat)


@pytest.mark.parametrize(
    ("rows", "columns", "corner", "expected"),
    [
        (slice(10, 20), slice(10, 20), (30, 30), False),  # nowhere near
        (slice(0, 20), slice(10, 20), (30, 30), True),
        (slice(20, 40), slice(10, 20), (30, 30), True),
        (slice(10, 20), slice(0, 20), (30, 30), True),
        (slice(10, 20), slice(20, 40), (30, 30), True),
        (slice(0, 20), slice(0, 20), (0, 0), False),  # there the image ends
        (slice(0, 20), slice(0, 20), (0, 30), True),
        (slice(20, 40), slice(20, 40), (60, 60), False),
        (slice(0, 0), slice(0, 0), (30, 30), False),  # empty
    ],
)
def test_a_mask_is_cut_where_it_meets_an_edge_beyond_which_the_image_goes_on(
    rows: slice, columns: slice, corner: tuple[int, int], expected: bool
) -> None:
    mask = np.zeros((40, 40), bool)
    mask[rows, columns] = True
    assert Window(1, corner, (40, 40)).cuts(mask, (100, 100)) is expected


def test_a_speck_on_the_edge_cuts_nothing() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = mask[0, :3] = True
    assert not Window(1, (30, 30), (40, 40)).cuts(mask, (100, 100))
