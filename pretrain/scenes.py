"""Procedurally drawn scenes with exact instance masks.

A scene is drawn in three steps: shapes into a label map, paint by lookup from that map, and the faults
of a camera or a microscope on top. Everything comes from one ``numpy.random.Generator``, so a seed gives
the same scene again.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

Array = np.ndarray


@dataclass(frozen=True)
class Scene:
    """One drawn picture.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8.
    labels
        ``(H, W)`` int32, 0 = background; every object has its own number.
    parts
        ``(H, W)`` int32, 0 = nothing; objects inside objects (nuclei in cells). May be all 0.
    """

    image: Array
    labels: Array
    parts: Array


# ---------------------------------------------------------------- shapes


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
        grid = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) + 0.5) / side
        return grid[:count] * size + rng.normal(0, radius * 0.3, (min(count, side * side), 2))
    return rng.uniform(0.2, 0.8, 2) * size + rng.normal(0, radius * np.sqrt(count) * 0.8, (count, 2))


def object_size(rng: np.random.Generator, size: int) -> tuple[float, int]:
    """A typical radius in pixels and how many objects of it a scene holds."""
    radius = float(np.exp(rng.uniform(np.log(6), np.log(min(90, size * 0.3)))))
    room = size * size / (np.pi * radius * radius)
    return radius, int(np.clip(room * rng.uniform(0.1, 0.6), 1, 60))


def draw_shapes(rng: np.random.Generator, size: int, make: Callable[[Array, float], Array]) -> Array:
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
    return draw_shapes(rng, size, lambda c, r: rectangle(rng, c, r, angle + rng.normal(0, spread))), nothing(size)


def tubes(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Winding tubes of changing width."""
    canvas = Image.new("I", (size, size))
    pen = ImageDraw.Draw(canvas)
    for number in range(1, int(rng.integers(2, 8)) + 1):
        width = np.exp(rng.uniform(np.log(4), np.log(size * 0.07)))
        turn = np.cumsum(rng.normal(0, 0.06, 80)) + rng.uniform(0, 6.28)
        step = rng.uniform(1.5, 4.0) * size / 256
        path = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1), 0) * step + rng.uniform(0, size, 2)
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
    where = np.stack([rows + shift * noise_field(rng, size, 3), columns + shift * noise_field(rng, size, 3)], -1)
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
            spot = closed_curve(rng, centre + rng.normal(0, radius * 0.2, 2), radius * rng.uniform(0.15, 0.4), 0.2)
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


# ---------------------------------------------------------------- paint


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


def texture(rng: np.random.Generator, size: int) -> Array:
    """``(size, size)`` texture of about unit deviation: two noises, or stripes."""
    if rng.random() < 0.12:
        rows, columns = np.mgrid[:size, :size]
        angle, period = rng.uniform(0, 3.14), rng.uniform(3, 20)
        phase = (rows * np.sin(angle) + columns * np.cos(angle)) / period * 6.28
        return np.sin(phase + noise_field(rng, size, 4)).astype(np.float32)
    mix = rng.uniform(0, 1)
    return mix * noise_field(rng, size, int(rng.integers(0, 3))) + (1 - mix) * noise_field(rng, size, int(rng.integers(2, 6)))


