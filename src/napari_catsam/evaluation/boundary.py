"""Intersection over union near the outline alone, where large objects hide small errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_cdt

from napari_catsam.evaluation.metrics import object_iou

__all__ = ["boundary_iou", "find_boundary"]

WIDTH = 0.02
"""The boundary is this share of the image's diagonal wide, as where the measure was proposed."""

BoolArray = npt.NDArray[np.bool_]


def find_boundary(mask: BoolArray, width: int) -> BoolArray:
    """Find the pixels of a mask within some steps of its outline; the edge of the image is outline.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
        May be empty.
    width : int
        Steps to any of the eight neighbours.

    Returns
    -------
    ndarray, (H, W), bool
    """
    depth = distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]
    boundary: BoolArray = mask & (depth <= width)
    return boundary


def boundary_iou(predicted: BoolArray, expected: BoolArray) -> float:
    """Compare two masks within 2 % of the image's diagonal of their outlines (arXiv 2103.16562).

    Parameters
    ----------
    predicted, expected : ndarray, (H, W), bool
        Of the same size.

    Returns
    -------
    float
        0..1; NaN if both are empty.
    """
    width = max(1, round(WIDTH * float(np.hypot(*expected.shape))))
    return object_iou(find_boundary(predicted, width), find_boundary(expected, width))
