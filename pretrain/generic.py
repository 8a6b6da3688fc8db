"""Any shape that differs from its surroundings in one thing only: texture, mean, direction or an outline.

Clutter of the same kinds crosses objects and surroundings, so that no cue works everywhere.
"""

from __future__ import annotations

import numpy as np

from pretrain.drawing import Array, fill, nothing, outlines, soften, stroke, winding_path
from pretrain.noise import noise_field
from pretrain.paint import boundaries
from pretrain.shapes import KINDS, closed_curve, polygon, rectangle


def hollow(rng: np.random.Generator, size: int) -> Array:
    """Label map of rings and frames: the hole is no part of the object."""
    labels = nothing(size)
    unit = size * float(np.exp(rng.uniform(np.log(0.04), np.log(0.35))))
    for number in range(1, int(rng.integers(2, 7))):
        place = rng.uniform(0.05, 0.95, 2) * size
        radius = max(unit * float(np.exp(rng.normal(0, 0.3))), 8)
        make = (
            closed_curve(rng, place, radius, 0.2),
            polygon(rng, place, radius),
            rectangle(rng, place, radius, rng.uniform(0, 6.28)),
        )[int(rng.integers(3))]
        middle = make.mean(0)
        hole = middle + (make - middle) * rng.uniform(0.4, 0.85)
        drawn = fill(size, [make, hole], [1, 2])
        labels = np.where(drawn == 1, number, labels)
    return labels