def boundaries(labels: Array) -> Array:
    """True where a pixel's right or lower neighbour has another label."""
    edge = np.zeros(labels.shape, bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edge


def colours(rng: np.random.Generator, count: int, base: Array, contrast: float) -> Array:
    """``(count, 3)`` colours: near each other (one population) or each its own."""
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    if rng.random() < 0.5:
        direction = np.full(3, 1 / np.sqrt(3))
    towards_middle = 1.0 if direction @ (127.0 - base) > 0 else -1.0
    direction *= towards_middle if rng.random() < 0.9 else -towards_middle
    spread = rng.choice([0.05, 0.2, 0.6])
    amount = contrast * (1 + spread * rng.normal(size=(count, 1)))
    return base + amount * direction * np.sqrt(3) + rng.normal(0, contrast * spread * 0.4, (count, 3))


def paint(rng: np.random.Generator, labels: Array, parts: Array) -> Array:
    """Float image ``(H, W, 3)``, about 0..255, from the label maps."""
    size, count = labels.shape[0], int(labels.max()) + 1
    base = rng.uniform(10, 245, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(5, 250))
    contrast = float(np.exp(rng.uniform(np.log(18), np.log(120))))
    table = colours(rng, count, base, contrast)
    table[0] = base
    image = table[labels].astype(np.float32)
    inside = labels > 0
    rough = contrast * rng.uniform(0.05, 0.7, 2)
    field = np.where(inside, texture(rng, size) * rough[0], texture(rng, size) * rough[1])
    if parts.any():
        shift = rng.normal(0, 1, 3) * contrast * 0.3 + rng.choice([-1, 1]) * contrast * rng.uniform(0.3, 0.9)
        image += (parts > 0)[..., None] * shift.astype(np.float32)
    field += relief(rng, labels, contrast)
    return image + field[..., None] * rng.uniform(0.6, 1.0, 3).astype(np.float32)


def relief(rng: np.random.Generator, labels: Array, contrast: float) -> Array:
    """Gray change ``(H, W)`` from the shape: dark or bright rims, domes, lit sides."""
    kind = rng.random()
    if kind < 0.35:
        return np.zeros(labels.shape, np.float32)
    edge = boundaries(labels)
    distance = ndimage.distance_transform_edt(~edge).astype(np.float32)
    sign = rng.choice([-1.0, 1.0]) * contrast
    if kind < 0.65:
        rim = np.exp(-distance / rng.uniform(0.8, 4.0))
        rim = np.where(labels > 0, rim, rim * rng.choice([0.0, 1.0]))
        return (sign * rng.uniform(0.3, 1.2) * rim).astype(np.float32)
    if kind < 0.85:
        dome = np.minimum(distance, rng.uniform(4, 30))
        return (np.where(labels > 0, dome / max(dome.max(), 1), 0) * sign * rng.uniform(0.4, 1.2)).astype(np.float32)
    lit = ndimage.sobel(np.minimum(distance, 12), axis=int(rng.integers(0, 2)))
    return (np.where(labels > 0, np.sign(lit) * 0.3, 0) * sign).astype(np.float32)


# ---------------------------------------------------------------- faults


def degrade(rng: np.random.Generator, image: Array) -> Array:
    """Uneven light, blur, noise, coarse steps, JPEG blocks, gray, inversion: ``(H, W, 3)`` uint8."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        image = image * uneven_light(rng, height, width)[..., None]
    if rng.random() < 0.5:
        sigma = rng.uniform(0.4, 2.2)
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0), truncate=2.5)
    if rng.random() < 0.35:
        image = image.mean(2, keepdims=True).repeat(3, 2)
    image = add_noise(rng, image)
    if rng.random() < 0.2:
        image = 255 - image
    image = np.clip(image, 0, 255)
    if rng.random() < 0.1:
        step = rng.uniform(8, 40)
        image = np.round(image / step) * step
    image = np.clip(image, 0, 255).astype(np.uint8)
    return jpeg(rng, image) if rng.random() < 0.2 else image


def uneven_light(rng: np.random.Generator, height: int, width: int) -> Array:
    """A slope or a vignette as factors ``(H, W)`` around 1."""
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    if rng.random() < 0.5:
        angle = rng.uniform(0, 6.28)
        field = np.cos(angle) * rows + np.sin(angle) * columns
    else:
        field = -((rows - rng.uniform(-0.5, 0.5)) ** 2 + (columns - rng.uniform(-0.5, 0.5)) ** 2)
    return (1 + rng.uniform(0, 0.5) * field).astype(np.float32)


def add_noise(rng: np.random.Generator, image: Array) -> Array:
    """Gaussian, shot or speckle noise, the same or not in the three channels."""
    kind = rng.random()
    if kind < 0.3:
        return image
    grain = rng.standard_normal((*image.shape[:2], 3 if rng.random() < 0.4 else 1), np.float32)
    strength = float(np.exp(rng.uniform(np.log(1.5), np.log(28))))
    if kind < 0.65:
        return image + strength * grain
    if kind < 0.85:
        return image + strength * np.sqrt(np.clip(image, 0, 255) / 128) * grain
    return image * (1 + strength / 90 * grain)


def jpeg(rng: np.random.Generator, image: Array) -> Array:
    """The image after a JPEG file of low quality."""
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "JPEG", quality=int(rng.integers(15, 70)))
    return np.asarray(Image.open(memory))


def draw_scene(rng: np.random.Generator, size: int) -> Scene:
    """One scene of ``size`` x ``size`` pixels.

    Parameters
    ----------
    rng
        The only source of chance.
    size
        Side in pixels, at most 512.

    Returns
    -------
    Scene
        With at least one object.
    """
    while True:
        chance = np.array([weight for weight, _ in KINDS])
        draw = KINDS[int(rng.choice(len(KINDS), p=chance / chance.sum()))][1]
        labels, parts = draw(rng, size)
        if np.count_nonzero(labels) > 64:
            return Scene(degrade(rng, paint(rng, labels, parts)), labels, parts)
