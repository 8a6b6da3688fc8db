"""Intersection over union, of one object and of a whole set, and how well scores rank it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import ShotError

__all__ = ["Confusion", "count_pixels", "dataset_iou", "object_iou", "rank_correlation"]

LEAST_RANKED = 3
"""Two values always rank alike or opposite, which says nothing."""


@dataclass(frozen=True)
class Confusion:
    """Pixels of foreground and background, as predicted and as they are; add them up over images.

    Attributes
    ----------
    hits : int
        Foreground predicted as foreground (true positives).
    false_alarms : int
        Background predicted as foreground (false positives).
    misses : int
        Foreground predicted as background (false negatives).
    rest : int
        Background predicted as background (true negatives).
    """

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    rest: int = 0

    def __add__(self, other: Confusion) -> Confusion:
        """Return the counts of both together."""
        return Confusion(
            self.hits + other.hits,
            self.false_alarms + other.false_alarms,
            self.misses + other.misses,
            self.rest + other.rest,
        )

    @property
    def iou(self) -> float:
        """Intersection over union of the foreground, 0..1; NaN if there is none in either."""
        union = self.hits + self.false_alarms + self.misses
        return self.hits / union if union else float("nan")

    @property
    def balanced_error_rate(self) -> float:
        """Mean of the shares of foreground and of background that are wrong, 0..1.

        The usual measure for shadows, there given in per cent. NaN without pixels of both kinds.
        """
        foreground, background = self.hits + self.misses, self.false_alarms + self.rest
        if not foreground or not background:
            return float("nan")
        return (self.misses / foreground + self.false_alarms / background) / 2


def count_pixels(
    predicted: npt.ArrayLike, expected: npt.ArrayLike, valid: npt.ArrayLike | None = None
) -> Confusion:
    """Compare two masks pixel by pixel.

    Parameters
    ----------
    predicted, expected : array_like, (H, W), bool
        Foreground is true.
    valid : array_like, (H, W), bool, optional
        Pixels that count; all of them when left out.

    Raises
    ------
    ShotError
        If the masks have different shapes.
    """
    found, truth = np.asarray(predicted, dtype=bool), np.asarray(expected, dtype=bool)
    if found.shape != truth.shape:
        raise ShotError(f"cannot compare a mask of shape {found.shape} with one of {truth.shape}")
    if valid is not None:
        found, truth = found[np.asarray(valid, bool)], truth[np.asarray(valid, bool)]
    hits, positive, foreground = (int(np.count_nonzero(m)) for m in (found & truth, found, truth))
    return Confusion(
        hits, positive - hits, foreground - hits, found.size - positive - foreground + hits
    )


def object_iou(
    predicted: npt.ArrayLike, expected: npt.ArrayLike, valid: npt.ArrayLike | None = None
) -> float:
    """Return the intersection over union of two masks.

    Parameters
    ----------
    predicted, expected : array_like, (H, W), bool
        One object each.
    valid : array_like, (H, W), bool, optional
        Pixels that count.

    Returns
    -------
    float
        0..1; NaN if both masks are empty.

    Raises
    ------
    ShotError
        If the masks have different shapes.
    """
    return count_pixels(predicted, expected, valid).iou


def dataset_iou(pairs: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]) -> float:
    """Return the foreground IoU of one confusion matrix over all pixels of all images.

    This is the measure of the CAT-SAM paper (arXiv 2402.03631): large images and large objects
    weigh more.

    Parameters
    ----------
    pairs : iterable of (predicted, expected)
        Bool masks (H, W) of each image; read once, so a generator will do.

    Returns
    -------
    float
        0..1; NaN if there is no foreground at all.

    Raises
    ------
    ShotError
        If the masks of a pair have different shapes.
    """
    total = Confusion()
    for predicted, expected in pairs:
        total += count_pixels(predicted, expected)
    return total.iou


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's correlation of two measurements of the same things.

    Parameters
    ----------
    first, second : sequence of float
        Of equal length; equal values share their mean rank.

    Returns
    -------
    float
        -1..1; NaN for fewer than 3 things, or if all values of a measurement are equal.
    """
    from scipy.stats import spearmanr  # takes a second to load

    if len(first) < LEAST_RANKED or min(len(set(first)), len(set(second))) == 1:
        return float("nan")
    return float(spearmanr(first, second).statistic)
