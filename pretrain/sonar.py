"""Sound images: forward-looking sonar with echoes and acoustic shadows, ultrasound with cysts and lesions."""

from __future__ import annotations

import numpy as np

from pretrain.drawing import (
    Array,
    Window,
    fill,
    gray,
    nothing,
    open_window,
    outlines,
    soften,
    stroke,
    tint_gray,
    winding_path,
)
from pretrain.noise import noise_field


def speckle(rng: np.random.Generator, size: int) -> Array:
    """Multiplicative speckle ``(H, W)`` of mean 1: amplitudes of a complex field, of some grain size."""
    octave = int(rng.choice([0, 1, 1, 2], p=[0.3, 0.3, 0.3, 0.1]))
    amplitude = np.hypot(noise_field(rng, size, octave), noise_field(rng, size, octave)) / 1.25
    if rng.random() < 0.4:
        amplitude = amplitude**1.6 * 0.9
    mix = rng.uniform(0.35, 1.0)
    return 1 - mix + mix * amplitude


def fan(rng: np.random.Generator, view: Window) -> tuple[Array, Array, Array, Array]:
    """Range and angle ``(H, W)`` of every pixel, the visible sector (bool), and its apex (x, y).

    Ranges are 0 to 1 over the sector. Sometimes the sector fills the window: data before the fan is drawn.
    """
    turn = rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2], p=[0.5, 0.3, 0.1, 0.1])
    x, y = view.grid()
    near, half = rng.uniform(0.0, 0.3), rng.uniform(0.2, 0.6)
    reach = rng.uniform(0.85, 1.1)
    apex = np.array([0.5, 0.5]) + (0.5 + near * 0.3) * np.array([np.sin(turn), np.cos(turn)])
    if rng.random() < 0.25:
        half, near, reach = 4.0, 0.0, 2.5
        apex = np.array([0.5, 0.5]) + rng.uniform(1, 3) * np.array([np.sin(turn), np.cos(turn)])
    dx, dy = x - apex[0], y - apex[1]
    distance, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
    turned = np.angle(np.exp(1j * (angle - turn - np.pi))).astype(np.float32)
    first = distance.min() if half > 3 else near * 0.5
    depth = (distance - first) / ((distance.max() if half > 3 else reach) - first)
    return depth, turned, (depth > 0) & (depth < 1) & (np.abs(turned) < half), apex


def ring(rng: np.random.Generator, radius: float) -> list[Array]:
    """A ring seen from above: its outline and, for the pen, the hole."""
    circle = outlines(rng, np.zeros((1, 2)), np.array([radius]), 0.02, 0.25)[0]
    return [circle, circle * rng.uniform(0.55, 0.85)]


def thing(rng: np.random.Generator, radius: float) -> list[Array]:
    """Outline about the origin of something that lies there, and a hole in it if there is one."""
    kind = int(rng.integers(6))
    turn = rng.uniform(0, 6.28)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    thin = rng.uniform(0.12, 0.4)
    if kind == 0:
        return ring(rng, radius)
    if kind == 1:  # bar or box
        box = np.array([[-1, -thin], [1, -thin], [1, thin], [-1, thin]])
        return [box * radius * (1.0, rng.uniform(0.6, 2.2)) @ matrix]
    if kind == 2:  # bottle
        neck = thin * 0.45
        right = np.array([[-1, thin], [0.3, thin], [0.55, neck], [1, neck]])
        return [np.concatenate([right, right[::-1] * (1, -1)]) * radius @ matrix]
    if kind == 3:  # L or U of some thickness
        arm = rng.uniform(0.2, 1.0)
        hook = [[-1, -1], [1, -1], [1, arm], [1 - thin * 2, arm], [1 - thin * 2, 2 * thin - 1]]
        last = [[2 * thin - 1, 2 * thin - 1], [2 * thin - 1, arm], [-1, arm]]
        tail = last if rng.random() < 0.4 else [[-1, 2 * thin - 1]]
        return [np.array(hook + tail) * radius * 0.7 @ matrix]
    if kind == 4:  # star: a propeller, a shackle
        arms = int(rng.integers(3, 6)) * 2
        angle = np.arange(arms) * 2 * np.pi / arms
        length = np.where(np.arange(arms) % 2 == 0, 1.0, rng.uniform(0.2, 0.5)) * radius
        return [np.stack([np.cos(angle), np.sin(angle)], 1) * length[:, None] @ matrix]
    return [outlines(rng, np.zeros((1, 2)), np.array([radius]), 0.5, 0.7)[0]]


