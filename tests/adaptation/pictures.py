"""Small pictures with known objects."""

from __future__ import annotations

import numpy as np

from napari_catsam.types import Shot

DISCS = ((20, 20, 10), (60, 25, 12), (30, 60, 9), (75, 62, 8), (50, 45, 6))
"""(row, column, radius) of bright discs."""


def draw_discs(count: int = len(DISCS), seed: int = 0) -> Shot:
    """Draw bright discs on a dark, noisy plane of 96 x 80 pixels."""
    rows, columns = np.mgrid[:96, :80]
    labels = np.zeros((96, 80), np.int32)
    for label, (row, column, radius) in enumerate(DISCS[:count], start=1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = label
    noise = np.random.default_rng(seed).normal(0, 8, labels.shape)
    image = (40 + 150 * (labels > 0) + noise).clip(0, 255).astype(np.uint8)
    return Shot(image, labels, name=f"discs {seed}")
