"""The score that a run watches: IoU of objects from tight boxes.

Their mean is weighted by the root of their size (:mod:`napari_catsam.adaptation.weights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_catsam.adaptation.verdict import PAIR, judge
from napari_catsam.adaptation.weights import count_effective, weigh_objects
from napari_catsam.geometry import boxes_from_masks
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Intensity, Prompts

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Scored
    from napari_catsam.models.catsam import CatSam

__all__ = ["FIRST_OBJECTS", "Watched", "choose_scored", "score_objects", "watch", "weigh_scored"]

Values = npt.NDArray[np.float64]

FIRST_OBJECTS = 32
"""At most so many objects of an image are scored before it is known what an image takes."""


@dataclass(frozen=True, eq=False)
class Watched:
    """What of the held-out objects a run is scored on.

    Attributes
    ----------
    images : tuple of Scored
        With the objects.
    limit : int
        At most so many objects of each image.
    weights : ndarray, (objects,), float
        How much each counts, with sum 1.
    """

    images: tuple[Scored, ...] = ()
    limit: int = FIRST_OBJECTS
    weights: Values = field(default_factory=lambda: np.empty(0))

    @property
    def several(self) -> bool:
        """Whether these are enough objects to say if a gain is clear: a pair may rise alike by chance."""
        return count_effective(self.weights) > PAIR

    def is_as_good(self, values: Values, kept: Values, before: Values) -> bool:
        """Say whether values (objects,) are above those before, and the kept ones not clearly better."""
        clear = judge(values, kept, self.weights, held_out=True).helps
        return self.mean(values) > self.mean(before) and not clear

    def mean(self, values: Values) -> float:
        """Return the mean of the objects' IoU (objects,) by their weights."""
        return float(values @ self.weights)


def watch(scored: Sequence[Scored], images: int, limit: int, seed: int) -> Watched:
    """Choose what is scored: so many images, the first ones always the same, and objects of each.

    Parameters
    ----------
    scored : sequence of Scored
        What could be scored.
    images, limit : int
        At most so many images, and so many objects of each.
    seed : int
        Draws which.
    """
    chosen = choose_scored(scored, images, limit, np.random.default_rng([seed, 3]))
    return Watched(chosen, limit, weigh_scored(chosen))


def choose_scored(
    scored: Sequence[Scored], images: int, objects: int, generator: np.random.Generator
) -> tuple[Scored, ...]:
    """Choose few images, and few objects of each, so that the score stays cheap.

    Parameters
    ----------
    scored : sequence of Scored
        What could be scored.
    images : int
        At most so many images.
    objects : int
        At most so many objects of each: the decoder's time grows with them.
    generator : numpy.random.Generator
        Draws which.
    """
    order = generator.permutation(len(scored))[:images]
    return tuple(_limit_objects(scored[index], objects, generator) for index in sorted(order))


def _limit_objects(image: Scored, most: int, generator: np.random.Generator) -> Scored:
    if len(image.objects) <= most:
        return image
    chosen = np.sort(generator.permutation(len(image.objects))[:most]).tolist()
    return replace(
        image,
        objects=tuple(image.objects[index] for index in chosen),
        regions=tuple(image.regions[index] for index in chosen) if image.regions else (),
    )


def score_objects(model: CatSam, scored: Sequence[Scored], intensity: Intensity) -> Values:
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


def weigh_scored(scored: Sequence[Scored]) -> Values:
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