def thin(rng: np.random.Generator, size: int) -> Array:
    """Label map of lines of one width each, some forked: vessels, fibres, cables."""
    paths: list[Array] = []
    widths: list[float] = []
    labels = nothing(size)
    for number in range(1, int(rng.integers(2, 8))):
        steps = int(rng.integers(6, 30))
        path = winding_path(
            rng, rng.uniform(0.1, 0.9, 2) * size, size / 25, steps, rng.uniform(0.02, 0.3)
        )
        width = float(np.exp(rng.uniform(np.log(3), np.log(size * 0.06))))
        paths, widths = [path], [width]
        for _ in range(int(rng.choice([0, 0, 1, 3]))):
            start = path[int(rng.integers(steps))]
            paths.append(winding_path(rng, start, size / 25, steps // 2 + 1, 0.15))
            widths.append(max(2.0, width * 0.7))
        labels = np.where(stroke(size, paths, widths) > 0, number, labels)
    return labels


def crescents(rng: np.random.Generator, size: int) -> Array:
    """Label map of blobs with a bite taken out: crescents, horseshoes, kidneys."""
    count = int(rng.integers(1, 9))
    radii = size * np.exp(rng.uniform(np.log(0.04), np.log(0.3)) + rng.normal(0, 0.3, count))
    centres = rng.uniform(0.05, 0.95, (count, 2)) * size
    whole = fill(size, outlines(rng, centres, np.maximum(radii, 8), 0.15, 0.5))
    shift = rng.normal(0, 1, (count, 2))
    shift *= (radii * rng.uniform(0.4, 0.9, count) / np.linalg.norm(shift, axis=1))[:, None]
    bites = fill(
        size, outlines(rng, centres + shift, radii * rng.uniform(0.5, 0.9, count), 0.15, 0.3)
    )
    return np.where(bites == whole, 0, whole).astype(np.int32)


def any_shapes(rng: np.random.Generator, size: int) -> Array:
    """Label map of hollow, thin or concave shapes or of one of the plain kinds."""
    kind = rng.random()
    if kind < 0.2:
        return hollow(rng, size)
    if kind < 0.4:
        return thin(rng, size)
    if kind < 0.6:
        return crescents(rng, size)
    return KINDS[int(rng.integers(len(KINDS)))][1](rng, size)[0]


def pattern(rng: np.random.Generator, size: int) -> Array:
    """A texture ``(H, W)`` of unit deviation: noise of one grain, stripes, dots or cells."""
    kind = int(rng.integers(4))
    if kind == 0:
        return noise_field(rng, size, int(rng.integers(0, 5)))
    if kind == 1:
        place = np.arange(size, dtype=np.float32)
        angle, period = rng.uniform(0, 3.14), rng.uniform(3, 18)
        phase = (place[:, None] * np.sin(angle) + place[None] * np.cos(angle)) * (6.28 / period)
        bent = phase + noise_field(rng, size, 4) * rng.uniform(0, 2)
        return np.asarray(np.sin(bent) * 1.4, np.float32)
    if kind == 2:
        dots = noise_field(rng, size, int(rng.integers(1, 4))) > rng.uniform(0.6, 1.5)
        return np.asarray((dots - dots.mean()) / (dots.std() + 0.1), np.float32)
    web = np.abs(noise_field(rng, size, int(rng.integers(2, 5))))
    return np.asarray((web - web.mean()) / web.std(), np.float32)


def clutter(rng: np.random.Generator, size: int) -> Array:
    """Lines, spots and faint patches ``(H, W)`` that lie over everything and belong to nothing."""
    out = np.zeros((size, size), np.float32)
    if rng.random() < 0.5:
        paths = [
            winding_path(rng, rng.uniform(0, size, 2), size / 14, 16, rng.uniform(0, 0.15))
            for _ in range(int(rng.integers(1, 8)))
        ]
        lines = stroke(size, paths, [float(rng.uniform(1, 5)) for _ in paths]) > 0
        out += soften(lines, 0.7) * rng.normal(0, 1)
    if rng.random() < 0.5:
        count = int(rng.integers(2, 20))
        spots = outlines(
            rng, rng.uniform(0, size, (count, 2)), rng.uniform(1.5, size * 0.03, count), 0.2, 0.4
        )
        out += soften(fill(size, spots) > 0, 0.7) * rng.normal(0, 1)
    if rng.random() < 0.4:
        patches = outlines(
            rng, rng.uniform(0, size, (4, 2)), size * rng.uniform(0.1, 0.4, 4), 0.3, 0.4
        )
        level = rng.normal(0, 0.3, 5) * (np.arange(5) > 0)
        out += level[fill(size, patches)].astype(np.float32)
    return out


def one_cue(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Objects told apart by texture only, by mean only or by an outline only."""
    labels = any_shapes(rng, size)
    inside = soften(labels > 0, float(rng.choice([0.4, 0.8, 1.8])))
    ground, kind = pattern(rng, size), rng.random()
    rough = rng.uniform(0.2, 0.8)
    gray_level = ground * rough
    hue = np.zeros(3, np.float32)
    if kind < 0.35:  # texture only
        gray_level = gray_level * (1 - inside) + pattern(rng, size) * rng.uniform(0.4, 1.0) * inside
    elif kind < 0.65:  # mean only, of the same sign for all objects or not
        step = np.abs(rng.normal(0, 0.3, int(labels.max()) + 1)) + 0.7
        step = step * (
            rng.choice([-1, 1]) if rng.random() < 0.7 else rng.choice([-1, 1], len(step))
        )
        step[0] = 0
        gray_level = gray_level * 0.7 + soften(step[labels].astype(np.float32), 0.7)
    elif kind < 0.8:  # an outline only
        line = soften(boundaries(labels), rng.uniform(0.6, 1.6))
        gaps = np.clip(1 + noise_field(rng, size, 4) * rng.uniform(0, 0.7), 0, 2)
        gray_level = gray_level * 0.6 + line * gaps * rng.choice([-1, 1]) * rng.uniform(2, 5)
    else:  # hue only
        hue = rng.normal(0, 0.8, 3).astype(np.float32)
        hue -= hue.mean()
    gray_level = gray_level + clutter(rng, size) * rng.uniform(0.3, 1.5)
    contrast = float(np.exp(rng.uniform(np.log(22), np.log(75))))
    base = rng.uniform(50, 200) + rng.normal(0, 25, 3) * (rng.random() < 0.5)
    mix = rng.uniform(0.7, 1.0, 3) if rng.random() < 0.4 else np.ones(3)
    image = base + contrast * (gray_level[..., None] * mix + inside[..., None] * hue)
    image = image + noise_field(rng, size, 0)[..., None] * rng.choice([0.0, 3.0, 9.0])
    return image.astype(np.float32), labels, nothing(size)
