"""The ground from above: roofs with shadows, roads, fields, water; and shadows on any ground."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pretrain.drawing import (
    Array,
    fill,
    nothing,
    outlines,
    shift_colour,
    soften,
    stroke,
    winding_path,
)
from pretrain.noise import noise_field
from pretrain.shapes import closed_curve, polygon, rectangle

GROUND = ([85, 95, 65], [120, 110, 85], [60, 75, 50], [150, 140, 120], [110, 112, 110])
ROOF = ([150, 75, 60], [140, 140, 145], [200, 195, 190], [90, 85, 85], [110, 120, 140])


def pick(rng: np.random.Generator, table: tuple[list[int], ...], spread: float) -> Array:
    """A colour near one of the table."""
    return shift_colour(table[int(rng.integers(len(table)))], rng, spread)


def stripes(rng: np.random.Generator, size: int) -> Array:
    """Furrows or tiles: straight stripes ``(H, W)``, -1 to 1."""
    place = np.arange(size, dtype=np.float32)
    angle, period = rng.uniform(0, 3.14), rng.uniform(3, 14)
    phase = (place[:, None] * np.sin(angle) + place[None] * np.cos(angle)) * (6.28 / period)
    return np.asarray(np.sin(phase), np.float32)


def parcels(rng: np.random.Generator, size: int) -> Array:
    """Label map int32 of fields with straight borders, without gaps."""
    count = int(rng.integers(3, 25))
    seeds = rng.uniform(-0.1, 1.1, (count, 2)) * size
    stretch = np.array([1.0, rng.uniform(0.4, 1)])
    turn = rng.uniform(0, 6.28)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * stretch
    place = np.arange(0, size, 2)
    points = np.stack(np.meshgrid(place, place), -1).reshape(-1, 2)
    norm = float(rng.choice([1.0, 2.0]))
    nearest = cKDTree(seeds @ matrix).query(points @ matrix, p=norm)[1].reshape(len(place), -1)
    return (np.kron(nearest, np.ones((2, 2), int))[:size, :size] + 1).astype(np.int32)


def land(rng: np.random.Generator, size: int, fields: Array | None) -> Array:
    """Ground ``(H, W, 3)``: one colour or one a field, soil, furrows, trees."""
    base = pick(rng, GROUND, 15)
    image = np.broadcast_to(base, (size, size, 3)).astype(np.float32)
    if fields is not None:
        spread = rng.uniform(14, 34)
        table = np.stack([pick(rng, GROUND, 12) for _ in range(int(fields.max()) + 1)])
        table = base + (table - base) * spread / 25
        image = table[fields].astype(np.float32)
        rough = rng.uniform(0, 12, int(fields.max()) + 1).astype(np.float32)
        rough[rng.random(len(rough)) < 0.5] = 0
        image = image + (rough[fields] * stripes(rng, size))[..., None]
    clouds = sum(rng.uniform(0, 14) * noise_field(rng, size, octave) for octave in (1, 2, 3, 4))
    image = image + np.asarray(clouds)[..., None]
    if rng.random() < 0.5:  # trees
        crowns = soften(noise_field(rng, size, 3) + 0.5 * noise_field(rng, size, 2) > 1.2, 0.8)
        green = pick(rng, ([50, 70, 40], [40, 55, 35]), 8)
        speckle = 1 + 0.3 * noise_field(rng, size, 1)[..., None]
        image = image * (1 - crowns[..., None]) + green * speckle * crowns[..., None]
    return np.asarray(image, np.float32)


def street_paths(rng: np.random.Generator, size: int) -> tuple[list[Array], list[float]]:
    """Long lines with branches, and their widths: one width for most."""
    width = float(np.exp(rng.uniform(np.log(4), np.log(size * 0.1))))
    bend = float(rng.choice([0.0, 0.03, 0.12]))
    step = size / 12
    paths: list[Array] = []
    for _ in range(int(rng.integers(1, 4))):
        main = winding_path(rng, rng.uniform(0.15, 0.85, 2) * size, step, 16, bend)
        back = 2 * main[0] - winding_path(rng, main[0], step, 2, 0)[:1]
        paths.append(np.concatenate([back, main]))
        for _ in range(int(rng.integers(0, 4))):
            start = main[int(rng.integers(len(main)))]
            paths.append(np.concatenate([start[None], winding_path(rng, start, step, 9, bend)]))
    return paths, [width * float(rng.choice([1, 1, 0.6])) for _ in paths]


def roads(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """A connected network of roads is one object; trees hang over it, cars and lines lie on it."""
    image = land(rng, size, parcels(rng, size) if rng.random() < 0.6 else None)
    paths, widths = street_paths(rng, size)
    road = stroke(size, paths, widths) > 0
    tar = pick(rng, ([125, 122, 118], [90, 90, 92], [175, 165, 145], [200, 198, 190]), 10)
    surface = tar + (rng.uniform(0, 7) * noise_field(rng, size, int(rng.integers(1, 4))))[..., None]
    soft = soften(road, 0.7)[..., None]
    image = image * (1 - soft) + surface * soft
    if rng.random() < 0.5:
        lines = soften(stroke(size, paths, [max(1, w * 0.06) for w in widths]) > 0, 0.5)
        image += lines[..., None] * rng.uniform(-30, 90)
    if rng.random() < 0.6:
        houses = roof_outlines(rng, size, 8)
        labels = fill(size, houses) * ~road
        image = np.where((labels > 0)[..., None], pick(rng, ROOF, 15), image)
    return image.astype(np.float32), np.asarray(ndimage.label(road)[0], np.int32), nothing(size)


def roof_outlines(rng: np.random.Generator, size: int, most: int) -> list[Array]:
    """Rectangles and L shapes that share a direction, on loose rows."""
    radius = size * float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
    angle, spread = rng.uniform(0, 6.28), rng.choice([0.02, 0.3])
    count = int(np.clip(size * size / (9 * radius**2) * rng.uniform(0.3, 1.2), 1, most))
    centres = rng.uniform(0, size, (count, 2))
    return [
        rectangle(
            rng,
            c,
            max(radius * float(np.exp(rng.normal(0, 0.25))), 6),
            angle + rng.normal(0, spread),
        )
        for c in centres
    ]


def roofs(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Houses: a lit and a dark side, a cast shadow on the ground, streets and trees between them."""
    image = land(rng, size, parcels(rng, size) if rng.random() < 0.3 else None)
    if rng.random() < 0.6:
        paths, widths = street_paths(rng, size)
        soft = soften(stroke(size, paths, widths) > 0, 0.7)[..., None]
        image = image * (1 - soft) + pick(rng, ([125, 122, 118], [90, 90, 92]), 10) * soft
    shapes = roof_outlines(rng, size, 60)
    labels = fill(size, shapes)
    sun = rng.normal(0, 1, 2)
    sun *= size * rng.uniform(0.0, 0.05) / np.linalg.norm(sun)
    shade = fill(size, [np.concatenate([s, s + sun]) for s in shapes]) > 0
    shade |= fill(size, [s + sun for s in shapes]) > 0
    image = image * (1 - soften(shade, 0.8) * rng.uniform(0.2, 0.65))[..., None]
    same = pick(rng, ROOF, 10)
    table = np.stack([same] + [pick(rng, ROOF, 12) for _ in shapes])
    if rng.random() < 0.5:
        table = same + rng.normal(0, 8, table.shape)
    ridges = [np.stack([s[0] * 0.5 + s[-1] * 0.5, s[1] * 0.5 + s[2] * 0.5]) for s in shapes]
    halves = fill(
        size, [np.concatenate([s[:2], r[::-1]]) for s, r in zip(shapes, ridges, strict=True)]
    )
    dark = np.where((halves == labels) & (labels > 0), 1 - rng.uniform(0, 0.4), 1)
    surface = table[labels] * dark[..., None]
    surface = surface + (rng.uniform(0, 8) * stripes(rng, size))[..., None]
    image = np.where((labels > 0)[..., None], surface, image).astype(np.float32)
    image += (rng.uniform(0, 8) * noise_field(rng, size, 1))[..., None]
    return image, labels, nothing(size)


