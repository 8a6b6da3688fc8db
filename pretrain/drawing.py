"""What several kinds of scene draw with: outlines, filled label maps, soft masks, windows of a plane.

Points are (x, y) in pixels, because that is what PIL's pen takes; maps are ``(size, size)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Array = np.ndarray


@dataclass(frozen=True)
class Window:
    """A square window of ``size`` pixels on a plane whose side is ``span`` pixels.

    A scene with a layout (a chest, a sonar fan) is laid out on the unit square and seen whole or in part.
    """

    size: int
    span: float
    corner: Array

    def pixels(self, points: Array) -> Array:
        """Points ``(N, 2)`` of the unit square as pixels of the window."""
        return np.asarray(points, float) * self.span - self.corner

    def grid(self, step: int = 1) -> tuple[Array, Array]:
        """Coordinates x ``(1, n)`` and y ``(n, 1)`` on the unit square of every ``step``-th pixel."""
        place = (np.arange(0, self.size, step) + 0.5 * step).astype(np.float32)
        return (
            ((place + self.corner[0]) / self.span)[None],
            ((place + self.corner[1]) / self.span)[:, None],
        )


def open_window(rng: np.random.Generator, size: int) -> Window:
    """A window that shows a plane of up to 512 pixels whole, or a part of it."""
    span = size * float(np.exp(rng.uniform(0, np.log(max(512 / size, 1.15)))))
    return Window(size, span, rng.uniform(0, max(span - size, 1e-6), 2))


def outlines(
    rng: np.random.Generator, centres: Array, radii: Array, rough: float, stretch: float
) -> Array:
    """``(N, 32, 2)`` wobbly, stretched and turned circles.

    ``rough`` is the size of the wobble, ``stretch`` the deviation of the logarithm of the axes' ratio.
    """
    count = len(centres)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    order = np.arange(2, 7)
    amplitude = rough * rng.normal(size=(count, 5)) / order
    phase = rng.uniform(0, 6.28, (count, 5))
    wobble = (amplitude[..., None] * np.cos(order[:, None] * angle + phase[..., None])).sum(1)
    length = radii[:, None] * np.clip(1 + wobble, 0.35, 2.0)
    ratio = np.exp(rng.normal(0, stretch, (count, 1)) / 2)
    x, y = np.cos(angle) * length * ratio, np.sin(angle) * length / ratio
    turn = rng.uniform(0, 6.28, (count, 1))
    return (
        np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], -1)
        + centres[:, None]
    )


def fill(size: int, shapes: Iterable[Array], numbers: Sequence[int] | None = None) -> Array:
    """Label map int32 of filled outlines, 1, 2, ... unless ``numbers`` says otherwise; later ones cover."""
    canvas = Image.new("I", (size, size))
    pen = ImageDraw.Draw(canvas)
    for index, points in enumerate(shapes):
        pen.polygon(
            np.asarray(points).ravel().tolist(), fill=int(numbers[index]) if numbers else index + 1
        )
    return np.array(canvas, np.int32)


def stroke(size: int, paths: Iterable[Array], widths: Sequence[float]) -> Array:
    """Label map int32 of lines with round joints; line ``k`` is ``k + 1``."""
    canvas = Image.new("I", (size, size))
    pen = ImageDraw.Draw(canvas)
    for number, (points, width) in enumerate(zip(paths, widths, strict=True), 1):
        pen.line(
            np.asarray(points).ravel().tolist(),
            fill=number,
            width=max(1, round(width)),
            joint="curve",
        )
    return np.array(canvas, np.int32)


def enlarge(field: Array, size: int) -> Array:
    """A float map made ``(size, size)`` by bilinear interpolation."""
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def soften(field: Array, sigma: float) -> Array:
    """Gaussian blur; wide ones on a coarser grid, where nothing is lost."""
    step = int(np.clip(sigma // 2.5, 1, 8))
    small = np.ascontiguousarray(field[::step, ::step], np.float32)
    small = ndimage.gaussian_filter(small, sigma / step, truncate=2.5, mode="nearest")
    return small if step == 1 else enlarge(small, field.shape[0])


def smooth_closed(points: Array, dense: int = 8) -> Array:
    """A closed Catmull-Rom curve through ``points (N, 2)``, ``dense`` points to a piece."""
    before, after, beyond = (np.roll(points, shift, 0)[:, None] for shift in (1, -1, -2))
    here = points[:, None]
    t = np.linspace(0, 1, dense, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * here
        + (after - before) * t
        + (2 * before - 5 * here + 4 * after - beyond) * t**2
        + (3 * here - before - 3 * after + beyond) * t**3
    )
    return curve.reshape(-1, 2)


def winding_path(
    rng: np.random.Generator, start: Array, step: float, points: int, bend: float
) -> Array:
    """``(points, 2)``: a path whose direction drifts by ``bend`` radians (deviation) a step."""
    turn = rng.uniform(0, 6.28) + np.cumsum(
        np.cumsum(rng.normal(0, bend * 0.3, points)) * 0.5 + rng.normal(0, bend, points)
    )
    return start + np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1), 0) * step


def scatter(
    rng: np.random.Generator, size: int, radii: Array, spacing: float
) -> tuple[Array, Array]:
    """Places for discs of ``radii`` (N,), not nearer than ``spacing`` of touching; the rest is left out.

    Returns
    -------
    tuple
        Centres ``(M, 2)`` and their radii ``(M,)``, ``1 <= M <= N``: even, in clumps or along bands.
    """
    count, mean = len(radii), float(radii.mean())
    kind = rng.random()
    if kind < 0.45:
        places = rng.uniform(-0.02, 1.02, (count, 2)) * size
    elif kind < 0.8:
        clumps = rng.uniform(0.1, 0.9, (int(rng.integers(1, 6)), 2)) * size
        places = clumps[rng.integers(0, len(clumps), count)] + rng.normal(
            0, mean * np.sqrt(count) * rng.uniform(0.5, 1.2), (count, 2)
        )
    else:
        path = winding_path(rng, rng.uniform(0, size, 2), size / 20, 40, 0.15)
        places = path[rng.integers(0, 40, count)] + rng.normal(
            0, mean * rng.uniform(0.5, 3), (count, 2)
        )
    kept: list[int] = []
    taken, taken_radii = np.empty((count, 2)), np.empty(count)
    for index in range(count):
        n = len(kept)
        apart = ((taken[:n] - places[index]) ** 2).sum(1)
        if (apart >= (spacing * (taken_radii[:n] + radii[index])) ** 2).all():
            taken[n], taken_radii[n] = places[index], radii[index]
            kept.append(index)
    return taken[: len(kept)], taken_radii[: len(kept)]


def gray(field: Array) -> Array:
    """``(H, W, 3)`` from ``(H, W)``."""
    return np.repeat(field[..., None], 3, 2)


def tint_gray(rng: np.random.Generator, field: Array) -> Array:
    """``(H, W, 3)`` from ``(H, W)``: mostly gray, sometimes in one random hue."""
    if rng.random() < 0.7:
        return gray(field)
    colour = rng.uniform(0.15, 1.0, 3)
    return field[..., None] * (colour / colour.max()).astype(np.float32)


def shift_colour(colour: Sequence[float], rng: np.random.Generator, spread: float) -> Array:
    """A colour near ``colour``."""
    return (np.asarray(colour, float) + rng.normal(0, spread, 3)).astype(np.float32)


def nothing(size: int) -> Array:
    """An empty label map."""
    return np.zeros((size, size), np.int32)
