"""How a view looks: orientation, scale, light, blur and noise, all drawn from one generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as V

from napari_catsam.geometry import PIXEL_MEAN

__all__ = ["relight", "roughen", "shrink", "step_back", "turn"]

LIGHT = 0.2
"""Brightness and contrast change by up to this share, gamma by about as much."""

BLURRED, NOISY = 0.15, 0.15
"""These shares of the views are blurred, and noisy."""

SIGMA = (0.3, 1.0)
"""Deviation of the blur in pixels of the view."""

NOISE = 0.04
"""Largest deviation of the noise, in parts of the range."""

FAR, FARTHEST = 0.2, 0.6
"""This share of the views is seen from further away, down to this part of their size."""

LEAST_SEEN = 3.0
"""Input pixels across that are left of an object seen from further away."""


def turn(rgb: Any, maps: Any, generator: np.random.Generator) -> tuple[Any, Any]:
    """Flip and turn by right angles, image (3, H, W) and maps (M, H, W) alike."""
    mirrored, quarters = bool(generator.integers(2)), int(generator.integers(4))
    if mirrored:
        rgb, maps = V.horizontal_flip(rgb), V.horizontal_flip(maps)
    rgb, maps = (torch.rot90(x, quarters, (-2, -1)) for x in (rgb, maps))
    return tv_tensors.Image(rgb), tv_tensors.Mask(maps)


def step_back(
    rgb: Any, maps: Any, area: int, side: int, generator: np.random.Generator
) -> tuple[Any, Any]:
    """Put some views into a larger empty canvas, in which everything is smaller.

    Parameters
    ----------
    rgb : Image, (3, H, W)
        In 0..255; what lies outside of it becomes the model's mean colour.
    maps : Mask, (2, H, W)
        Objects, and what is ignored: all of the outside.
    area : int
        Pixels of the object that must stay visible.
    side : int
        Of the model's input.
    generator : numpy.random.Generator
        Draws whether, how far, and where in the canvas.
    """
    if generator.random() >= FAR:
        return rgb, maps
    height, width = rgb.shape[-2:]
    seen = np.sqrt(area) * side / max(height, width)
    part = max(float(generator.uniform(FARTHEST, 1)), min(1.0, LEAST_SEEN / max(seen, 1e-6)))
    down, across = round(height / part) - height, round(width / part) - width
    top, left = (int(generator.integers(n + 1)) for n in (down, across))
    around = [left, top, across - left, down - top]
    objects = V.pad(maps[:1], around, fill=0)
    ignored = V.pad(maps[1:], around, fill=1)
    return V.pad(rgb, around, fill=list(PIXEL_MEAN)), tv_tensors.Mask(torch.cat([objects, ignored]))


def shrink(rgb: Any, maps: Any, label: int, side: int) -> tuple[Any, Any]:
    """Bring a crop larger than the model's input to its size, without losing object ``label``."""
    size = rgb.shape[-2:]
    if max(size) <= side:
        return rgb, maps
    small = [max(1, round(n * side / max(size))) for n in size]
    rows, columns = torch.nonzero(maps[0] == label, as_tuple=True)
    # By their types the image is interpolated and the labels are not.
    rgb, maps = V.resize(rgb, small, antialias=True), V.resize(maps, small)
    if not (maps[0] == label).any():  # a line thinner than the sampling
        maps[0, rows * small[0] // size[0], columns * small[1] // size[1]] = label
    return rgb, maps


def relight(rgb: Any, generator: np.random.Generator) -> Any:
    """Change brightness, contrast and gamma a little; values stay in 0..1."""
    brightness, contrast, gamma = 1 + generator.uniform(-LIGHT, LIGHT, 3)
    rgb = V.adjust_brightness(rgb, float(brightness))
    rgb = V.adjust_contrast(rgb, float(contrast))
    return V.adjust_gamma(rgb, float(gamma))


def roughen(rgb: Any, generator: np.random.Generator) -> Any:
    """Blur some views and add noise to some; values stay in 0..1."""
    if generator.random() < BLURRED:
        rgb = V.gaussian_blur(rgb, [5, 5], [float(generator.uniform(*SIGMA))])
    if generator.random() < NOISY:
        noise = generator.standard_normal(tuple(rgb.shape), dtype=np.float32)
        rgb = (rgb + float(generator.uniform(0, NOISE)) * torch.from_numpy(noise)).clamp(0, 1)
    return rgb
