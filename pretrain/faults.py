"""The faults of cameras and microscopes: uneven light, blur, noise, coarse steps, JPEG blocks."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage

Array = np.ndarray


def degrade(rng: np.random.Generator, image: Array) -> Array:
    """Uneven light, blur, noise, coarse steps, JPEG blocks, gray, inversion: ``(H, W, 3)`` uint8."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        image = image * uneven_light(rng, height, width)[..., None]
    if rng.random() < 0.5:
        sigma = rng.uniform(0.4, 2.2)
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0), truncate=2.5)
    if rng.random() < 0.35:
        image = image.mean(2, keepdims=True).repeat(3, 2)
    image = add_noise(rng, image)
    if rng.random() < 0.2:
        image = 255 - image
    image = np.clip(image, 0, 255)
    if rng.random() < 0.1:
        step = rng.uniform(8, 40)
        image = np.round(image / step) * step
    image = np.clip(image, 0, 255).astype(np.uint8)
    return jpeg(rng, image) if rng.random() < 0.2 else image


def uneven_light(rng: np.random.Generator, height: int, width: int) -> Array:
    """A slope or a vignette as factors ``(H, W)`` around 1."""
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    if rng.random() < 0.5:
        angle = rng.uniform(0, 6.28)
        field = np.cos(angle) * rows + np.sin(angle) * columns
    else:
        field = -((rows - rng.uniform(-0.5, 0.5)) ** 2 + (columns - rng.uniform(-0.5, 0.5)) ** 2)
    return (1 + rng.uniform(0, 0.5) * field).astype(np.float32)


def add_noise(rng: np.random.Generator, image: Array) -> Array:
    """Gaussian, shot or speckle noise, the same or not in the three channels."""
    kind = rng.random()
    if kind < 0.3:
        return image
    grain = rng.standard_normal((*image.shape[:2], 3 if rng.random() < 0.4 else 1), np.float32)
    strength = float(np.exp(rng.uniform(np.log(1.5), np.log(18))))
    if kind < 0.65:
        return image + strength * grain
    if kind < 0.85:
        return image + strength * np.sqrt(np.clip(image, 0, 255) / 128) * grain
    return image * (1 + strength / 90 * grain)


def jpeg(rng: np.random.Generator, image: Array) -> Array:
    """The image after a JPEG file of low quality."""
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "JPEG", quality=int(rng.integers(15, 70)))
    return np.asarray(Image.open(memory))


def record(rng: np.random.Generator, image: Array) -> Array:
    """``(H, W, 3)`` uint8: cut to 0..255, sometimes of few levels or through a JPEG file."""
    image = np.clip(image, 0, 255)
    if image.dtype != np.uint8:
        if rng.random() < 0.04:
            image = 255 - image
        image = (image + 0.5).astype(np.uint8)
        if rng.random() < 0.12:
            image = jpeg(rng, image)
    return np.ascontiguousarray(image)
