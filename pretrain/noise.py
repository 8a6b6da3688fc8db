"""Noise fields of many grain sizes, computed once and cut at random."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage

Array = np.ndarray


@lru_cache(maxsize=1)
def noise_bank() -> tuple[Array, ...]:
    """Six 768x768 noise fields with unit deviation, from fine grain to soft clouds."""
    rng = np.random.default_rng(1234)
    fields = []
    for sigma in (0.0, 1.0, 2.5, 6.0, 16.0, 40.0):
        field = rng.normal(size=(768, 768))
        field = ndimage.gaussian_filter(field, sigma, mode="wrap") if sigma else field
        fields.append((field / field.std()).astype(np.float32))
    return tuple(fields)


def noise_field(rng: np.random.Generator, size: int, octave: int) -> Array:
    """A random window ``(size, size)`` of one of the noise fields, randomly flipped."""
    row, column = rng.integers(0, 768 - size + 1, 2)
    field = noise_bank()[octave][row : row + size, column : column + size]
    field = field[::-1] if rng.random() < 0.5 else field
    return field.T if rng.random() < 0.5 else field
