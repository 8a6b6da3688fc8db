"""How many pixels each object has: counted plane by plane, so that an edit costs one plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_catsam.exchange.units import LENGTHS, full_name
from napari_catsam.plugin.layers.planes import data_to_world
from napari_catsam.plugin.project.layer_records import Index

__all__ = ["Measure", "ObjectAreas", "count_pixels", "read_measure"]

BLOCK = 2**19
"""Pixels at a time, so that other threads get their turn."""

LARGEST_TABLE = 2**20
"""Up to this label a table of all labels is faster than sorting the pixels."""


@dataclass(frozen=True)
class Measure:
    """What the size of an object is told in.

    Attributes
    ----------
    factor : float
        Size of a pixel.
    name : str
        What it is, with its unit, such as ``"area (µm²)"``.
    """

    factor: float = 1.0
    name: str = "pixels"


class ObjectAreas:
    """Pixels and planes of each object of a layer.

    Counts of a plane take the place of what was counted of it before.
    """

    def __init__(self) -> None:
        self._planes: dict[Index, Mapping[int, int]] = {}
        self._pixels: Counter[int] = Counter()
        self._extent: Counter[int] = Counter()

    def __contains__(self, index: Index) -> bool:
        """Whether a plane has been counted."""
        return index in self._planes

    @property
    def objects(self) -> dict[int, tuple[int, int]]:
        """Pixels, and planes with at least one of them, by label."""
        return {label: (pixels, self._extent[label]) for label, pixels in self._pixels.items()}

    def update(self, index: Index, counts: Mapping[int, int]) -> None:
        """Take the counts of a plane.

        Parameters
        ----------
        index : tuple of int
            Its position along all axes but the last two.
        counts : mapping of int to int
            Pixels by label, each at least 1.
        """
        for label, pixels in self._planes.get(index, {}).items():
            self._pixels[label] -= pixels
            self._extent[label] -= 1
            if not self._extent[label]:
                del self._pixels[label], self._extent[label]
        self._planes[index] = counts
        self._pixels.update(counts)
        self._extent.update(counts.keys())


def count_pixels(plane: npt.NDArray[np.integer]) -> dict[int, int]:
    """Count the pixels of each object of a plane.

    Parameters
    ----------
    plane : ndarray, (H, W), int
        0 is background.

    Returns
    -------
    dict of int to int
        Pixels by label, without the background.
    """
    if not plane.size:
        return {}
    low, high = int(plane.min()), int(plane.max())
    blocks = np.array_split(plane.ravel(), plane.size // BLOCK + 1)
    if low >= 0 and high <= LARGEST_TABLE:
        table = np.zeros(high + 1, np.int64)
        for block in blocks:
            table += np.bincount(block.astype(np.intp, copy=False), minlength=high + 1)
        table[0] = 0
        found = np.flatnonzero(table)
        return dict(zip(found.tolist(), table[found].tolist(), strict=True))
    total: Counter[int] = Counter()
    for block in blocks:
        labels, pixels = np.unique(block[block != 0], return_counts=True)
        total.update(dict(zip(labels.tolist(), pixels.tolist(), strict=True)))
    return dict(total)


def read_measure(labels: Labels) -> Measure:
    """Return what the size of a layer's objects is told in.

    Parameters
    ----------
    labels : Labels
        With a unit of length along rows and columns this is an area, and a volume where the axis
        before them has it too. Along other axes, such as time, objects are added up.

    Returns
    -------
    Measure
        In pixels where the layer has no unit, or another one along rows than along columns.
    """
    units = [full_name(str(unit)) for unit in labels.units]
    unit = units[-1]
    if unit not in LENGTHS or units[-2] != unit:
        return Measure()
    axes = 3 if len(units) > 2 and units[-3] == unit else 2
    spacing = data_to_world(labels).matrix[:, -axes:]
    factor = float(np.sqrt(np.linalg.det(spacing.T @ spacing)))
    noun, power = ("volume", "³") if axes == 3 else ("area", "²")
    return Measure(factor, f"{noun} ({LENGTHS[unit]}{power})")
