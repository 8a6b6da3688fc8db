"""Measuring a model on the images of a data set, shared out over processes."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_catsam.evaluation.boundary import boundary_iou
from napari_catsam.evaluation.datasets.base import find_objects
from napari_catsam.evaluation.metrics import Confusion, count_pixels, object_iou
from napari_catsam.evaluation.protocol.prompts import prompt_boxes, prompt_points
from napari_catsam.evaluation.runs import Measured
from napari_catsam.models.catsam import PromptTensors
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.readings import choose_masks
from napari_catsam.types import Progress, Prompts

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset, Split
    from napari_catsam.evaluation.protocol.processes import Processes
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Embedding

__all__ = ["ImageMeasure", "iterate_measure", "measure_plane", "summarise"]

TOGETHER = 32
"""Masks at the size of the image that are held at once."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ImageMeasure:
    """What was measured on one image.

    Attributes
    ----------
    name : str
    classes : tuple of Confusion
        One a class; a single one where there is foreground alone.
    boundary : float
        IoU of the boundaries of all foreground; NaN if there is none in either.
    objects : tuple of float
        IoU of each object that was prompted.
    """

    name: str
    classes: tuple[Confusion, ...]
    boundary: float
    objects: tuple[float, ...]


def iterate_measure(
    model: CatSam,
    dataset: Dataset,
    split: Split,
    names: Sequence[str],
    processes: Processes,
    prompt: str = "box",
) -> Generator[Progress, bool | None, list[ImageMeasure]]:
    """Measure a model on some images; each process takes its share and gets all results.

    Yields
    ------
    Progress
        After each image of this process. Send ``True`` to be interrupted.

    Returns
    -------
    list of ImageMeasure
        In the order of the names, whatever the number of processes.

    Raises
    ------
    KeyboardInterrupt
        If ``True`` was sent.
    """
    predictor, start = Predictor(model), time.monotonic()
    own = names[processes.rank :: processes.count]
    rows = []
    for step, name in enumerate(own, start=1):
        image, mask = dataset.read_plane(name, split)
        rows.append(measure_plane(predictor, dataset, name, (image, mask), prompt))
        progress = Progress(step, len(own), time.monotonic() - start, stage=f"testing {name}")
        if (yield progress):
            raise KeyboardInterrupt  # a part of the images would give another number
    return processes.gather(rows)


def measure_plane(
    predictor: Predictor,
    dataset: Dataset,
    name: str,
    plane: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    prompt: str,
) -> ImageMeasure:
    """Prompt a model with the objects of one image and mask.

    All foreground of the mask counts, also that of objects that are too small to be asked for. An
    image without any object is asked for without a prompt, as in the released code.
    """
    image, mask = plane
    labels = find_objects(mask, dataset.rule)
    embedding = predictor.embed(image)
    if labels.any():
        found, objects = _predict_objects(predictor, embedding, mask, labels, (name, prompt))
    else:
        found, objects = _predict_nothing(predictor.model, embedding).astype(mask.dtype), []
    values = _list_classes(dataset)
    pairs = [(found == v, mask == v) for v in values] if values else [(found != 0, mask != 0)]
    return ImageMeasure(
        name,
        tuple(count_pixels(*pair) for pair in pairs),
        boundary_iou(found != 0, mask != 0),
        tuple(objects),
    )


def _list_classes(dataset: Dataset) -> range | None:
    several = dataset.rule.unit == "values" and len(dataset.class_names) > 1
    return range(1, len(dataset.class_names) + 1) if several else None


def _predict_objects(
    predictor: Predictor,
    embedding: Embedding,
    mask: npt.NDArray[Any],
    labels: npt.NDArray[np.int32],
    asked: tuple[str, str],
) -> tuple[npt.NDArray[Any], list[float]]:
    """Return the classes that were found, (H, W), and the IoU of each object."""
    found, ious = np.zeros_like(mask), list[float]()
    name, kind = asked
    # The same point of an object in every test of it.
    random = np.random.RandomState(zlib.crc32(name.encode()))
    numbers = np.arange(1, int(labels.max()) + 1)
    for first in range(0, len(numbers), TOGETHER):
        truth = labels == numbers[first : first + TOGETHER, None, None]
        if kind == "point":
            prompts = Prompts(points=prompt_points(truth, random)[:, None])
        else:
            prompts = Prompts(boxes=prompt_boxes(truth))
        for guess, wanted in zip(predictor.predict(embedding, prompts).masks, truth, strict=True):
            found[guess] = mask[wanted][0]
            ious.append(object_iou(guess, wanted))
    return found, ious


def _predict_nothing(model: CatSam, embedding: Embedding) -> BoolArray:
    with torch.no_grad():
        decoded = model.decode(embedding.features, embedding.detail, PromptTensors())
        logits = choose_masks(decoded, lone_click=False)[0]
        mask: BoolArray = (embedding.frame.logits_to_image(logits)[0] > 0).cpu().numpy()
    return mask


def summarise(rows: Sequence[ImageMeasure]) -> Measured:
    """Bring the measures of images together."""
    classes = [reduce(add, same) for same in zip(*(row.classes for row in rows), strict=True)]
    total = reduce(add, classes, Confusion())
    images = [_mean([confusion.iou for confusion in row.classes]) for row in rows]
    return Measured(
        iou_dataset=_mean([confusion.iou for confusion in classes]),
        iou_image=_mean(images),
        iou_object=_mean([iou for row in rows for iou in row.objects]),
        iou_boundary=_mean([row.boundary for row in rows]),
        balanced_error_rate=total.balanced_error_rate,
        images=len(rows),
        objects=sum(len(row.objects) for row in rows),
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else math.nan
