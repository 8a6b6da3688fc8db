"""Every family of drawn scenes gives valid images with objects, repeatable from a seed."""

from __future__ import annotations

import numpy as np
import pytest

from pretrain.drawing import enlarge, fill, open_window, scatter, soften
from pretrain.faults import record
from pretrain.noise import noise_field
from pretrain.scenes import FAMILIES, Family, draw_scene

families = pytest.mark.parametrize(
    "family", [family for _, family in FAMILIES], ids=lambda family: family.__name__
)


def draw_filled(family: Family, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first of some seeds whose scene has an object in view."""
    for seed in range(8):
        image, labels, parts = family(np.random.default_rng(seed), size)
        if labels.any():
            return image, labels, parts
    raise AssertionError(f"eight scenes of {family.__name__} without an object")


@families
@pytest.mark.parametrize("size", [128, 200])
def test_a_family_draws_objects_on_a_finite_image_of_the_size_asked_for(
    family: Family, size: int
) -> None:
    image, labels, parts = draw_filled(family, size)
    assert image.shape == (size, size, 3)
    assert np.isfinite(image).all()
    assert labels.shape == parts.shape == (size, size)
    assert labels.dtype == parts.dtype == np.int32
    assert 0 < labels.max() <= size * size
    assert min(labels.min(), parts.min()) == 0


@families
def test_a_part_lies_in_the_object_of_its_number(family: Family) -> None:
    _, labels, parts = draw_filled(family, 128)
    assert np.array_equal(labels[parts > 0], parts[parts > 0])


@families
def test_a_family_draws_the_same_from_the_same_seed(family: Family) -> None:
    first, second = (family(np.random.default_rng(5), 128) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)


@families
def test_a_family_draws_neither_flat_images_nor_flat_objects(family: Family) -> None:
    image, labels, _ = draw_filled(family, 128)
    assert np.ptp(record(np.random.default_rng(0), image)) > 4
    assert np.ptp(np.asarray(image, float)[labels > 0]) > 0


def test_the_families_weights_are_shares_of_one() -> None:
    assert sum(weight for weight, _ in FAMILIES) == pytest.approx(1)
    assert all(weight > 0 for weight, _ in FAMILIES)


@pytest.mark.parametrize("size", [128, 512])
def test_a_recorded_scene_is_eight_bit_and_holds_an_object(size: int) -> None:
    for seed in range(3):
        scene = draw_scene(np.random.default_rng(seed), size)
        assert scene.image.shape == (size, size, 3)
        assert scene.image.dtype == np.uint8
        assert np.count_nonzero(scene.labels) > 64


def test_recording_cuts_values_out_of_range_to_eight_bits() -> None:
    image = np.full((16, 16, 3), 400.0)
    image[:8] = -50.0
    out = record(np.random.default_rng(1), image)
    assert out.dtype == np.uint8
    assert {int(out.min()), int(out.max())} == {0, 255}


def test_scattered_discs_keep_their_spacing() -> None:
    rng = np.random.default_rng(0)
    centres, radii = scatter(rng, 128, np.full(80, 9.0), 1.0)
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert len(centres) == len(radii) > 1
    assert apart.min() >= 18


def test_a_window_shows_no_more_than_the_plane() -> None:
    for seed in range(20):
        window = open_window(np.random.default_rng(seed), 256)
        x, y = window.grid()
        assert 256 <= window.span <= 512
        assert 0 <= min(x.min(), y.min()) <= max(x.max(), y.max()) <= 1
        assert np.allclose(window.pixels(np.array([[x[0, 7], y[3, 0]]])), [[7.5, 3.5]], atol=0.01)


def test_later_outlines_cover_earlier_ones() -> None:
    square = np.array([[10.0, 10], [40, 10], [40, 40], [10, 40]])
    labels = fill(64, [square, square + 15], [4, 7])
    assert (labels[15, 15], labels[30, 30], labels[5, 5]) == (4, 7, 0)


@pytest.mark.parametrize("sigma", [0.8, 4.0, 30.0])
def test_blur_keeps_the_size_and_the_mean_of_a_field(sigma: float) -> None:
    field = noise_field(np.random.default_rng(0), 200, 4) + 3
    blurred = soften(field, sigma)
    assert blurred.shape == (200, 200)
    assert blurred.mean() == pytest.approx(field.mean(), abs=0.1)
    assert blurred.std() <= field.std() * 1.01
    assert enlarge(field[::4, ::4], 200).shape == (200, 200)
