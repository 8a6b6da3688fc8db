"""Shapes drawn into label maps: blobs, polygons, roofs, tubes, cells, tissue, organs.

Each kind gives two maps ``(size, size)`` int32, 0 = nothing: the objects, and objects inside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

from pretrain.noise import noise_field

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray


def closed_curve(rng: np.random.Generator, centre: Array, radius: float, rough: float) -> Array:
    """Points ``(48, 2)`` as (x, y) on a wobbly, stretched and turned circle."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    order = np.arange(2, 7)
    amplitude = rough * rng.normal(size=5) / order
    wobble = amplitude @ np.cos(order[:, None] * angle + rng.uniform(0, 6.28, (5, 1)))
    length = radius * np.clip(1 + wobble, 0.3, 2.0)
    stretch = np.exp(rng.normal(0, 0.22))
    points = np.stack([np.cos(angle) * length * stretch, np.sin(angle) * length / stretch], 1)
    return points @ rotation(rng.uniform(0, 6.28)) + centre


def rotation(angle: float) -> Array:
    """The 2x2 matrix that turns row vectors by ``angle`` radians."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def polygon(rng: np.random.Generator, centre: Array, radius: float) -> Array:
    """A polygon with straight sides, three to eight corners, (x, y)."""
    corners = int(rng.integers(3, 9))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    length = radius * rng.uniform(0.5, 1.2, corners)
    return np.stack([np.cos(angle), np.sin(angle)], 1) * length[:, None] + centre


def rectangle(rng: np.random.Generator, centre: Array, radius: float, angle: float) -> Array:
    """A turned rectangle, sometimes with one corner cut out (an L), (x, y)."""
    half = radius * np.array([1.0, rng.uniform(0.35, 1.0)])
    unit = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    if rng.random() < 0.3:
        a, b = rng.uniform(-0.3, 0.5, 2)
        unit = np.array([[-1, -1], [1, -1], [1, b], [a, b], [a, 1], [-1, 1]], float)
    return unit * half @ rotation(angle) + centre


def centres(rng: np.random.Generator, size: int, radius: float, count: int) -> Array:
    """``(count, 2)`` places, anywhere, on a loose grid or in a clump."""
    kind = rng.random()
    if kind < 0.5:
        return rng.uniform(0, size, (count, 2))
    if kind < 0.75:
        side = max(1, int(np.ceil(np.sqrt(count))))
        grid = (
            np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) + 0.5
        ) / side
        return grid[:count] * size + rng.normal(0, radius * 0.3, (min(count, side * side), 2))
    return rng.uniform(0.2, 0.8, 2) * size + rng.normal(
        0, radius * np.sqrt(count) * 0.8, (count, 2)
    )


def object_size(rng: np.random.Generator, size: int) -> tuple[float, int]:
    """A typical radius in pixels and how many objects of it a scene holds."""
    radius = float(np.exp(rng.uniform(np.log(6), np.log(min(90, size * 0.3)))))
    room = size * size / (np.pi * radius * radius)
    return radius, int(np.clip(room * rng.uniform(0.1, 0.6), 1, 60))


def draw_shapes(
    rng: np.random.Generator, size: int, make: Callable[[Array, float], Array]
) -> Array:
    """Fill ``make(centre, radius)`` at many places; later objects cover earlier ones."""
    radius, count = object_size(rng, size)
    canvas = Image.new("I", (size, size))
    pen = ImageDraw.Draw(canvas)
    for number, centre in enumerate(centres(rng, size, radius, count), 1):
        points = make(centre, radius * float(np.exp(rng.normal(0, 0.2))))
        pen.polygon([tuple(p) for p in points], fill=number)
    return np.asarray(canvas, np.int32)


def blobs(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Smooth blobs, some touching, some covered by others."""
    rough = rng.uniform(0, 0.5)
    return draw_shapes(rng, size, lambda c, r: closed_curve(rng, c, r, rough)), nothing(size)


