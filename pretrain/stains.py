"""Bright-ground microscopy: stained tissue, cells with halos in bright field or phase contrast."""

from __future__ import annotations

import numpy as np

from pretrain.drawing import fill, gray, nothing, outlines, scatter, soften
from pretrain.fluorescence import brightness, population
from pretrain.noise import noise_field
from pretrain.paint import boundaries

Array = np.ndarray

DYES = np.array([[0.62, 0.70, 0.30], [0.55, 0.80, 0.22], [0.45, 0.75, 0.15], [0.30, 0.50, 0.75]])
GROUNDS = np.array([[0.10, 0.95, 0.28], [0.20, 0.85, 0.20], [0.30, 0.60, 0.10], [0.15, 0.35, 0.60]])


def stroma(rng: np.random.Generator, size: int) -> Array:
    """Fibres, clouds and empty spaces ``(H, W)``, about 0 to 1.5: what lies between nuclei."""
    clouds = 0.5 + 0.3 * noise_field(rng, size, int(rng.integers(3, 6)))
    field = np.maximum(clouds, 0) * rng.uniform(0.1, 1.2)
    if rng.random() < 0.6:
        rows, columns = np.mgrid[:size, :size].astype(np.float32)
        angle, period = rng.uniform(0, 3.14), rng.uniform(5, 30)
        bend = noise_field(rng, size, 4) * rng.uniform(0.5, 3) + 0.7 * noise_field(rng, size, 2)
        phase = (rows * np.sin(angle) + columns * np.cos(angle)) * (6.28 / period) + bend
        field = field + np.maximum(np.sin(phase), 0) * rng.uniform(0.05, 0.4)
    if rng.random() < 0.35:
        field = field * (noise_field(rng, size, 4) < rng.uniform(0.6, 1.6))
        field = soften(field, 1.0)
    return (field + 0.08 * noise_field(rng, size, 2) * rng.uniform(0, 1)).astype(np.float32)


def chromatin(rng: np.random.Generator, labels: Array) -> Array:
    """Dye in the nuclei ``(H, W)``: clumps, dark rims, pale middles, each nucleus its own depth."""
    size = labels.shape[0]
    level = brightness(rng, int(labels.max()) + 1)
    clumps = 1 + rng.uniform(0, 0.45) * noise_field(rng, size, int(rng.integers(1, 4)))
    dye = level[labels] * np.maximum(clumps, 0.15)
    rim = soften(boundaries(labels) & (labels > 0), 0.9)
    dye = dye * (1 - rng.uniform(0, 0.55)) + dye * rim * rng.uniform(0, 2.5)
    return soften(dye, float(rng.choice([0.5, 0.9, 1.6])))


def stained_tissue(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Dark dyed nuclei in paler stroma, light absorbed by two dyes."""
    centres, radii = population(rng, size)
    rough = float(rng.choice([0.05, 0.2, 0.4]))
    shapes = outlines(rng, centres, radii, rough, float(rng.choice([0.2, 0.6, 1.1])))
    labels = fill(size, shapes)
    kind = int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))
    dye = np.clip(DYES[kind] + rng.normal(0, 0.1, 3), 0.03, 1)
    other = np.clip(GROUNDS[int(rng.integers(4))] + rng.normal(0, 0.1, 3), 0.03, 1)
    deep = chromatin(rng, labels) * rng.uniform(0.35, 1.9)
    plasma = stroma(rng, size) * rng.uniform(0.05, 0.8)
    if rng.random() < 0.4:
        plasma = plasma + soften(labels > 0, radii.mean() * 0.5) * rng.uniform(0.1, 0.6)
    if rng.random() < 0.4:  # out of focus, so nobody's object
        far, far_radii = scatter(rng, size, radii[:10], 0.7)
        blurred = fill(size, outlines(rng, far, far_radii, rough, 0.4)) > 0
        deep = deep + soften(blurred, 2 + radii.mean() * 0.5) * rng.uniform(0.05, 0.3)
    white = np.clip(rng.normal(238, 8) + rng.normal(0, 6, 3), 190, 255)
    absorbed = np.maximum(deep, 0)[..., None] * dye + np.maximum(plasma, 0)[..., None] * other
    image = (white * np.exp(-absorbed)).astype(np.float32)
    grain = noise_field(rng, size, int(rng.integers(0, 2)))[..., None]
    image += grain * rng.choice([1.0, 3.0, 7.0])
    if rng.random() < 0.15:
        image = gray(image.mean(2))
    return image, labels, nothing(size)


def bright_field(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Cells that differ from the gray ground by rims, halos and texture more than by their mean."""
    radius = float(np.exp(rng.uniform(np.log(5), np.log(size * 0.2))))
    count = int(np.clip(size * size / (4 * radius**2) * rng.uniform(0.1, 1.1), 1, 150))
    radii = radius * np.exp(rng.normal(0, rng.choice([0.1, 0.3]), count))
    centres, radii = scatter(rng, size, radii, rng.uniform(0.65, 1.15))
    shapes = outlines(rng, centres, radii, float(rng.choice([0.05, 0.3, 0.7])), 0.5)
    labels = fill(size, shapes)
    inside = (labels > 0).astype(np.float32)
    rim = boundaries(labels).astype(np.float32)
    thin, wide = soften(rim, rng.uniform(0.7, 1.4)), soften(rim, rng.uniform(2.0, 4.5))
    halo = thin * rng.choice([-1.6, -0.8, 1.0]) + wide * rng.choice([-1.5, 0.0, 1.5, 3.0])
    level = brightness(rng, int(labels.max()) + 1) * rng.choice([-0.6, -0.2, 0.0, 0.05, 0.3])
    grain = noise_field(rng, size, int(rng.integers(1, 3))) * rng.uniform(0.05, 0.4)
    texture = noise_field(rng, size, int(rng.integers(1, 4))) * inside * grain
    clouds = noise_field(rng, size, int(rng.integers(3, 6))) * rng.uniform(0, 0.25)
    contrast = float(np.exp(rng.uniform(np.log(28), np.log(110))))
    field = soften(level[labels], 0.8) + halo + texture + grain * 0.3 * (1 - inside) + clouds
    if rng.random() < 0.3:
        field = field + soften(noise_field(rng, size, 2) > 3, 0.8) * rng.choice([-1.0, 1.0])
    out = gray(rng.uniform(70, 200) + contrast * field)
    if rng.random() < 0.25:
        out = out * np.clip(1 + rng.normal(0, 0.12, 3), 0.6, 1.2)
    out += noise_field(rng, size, 0)[..., None] * rng.choice([0.5, 2.0, 6.0])
    return out.astype(np.float32), labels, nothing(size)
