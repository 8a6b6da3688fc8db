"""The score that a run watches: IoU of objects from tight boxes.

Their mean is weighted by the root of their size (:mod:`napari_catsam.adaptation.weights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_catsam.adaptation.weights import weigh_objects
from napari_catsam.geometry import boxes_from_masks
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Intensity, Prompts

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Scored
    from napari_catsam.models.catsam import CatSam

__all__ = ["choose_scored", "score_objects", "weigh_scored"]

MOST_OBJECTS = 32
"""At most so many objects of an image are scored: the decoder's time grows with them."""


def choose_scored(
    scored: Sequence[Scored], images: int, generator: np.random.Generator
) -> tuple[Scored, ...]:
    """Choose few images, and few objects of each, so that the score stays cheap.

    Parameters
    ----------
    scored : sequence of Scored
        What could be scored.
    images : int
        At most so many images.
    generator : numpy.random.Generator
        Draws which.
    """
    order = generator.permutation(len(scored))[:images]
    return tuple(_limit_objects(scored[index], generator) for index in sorted(order))


def _limit_objects(image: Scored, generator: np.random.Generator) -> Scored:
    if len(image.objects) <= MOST_OBJECTS:
        return image
    chosen = np.sort(generator.permutation(len(image.objects))[:MOST_OBJECTS]).tolist()
    return replace(
        image,
        objects=tuple(image.objects[index] for index in chosen),
        regions=tuple(image.regions[index] for index in chosen) if image.regions else (),
    )


def score_objects(
    model: CatSam, scored: Sequence[Scored], intensity: Intensity
) -> npt.NDArray[np.float64]:
    """Segment every object from its tight box, as the user would, and compare.

    Parameters
    ----------
    model : CatSam
        In evaluation mode.
    scored : sequence of Scored
        Images with their objects.
    intensity : Intensity
        How pixel values become 0..255.

    Returns
    -------
    ndarray, (objects,), float
        Intersection over union of each object, without ignored pixels.
    """
    predictor = Predictor(model)
    values = []
    for image in scored:
        embedding = predictor.embed(image.image, intensity)
        # One object after the other: many masks of a large image at once are gigabytes.
        boxes = [boxes_from_masks(image.mask(label)[None]) for label in image.objects]
        found = predictor.predict(embedding, Prompts(boxes=np.concatenate(boxes))).masks
        values += [_compare(image, index, mask) for index, mask in enumerate(found)]
    return np.array(values)


def _compare(image: Scored, index: int, found: npt.NDArray[np.bool_]) -> float:
    """Return the IoU of a found mask with object number ``index``, where pixels count."""
    counted = _count_pixels(image, index)
    truth, found = image.mask(image.objects[index]) & counted, found & counted
    return float((found & truth).sum() / max(1, int((found | truth).sum())))


def weigh_scored(scored: Sequence[Scored]) -> npt.NDArray[np.float64]:
    """Weigh the objects of :func:`score_objects` by the root of the pixels that count.

    Parameters
    ----------
    scored : sequence of Scored
        As there.

    Returns
    -------
    ndarray, (objects,), float
        In the same order, with sum 1.
    """
    return weigh_objects(np.concatenate([_measure_areas(image) for image in scored]))


def _measure_areas(image: Scored) -> npt.NDArray[np.int64]:
    """Return the pixels of each object that count."""
    if image.regions:
        numbers = range(len(image.objects))
        areas = [(image.mask(image.objects[i]) & _count_pixels(image, i)).sum() for i in numbers]
        return np.array(areas, np.int64)
    found, counts = np.unique(image.labels[~image.ignore], return_counts=True)
    return np.asarray(counts[np.searchsorted(found, image.objects)], np.int64)


def _count_pixels(image: Scored, index: int) -> npt.NDArray[np.bool_]:
    """Say which pixels count, (H, W), for object number ``index``."""
    return image.regions[index] & ~image.ignore if image.regions else ~image.ignore
