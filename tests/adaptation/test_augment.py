from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_catsam.adaptation.augment import InputSpec, choose_window, draw_view
from napari_catsam.adaptation.shots import Sample, split_shots
from napari_catsam.geometry import PIXEL_MEAN, PIXEL_STD, boxes_from_masks
from napari_catsam.types import Intensity, Shot
from tests.adaptation.pictures import draw_discs

PAD = InputSpec(side=64, grid=16, resize="pad")
STRETCH = InputSpec(side=64, grid=16, resize="stretch")


def sample_of(shot: Shot, share: float = 0.0) -> Sample:
    return split_shots([shot], Intensity(), share, seed=0).train[0]


def brightness(pixels: torch.Tensor) -> torch.Tensor:
    """Undo the normalisation and average the channels: (S, S) in 0..255."""
    mean, std = torch.tensor(PIXEL_MEAN)[:, None, None], torch.tensor(PIXEL_STD)[:, None, None]
    return (pixels * std + mean).mean(0)


@pytest.mark.parametrize("spec", [PAD, STRETCH])
@pytest.mark.parametrize("seed", range(12))
def test_image_and_targets_stay_aligned(spec: InputSpec, seed: int) -> None:
    """All discs are asked for, and they alone are bright: the targets are the bright cells."""
    view = draw_view((sample_of(draw_discs()),), 8, spec, np.random.default_rng(seed))
    light = torch.nn.functional.avg_pool2d(brightness(view.pixels)[None, None], 4)[0, 0]
    inside = (view.targets > 0.9).any(0) & ~view.ignore
    bright, dark = light[inside], light[(view.targets < 0.1).all(0) & ~view.ignore]
    assert bright.min() > light[~view.ignore].mean()
    # A disc that the crop cuts is not asked for, so a few bright cells may be no target.
    assert dark.median() < bright.min()


@pytest.mark.parametrize("seed", range(12))
def test_objects_are_never_empty_and_the_first_is_whole(seed: int) -> None:
    sample = sample_of(draw_discs())
    view = draw_view((sample,), 3, PAD, np.random.default_rng(seed))
    assert 1 <= len(view.masks) <= 3
    assert view.masks.any(axis=(1, 2)).all()
    assert (view.targets.amax(dim=(1, 2)) > 0.5).all()


def test_every_seed_shows_another_view_and_the_same_seed_the_same() -> None:
    sample = sample_of(draw_discs())

    def pixels(seed: int) -> torch.Tensor:
        return draw_view((sample,), 8, PAD, np.random.default_rng(seed)).pixels

    torch.testing.assert_close(pixels(1), pixels(1), rtol=0, atol=0)
    assert not torch.equal(pixels(1), pixels(2))


def test_padding_and_held_out_objects_do_not_count() -> None:
    sample = sample_of(draw_discs(), share=0.2)
    seen = 0
    for seed in range(20):
        view = draw_view((sample,), 8, PAD, np.random.default_rng(seed))
        height, width = view.frame.content
        inside = view.ignore[: height // 4, : width // 4]
        assert view.ignore[(height + 3) // 4 :].all()
        assert view.ignore[:, (width + 3) // 4 :].all()
        light = torch.nn.functional.avg_pool2d(brightness(view.pixels)[None, None], 4)[0, 0]
        held = inside & (light[: height // 4, : width // 4] > 100)
        seen += int(held.any())
    assert seen > 5


@pytest.mark.parametrize("seed", range(30))
def test_a_window_holds_its_object(seed: int) -> None:
    box = np.array([50.0, 10.0, 90.0, 70.0])
    window = choose_window(box, 1200, (96, 80), 64, np.random.default_rng(seed))
    top, left, height, width = window
    assert top <= 50
    assert left <= 10
    assert top + height >= 90
    assert left + width >= 70
    assert top + height <= 96
    assert left + width <= 80
    assert top >= 0
    assert left >= 0


def test_a_small_object_in_a_large_image_stays_visible() -> None:
    image, labels = np.zeros((3000, 2000), np.uint8), np.zeros((3000, 2000), np.uint8)
    labels[1500:1504, 700:704] = 1
    sample = sample_of(Shot(image, labels))
    for seed in range(5):
        view = draw_view((sample,), 8, PAD, np.random.default_rng(seed))
        box = boxes_from_masks(view.masks)[0] * view.frame.scale[0]
        assert box[2] - box[0] >= 1.5


def test_a_thin_line_survives_the_change_of_size() -> None:
    image, labels = np.zeros((1000, 1000), np.uint8), np.zeros((1000, 1000), np.uint8)
    labels[501] = 1
    sample = sample_of(Shot(image, labels))
    for seed in range(5):
        assert draw_view((sample,), 8, PAD, np.random.default_rng(seed)).masks[0].sum() >= 30


def test_the_sample_is_not_changed() -> None:
    sample = sample_of(draw_discs())
    before = sample.rgb.copy()
    for seed in range(4):
        draw_view((sample,), 8, PAD, np.random.default_rng(seed))
    np.testing.assert_array_equal(sample.rgb, before)
