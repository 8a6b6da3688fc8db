"""Masks resized where they can be positive are those of logits resized as a whole, bit by bit."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch

from napari_catsam import geometry
from napari_catsam.geometry import Frame
from napari_catsam.prediction import positive_part
from napari_catsam.prediction.positive_part import logits_to_masks

LOW, SIDE = 64, 256
SIZES = [(256, 256), (200, 256), (256, 131), (700, 500), (333, 720), (90, 120), (37, 91), (3, 2)]
SIZES += [(1, 300), (600, 5)]

Resize = Literal["pad", "stretch"]


def assert_same(frame: Frame, logits: torch.Tensor) -> None:
    expected = (frame.logits_to_image(logits) > 0).numpy()
    np.testing.assert_array_equal(logits_to_masks(frame, logits), expected)


def draw_objects(*windows: tuple[int, int, int, int], seed: int = 0) -> torch.Tensor:
    """Return one map of negative noise an object, with noise of both signs in its window."""
    torch.manual_seed(seed)
    logits = -torch.rand(len(windows), LOW, LOW)
    for one, (top, left, bottom, right) in zip(logits, windows, strict=True):
        one[top:bottom, left:right] = torch.randn(bottom - top, right - left)
    return logits


def count_resized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the pixels of every map that is resized are added."""
    pixels: list[int] = []
    resize = geometry.resize_maps

    def resize_counted(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        pixels.append(size[0] * size[1])
        return resize(maps, size)

    monkeypatch.setattr(positive_part, "resize_maps", resize_counted)
    return pixels


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize("size", SIZES)
def test_noise_gives_the_same_masks(size: tuple[int, int], resize: Resize) -> None:
    torch.manual_seed(1)
    assert_same(Frame(size, SIDE, resize), torch.randn(3, LOW, LOW))


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize("size", SIZES)
def test_objects_give_the_same_masks_wherever_they_lie(
    size: tuple[int, int], resize: Resize
) -> None:
    inside, wide, tall = (20, 30, 29, 36), (31, 0, 33, LOW), (0, 17, LOW, 18)
    corners = (0, 0, 3, 5), (0, 60, 4, LOW), (58, 0, LOW, 2), (61, 61, LOW, LOW)
    assert_same(Frame(size, SIDE, resize), draw_objects(inside, wide, tall, *corners))


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize("size", SIZES)
def test_single_pixels_give_the_same_masks(size: tuple[int, int], resize: Resize) -> None:
    places = [(0, 0), (0, 63), (63, 0), (63, 63), (17, 0), (0, 40), (12, 13), (31, 32), (50, 7)]
    logits = torch.full((len(places), LOW, LOW), -1e-3)
    for one, place in zip(logits, places, strict=True):
        one[place] = 5.0
    assert_same(Frame(size, SIDE, resize), logits)


@pytest.mark.parametrize("seed", range(20))
def test_random_windows_in_random_images_give_the_same_masks(seed: int) -> None:
    random = np.random.default_rng(seed)
    top, left = random.integers(0, LOW - 1, 2)
    bottom, right = random.integers((top + 1, left + 1), LOW + 1)
    resize: Resize = "pad" if seed % 2 else "stretch"
    height, width = (int(side) for side in random.integers(1, 900, 2))
    assert_same(
        Frame((height, width), SIDE, resize), draw_objects((top, left, bottom, right), seed=seed)
    )


def test_the_decoders_own_resolution_gives_the_same_masks() -> None:
    torch.manual_seed(2)
    logits = torch.full((2, 256, 256), -0.1)
    logits[0, 100:130, 90:120] = torch.randn(30, 30)
    logits[1, :20, 250:] = torch.randn(20, 6)
    assert_same(Frame((1500, 1357), 1024), logits)


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize("size", [(400, 300), (30, 40)])
def test_nowhere_positive_is_empty_and_everywhere_is_full(
    size: tuple[int, int], resize: Resize
) -> None:
    logits = torch.stack([-torch.rand(LOW, LOW), torch.zeros(LOW, LOW), torch.ones(LOW, LOW)])
    found = logits_to_masks(Frame(size, SIDE, resize), logits)
    assert found.shape == (3, *size)
    assert found.dtype == np.bool_
    assert found.any(axis=(1, 2)).tolist() == [False, False, True]
    assert found[2].all()


def test_what_is_positive_in_the_padding_alone_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = count_resized(monkeypatch)
    found = logits_to_masks(Frame((100, 400), SIDE), draw_objects((40, 10, 60, 30)))
    assert not found.any()
    assert not pixels


def test_no_logits_have_no_masks() -> None:
    assert logits_to_masks(Frame((100, 400), SIDE), torch.zeros(0, LOW, LOW)).shape == (0, 100, 400)


def test_logits_of_a_model_in_training_have_masks() -> None:
    logits = draw_objects((10, 10, 20, 20)).requires_grad_()
    assert logits_to_masks(Frame((400, 400), SIDE), logits).any()


@pytest.mark.parametrize(
    ("window", "share"), [((30, 30, 34, 34), 0.2), ((0, 0, LOW, LOW), 1.0)], ids=["small", "large"]
)
def test_a_small_object_costs_less_and_a_large_one_no_more_than_the_whole(
    monkeypatch: pytest.MonkeyPatch, window: Any, share: float
) -> None:
    pixels = count_resized(monkeypatch)
    logits_to_masks(Frame((1000, 1000), SIDE), draw_objects(window))
    assert 0 < sum(pixels) <= share * (SIDE**2 + 1000**2)