def place_things(
    rng: np.random.Generator, view: Window, seen: Array, apex: Array
) -> tuple[Array, Array, Array, Array]:
    """Labels, holes (bool), shadows (bool), and the side of an object that faces the sonar, -1 to 1."""
    size = view.size
    rows, columns = np.nonzero(seen[::4, ::4])
    shapes: list[Array] = []
    numbers: list[int] = []
    holes: list[Array] = []
    shadows: list[Array] = []
    facing = np.zeros((size, size), np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    unit = size * float(np.exp(rng.uniform(np.log(0.03), np.log(0.22))))
    for number in range(1, int(rng.integers(2, 9))):
        pick = int(rng.integers(len(rows)))
        place = np.array([columns[pick], rows[pick]]) * 4.0
        radius = max(unit * float(np.exp(rng.normal(0, 0.35))), 5.0)
        made = [outline + place for outline in thing(rng, radius)]
        away = place - view.pixels(apex[None])[0]
        away /= np.linalg.norm(away) + 1e-6
        dark = cast(made[0], away, radius * rng.uniform(0.5, 3))
        if rng.random() < 0.6:
            shadows.append(dark)
            if rng.random() < 0.3:  # the echo and its shadow are one object
                shapes.append(dark)
                numbers.append(number)
        shapes.append(made[0])
        numbers.append(number)
        holes += made[1:]
        side = -((x - place[0]) * away[0] + (y - place[1]) * away[1]) / radius
        facing = np.where(fill(size, [made[0]]) > 0, side, facing)
    labels = fill(size, shapes, numbers)
    return labels, fill(size, holes) > 0, fill(size, shadows) > 0, facing


def cast(outline: Array, away: Array, length: float) -> Array:
    """Outline of the shadow of ``outline``: what it sweeps over while it moves away."""
    across = np.array([-away[1], away[0]])
    side = outline @ across
    left, right = outline[side.argmin()], outline[side.argmax()]
    tip = away * length
    return np.array([left, right, right * 0.9 + left * 0.1 + tip, left * 0.9 + right * 0.1 + tip])


def seafloor(rng: np.random.Generator, size: int, depth: Array) -> Array:
    """Echo of the ground ``(H, W)``: gain along the range, one band of sand, clouds, arcs and stray lines."""
    echo = rng.uniform(0.05, 0.35) * (1 + rng.uniform(-0.8, 0.8) * (depth - 0.5))
    if rng.random() < 0.6:
        middle, width = rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.4)
        band = np.clip(1 - np.abs(depth - middle) / width, 0, 1)
        echo = echo + rng.uniform(0.05, 0.4) * band**0.5
    echo = echo * np.clip(1 + rng.uniform(0, 0.45) * noise_field(rng, size, 4), 0.2, 2.5)
    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 4))):
            arc = np.abs(depth - rng.uniform(0.05, 0.95))
            echo = echo + np.where(arc < rng.uniform(0.002, 0.008), rng.uniform(0.1, 0.6), 0)
    if rng.random() < 0.5:  # stray echoes that are nobody's object
        paths = [
            winding_path(rng, rng.uniform(0, size, 2), size / 30, int(rng.integers(2, 15)), 0.15)
            for _ in range(int(rng.integers(1, 5)))
        ]
        lines = stroke(size, paths, [float(rng.uniform(1, 4)) for _ in paths]) > 0
        echo = echo + soften(lines, 0.8) * rng.uniform(0.1, 0.5)
    return np.asarray(np.maximum(echo, 0.01), np.float32)


