"""A volume of cells and vessels with its ground truth, made of a few formulas; no napari here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

__all__ = ["SHAPE", "SPACING", "Stack", "make_stack"]

SHAPE = (28, 256, 256)
SPACING = (1.5, 0.5, 0.5)
"""Micrometers between slices, rows and columns."""

PITCH = 46
"""Pixels between neighbouring cells; the largest cells are as wide, so that some touch."""

SMALLEST, LARGEST = 15.0, 23.0
"""Radii of cells in pixels."""

FLAT = SPACING[0] / SPACING[1]
"""Pixels of a row that are as long as the way to the next slice."""

WHITE = 4095
"""The largest value: that of a camera of 12 bits."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stack:
    """A volume and what is in it.

    Attributes
    ----------
    image : ndarray, (28, 256, 256), uint16
        Slices, rows, columns.
    truth : ndarray, (28, 256, 256), int32
        0 is background; an object has one number on all of its slices.
    vessels : tuple of int
        The objects that run through all slices; the others are cells.
    """

    image: npt.NDArray[np.uint16]
    truth: npt.NDArray[np.int32]
    vessels: tuple[int, ...]


@cache
def make_stack(seed: int = 0) -> Stack:
    """Make the volume; the same one for the same seed.

    Parameters
    ----------
    seed : int
        Of all that is random.

    Returns
    -------
    Stack
        The arrays cannot be written to; copy them to draw in them.
    """
    random = np.random.default_rng(seed)
    truth = np.zeros(SHAPE, np.int32)
    light = np.zeros(SHAPE, np.float32)
    vessels = (1, 2)
    for number, start in zip(vessels, ((70, 205), (190, 45)), strict=True):
        _add_vessel(truth, light, number, start, random)
    centers = _place_cells(random)
    nearest = np.full(SHAPE, np.inf, np.float32)
    for number, center in enumerate(centers, start=len(vessels) + 1):
        _add_cell(truth, light, nearest, number, center, random)
    image = _take_picture(light, random)
    image.flags.writeable = truth.flags.writeable = False
    return Stack(image, truth, vessels)


def _place_cells(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return centres (N, 3) on a grid that is shaken, some cells higher than others."""
    at = np.arange(PITCH / 2, SHAPE[1], PITCH)
    rows, columns = np.meshgrid(at, at, indexing="ij")
    heights = random.uniform(0.25, 0.75, rows.size) * SHAPE[0]
    flat = np.column_stack([heights, rows.ravel(), columns.ravel()])
    flat[:, 1:] += random.uniform(-6, 6, (len(flat), 2))
    return flat


def _add_cell(
    truth: npt.NDArray[np.int32],
    light: Floats,
    nearest: Floats,
    number: int,
    center: npt.NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    """Add an egg with a lobed outline that leans; a voxel is the cell's whose centre is nearer."""
    radius = random.uniform(SMALLEST, LARGEST)
    lean, phase = random.uniform(-0.35, 0.35, 2), random.uniform(0, 2 * np.pi, 2)
    reach = np.array([radius / FLAT, 1.45 * radius, 1.45 * radius])
    window = _window(center - reach, center + reach)
    z, y, x = (a - c for a, c in zip(_grid(window), center, strict=True))
    y, x = y - lean[0] * FLAT * z, x - lean[1] * FLAT * z
    angle = np.arctan2(y, x)
    twist = 0.05 * z
    outline = 1 + 0.26 * np.cos(3 * angle + phase[0] + twist)
    outline = outline + 0.12 * np.cos(5 * angle + phase[1] - twist)
    depth = np.hypot(np.hypot(y, x) / (radius * outline), FLAT * z / radius).astype(np.float32)
    inside = (depth < np.minimum(1, nearest[window])) & ((truth[window] == 0) | (truth[window] > 2))
    nearest[window][inside] = depth[inside]
    truth[window][inside] = number
    off = random.uniform(-0.25, 0.25, 2) * radius
    core = np.hypot(np.hypot(y - off[0], x - off[1]), FLAT * z) < 0.45 * radius
    body = np.where(depth > 0.88, 0.16, 0.26) * random.uniform(0.75, 1.2)
    light[window][inside] = np.where(core, 0.95, body)[inside]


def _add_vessel(
    truth: npt.NDArray[np.int32],
    light: Floats,
    number: int,
    start: tuple[int, int],
    random: np.random.Generator,
) -> None:
    """Add a tube with a bright wall that winds its way through all slices."""
    z, y, x = _grid(tuple(slice(0, n) for n in SHAPE))
    phase = random.uniform(0, 2 * np.pi)
    middle = start[0] + 18 * np.sin(z / 6 + phase), start[1] + 14 * np.cos(z / 8 + phase)
    radius = 11 + 2.5 * np.sin(z / 4 + phase)
    away = np.hypot(y - middle[0], x - middle[1]) / radius
    inside = away < 1
    truth[inside] = number
    light[inside] = np.where(away > 0.7, 0.8, 0.12)[inside]


def _take_picture(light: Floats, random: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Blur it, light it unevenly, and count photons."""
    texture = gaussian_filter(random.standard_normal(SHAPE, np.float32), (0.5, 2, 2))
    light = light * (1 + 1.2 * texture) + 0.05
    haze = gaussian_filter(light, (1, 12, 12))
    seen = gaussian_filter(light, (0.4, 1.1, 1.1)) + 0.5 * haze
    z, y, x = _grid(tuple(slice(0, n) for n in SHAPE))
    lamp = np.exp(-((y - 90) ** 2 + (x - 150) ** 2) / (2 * 150**2)) * np.exp(-z / 60)
    photons = random.poisson(np.clip(90 * seen * lamp, 0, None))
    image = 100 + 28 * photons + random.normal(0, 12, SHAPE)
    counts: npt.NDArray[np.uint16] = np.clip(image, 0, WHITE).astype(np.uint16)
    return counts


def _window(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> tuple[slice, ...]:
    """Return the voxels between two corners that are in the volume."""
    first = np.maximum(np.floor(low), 0).astype(int)
    last = np.minimum(np.ceil(high) + 1, SHAPE).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))


def _grid(window: tuple[slice, ...]) -> tuple[Floats, Floats, Floats]:
    """Return slice, row and column of each voxel, to be broadcast."""
    z, y, x = np.ogrid[window]
    return z.astype(np.float32), y.astype(np.float32), x.astype(np.float32)