def fields(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Fields that tile the plane, some of them objects; or one lake."""
    plots = parcels(rng, size)
    image = land(rng, size, plots)
    keep = rng.random(int(plots.max()) + 1) < rng.uniform(0.5, 1)
    labels = np.where(keep[plots], plots, 0).astype(np.int32)
    if rng.random() < 0.4:
        shore = closed_curve(
            rng,
            rng.uniform(0.2, 0.8, 2) * size,
            size * rng.uniform(0.08, 0.35),
            rng.uniform(0.1, 0.9),
        )
        lake = fill(size, [shore])
        soft = soften(lake > 0, 1.0)[..., None]
        blue = pick(rng, ([40, 60, 75], [70, 95, 100], [25, 35, 40]), 12)
        image = image * (1 - soft) + (blue + 3 * noise_field(rng, size, 2)[..., None]) * soft
        labels = np.where(lake > 0, plots.max() + 1, labels).astype(np.int32)
    return image, labels, nothing(size)


def cast_shadows(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """The object is a shadow: whatever lies below it goes on, only darker; other dark things distract."""
    image = land(rng, size, parcels(rng, size))
    image = image * rng.uniform(0.8, 1.4) + np.where(
        rng.random() < 0.4, stripes(rng, size)[..., None] * 20, 0
    )
    things = outlines(
        rng, rng.uniform(0, size, (6, 2)), size * rng.uniform(0.03, 0.15, 6), 0.3, 0.6
    )
    other = fill(size, things)
    table = np.stack([pick(rng, ROOF + GROUND, 25) for _ in range(7)])
    image = np.where((other > 0)[..., None], table[other], image)
    makers: tuple[Callable[[Array, float], Array], ...] = (
        lambda c, r: closed_curve(rng, c, r, 0.5),
        lambda c, r: polygon(rng, c, r),
        lambda c, r: rectangle(rng, c, r, rng.uniform(0, 6.28)),
    )
    radius = size * float(np.exp(rng.uniform(np.log(0.06), np.log(0.4))))
    shapes = []
    for _ in range(int(rng.integers(1, 5))):
        make = makers[int(rng.integers(3))]
        shapes.append(
            make(rng.uniform(0.1, 0.9, 2) * size, radius * float(np.exp(rng.normal(0, 0.3))))
        )
    labels = np.asarray(ndimage.label(fill(size, shapes) > 0)[0], np.int32)
    shade = soften(labels > 0, float(rng.choice([0.5, 1.5, 4.0])))[..., None]
    strength = np.clip(rng.uniform(0.3, 0.75) * np.array([1.05, 1.0, 0.9]), 0, 0.9)
    image = image * (1 - shade * strength)
    image = image + rng.uniform(0, 5) * noise_field(rng, size, 0)[..., None]
    return image.astype(np.float32), labels, nothing(size)
