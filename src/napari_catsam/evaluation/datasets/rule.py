"""How the mask of a data set becomes objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_catsam.errors import ShotError

__all__ = ["MaskNoise", "ObjectRule", "draw_objects", "find_objects"]

Labels = npt.NDArray[np.int32]

CROSS = np.asarray([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
SQUARE = np.ones((3, 3), dtype=int)


@dataclass(frozen=True)
class ObjectRule:
    """How a mask file becomes objects.

    Parameters
    ----------
    connectivity : {4, 8}
        Whether pixels belong together that share a side, or also those that touch at a corner.
    smallest_area : int
        Objects of fewer pixels are left out.
    threshold : int
        Only pixels whose value is larger than this are foreground.
    most_objects : int or None
        While training, at most so many objects of a view, drawn by chance; in tests all count.
    smallest_share : float
        Objects that are not larger than this share of the largest one in the view are left out.
    unit : {"foreground", "whole", "values", "labels", "auto"}
        What is one object: every connected area of the foreground, the whole foreground, every
        connected area of one value (a class), every value (a label image), or, for one's own masks,
        areas where the mask has a single value besides 0 and else values.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    connectivity: Literal[4, 8] = 8
    smallest_area: int = 1
    threshold: int = 0
    most_objects: int | None = None
    smallest_share: float = 0.0
    unit: Literal["foreground", "whole", "values", "labels", "auto"] = "foreground"

    def __post_init__(self) -> None:
        if self.connectivity not in (4, 8):
            raise ValueError(f"connectivity is {self.connectivity}, expected 4 or 8")
        if self.most_objects is not None and self.most_objects < 1:
            raise ValueError(f"most_objects is {self.most_objects}, expected 1 or more, or None")
        if not 0.0 <= self.smallest_share < 1.0:
            raise ValueError(f"smallest_share is {self.smallest_share}, expected 0 up to below 1")


@dataclass(frozen=True)
class MaskNoise:
    """How a mask prompt is made noisy while training on a data set.

    Parameters
    ----------
    scale : int
        The mask at 256 x 256 is brought down by this factor and up again; noise falls where that
        changes it.
    threshold : float
        What is larger after the noise is inside the prompt.
    """

    scale: int = 8
    threshold: float = 0.5


def find_objects(mask: npt.ArrayLike, rule: ObjectRule) -> Labels:
    """Give each object of a mask, or of a view of it, its number.

    Parameters
    ----------
    mask : array_like, (H, W), integer
        As :meth:`~napari_catsam.evaluation.datasets.base.Dataset.read_plane` gives it: 0 is
        background; the threshold of the rule has been applied.
    rule : ObjectRule
        Its area limits hold for the objects as they are seen here.

    Returns
    -------
    ndarray, (H, W), int32
        1..N; background and objects that are too small are 0.

    Raises
    ------
    ShotError
        If the mask is not two-dimensional or holds no integers.
    """
    array = np.asarray(mask)
    if array.ndim != 2 or array.dtype.kind not in "bui":
        raise ShotError(
            f"the mask has shape {array.shape}, dtype {array.dtype}; give integers (rows, columns)"
        )
    labels = _SPLITTERS[rule.unit](array, rule.connectivity)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    kept = areas >= rule.smallest_area
    kept &= areas > rule.smallest_share * areas.max()
    return _renumber(labels, np.flatnonzero(kept))


def draw_objects(labels: Labels, rule: ObjectRule, random: np.random.Generator) -> Labels:
    """Draw as many objects of a view as a training step may have.

    Parameters
    ----------
    labels : ndarray, (H, W), int32
        1..N, from :func:`find_objects`.
    rule : ObjectRule
        Its ``most_objects``.
    random : Generator
        Asked only if there are too many.

    Returns
    -------
    ndarray, (H, W), int32
        1..M, in the order of the labels.
    """
    count = int(labels.max(initial=0))
    if rule.most_objects is None or count <= rule.most_objects:
        return labels
    return _renumber(labels, np.sort(random.permutation(count)[: rule.most_objects] + 1))


def _split_foreground(array: npt.NDArray[Any], connectivity: int) -> Labels:
    structure = CROSS if connectivity == 4 else SQUARE
    labels, _ = ndimage.label(array != 0, structure=structure)
    return np.asarray(labels, np.int32)


def _split_values(array: npt.NDArray[Any], connectivity: int) -> Labels:
    labels = np.zeros(array.shape, np.int32)
    for value in np.unique(array[array != 0]):
        parts = _split_foreground(array == value, connectivity)
        labels[parts > 0] = parts[parts > 0] + labels.max(initial=0)
    return labels


def _number_values(array: npt.NDArray[Any], connectivity: int) -> Labels:
    values = np.unique(array[array != 0])
    numbers = np.searchsorted(values, array).astype(np.int32) + np.int32(1)
    return np.where(array == 0, np.int32(0), numbers)


def _take_whole(array: npt.NDArray[Any], connectivity: int) -> Labels:
    return np.asarray(array != 0, np.int32)


def _split_or_number(array: npt.NDArray[Any], connectivity: int) -> Labels:
    if len(np.unique(array[array != 0])) > 1:
        return _number_values(array, connectivity)
    return _split_foreground(array, connectivity)


_SPLITTERS = {
    "foreground": _split_foreground,
    "whole": _take_whole,
    "values": _split_values,
    "labels": _number_values,
    "auto": _split_or_number,
}


def _renumber(labels: Labels, kept: npt.NDArray[np.intp]) -> Labels:
    new = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    new[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(new[labels])
