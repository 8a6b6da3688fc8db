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
    chosen = generator.permutation(image.objects)[:MOST_OBJECTS]
    return replace(image, objects=tuple(sorted(int(label) for label in chosen)))


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
        masks, counted = image.masks, _count_pixels(image)
        found = predictor.predict(embedding, Prompts(boxes=boxes_from_masks(masks))).masks
        found, masks = found & counted, masks & counted
        overlap = (found & masks).sum(axis=(1, 2))
        union = (found | masks).sum(axis=(1, 2))
        values.append(overlap / np.maximum(union, 1))
    return np.concatenate(values)


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
    areas = [(image.masks & _count_pixels(image)).sum(axis=(1, 2)) for image in scored]
    return weigh_objects(np.concatenate(areas))


def _count_pixels(image: Scored) -> npt.NDArray[np.bool_]:
    """Say which pixels count: (H, W) for all objects, or (N, H, W) where only parts are scored."""
    return np.stack(image.regions) & ~image.ignore if image.regions else ~image.ignore
