"""The score that a run watches: IoU of objects from tight boxes.

Their mean is weighted by the root of their size (:mod:`napari_catsam.adaptation.weights`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
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

__all__ = [
    "FIRST_OBJECTS",
    "Watched",
    "choose_scored",
    "estimate_seconds",
    "score_objects",
    "score_parts",
    "watch",
    "weigh_scored",
]

Values = npt.NDArray[np.float64]

FIRST_OBJECTS = 32
"""So many objects are scored at a time, and of one image alone before it is known what it takes."""


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

    def score(self, model: CatSam, intensity: Intensity) -> Generator[None, None, Values]:
        """Score a model as :func:`score_objects` does, with a pause after each part but the last."""
        values: list[Values] = []
        for image in self.images:
            for part in score_parts(model, image, intensity):
                if values:
                    yield
                values.append(part)
        return np.concatenate(values)

    def is_better(self, values: Values, kept: Values, start: Values) -> bool:
        """Say whether the mean of the values (objects,) is above that of the kept ones, if there are some."""
        return not kept.size or self.mean(values) > self.mean(kept)

    def is_as_good(self, values: Values, kept: Values, start: Values) -> bool:
        """Say whether values (objects,) are above those at the start, and the kept ones not clearly better.

        Nor may their gain be lost in noise where that of the kept ones is clear.
        """
        if self.mean(values) <= self.mean(start) or self._rises(values, kept):
            return False
        return self._rises(start, values) or not self._rises(start, kept)

    def _rises(self, before: Values, after: Values) -> bool:
        return judge(before, after, self.weights, held_out=True).helps

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


def estimate_seconds(seconds: float, counted: int, scored: Sequence[Scored]) -> float:
    """Estimate how long an image takes to score, of those with the most objects.

    Parameters
    ----------
    seconds : float
        What one image took.
    counted : int
        The objects of it that were scored.
    scored : sequence of Scored
        What could be scored, :data:`FIRST_OBJECTS` of each.
    """
    most = min(FIRST_OBJECTS, max(len(image.objects) for image in scored))
    return seconds * max(1.0, most / counted)


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
    parts = (part for image in scored for part in score_parts(model, image, intensity))
    return np.concatenate([*parts])


def score_parts(model: CatSam, image: Scored, intensity: Intensity) -> Iterator[Values]:
    """Score one image, some objects at a time: a user may wait meanwhile, and masks of many are gigabytes.

    Parameters
    ----------
    model, intensity
        As for :func:`score_objects`.
    image : Scored
        The image with its objects.

    Yields
    ------
    ndarray, (objects,), float
        Of the next :data:`FIRST_OBJECTS` at most.
    """
    predictor = Predictor(model)
    embedding = predictor.embed(image.image, intensity)
    for first in range(0, len(image.objects), FIRST_OBJECTS):
        labels = image.objects[first : first + FIRST_OBJECTS]
        # One object after the other: their masks are made only while their boxes are taken.
        boxes = [boxes_from_masks(image.mask(label)[None]) for label in labels]
        found = predictor.predict(embedding, Prompts(boxes=np.concatenate(boxes))).masks
        values = [_compare(image, index, mask) for index, mask in enumerate(found, first)]
        yield np.array(values)


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
