"""Colour pictures of the body's surfaces: polyps on shaded folds, lesions of the skin."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pretrain.drawing import (
    Array,
    fill,
    nothing,
    outlines,
    shift_colour,
    soften,
    stroke,
    winding_path,
)
from pretrain.noise import noise_field


def few_blobs(rng: np.random.Generator, size: int, most: int, rough: float) -> Array:
    """Label map of one to ``most`` blobs, from 12 pixels to almost the whole side."""
    count = int(rng.integers(1, most + 1))
    radius = size * float(np.exp(rng.uniform(np.log(0.05), np.log(0.36))))
    radii = np.maximum(radius * np.exp(rng.normal(0, 0.3, count)), 6)
    return fill(size, outlines(rng, rng.uniform(0.12, 0.88, (count, 2)) * size, radii, rough, 0.4))


def lit(height: Array, direction: float) -> Array:
    """Slope of a height map towards the light."""
    rows = ndimage.sobel(height, axis=0, mode="nearest")
    columns = ndimage.sobel(height, axis=1, mode="nearest")
    return np.asarray((np.cos(direction) * columns + np.sin(direction) * rows) / 8, np.float32)


def hairs(rng: np.random.Generator, size: int, count: int) -> Array:
    """Thin bent lines ``(H, W)``, 0 to 1."""
    paths = [
        winding_path(rng, rng.uniform(-0.2, 1.2, 2) * size, size / 14, 18, 0.08)
        for _ in range(count)
    ]
    return soften(stroke(size, paths, [float(rng.uniform(1, 3)) for _ in paths]) > 0, 0.6)


def polyps(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Domes on a pink shaded wall with folds, vessels and white reflections."""
    labels = few_blobs(rng, size, 3, rng.uniform(0.05, 0.35))
    inside = labels > 0
    mean = np.sqrt(inside.mean() / max(1, labels.max()) + 1e-4) * size
    dome = soften(inside, mean * rng.uniform(0.12, 0.3)) * mean * rng.uniform(0.3, 0.9)
    folds = np.abs(noise_field(rng, size, 5)) ** 0.7 * rng.uniform(4, 25)
    folds = folds + noise_field(rng, size, 4) * rng.uniform(0, 5)
    cover = soften(inside, float(rng.choice([0.6, 2.0, 5.0])))
    height = (dome * cover + folds * (1 - 0.7 * cover)).astype(np.float32)
    slope = lit(soften(height, 1.5), rng.uniform(0, 6.28)) * rng.uniform(0.15, 0.5)
    x = np.linspace(-1, 1, size, dtype=np.float32)
    spot = (x[None] - rng.uniform(-0.5, 0.5)) ** 2 + (x[:, None] - rng.uniform(-0.5, 0.5)) ** 2
    light = np.clip(1 + slope, 0.25, 1.8) * np.exp(-spot * rng.uniform(0.1, 0.9))
    light = light * (1 - 0.2 * np.clip(folds.max() * 0.15 - folds, 0, 1))
    edge = soften(inside, rng.uniform(1, 4))
    light = light * (1 - rng.uniform(0, 1.2) * edge * (1 - edge))
    wall, growth = shift_colour([205, 110, 95], rng, 18), shift_colour([205, 105, 90], rng, 18)
    share = edge[..., None] * rng.uniform(0.3, 1)
    image = (wall * (1 - share) + growth * share) * light[..., None]
    if rng.random() < 0.6:
        vessels = hairs(rng, size, int(rng.integers(2, 12))) * (1 - 0.7 * inside)
        image -= vessels[..., None] * np.array([20, 45, 35], np.float32) * rng.uniform(0.3, 1)
    image += noise_field(rng, size, 2)[..., None] * rng.uniform(0, 6)
    shine = (slope + 0.12 * noise_field(rng, size, 2)) > np.quantile(
        slope[::8, ::8], rng.uniform(0.97, 1)
    ) + 0.1
    image = image + soften(shine, 0.8)[..., None] * rng.uniform(60, 200)
    if rng.random() < 0.3:  # the scope's dark corners
        corners = np.abs(x[None]) + np.abs(x[:, None]) > rng.uniform(1.3, 1.8)
        image, labels = np.where(corners[..., None], 8, image), np.where(corners, 0, labels)
    image += noise_field(rng, size, 0)[..., None] * rng.uniform(0, 4)
    return image.astype(np.float32), labels.astype(np.int32), nothing(size)


def skin_lesions(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Spots of uneven brown or red on skin, with soft borders, hairs and a scale or a vignette."""
    labels = few_blobs(rng, size, int(rng.choice([1, 1, 4])), rng.uniform(0.1, 0.5))
    wobble = noise_field(rng, size, int(rng.integers(2, 4))) * rng.uniform(0, 0.25)
    ragged = soften(labels > 0, rng.uniform(2, 6)) + wobble > 0.5
    near = ndimage.grey_dilation(labels, size=9)
    labels = np.where(ragged & (near > 0), near, 0).astype(np.int32)
    skin = shift_colour([215, 165, 145], rng, 22)
    spots = [shift_colour(c, rng, 20) for c in ([110, 65, 50], [190, 105, 95], [60, 45, 45])]
    mix = np.clip(0.5 + 0.5 * noise_field(rng, size, 4), 0, 1)[..., None]
    pair = rng.choice(3, 2)
    inner = spots[int(pair[0])] * mix + spots[int(pair[1])] * (1 - mix)
    soft = soften(labels > 0, rng.uniform(0.8, 6))[..., None] * rng.uniform(0.35, 1.0)
    image = skin * (1 - soft) + inner * soft
    texture = rng.uniform(0, 10) * noise_field(rng, size, 2) + rng.uniform(0, 12) * noise_field(
        rng, size, 4
    )
    image = image + texture[..., None]
    if rng.random() < 0.5:
        image = image - hairs(rng, size, int(rng.integers(3, 25)))[..., None] * rng.uniform(40, 130)
    x = np.linspace(-1, 1, size, dtype=np.float32)
    image = image * (1 - rng.uniform(0, 0.35) * (x[None] ** 2 + x[:, None] ** 2))[..., None]
    image = image + noise_field(rng, size, 0)[..., None] * rng.uniform(0, 6)
    return image.astype(np.float32), labels, nothing(size)
