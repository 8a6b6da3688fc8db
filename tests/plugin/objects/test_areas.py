"""Sizes of objects, counted plane by plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Labels

from napari_catsam.plugin.objects.areas import ObjectAreas, count_pixels, read_measure

LARGEST = 2**32 - 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint32, np.int64, np.uint64])
def test_every_object_is_counted(dtype: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 120, (900, 700)).astype(dtype)
    expected = {n: int((pixels == n).sum()) for n in range(1, 120)}
    assert count_pixels(pixels) == expected


@pytest.mark.parametrize("low", [LARGEST, -7])
def test_labels_of_any_size_are_counted(low: int) -> None:
    pixels = np.zeros((800, 800), np.int64)
    pixels[:500, :10], pixels[790:, :3] = low, 4
    assert count_pixels(pixels) == {low: 5000, 4: 30}


def test_a_plane_without_objects_has_none() -> None:
    assert count_pixels(np.zeros((5, 6), int)) == count_pixels(np.zeros((0, 6), int)) == {}


def test_a_plane_that_is_counted_again_replaces_what_was_there() -> None:
    areas = ObjectAreas()
    areas.update((0,), {1: 10, 2: 5})
    areas.update((1,), {1: 3})
    assert areas.objects == {1: (13, 2), 2: (5, 1)}
    areas.update((0,), {2: 6, 7: 1})
    assert areas.objects == {1: (3, 1), 2: (6, 1), 7: (1, 1)}
    areas.update((1,), {})
    assert areas.objects == {2: (6, 1), 7: (1, 1)}
    assert (1,) in areas
    assert (2,) not in areas


@pytest.mark.parametrize(
    ("given", "factor", "name"),
    [
        ({}, 1.0, "pixels"),
        ({"scale": (1, 0.5, 0.5)}, 1.0, "pixels"),
        ({"scale": (2, 0.5, 0.5), "units": ("um",) * 3}, 0.5, "volume (µm³)"),
        ({"scale": (2, 0.5, 0.5), "units": ("s", "mm", "mm")}, 0.25, "area (mm²)"),
        ({"scale": (2, 0.5, 0.5), "units": ("um", "um", "mm")}, 1.0, "pixels"),
        ({"scale": (2, 0.5, 0.5), "rotate": (0, 0, 30), "units": ("um",) * 3}, 0.5, "volume (µm³)"),
        ({"shear": (0, 0, 0.5), "units": ("s", "um", "um")}, 1.0, "area (µm²)"),
    ],
)
def test_sizes_are_in_the_unit_of_the_layer(given: Any, factor: float, name: str) -> None:
    measure = read_measure(Labels(np.zeros((2, 3, 4), int), **given))
    assert measure.factor == pytest.approx(factor)
    assert measure.name == name
