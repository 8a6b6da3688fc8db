"""What geometry alone reaches: the box of an object, and the ellipse inscribed in it, as its mask.

A model that is prompted with boxes is worth its time only where it is better than these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_catsam.evaluation.metrics import object_iou

__all__ = ["Baselines", "inscribe_ellipse", "measure_baselines"]

BoolArray = npt.NDArray[np.bool_]


class Baselines(NamedTuple):
    """IoU of an object with its tight box, and with the ellipse inscribed in that box."""

    box: float
    ellipse: float


def inscribe_ellipse(height: int, width: int) -> BoolArray:
    """Draw the ellipse that touches all four sides of a box.

    Parameters
    ----------
    height, width : int
        Of the box in pixels.

    Returns
    -------
    ndarray, (height, width), bool
        Pixels whose centre lies in the ellipse.
    """
    row = (np.arange(height) + 0.5) / (height / 2) - 1
    column = (np.arange(width) + 0.5) / (width / 2) - 1
    ellipse: BoolArray = row[:, None] ** 2 + column**2 <= 1
    return ellipse


def measure_baselines(truth: BoolArray, valid: BoolArray | None = None) -> Baselines:
    """Compare an object with its tight box and with the ellipse in it.

    Parameters
    ----------
    truth : ndarray, (H, W), bool
        The object; not empty.
    valid : ndarray, (H, W), bool, optional
        Pixels that count.

    Returns
    -------
    Baselines
        NaN if no pixel of the guess counts.
    """
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    # Outside of its tight box there is neither object nor guess.
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside, counted = truth[window], None if valid is None else valid[window]
    return Baselines(
        object_iou(np.ones_like(inside), inside, counted),
        object_iou(inscribe_ellipse(*inside.shape), inside, counted),
    )
