"""The samples: real images that come with scikit-image, and a generated volume."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from napari_catsam.plugin.sample_stack import SHAPE, SPACING, Stack, make_stack
from napari_catsam.plugin.samples import (
    open_cell,
    open_coins,
    open_immunohistochemistry,
    open_stack,
)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return make_stack()


@pytest.mark.parametrize(
    ("opener", "shape", "name"),
    [
        (open_coins, (303, 384), "coins"),
        (open_immunohistochemistry, (512, 512, 3), "immunohistochemistry"),
        (open_cell, (660, 550), "cell"),
    ],
)
def test_real_images_are_one_layer_of_bytes(
    opener: Callable[[], Any], shape: tuple[int, ...], name: str
) -> None:
    ((data, options, kind),) = opener()
    assert (data.shape, data.dtype, options["name"], kind) == (shape, np.uint8, name, "image")


def test_the_stack_is_the_same_each_time_and_another_for_another_seed(stack: Stack) -> None:
    again, other = make_stack.__wrapped__(0), make_stack.__wrapped__(1)
    assert again is not stack
    assert (again.image == stack.image).all()
    assert (again.truth == stack.truth).all()
    assert (other.truth != stack.truth).any()


def test_the_stack_is_made_fast() -> None:
    started = time.process_time()
    make_stack.__wrapped__(0)
    assert time.process_time() - started < 3


def test_the_values_are_those_of_a_camera_of_12_bits(stack: Stack) -> None:
    assert (stack.image.shape, stack.image.dtype) == (SHAPE, np.uint16)
    assert (stack.truth.shape, stack.truth.dtype) == (SHAPE, np.int32)
    assert stack.image.max() <= 4095
    assert stack.image.max() > 2048


def test_an_object_has_one_number_on_consecutive_slices(stack: Stack) -> None:
    numbers = np.unique(stack.truth)
    assert numbers.tolist() == list(range(len(numbers)))
    for number in numbers[1:]:
        slices = np.flatnonzero((stack.truth == number).any(axis=(1, 2)))
        assert len(slices) >= 5
        assert np.diff(slices).max() == 1


def test_an_object_overlaps_itself_on_the_next_slice_but_is_not_the_same(stack: Stack) -> None:
    for number in range(1, stack.truth.max() + 1):
        planes = [plane for plane in stack.truth == number if plane.sum() > 150]
        assert len(planes) >= 3
        for one, two in pairwise(planes):
            overlap = (one & two).sum() / (one | two).sum()
            assert 0.25 < overlap < 1


def test_vessels_run_through_all_slices_and_move(stack: Stack) -> None:
    for number in stack.vessels:
        centers = np.array([center_of_mass(plane == number) for plane in stack.truth])
        assert np.isfinite(centers).all()
        assert np.ptp(centers, axis=0).min() > 15


def test_some_objects_touch_and_some_do_not(stack: Stack) -> None:
    plane = stack.truth[14]
    left, right = plane[:, :-1], plane[:, 1:]
    touching = {*left[(left != right) & (left > 0) & (right > 0)].tolist()}
    assert 2 <= len(touching) < len(np.unique(plane)) - 1


def test_objects_are_brighter_than_what_is_around_and_the_light_is_uneven(stack: Stack) -> None:
    for plane, truth in zip(stack.image, stack.truth, strict=True):
        if truth.any():
            assert plane[truth > 0].mean() > 1.3 * plane[truth == 0].mean()
    background = np.where(stack.truth == 0, stack.image, np.nan)
    assert np.nanmean(background[:, 60:130, 110:190]) > 1.05 * np.nanmean(background[:, -60:, :60])


def test_its_layers_lie_on_each_other_and_the_truth_is_hidden(viewer: Any) -> None:
    (image, options, kind), (truth, hidden, kind_of_truth) = open_stack()
    assert (kind, kind_of_truth) == ("image", "labels")
    shown, labels = viewer.add_image(image, **options), viewer.add_labels(truth, **hidden)
    assert shown.visible
    assert not labels.visible
    for layer in (shown, labels):
        assert tuple(layer.scale) == SPACING
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
        assert layer.axis_labels == ("z", "y", "x")
    assert SPACING[0] == 3 * SPACING[1]


def test_drawing_in_a_sample_does_not_change_the_next_one() -> None:
    _, (truth, _, _) = open_stack()
    truth[:] = 0
    assert open_stack()[1][0].any()
