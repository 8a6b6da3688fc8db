"""Outlines of objects as polygons, and back; exact where a pixel belongs to what holds its centre.

scikit-image takes a while to load, so that is done where polygons are made or filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["fill_polygons", "trace_polygons"]

Vertices = npt.NDArray[np.float64]

_TOLERANCE = 0.35
"""Pixels that a vertex left out may lie off. The outline runs half way between pixels and so never
nearer than 0.353 (the square root of 1/8) to a pixel's centre: no pixel changes sides."""


def trace_polygons(mask: npt.NDArray[np.bool_]) -> list[Vertices]:
    """Trace the outline of an object.

    Pixels that touch at a corner only belong to different polygons.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
        May touch the border.

    Returns
    -------
    list of ndarray, (vertices, 2), float64
        ``(row, column)``, the centre of the first pixel being (0, 0), without the first vertex again
        at the end; one a part. Empty if the object has a hole, which polygons cannot say.
    """
    from skimage.measure import approximate_polygon, find_contours

    outlines = find_contours(np.pad(mask, 1).astype(np.float64), 0.5)
    if any(_signed_area(outline) > 0 for outline in outlines):
        return []
    return [approximate_polygon(outline, _TOLERANCE)[:-1] - 1.0 for outline in outlines]


def fill_polygons(
    polygons: Iterable[Sequence[Sequence[float]] | npt.NDArray[Any]], size: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the pixels whose centres lie in one of some polygons.

    Parameters
    ----------
    polygons : iterable of (vertices, 2)
        As :func:`trace_polygons` gives them; parts outside the plane are cut off.
    size : (int, int)
        (H, W) of the plane.

    Returns
    -------
    rows, columns : ndarray, (pixels,), int64
        Where polygons overlap, a pixel comes more than once.
    """
    from skimage.draw import polygon

    filled = []
    for vertices in polygons:
        rows, columns = np.asarray(vertices, np.float64).T
        filled.append(polygon(rows, columns, size))
    empty = np.zeros(0, np.int64)
    rows = np.concatenate([empty, *(found for found, _ in filled)])
    return rows, np.concatenate([empty, *(found for _, found in filled)])


def _signed_area(outline: Vertices) -> float:
    """Return twice the area: below 0 for an outer outline, above 0 for a hole."""
    rows, columns = outline.T
    return float(np.sum(rows[:-1] * columns[1:] - rows[1:] * columns[:-1]))
