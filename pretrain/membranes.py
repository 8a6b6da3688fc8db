"""Cells that tile the plane between thin membranes: electron microscopy of tissue, dyed membranes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pretrain.drawing import Array, fill, gray, outlines, soften, tint_gray, winding_path
from pretrain.noise import noise_field
from pretrain.paint import boundaries


def cell_seeds(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Seed points ``(N, 2)`` and the cell of each: points, short lines and long winding or forked ones."""
    unit = float(np.exp(rng.uniform(np.log(9), np.log(size * 0.14))))
    cells = int(np.clip((size * 1.3 / (2 * unit)) ** 2 * rng.uniform(0.5, 1.1), 6, 320))
    crowd = rng.uniform(-0.1, 1.1, 2) * size
    winding, bend = rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.6)
    points, owner = [], []
    for cell in range(1, cells + 1):
        place = rng.uniform(-0.15, 1.15, 2) * size
        if rng.random() < 0.35:  # small cells keep together
            place = crowd + rng.normal(0, 0.22 * size, 2)
        count = 1 if rng.random() > winding else int(rng.integers(2, 14))
        path = winding_path(rng, place, unit * rng.uniform(0.35, 0.8), count, bend)
        if count > 6 and rng.random() < 0.4:
            fork = winding_path(rng, path[count // 2], unit * 0.6, count // 2, bend)
            path = np.concatenate([path, fork])
        if rng.random() < 0.12:  # a wide cell: nobody else's seed stays near
            path = path + rng.normal(0, unit * 1.2, (6, 1, 2))
            path = path.reshape(-1, 2)
        points.append(path)
        owner.append(np.full(len(path), cell))
    return np.concatenate(points), np.concatenate(owner)


def tiling(rng: np.random.Generator, size: int) -> Array:
    """Label map int32 without gaps: the nearest seed's cell, borders bent by noise."""
    seeds, owner = cell_seeds(rng, size)
    place = np.arange(0, size, 2, dtype=np.float32)
    shift = rng.uniform(1, 10), rng.uniform(0, 2)
    bent = [
        shift[0] * noise_field(rng, size, 4)[::2, ::2]
        + shift[1] * noise_field(rng, size, 3)[::2, ::2]
        for _ in range(2)
    ]
    query = np.stack(np.broadcast_arrays(place[None] + bent[0], place[:, None] + bent[1]), -1)
    nearest = cKDTree(seeds).query(query.reshape(-1, 2))[1].reshape(query.shape[:2])
    coarse = ndimage.median_filter(owner[nearest].astype(np.int32), 5)
    rows, columns = np.mgrid[:size, :size]
    amount = rng.uniform(0.2, 1.6, 2) * (1, 0.25)
    fine = [
        amount[0] * noise_field(rng, size, 3) + amount[1] * noise_field(rng, size, 2)
        for _ in range(2)
    ]
    last = len(coarse) - 1
    row = np.clip((rows + fine[0]) / 2, 0, last).astype(np.intp)
    column = np.clip((columns + fine[1]) / 2, 0, last).astype(np.intp)
    return np.asarray(coarse[row, column], np.int32)


def interiors(rng: np.random.Generator, cells: Array) -> tuple[Array, Array, float]:
    """Connected interiors int32 between the membranes, the distance to the border, half the width."""
    edge = boundaries(cells)
    distance = ndimage.distance_transform_edt(~edge).astype(np.float32)
    half = float(rng.uniform(0.9, 2.6))
    uneven = half * (1 + 0.25 * noise_field(rng, len(cells), 3))
    inside = np.where(distance > uneven, cells, 0)
    parts, _ = ndimage.label(inside > 0)
    return np.asarray(parts, np.int32), distance, half


def organelles(
    rng: np.random.Generator, labels: Array, room: Array, radius: float, count: int
) -> Array:
    """Label map of round or long bodies that lie in wide enough interiors."""
    size = labels.shape[0]
    rows, columns = np.nonzero(room[::3, ::3])
    if not len(rows):
        return np.zeros(labels.shape, np.int32)
    pick = rng.integers(0, len(rows), count)
    places = np.stack([columns[pick], rows[pick]], 1) * 3.0
    radii = radius * np.exp(rng.normal(0, 0.25, count))
    bodies = fill(size, outlines(rng, places, radii, 0.15, 0.7))
    home = labels[places[:, 1].astype(int), places[:, 0].astype(int)]
    table = np.concatenate([[0], home])
    return np.where((labels > 0) & (table[bodies] == labels), bodies, 0).astype(np.int32)


def cristae(rng: np.random.Generator, bodies: Array) -> Array:
    """Gray change ``(H, W)`` of dark bodies with folds inside and a darker rim."""
    size = bodies.shape[0]
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    angle, period = rng.uniform(0, 3.14), rng.uniform(3.5, 7)
    phase = (rows * np.sin(angle) + columns * np.cos(angle)) * (6.28 / period)
    folds = np.sin(phase + 1.5 * noise_field(rng, size, 3))
    rim = soften(boundaries(bodies) & (bodies > 0), 0.8)
    inner = np.where(bodies > 0, -rng.uniform(0.3, 0.7) + 0.25 * folds, 0)
    return soften(inner, 0.6) - rim * rng.uniform(0.5, 1.4)


def electron_microscopy(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Sections of nervous tissue: objects are cell interiors, parts one dark body in each."""
    labels, distance, half = interiors(rng, tiling(rng, size))
    dark = np.clip(1.0 + 0.45 * noise_field(rng, size, 3) + 0.2 * noise_field(rng, size, 2), 0.1, 2)
    profile = np.clip((half + 0.8 - distance) / 1.3, 0, 1)
    if rng.random() < 0.5:  # membranes cut at a slant are wide and pale
        slant = np.clip(noise_field(rng, size, 4) - 0.8, 0, 1)
        profile = profile * (1 - 0.6 * slant) + slant * 0.7 * np.exp(-distance / (3 * half + 2))
    field = -profile * dark * rng.uniform(0.7, 1.2)
    shade = rng.normal(0, rng.choice([0.03, 0.1, 0.2]), int(labels.max()) + 1).astype(np.float32)
    field += np.where(labels > 0, shade[labels], 0)
    bodies = np.zeros_like(labels)
    if rng.random() < 0.75:
        radius = float(rng.uniform(5, 16))
        bodies = organelles(
            rng, labels, distance > radius * 0.7 + half, radius, int(rng.integers(1, 12))
        )
        field += cristae(rng, bodies)
    if rng.random() < 0.6:  # vesicles
        dots = organelles(
            rng, labels, distance > half + 3, rng.uniform(1.5, 3), int(rng.integers(10, 120))
        )
        ring = soften(boundaries(dots), 0.6)
        field -= ring * rng.uniform(0.2, 0.8)
    grain = sum(
        rng.uniform(0, amount) * noise_field(rng, size, octave)
        for octave, amount in ((0, 0.25), (1, 0.3), (2, 0.18), (4, 0.08))
    )
    field = soften(field, float(rng.choice([0.3, 0.6, 1.0, 1.5]))) + grain
    level, contrast = rng.uniform(110, 200), rng.uniform(50, 130)
    parts = one_body_each(labels, bodies)
    return gray(level + contrast * field), labels, parts


def one_body_each(labels: Array, bodies: Array) -> Array:
    """Bodies numbered by their cell; of several in one cell the last one."""
    count = int(bodies.max())
    if count == 0:
        return np.zeros_like(labels)
    home = np.zeros(count + 1, np.int32)
    np.maximum.at(home, bodies.ravel(), np.where(bodies > 0, labels, 0).ravel())
    last = {int(home[body]): body for body in range(1, count + 1) if home[body]}
    chosen = np.zeros(count + 1, bool)
    chosen[list(last.values())] = True
    return np.where(chosen[bodies], labels, 0).astype(np.int32)


def dyed_membranes(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """A sheet of cells whose membranes shine, or are dark lines, or whose plasma differs a little."""
    labels, distance, half = interiors(rng, tiling(rng, size))
    width = rng.uniform(0.8, 2.2) * half
    line = np.exp(-((distance / width) ** 2)) * np.clip(1 + 0.5 * noise_field(rng, size, 3), 0.1, 2)
    shade = np.abs(rng.normal(0, rng.uniform(0.02, 0.3), int(labels.max()) + 1)).astype(np.float32)
    field = line * rng.uniform(0.5, 1.2) + np.where(labels > 0, shade[labels], 0)
    field += 0.12 * rng.uniform(0, 1) * noise_field(rng, size, int(rng.integers(2, 5)))
    field = soften(field, float(rng.choice([0.4, 0.8, 1.5])))
    field += rng.uniform(0.01, 0.2) * noise_field(rng, size, int(rng.integers(0, 2)))
    peak, black = np.exp(rng.uniform(np.log(35), np.log(220))), rng.uniform(0, 50)
    out = black + peak * field if rng.random() < 0.7 else 235 - peak * field
    return tint_gray(rng, out), labels, np.zeros_like(labels)
