"""The boxes of the objects of a labelled plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

__all__ = ["find_largest", "list_boxes"]


def list_boxes(labels: npt.NDArray[Any], most: int) -> npt.NDArray[np.float64]:
    """Return the tight boxes of the largest objects of a plane, in the order of their labels.

    Parameters
    ----------
    labels : ndarray, (H, W), int
        0 is background.
    most : int
        So many objects at most.

    Returns
    -------
    ndarray, (N, 4), float
        ``[r0, c0, r1, c1]``, one past the last pixel.
    """
    return find_largest(labels, most)[1]


def find_largest(
    labels: npt.NDArray[Any], most: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Return the labels of the largest objects of a plane, in their order, and their tight boxes.

    Parameters
    ----------
    labels : ndarray, (H, W), int
        0 is background.
    most : int
        So many objects at most.

    Returns
    -------
    ndarray, (N,), int
        The labels.
    ndarray, (N, 4), float
        ``[r0, c0, r1, c1]``, one past the last pixel.
    """
    numbers, places, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    sizes[numbers == 0] = 0
    largest = np.sort(np.argsort(-sizes, kind="stable")[:most])
    kept = largest[sizes[largest] > 0]
    slices = find_objects(places.reshape(labels.shape) + 1)
    boxes = [(r.start, c.start, r.stop, c.stop) for r, c in (slices[row] for row in kept)]
    return numbers[kept], np.array(boxes, float).reshape(-1, 4)
