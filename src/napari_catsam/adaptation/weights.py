"""How much an object counts: by the root of its pixels, between counting objects and counting pixels.

With equal weights four specks beside a tree of vessels would be all that a run learns and is judged by;
with weights by pixels a cell would not count beside the tissue around it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["count_effective", "weigh_objects"]


def weigh_objects(areas: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Weigh objects by the root of their pixels.

    Parameters
    ----------
    areas : ndarray, (N,), int
        Pixels of each object, N at least 1; an object without any counts as one of one pixel.

    Returns
    -------
    ndarray, (N,), float
        Positive, with sum 1.
    """
    roots = np.sqrt(np.maximum(areas, 1))
    share: npt.NDArray[np.float64] = roots / roots.sum()
    return share


def count_effective(weights: npt.NDArray[np.float64]) -> float:
    """Count how many objects of equal weight would say as much (Kish's effective sample size).

    Parameters
    ----------
    weights : ndarray, (N,), float
        Not negative, with sum 1.

    Returns
    -------
    float
        From 1, where one object has all the weight, to N, where all weigh the same.
    """
    return float(1 / np.square(weights).sum())