def polygons(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Polygons of three to eight corners."""
    return draw_shapes(rng, size, lambda c, r: polygon(rng, c, r)), nothing(size)


def roofs(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Rectangles and L shapes that share a direction, as houses in a street do."""
    angle = rng.uniform(0, 6.28)
    spread = rng.choice([0.05, 0.4])
    return draw_shapes(
        rng, size, lambda c, r: rectangle(rng, c, r, angle + rng.normal(0, spread))
    ), nothing(size)


def tubes(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Winding tubes of changing width."""
    canvas = Image.new("I", (size, size))
    pen = ImageDraw.Draw(canvas)
    for number in range(1, int(rng.integers(2, 8)) + 1):
        width = np.exp(rng.uniform(np.log(4), np.log(size * 0.07)))
        turn = np.cumsum(rng.normal(0, 0.06, 80)) + rng.uniform(0, 6.28)
        step = rng.uniform(1.5, 4.0) * size / 256
        path = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1), 0) * step + rng.uniform(
            0, size, 2
        )
        widths = width * (1 + 0.25 * np.sin(np.linspace(0, rng.uniform(2, 12), 80)))
        for (x, y), w in zip(path, widths, strict=True):
            pen.ellipse([x - w / 2, y - w / 2, x + w / 2, y + w / 2], fill=number)
    return np.asarray(canvas, np.int32), nothing(size)


def cells(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Cells with a nucleus each; the nuclei are the parts."""
    radius, count = object_size(rng, size)
    radius = max(radius, 14.0)
    whole, inner = Image.new("I", (size, size)), Image.new("I", (size, size))
    pens = ImageDraw.Draw(whole), ImageDraw.Draw(inner)
    rough = rng.uniform(0, 0.4)
    for number, centre in enumerate(centres(rng, size, radius, min(count, 40)), 1):
        outline = [tuple(p) for p in closed_curve(rng, centre, radius, rough)]
        pens[0].polygon(outline, fill=number)
        pens[1].polygon(outline, fill=0)
        place = centre + rng.normal(0, radius * 0.15, 2)
        nucleus = closed_curve(rng, place, radius * rng.uniform(0.3, 0.5), rough * 0.5)
        pens[1].polygon([tuple(p) for p in nucleus], fill=number)
    labels, parts = np.asarray(whole, np.int32), np.asarray(inner, np.int32)
    return labels, np.where(parts == labels, parts, 0)


def tissue(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Cells that tile the plane, with gaps (membranes) of some width between them."""
    radius = float(np.exp(rng.uniform(np.log(9), np.log(45))))
    count = int(np.clip((size / (2 * radius)) ** 2 * 1.6, 3, 250))
    seeds = rng.uniform(-0.1 * size, 1.1 * size, (count, 2))
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    shift = rng.uniform(0, radius * 0.4)
    where = np.stack(
        [rows + shift * noise_field(rng, size, 3), columns + shift * noise_field(rng, size, 3)], -1
    )
    distance, nearest = cKDTree(seeds).query(where[::2, ::2].reshape(-1, 2), k=2)
    gap = ((distance[:, 1] - distance[:, 0]) / 2).reshape((size + 1) // 2, -1)
    label = (nearest[:, 0] + 1).reshape(gap.shape)
    wide = np.kron(label, np.ones((2, 2), int))[:size, :size]
    open_ = ndimage.zoom(gap, 2, order=1)[:size, :size] > rng.uniform(0.5, 3.0)
    keep = rng.random(count + 1) < rng.uniform(0.5, 1.0)
    return np.where(open_ & keep[wide], wide, 0).astype(np.int32), nothing(size)


def organs(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """One to five large shapes, sometimes with a smaller one inside."""
    whole, inner = Image.new("I", (size, size)), Image.new("I", (size, size))
    pens = ImageDraw.Draw(whole), ImageDraw.Draw(inner)
    for number in range(1, int(rng.integers(1, 6)) + 1):
        radius = size * rng.uniform(0.1, 0.35)
        centre = rng.uniform(0.1, 0.9, 2) * size
        outline = [tuple(p) for p in closed_curve(rng, centre, radius, rng.uniform(0.1, 0.6))]
        pens[0].polygon(outline, fill=number)
        pens[1].polygon(outline, fill=0)
        if rng.random() < 0.4:
            spot = closed_curve(
                rng, centre + rng.normal(0, radius * 0.2, 2), radius * rng.uniform(0.15, 0.4), 0.2
            )
            pens[1].polygon([tuple(p) for p in spot], fill=number)
    labels, parts = np.asarray(whole, np.int32), np.asarray(inner, np.int32)
    return labels, np.where(parts == labels, parts, 0)


def nothing(size: int) -> Array:
    """An empty map of parts."""
    return np.zeros((size, size), np.int32)


KINDS: tuple[tuple[float, Callable[[np.random.Generator, int], tuple[Array, Array]]], ...] = (
    (0.26, blobs),
    (0.10, polygons),
    (0.10, roofs),
    (0.10, tubes),
    (0.18, cells),
    (0.13, tissue),
    (0.13, organs),
)
