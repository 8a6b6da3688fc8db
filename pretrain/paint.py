"""Colours, textures and relief by lookup from label maps."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pretrain.noise import noise_field

Array = np.ndarray


def texture(rng: np.random.Generator, size: int) -> Array:
    """``(size, size)`` texture of about unit deviation: two noises, or stripes."""
    if rng.random() < 0.12:
        rows, columns = np.mgrid[:size, :size]
        angle, period = rng.uniform(0, 3.14), rng.uniform(3, 20)
        phase = (rows * np.sin(angle) + columns * np.cos(angle)) / period * 6.28
        return np.sin(phase + noise_field(rng, size, 4)).astype(np.float32)
    mix = rng.uniform(0, 1)
    return mix * noise_field(rng, size, int(rng.integers(0, 3))) + (1 - mix) * noise_field(
        rng, size, int(rng.integers(2, 6))
    )


def boundaries(labels: Array) -> Array:
    """True where a pixel's right or lower neighbour has another label."""
    edge = np.zeros(labels.shape, bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edge


def colours(rng: np.random.Generator, count: int, base: Array, contrast: float) -> Array:
    """``(count, 3)`` colours: near each other (one population) or each its own."""
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    if rng.random() < 0.5:
        direction = np.full(3, 1 / np.sqrt(3))
    towards_middle = 1.0 if direction @ (127.0 - base) > 0 else -1.0
    direction *= towards_middle if rng.random() < 0.9 else -towards_middle
    spread = rng.choice([0.05, 0.2, 0.6])
    amount = contrast * (1 + spread * rng.normal(size=(count, 1)))
    return (
        base + amount * direction * np.sqrt(3) + rng.normal(0, contrast * spread * 0.4, (count, 3))
    )


def paint(rng: np.random.Generator, labels: Array, parts: Array) -> Array:
    """Float image ``(H, W, 3)``, about 0..255, from the label maps."""
    size, count = labels.shape[0], int(labels.max()) + 1
    base = rng.uniform(10, 245, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(5, 250))
    contrast = float(np.exp(rng.uniform(np.log(30), np.log(130))))
    table = colours(rng, count, base, contrast)
    table[0] = base
    image = table[labels].astype(np.float32)
    inside = labels > 0
    rough = contrast * rng.uniform(0.03, 0.45, 2)
    field = np.where(inside, texture(rng, size) * rough[0], texture(rng, size) * rough[1])
    if parts.any():
        shift = rng.normal(0, 1, 3) * contrast * 0.3 + rng.choice([-1, 1]) * contrast * rng.uniform(
            0.3, 0.9
        )
        image += (parts > 0)[..., None] * shift.astype(np.float32)
    field += relief(rng, labels, contrast)
    return image + field[..., None] * rng.uniform(0.6, 1.0, 3).astype(np.float32)


def relief(rng: np.random.Generator, labels: Array, contrast: float) -> Array:
    """Gray change ``(H, W)`` from the shape: dark or bright rims, domes, lit sides."""
    kind = rng.random()
    if kind < 0.35:
        return np.zeros(labels.shape, np.float32)
    edge = boundaries(labels)
    distance = ndimage.distance_transform_edt(~edge).astype(np.float32)
    sign = rng.choice([-1.0, 1.0]) * contrast
    if kind < 0.65:
        rim = np.exp(-distance / rng.uniform(0.8, 4.0))
        rim = np.where(labels > 0, rim, rim * rng.choice([0.0, 1.0]))
        return (sign * rng.uniform(0.3, 1.2) * rim).astype(np.float32)
    if kind < 0.85:
        dome = np.minimum(distance, rng.uniform(4, 30))
        return (
            np.where(labels > 0, dome / max(dome.max(), 1), 0) * sign * rng.uniform(0.4, 1.2)
        ).astype(np.float32)
    lit = ndimage.sobel(np.minimum(distance, 12), axis=int(rng.integers(0, 2)))
    return (np.where(labels > 0, np.sign(lit) * 0.3, 0) * sign).astype(np.float32)
