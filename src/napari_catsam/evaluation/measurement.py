"""What is measured on one image: every object by itself, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.evaluation.baselines import Baselines, measure_baselines
from napari_catsam.evaluation.clicks import iterate_clicks
from napari_catsam.evaluation.metrics import Confusion, count_pixels, object_iou
from napari_catsam.evaluation.objects import choose_objects, prompts_from_labels, split_objects

if TYPE_CHECKING:
    from napari_catsam.evaluation.clicks import PredictorLike
    from napari_catsam.evaluation.config import EvaluationConfig
    from napari_catsam.evaluation.folders import Sample
    from napari_catsam.types import Prompts, Shot

__all__ = ["ObjectScore", "measure_image"]

OBJECTS_AT_A_TIME = 32
"""Masks at the size of the image that are held at once, predicted and true."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ObjectScore:
    """What was measured on one object.

    Attributes
    ----------
    ious : tuple of float
        IoU after each click, one value for a box; 0..1.
    expected : float
        IoU that the model expects of its last mask.
    baselines : Baselines
        IoU of the object with its box, and with the ellipse in it.
    """

    ious: tuple[float, ...]
    expected: float
    baselines: Baselines

    @property
    def iou(self) -> float:
        """After the last click."""
        return self.ious[-1]


def measure_image(
    predictor: PredictorLike, sample: Sample | Shot, config: EvaluationConfig
) -> tuple[list[ObjectScore], Confusion]:
    """Prompt a model with the objects of an image.

    Parameters
    ----------
    predictor : PredictorLike
        What segments.
    sample : Sample or Shot
        The image with its labels.
    config : EvaluationConfig
        What is measured.

    Returns
    -------
    list of ObjectScore
        In the order of the labels; an object that lies in ignored pixels alone, and was not
        predicted elsewhere, says nothing and is left out.
    Confusion
        The union of the predictions against the union of the objects that were measured.
    """
    labels = split_objects(sample.masks, "labels")
    labels = choose_objects(labels, config.smallest, config.limit_objects)
    valid = None if sample.ignore is None else ~np.asarray(sample.ignore, dtype=bool)
    union = np.zeros(labels.shape, dtype=bool)
    scores: list[ObjectScore] = []
    if labels.any():
        embedding = predictor.embed(sample.image)
        prompts = prompts_from_labels(labels, config.prompt)
        for rows in _split_rows(len(prompts)):
            truth = labels == rows.astype(labels.dtype)[:, None, None] + 1
            some, covered = _measure_together(
                predictor, embedding, prompts.select(rows), truth, config.clicks, valid
            )
            scores += some
            union |= covered
    counted = [score for score in scores if not isnan(score.iou)]
    return counted, count_pixels(union, labels > 0, valid)


def _split_rows(count: int) -> Iterator[npt.NDArray[np.intp]]:
    for first in range(0, count, OBJECTS_AT_A_TIME):
        yield np.arange(first, min(first + OBJECTS_AT_A_TIME, count))


def _measure_together(
    predictor: PredictorLike,
    embedding: Any,
    first: Prompts,
    truth: BoolArray,
    clicks: int,
    valid: BoolArray | None,
) -> tuple[list[ObjectScore], BoolArray]:
    """Return the scores of objects that are predicted together, and the union of their masks."""
    rounds: list[list[float]] = []
    for masks in iterate_clicks(predictor, embedding, first, truth, clicks, valid):
        pairs = zip(masks.masks, truth, strict=True)
        rounds.append([object_iou(mask, expected, valid) for mask, expected in pairs])
    scores = [
        ObjectScore(ious, float(expected), measure_baselines(mask, valid))
        for ious, expected, mask in zip(zip(*rounds, strict=True), masks.scores, truth, strict=True)
    ]
    return scores, np.asarray(masks.masks.any(axis=0))