def sonar(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """A sector of seafloor under speckle; objects echo on the near side or in patches, and cast shadows."""
    view = open_window(rng, size)
    depth, _, seen, apex = fan(rng, view)
    if np.count_nonzero(seen[::4, ::4]) < 40:
        return gray(np.zeros((size, size), np.float32)), nothing(size), nothing(size)
    labels, holes, shadows, facing = place_things(rng, view, seen, apex)
    echo = seafloor(rng, size, depth)
    echo = np.where(soften(shadows, 1.0) > 0.5, echo * rng.uniform(0.1, 0.6), echo)
    patchy = np.clip(
        0.55 + rng.uniform(0.1, 0.6) * noise_field(rng, size, int(rng.integers(2, 5))), 0, 2
    )
    near = np.clip(1 + rng.uniform(0, 1.2) * facing, 0.1, 2)
    level = np.exp(rng.normal(np.log(0.75), 0.35, int(labels.max()) + 1))
    gain = np.where(shadows & (facing == 0), 0.0, level[labels] * patchy * near)
    body = (labels > 0) & ~(shadows & (facing == 0)) & ~holes
    echo = np.where(body, echo * 0.5 + gain, echo)
    echo = np.where(holes & (labels > 0), echo * rng.uniform(0.5, 1.1), echo)
    if rng.random() < 0.3:
        echo = echo + soften(body * gain, 5.0) * 0.3
    field = soften(np.asarray(echo, np.float32), rng.uniform(0.5, 1.2)) * speckle(rng, size)
    if rng.random() < 0.4:
        field = soften(field, rng.uniform(0.5, 0.9))
    field = np.where(
        seen, field * rng.uniform(170, 330), rng.choice([0.0, 8.0, 235.0], p=[0.7, 0.25, 0.05])
    )
    return tint_gray(rng, field.astype(np.float32)), np.where(seen, labels, 0), nothing(size)


def ultrasound(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Layers of tissue under speckle; objects are dark or bright masses, some with light or shadow behind."""
    view = open_window(rng, size)
    x, y = view.grid()
    bend = rng.normal(0, 0.15) * (x - rng.uniform(0.2, 0.8)) ** 2 + 0.02 * noise_field(rng, size, 5)
    layers = np.sin((y + bend) * rng.uniform(10, 60) + 0.5 * noise_field(rng, size, 4))
    echo = 0.4 + rng.uniform(0.02, 0.2) * layers + rng.uniform(0, 0.15) * noise_field(rng, size, 4)
    echo = echo * np.exp(-rng.uniform(0, 1.2) * y)
    count = int(rng.integers(1, 5))
    radius = size * float(np.exp(rng.uniform(np.log(0.05), np.log(0.32))))
    radii = radius * np.exp(rng.normal(0, 0.3, count))
    places = rng.uniform(0.1, 0.9, (count, 2)) * size
    shapes = outlines(rng, places, radii, float(rng.choice([0.05, 0.2, 0.4])), 0.5)
    labels = fill(size, shapes)
    factor = np.exp(rng.choice([-1.4, -0.7, -0.35, 0.5]) * np.exp(rng.normal(0, 0.3, count + 1)))
    factor[0] = 1
    if rng.random() < 0.6:  # behind a mass it is brighter or darker
        behind = np.zeros((size, size), np.float32)
        for shape in shapes:
            left, right = shape[shape[:, 0].argmin()], shape[shape[:, 0].argmax()]
            column = np.array([left, right, [right[0], size], [left[0], size]])
            behind = np.maximum(behind, fill(size, [column]) > 0)
        echo = echo * (1 + soften(behind * (labels == 0), 3.0) * rng.uniform(-0.6, 0.6))
    echo = echo * soften(factor[labels].astype(np.float32), rng.uniform(0.8, 4))
    if rng.random() < 0.4:
        rim = soften(labels > 0, 2.5)
        echo = echo + rng.uniform(0.1, 0.8) * rim * (1 - rim) * np.clip(
            noise_field(rng, size, 4), 0, 2
        )
    field = np.maximum(echo, 0.01) * speckle(rng, size)
    field = np.log1p(field * 8) / 2 if rng.random() < 0.5 else field
    field = soften(field.astype(np.float32), rng.uniform(0.4, 1.2)) * rng.uniform(120, 300)
    if rng.random() < 0.4:
        _, _, seen, _ = fan(rng, view)
        field, labels = np.where(seen, field, 0), np.where(seen, labels, 0)
    return tint_gray(rng, field.astype(np.float32)), labels, nothing(size)
