"""Gray medical images: chest X-rays, and slices through a body or a head."""

from __future__ import annotations

import numpy as np

from pretrain.drawing import (
    Array,
    Window,
    enlarge,
    fill,
    gray,
    nothing,
    open_window,
    outlines,
    smooth_closed,
    soften,
    stroke,
    winding_path,
)
from pretrain.noise import noise_field


def chest_outlines(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Outlines (x, y) on the unit square: the lung at the left of the image, the other one, the heart."""
    top, bottom = rng.uniform(0.06, 0.2), rng.uniform(0.68, 0.92)
    wide, middle = rng.uniform(0.36, 0.46), rng.uniform(0.07, 0.13)
    tall = bottom - top
    shape = np.array(  # outwards from the middle line (0 to 1) and downwards (0 to 1)
        [
            [0.42, 0.0], [0.68, 0.05], [0.86, 0.22], [0.95, 0.45], [1.0, 0.75], [1.0, 1.02],
            [0.9, 0.93], [0.65, 0.83], [0.35, 0.84], [0.08, 0.9], [0.06, 0.7], [0.0, 0.5],
            [0.05, 0.3], [0.1, 0.1],
        ]
    )  # fmt: skip
    lungs = []
    for side in (-1, 1):
        points = shape + rng.normal(0, 0.018, shape.shape)
        points[5, 1] += rng.uniform(-0.06, 0.08)
        points[6:10, 1] += rng.normal(0, 0.03)
        if side == 1:
            points[9:12, 0] += np.array([0.25, 0.2, 0.05]) * rng.uniform(0.4, 1.4)
        x = 0.5 + side * (middle + (wide - middle) * points[:, 0])
        lungs.append(smooth_closed(np.stack([x, top + tall * points[:, 1]], 1)))
    left, right = rng.uniform(0.07, 0.13), rng.uniform(0.16, 0.27)
    crown, base = bottom - tall * rng.uniform(0.46, 0.62), bottom - tall * rng.uniform(0.02, 0.12)
    heart = np.array(
        [
            [0.5 - left * 0.8, crown], [0.5 + left * 0.5, crown - 0.01],
            [0.5 + right * 0.6, crown * 0.6 + base * 0.4], [0.5 + right, crown * 0.25 + base * 0.75],
            [0.5 + right * 0.85, base], [0.5, base + 0.02], [0.5 - left * 0.9, base - 0.02],
            [0.5 - left * 1.1, (crown + base) / 2],
        ]
    )  # fmt: skip
    return lungs[0], lungs[1], smooth_closed(heart + rng.normal(0, 0.008, heart.shape))


def ribs(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Bright curved bands ``(H, W)``: steep ones from behind and fainter ones from the front."""
    away = np.abs(x - 0.5)
    period = rng.uniform(0.062, 0.095)
    back = (y - rng.uniform(0.6, 1.3) * away + rng.uniform(2, 3.5) * away**2) / period
    front = (y + rng.uniform(0.3, 0.9) * away + rng.uniform(0, 1) * away**2) / period
    shares = rng.uniform(0.5, 1), rng.uniform(0.0, 0.5)
    bands = [
        np.clip(np.sin(6.28 * phase + rng.uniform(0, 6.28)) * 2.5 + rng.uniform(-1, 0.6), 0, 1)
        for phase in (back, front)
    ]
    return np.asarray(shares[0] * bands[0] + shares[1] * bands[1], np.float32)


def chest_shade(
    rng: np.random.Generator, view: Window, step: int, shapes: tuple[Array, Array, Array]
) -> Array:
    """Brightness ``(n, n)``, about 0 to 1, of a chest on every ``step``-th pixel of the window."""
    coarse = Window(view.size // step, view.span / step, view.corner / step)
    size = coarse.size
    x, y = coarse.grid()
    unit = coarse.span
    lungs = fill(size, [coarse.pixels(s) for s in shapes[:2]]) > 0
    air = soften(lungs, unit * rng.uniform(0.003, 0.009))
    heart = soften(fill(size, [coarse.pixels(shapes[2])]) > 0, unit * rng.uniform(0.004, 0.012))
    trunk = np.exp(-(((x - 0.5) / rng.uniform(0.06, 0.11)) ** 2)) * np.ones_like(y)
    half = 0.43 + rng.uniform(0.0, 0.12) * y + rng.uniform(0, 0.15) * np.exp(-((y / 0.3) ** 2))
    body = 1 / (1 + np.exp((np.abs(x - 0.5) - half) / rng.uniform(0.01, 0.04)))
    neck = 1 / (1 + np.exp((0.12 - y - 0.5 * np.maximum(0.3 - np.abs(x - 0.5), 0)) / 0.02))
    shade = body * (rng.uniform(0.5, 0.7) + 0.25 * y) * (0.4 + 0.6 * neck)
    shade = shade + trunk * rng.uniform(0.1, 0.35)
    depth = rng.uniform(0.3, 0.6) * (1 + 0.12 * noise_field(rng, size, 4)) * (1.25 - 0.5 * y)
    shade = shade - air * depth * (1 - 0.8 * heart) * (1 - 0.5 * trunk)
    shade = shade + heart * rng.uniform(0.02, 0.2) + ribs(rng, x, y) * air * rng.uniform(0.02, 0.14)
    vessels = noise_field(rng, size, 2) + noise_field(rng, size, 3)
    hilum = np.exp(-(((np.abs(x - 0.5) - 0.13) / 0.1) ** 2) - ((y - 0.45) / 0.2) ** 2)
    shade = shade + air * np.clip(vessels, -1, 2) * (0.01 + 0.06 * hilum) * rng.uniform(0.3, 1)
    vertebrae = trunk**2 * np.sin(y * 6.28 / rng.uniform(0.05, 0.08)) * rng.uniform(0, 0.04)
    lines = []
    for side in (-1, 1):  # collar bones
        start = np.array([0.5 + side * 0.06, 0.2 + rng.normal(0, 0.02)])
        end = start + np.array([side * rng.uniform(0.28, 0.4), rng.uniform(-0.14, -0.02)])
        bow = (start + end) / 2 + np.array([0, rng.uniform(-0.01, 0.03)])
        lines.append(coarse.pixels(np.stack([start, bow, end])))
    bones = stroke(size, lines, [unit * 0.025] * 2) > 0
    shade = shade + soften(bones, unit * 0.006) * rng.uniform(0, 0.15)
    return np.asarray(shade + vertebrae, np.float32)


def chest_xray(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """A chest from the front: objects are two lungs and the heart."""
    view = open_window(rng, size)
    shapes = chest_outlines(rng)
    if rng.random() < 0.15:
        mirror = [np.stack([1 - s[:, 0], s[:, 1]], 1) for s in shapes]
        shapes = (mirror[0], mirror[1], mirror[2])
    step = int(rng.choice([1, 2, 2])) if size >= 128 else 1
    shade = enlarge(chest_shade(rng, view, step, shapes), size)
    shade = np.clip(shade, 0, None) / max(float(shade.max()), 0.8)
    field = 255 * shade ** rng.uniform(0.7, 1.5) * rng.uniform(0.85, 1.1)
    field = field + noise_field(rng, size, int(rng.integers(0, 3))) * rng.choice([0.3, 1.5, 4.0])
    if rng.random() < 0.4:  # letters, plates
        corner = rng.uniform(0, 0.9, 2)
        sides = rng.uniform(0.02, 0.12, 2)
        box = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * sides + corner
        field = np.where(fill(size, [view.pixels(box)]) > 0, rng.choice([0.0, 250.0]), field)
    if rng.random() < 0.08:
        field = 255 - field
    return gray(field), fill(size, [view.pixels(s) for s in shapes]), nothing(size)


def slice_shapes(rng: np.random.Generator, view: Window) -> tuple[Array, Array]:
    """The body's outline in pixels, and a label map of organs in it that rarely cover each other."""
    centre = np.array([[0.5, 0.5]]) + rng.normal(0, 0.04, (1, 2))
    body = outlines(rng, centre, np.array([rng.uniform(0.33, 0.5)]), 0.06, 0.25)[0]
    count = int(rng.integers(3, 14))
    radii = np.exp(rng.uniform(np.log(0.02), np.log(0.16), count))
    centres = centre + rng.normal(0, 0.17, (count, 2))
    organs = outlines(rng, centres, radii, float(rng.choice([0.1, 0.35, 0.6])), 0.6)
    if rng.random() < 0.5:  # pairs, mirrored
        twin = organs[: count // 2] * (-1, 1) + (2 * centre[0, 0], 0)
        organs[count - len(twin) :] = twin
    points = [view.pixels(organ) for organ in organs]
    labels = fill(view.size, points)
    inside = fill(view.size, [view.pixels(centre + (body - centre) * 0.92)]) > 0
    return view.pixels(body), np.where(inside, labels, 0).astype(np.int32)


def body_slice(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """A slice as CT or MR shows it: gray organs of low contrast in a body with a rind."""
    view = open_window(rng, size)
    outline, labels = slice_shapes(rng, view)
    body = fill(size, [outline]) > 0
    base = rng.uniform(0.25, 0.6)
    count = int(labels.max()) + 1
    contrast = rng.uniform(0.6, 1.6, count) * rng.choice([0.06, 0.12, 0.25])
    level = base + np.where(rng.random(count) < rng.uniform(0.1, 0.9), contrast, -contrast)
    level[0] = base
    field = level[labels].astype(np.float32)
    rind = soften(body, view.span * rng.uniform(0.004, 0.02))
    field = field + (1 - np.clip(rind * 2 - 1, 0, 1)) * rng.uniform(-0.3, 0.6) * body
    if rng.random() < 0.6:  # folds and gyri, nobody's object
        folds = np.abs(noise_field(rng, size, int(rng.integers(3, 5))))
        field = field + (labels == 0) * np.clip(0.5 - folds, 0, 1) * rng.uniform(-0.5, 0.5)
    for octave, amount in ((1, 0.03), (3, 0.04), (4, 0.05)):
        field = field + rng.uniform(0, amount) * noise_field(rng, size, octave)
    if rng.random() < 0.5:
        paths = [
            winding_path(rng, rng.uniform(0, size, 2), size / 60, 20, 0.2)
            for _ in range(int(rng.integers(1, 6)))
        ]
        vessels = stroke(size, paths, [float(rng.uniform(1, 0.02 * size)) for _ in paths]) > 0
        field = field + vessels * rng.normal(0, 0.15) * (labels == 0)
    field = soften(np.where(body, field, 0), float(rng.choice([0.6, 1.2, 2.0, 3.0])))
    if rng.random() < 0.4:  # coil: brighter on one side
        x, y = view.grid()
        field = field * (1 + rng.normal(0, 0.5) * (x - 0.5) + rng.normal(0, 0.5) * (y - 0.5))
    strength = rng.choice([0.005, 0.02, 0.06])
    noise = noise_field(rng, size, int(rng.integers(0, 2))), noise_field(rng, size, 0)
    field = np.hypot(field + strength * noise[0], strength * noise[1])
    if rng.random() < 0.08:
        field = 0.9 - field
    return gray((field * rng.uniform(200, 330)).astype(np.float32)), labels, nothing(size)
