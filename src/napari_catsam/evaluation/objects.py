"""Objects of a mask file, and the prompt that each of them gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_catsam.errors import ShotError, UnknownNameError
from napari_catsam.types import Prompts

__all__ = [
    "OBJECT_RULES",
    "PROMPT_KINDS",
    "choose_objects",
    "find_boxes",
    "find_interior_points",
    "prompts_from_labels",
    "split_objects",
]

OBJECT_RULES = ("auto", "labels", "components")
PROMPT_KINDS = ("box", "point")

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=int)
"""Pixels that touch at a corner belong to the same component."""


def split_objects(mask: npt.ArrayLike, rule: str = "auto") -> npt.NDArray[np.int32]:
    """Give each object of a mask its number.

    Parameters
    ----------
    mask : array_like, (H, W), bool or integer
        0 is background.
    rule : {"auto", "labels", "components"}
        ``labels`` takes every value as one object; ``components`` takes every 8-connected area of
        equal value as one; ``auto`` takes components if the mask has one value besides 0 (a binary
        mask), labels otherwise.

    Returns
    -------
    ndarray, (H, W), int32
        1..N in the order of the values, 0 is background.

    Raises
    ------
    UnknownNameError
        If there is no such rule.
    ShotError
        If the mask is not two-dimensional or holds no integers.
    """
    if rule not in OBJECT_RULES:
        raise UnknownNameError("object rule", rule, OBJECT_RULES)
    array = np.asarray(mask)
    if array.ndim != 2 or array.dtype.kind not in "bui":
        raise ShotError(
            f"the mask has shape {array.shape}, dtype {array.dtype}; give integers (rows, columns)"
        )
    values = np.unique(array)
    values = values[values != 0]
    if rule == "labels" or (rule == "auto" and len(values) > 1):
        return _number_values(array, values)
    labels, count = np.zeros(array.shape, np.int32), 0
    for value in values:
        parts, found = ndimage.label(array == value, structure=EIGHT_NEIGHBOURS)
        labels[parts > 0] = parts[parts > 0] + count
        count += found
    return labels


def _number_values(array: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    numbers = np.searchsorted(values, array).astype(np.int32) + np.int32(1)
    return np.where(array == 0, np.int32(0), numbers)


def choose_objects(
    labels: npt.NDArray[np.int32], smallest: int = 1, limit: int | None = None
) -> npt.NDArray[np.int32]:
    """Keep some of the objects.

    Parameters
    ----------
    labels : ndarray, (H, W), int32
        1..N, from :func:`split_objects`.
    smallest : int
        Leave out objects of fewer pixels.
    limit : int, optional
        Keep at most so many of the others, evenly spread over their numbers, the first and the
        last among them (of one, the first).

    Returns
    -------
    ndarray, (H, W), int32
        1..M in the order of the labels, 0 is background.
    """
    numbers = np.flatnonzero(np.bincount(labels.ravel())[1:] >= smallest) + 1
    if limit is not None and len(numbers) > limit:
        numbers = numbers[np.linspace(0, len(numbers) - 1, limit).astype(int)]
    new = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    new[numbers] = np.arange(1, len(numbers) + 1)
    return new[labels]


def find_boxes(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Find the tight box of each object.

    Parameters
    ----------
    labels : ndarray, (H, W), int32
        1..N, from :func:`split_objects`.

    Returns
    -------
    ndarray, (N, 4), float
        ``[r0, c0, r1, c1]``, where ``r1`` and ``c1`` are one past the last pixel.
    """
    boxes = [
        (rows.start, columns.start, rows.stop, columns.stop)
        for rows, columns in ndimage.find_objects(labels)
    ]
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


def find_interior_points(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Find the most interior pixel of each object, where its distance to anything else is largest.

    Parameters
    ----------
    labels : ndarray, (H, W), int32
        1..N, from :func:`split_objects`; beyond the image is background.

    Returns
    -------
    ndarray, (N, 2), float
        ``(row, column)``; the first in reading order where several are equal.
    """
    points = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = np.pad(labels[rows, columns] == number, 1)
        depth = ndimage.distance_transform_edt(inside)
        row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
        points.append((rows.start + row - 1, columns.start + column - 1))
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


def prompts_from_labels(labels: npt.NDArray[np.int32], kind: str = "box") -> Prompts:
    """Make one prompt an object.

    Parameters
    ----------
    labels : ndarray, (H, W), int32
        1..N with N > 0, from :func:`split_objects`.
    kind : {"box", "point"}
        The tight box, or one positive point at the most interior pixel.

    Returns
    -------
    Prompts
        N rows, in the order of the labels.

    Raises
    ------
    UnknownNameError
        If there is no such kind of prompt.
    """
    if kind not in PROMPT_KINDS:
        raise UnknownNameError("prompt", kind, PROMPT_KINDS)
    if kind == "box":
        return Prompts(boxes=find_boxes(labels))
    return Prompts(points=find_interior_points(labels)[:, None])
