"""Evaluation of a model over labelled images: prompts from each object, then its IoU."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from math import isnan, nan
from operator import length_hint
from statistics import fmean
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam._version import __version__
from napari_catsam.errors import ShotError, UnknownNameError
from napari_catsam.evaluation.metrics import Confusion, count_pixels, object_iou
from napari_catsam.evaluation.objects import PROMPT_KINDS, prompts_from_labels, split_objects
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Embedding, Progress, Prompts, Shot

if TYPE_CHECKING:
    from napari_catsam.evaluation.folders import Sample
    from napari_catsam.models.catsam import CatSam

__all__ = ["Evaluation", "ImageScore", "evaluate", "iterate_evaluation"]

OBJECTS_AT_A_TIME = 32
"""Masks at the size of the image that are held at once."""


@dataclass(frozen=True)
class ImageScore:
    """What was measured on one image.

    Attributes
    ----------
    name : str
        Of the image.
    n_objects : int
        Labelled objects.
    iou_mean_object : float
        Mean IoU of its objects, 0..1; NaN without objects.
    iou_union : float
        IoU of the union of all predictions with the union of all objects; NaN without objects.
    """

    name: str
    n_objects: int
    iou_mean_object: float
    iou_union: float


@dataclass(frozen=True)
class Evaluation:
    """What was measured over a set of images.

    Attributes
    ----------
    iou_mean_object : float
        Mean over all objects of all images, each weighing the same; 0..1.
    iou_dataset : float
        Foreground IoU of one confusion matrix over all pixels, the union of the predictions of an
        image against its foreground; 0..1, as the CAT-SAM paper measures.
    n_images, n_objects : int
        How many were measured; images without objects count as images.
    per_image : tuple of ImageScore
        In the order of the images.
    model, method : str
        Names of backbone and tuning method.
    prompt : {"box", "point"}
        What the model was given for each object.
    version : str
        Of napari-catsam.
    """

    iou_mean_object: float
    iou_dataset: float
    n_images: int
    n_objects: int
    per_image: tuple[ImageScore, ...]
    model: str
    method: str
    prompt: str
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, ``None`` in place of NaN."""
        values = asdict(self)
        values["per_image"] = [
            {k: None if isinstance(v, float) and isnan(v) else v for k, v in row.items()}
            for row in values["per_image"]
        ]
        return values


def evaluate(
    model: CatSam,
    samples: Iterable[Sample | Shot],
    prompt: str = "box",
    progress: Callable[[Progress], object] | None = None,
) -> Evaluation:
    """Measure a model on labelled images.

    Parameters
    ----------
    model : CatSam
        In evaluation mode.
    samples : iterable of Sample or Shot
        Read one at a time; of a :class:`~napari_catsam.evaluation.folders.SampleFolder` only one
        image is in memory.
    prompt : {"box", "point"}
        The tight box of each object, or its most interior pixel.
    progress : callable, optional
        Called after each image.

    Returns
    -------
    Evaluation

    Raises
    ------
    UnknownNameError
        If there is no such kind of prompt.
    ShotError
        If no image holds an object.
    """
    steps = iterate_evaluation(model, samples, prompt)
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            result: Evaluation = end.value
            return result
        if progress is not None:
            progress(done)


def iterate_evaluation(
    model: CatSam, samples: Iterable[Sample | Shot], prompt: str = "box"
) -> Generator[Progress, bool | None, Evaluation]:
    """Measure a model image by image; :func:`evaluate` as a generator.

    Parameters
    ----------
    model, samples, prompt
        As in :func:`evaluate`.

    Yields
    ------
    Progress
        After each image; ``iou_now`` is the mean over the objects so far. Send ``True`` to finish
        with the images so far.

    Returns
    -------
    Evaluation

    Raises
    ------
    UnknownNameError
        If there is no such kind of prompt.
    ShotError
        If no image holds an object.
    """
    if prompt not in PROMPT_KINDS:
        raise UnknownNameError("prompt", prompt, PROMPT_KINDS)
    predictor, total, start = Predictor(model), length_hint(samples), monotonic()
    ious: list[float] = []
    rows: list[ImageScore] = []
    confusion = Confusion()
    for sample in samples:
        of_image, pixels = _measure(predictor, sample, prompt)
        ious += of_image
        confusion += pixels
        rows.append(ImageScore(sample.name, len(of_image), _mean(of_image), pixels.iou))
        step = len(rows)
        stop = yield Progress(
            step, max(step, total), monotonic() - start, iou_now=_mean(ious), stage=sample.name
        )
        if stop:
            break
    if not ious:
        raise ShotError(f"none of {len(rows)} masks holds an object; there is nothing to measure")
    return Evaluation(
        iou_mean_object=fmean(ious),
        iou_dataset=confusion.iou,
        n_images=len(rows),
        n_objects=len(ious),
        per_image=tuple(rows),
        model=model.backbone.name,
        method=model.method,
        prompt=prompt,
    )


def _measure(
    predictor: Predictor, sample: Sample | Shot, prompt: str
) -> tuple[list[float], Confusion]:
    """Return the IoU of each object, and the pixels of their union against the foreground."""
    labels = split_objects(sample.masks, "labels")
    valid = None if sample.ignore is None else ~np.asarray(sample.ignore, dtype=bool)
    union = np.zeros(labels.shape, dtype=bool)
    ious: list[float] = []
    if labels.any():
        embedding = predictor.embed(sample.image)
        prompts = prompts_from_labels(labels, prompt)
        for number, mask in enumerate(_predict_each(predictor, embedding, prompts), start=1):
            ious.append(object_iou(mask, labels == number, valid))
            union |= mask
    # An object that lies in ignored pixels alone, and was not predicted elsewhere, says nothing.
    return [iou for iou in ious if not isnan(iou)], count_pixels(union, labels > 0, valid)


def _predict_each(
    predictor: Predictor, embedding: Embedding, prompts: Prompts
) -> Iterator[npt.NDArray[np.bool_]]:
    for first in range(0, len(prompts), OBJECTS_AT_A_TIME):
        rows = np.arange(first, min(first + OBJECTS_AT_A_TIME, len(prompts)))
        yield from predictor.predict(embedding, prompts.select(rows)).masks


def _mean(values: list[float]) -> float:
    return fmean(values) if values else nan
