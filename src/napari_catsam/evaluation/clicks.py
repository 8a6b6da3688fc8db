"""Simulated clicks, as in the evaluation of interactive segmentation.

The first click is what the prompt says. Each later one corrects the largest connected area that is
still wrong, at its most interior pixel: a positive click if the area was missed, a negative one if
it was taken falsely. The model gets all clicks so far and its own last mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_catsam.evaluation.objects import EIGHT_NEIGHBOURS, find_interior_points
from napari_catsam.types import Intensity, Masks, Prompts

__all__ = ["Click", "PredictorLike", "find_correction", "iterate_clicks"]

BoolArray = npt.NDArray[np.bool_]


class PredictorLike(Protocol):
    """What embeds and prompts: :class:`napari_catsam.Predictor`, or one that works in tiles."""

    def embed(self, image: npt.ArrayLike, intensity: Intensity | None = None) -> Any:
        """Return an embedding of an image plane."""

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        """Return one mask an object."""


class Click(NamedTuple):
    """A click at ``(row, column)``; label 1 is positive, 0 negative."""

    point: tuple[float, float]
    label: int


def find_correction(
    predicted: BoolArray, truth: BoolArray, valid: BoolArray | None = None
) -> Click | None:
    """Find where the next click helps most.

    Parameters
    ----------
    predicted, truth : ndarray, (H, W), bool
        One object.
    valid : ndarray, (H, W), bool, optional
        Pixels that count.

    Returns
    -------
    Click or None
        At the most interior pixel of the largest 8-connected area that is wrong, a missed one if
        a false one is as large; None if nothing is wrong.
    """
    wrong = predicted != truth
    if valid is not None:
        wrong &= valid
    rows, columns = np.flatnonzero(wrong.any(axis=1)), np.flatnonzero(wrong.any(axis=0))
    if not rows.size:
        return None
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    missed = _find_largest_area(wrong[window] & truth[window])
    false = _find_largest_area(wrong[window] & predicted[window])
    area, label = (missed, 1) if missed.sum() >= false.sum() else (false, 0)
    row, column = find_interior_points(area)[0]
    return Click((float(rows[0] + row), float(columns[0] + column)), label)


def _find_largest_area(mask: BoolArray) -> npt.NDArray[np.int32]:
    """Return 1 in the largest connected area and 0 elsewhere."""
    areas, count = ndimage.label(mask, structure=EIGHT_NEIGHBOURS)
    if not count:
        return np.zeros(mask.shape, np.int32)
    sizes = np.bincount(areas.ravel())[1:]
    largest: npt.NDArray[np.int32] = (areas == np.argmax(sizes) + 1).astype(np.int32)
    return largest


def iterate_clicks(
    predictor: PredictorLike,
    embedding: Any,
    first: Prompts,
    truth: BoolArray,
    clicks: int,
    valid: BoolArray | None = None,
) -> Iterator[Masks]:
    """Predict, then correct each object by clicks, all objects together.

    Parameters
    ----------
    predictor : PredictorLike
        What segments.
    embedding : object
        Of the image, from this predictor.
    first : Prompts
        The first prompt of N objects; with ``clicks`` above 1 one positive point each.
    truth : ndarray, (N, H, W), bool
        What the objects are.
    clicks : int
        How many clicks in all.
    valid : ndarray, (H, W), bool, optional
        Pixels that count.

    Yields
    ------
    Masks
        After each click, N masks: the same arrays, brought up to date. An object that has nothing
        wrong left keeps its mask and is not clicked again.
    """
    now = predictor.predict(embedding, first)
    yield now
    rows, points, labels = np.arange(len(first)), first.points, first.labels
    for _ in range(1, clicks):
        found = [find_correction(now.masks[row], truth[row], valid) for row in rows]
        wrong = np.array([click is not None for click in found], dtype=bool)
        if wrong.any():
            rows, new = rows[wrong], [click for click in found if click is not None]
            points = _append(points, wrong, [click.point for click in new])
            labels = _append(labels, wrong, [click.label for click in new])
            again = Prompts(points=points, labels=labels, masks=now.logits[rows])
            _put(now, rows, predictor.predict(embedding, again))
        else:
            rows = rows[:0]
        yield now


def _append(
    given: npt.ArrayLike | None, rows: BoolArray, more: list[Any]
) -> npt.NDArray[np.float64]:
    """Return some rows of ``(N, P, ...)`` with one more value each."""
    kept = np.asarray(given, dtype=np.float64)[rows]
    return np.concatenate([kept, np.asarray(more, dtype=np.float64)[:, None]], axis=1)


def _put(masks: Masks, rows: npt.NDArray[np.intp], new: Masks) -> None:
    masks.masks[rows], masks.scores[rows], masks.logits[rows] = new.masks, new.scores, new.logits
