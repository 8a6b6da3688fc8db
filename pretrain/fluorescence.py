"""Fluorescence microscopy: bright nuclei or cells on a dark ground, crowds of dots to single large ones."""

from __future__ import annotations

import numpy as np

from pretrain.drawing import fill, gray, nothing, outlines, scatter, soften
from pretrain.noise import noise_field
from pretrain.paint import boundaries

Array = np.ndarray


def population(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Centres and radii of one population, from 4 pixels of radius to a third of the side."""
    radius = float(np.exp(rng.uniform(np.log(4), np.log(size * 0.11))))
    if rng.random() < 0.12:
        radius = size * rng.uniform(0.1, 0.33)
    room = size * size / (4 * radius * radius)
    count = int(np.clip(room * np.exp(rng.uniform(np.log(0.05), np.log(1.6))), 2, 260))
    radii = radius * np.exp(rng.normal(0, rng.choice([0.08, 0.2, 0.35]), count))
    return scatter(rng, size, np.maximum(radii, 3.5), float(rng.choice([0.62, 0.8, 0.95, 1.1])))


def draw_nuclei(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Label map of a population, and the same with the order of covering turned round."""
    centres, radii = population(rng, size)
    rough = float(rng.choice([0.03, 0.1, 0.25, 0.45], p=[0.35, 0.35, 0.2, 0.1]))
    shapes = outlines(rng, centres, radii, rough, float(rng.choice([0.15, 0.4, 0.8])))
    numbers = list(range(1, len(shapes) + 1))
    return fill(size, shapes), fill(size, shapes[::-1], numbers[::-1])


def brightness(rng: np.random.Generator, count: int) -> Array:
    """Levels ``(count,)`` about 1, 0 for the ground: narrow, wide, or with few very bright ones."""
    level = np.exp(rng.normal(0, rng.choice([0.08, 0.3, 0.6]), count))
    if rng.random() < 0.35:
        level[rng.random(count) < 0.12] *= rng.uniform(2, 5)
    if rng.random() < 0.35:
        level[rng.random(count) < 0.4] *= rng.uniform(0.2, 0.5)
    level[0] = 0
    return np.maximum(level, 0.0).astype(np.float32)


def light(rng: np.random.Generator, labels: Array, under: Array) -> Array:
    """What the objects shine, ``(H, W)``, about 1 inside: texture, seams, overlaps, soft borders."""
    size = labels.shape[0]
    level = brightness(rng, int(max(labels.max(), under.max())) + 1)
    grain = rng.uniform(0, 0.3) * noise_field(rng, size, int(rng.integers(1, 4)))
    shine = level[labels] * np.maximum(1 + grain, 0.2)
    if rng.random() < 0.4:
        shine += np.where(under != labels, level[under], 0) * rng.uniform(0.3, 1)
    else:
        seam = boundaries(labels) & (labels > 0) & (np.roll(labels, (1, 1), (0, 1)) > 0)
        shine *= 1 - rng.uniform(0.2, 0.8) * np.minimum(soften(seam, 1.0) * 2.2, 1)
    if rng.random() < 0.25:  # hollow: only rim or only speckles shine
        core = soften(labels > 0, rng.uniform(2, 5))
        shine *= 1 - rng.uniform(0.3, 0.8) * np.clip(core * 2 - 1, 0, 1)
    return soften(shine, float(rng.choice([0.5, 0.9, 1.5, 2.3])))


def ground(rng: np.random.Generator, shine: Array) -> Array:
    """Haze about the objects, slope, clouds and out-of-focus light, in units of an object."""
    size = shine.shape[0]
    haze = soften(shine, size * rng.uniform(0.03, 0.12)) * rng.choice([0.05, 0.3, 0.8])
    rows, columns = np.linspace(0, 1, size)[:, None], np.linspace(0, 1, size)[None]
    angle = rng.uniform(0, 6.28)
    slope = (np.cos(angle) * rows + np.sin(angle) * columns) * rng.choice([0, 0.1, 0.5])
    clouds = noise_field(rng, size, int(rng.integers(3, 6))) * rng.choice([0, 0.03, 0.12])
    out = haze + slope + clouds
    if rng.random() < 0.25:
        far, radii = scatter(rng, size, np.full(12, size * rng.uniform(0.02, 0.08)), 0.5)
        blurred = soften(fill(size, outlines(rng, far, radii, 0.1, 0.3)) > 0, radii.mean() * 0.7)
        out = out + blurred * rng.uniform(0.05, 0.25)
    if rng.random() < 0.25:  # bright dust that is nobody's object
        dust = noise_field(rng, size, 1) > rng.uniform(3.2, 4.0)
        out = out + soften(dust, 0.8) * rng.uniform(0.3, 1.5)
    return out.astype(np.float32)


def expose(rng: np.random.Generator, light_: Array) -> Array:
    """Gray levels with shot and read noise: dim exposures of a few levels to saturated ones."""
    peak = float(np.exp(rng.uniform(np.log(10), np.log(220))))
    black = rng.choice([0.0, 4.0, 12.0, 40.0], p=[0.3, 0.35, 0.25, 0.1]) * rng.uniform(0.5, 1.5)
    signal = np.maximum(light_, 0) * peak
    grain = noise_field(rng, len(light_), int(rng.choice([0, 0, 1])))
    noise = np.sqrt(rng.choice([0.0, 0.03, 0.15]) * peak * 0.2 * (signal + 1) + 0.05 * peak**0.7)
    return black + signal + grain * noise * rng.uniform(0.2, 1.5)


def tint(rng: np.random.Generator, field: Array) -> Array:
    """Gray, one dye's colour, or inverted."""
    kind = rng.random()
    if kind < 0.78:
        return gray(field)
    if kind < 0.9:
        dye = np.array([[0.1, 0.2, 1], [0.1, 1, 0.2], [1, 0.15, 0.1], [0.2, 0.9, 1]])
        colour = np.clip(dye[int(rng.integers(4))] + rng.normal(0, 0.1, 3), 0, 1)
        return field[..., None] * colour.astype(np.float32)
    return gray(255 - np.clip(field, 0, 255))


def fluorescent_nuclei(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Nuclei: image float ``(H, W, 3)``, labels, parts."""
    labels, under = draw_nuclei(rng, size)
    shine = light(rng, labels, under)
    return tint(rng, expose(rng, shine + ground(rng, shine))), labels, nothing(size)


def fluorescent_cells(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Cells of faint plasma with a nucleus each, which is their part: brighter or darker."""
    radius = float(np.exp(rng.uniform(np.log(11), np.log(size * 0.22))))
    count = int(np.clip(size * size / (4 * radius**2) * rng.uniform(0.3, 1.2), 1, 80))
    radii = radius * np.exp(rng.normal(0, 0.2, count))
    centres, radii = scatter(rng, size, radii, rng.uniform(0.6, 1.1))
    labels = fill(size, outlines(rng, centres, radii, rng.uniform(0.1, 0.7), 0.6))
    inner = radii * rng.uniform(0.3, 0.5)
    place = centres + rng.normal(0, 0.15, centres.shape) * radii[:, None]
    cores = fill(size, outlines(rng, place, inner, 0.1, 0.3))
    parts = np.where(cores == labels, cores, 0).astype(np.int32)
    shine = light(rng, labels, labels)
    core = soften(parts > 0, 0.9)
    shine = shine * (1 + core * rng.choice([-0.8, -0.4, 0.7, 1.8]))
    return tint(rng, expose(rng, shine + ground(rng, shine))), labels, parts
