"""What base and adapted model make of the masks on one plane: the worker's side."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.plugin.adapt.boxes import find_largest
from napari_catsam.plugin.adapt.outlook import Outlook
from napari_catsam.plugin.adapt.preview import MOST_OBJECTS, PreviewPicture
from napari_catsam.plugin.device.engine import Engine, ModelChoice
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet

__all__ = ["Answer", "Comparison", "compare_models", "measure_overlap"]


@dataclass(frozen=True, eq=False)
class Answer:
    """What one model makes of the masks.

    Attributes
    ----------
    model : ModelChoice
        Which one.
    picture : PreviewPicture
        One mask for each tight box.
    overlap : float
        Mean IoU of these masks with those that the boxes are of, 0..1.
    """

    model: ModelChoice
    picture: PreviewPicture
    overlap: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """What both models make of the masks on a plane.

    Attributes
    ----------
    plane : Plane
        Which one.
    base, adapted : Answer
        Of the same boxes.
    """

    plane: Plane
    base: Answer
    adapted: Answer

    def answer_of(self, model: ModelChoice) -> Answer | None:
        """Return what a model made of the masks; None if it is neither of the two."""
        both = (self.base, self.adapted)
        return next((answer for answer in both if answer.model.key == model.key), None)


def compare_models(
    engine: Engine, outlook: Outlook, adapted: ModelChoice
) -> Generator[str, bool | None, Comparison | None]:
    """Ask base and adapted model for the largest masks of a plane, each by its tight box.

    Parameters
    ----------
    engine : Engine
        In its worker.
    outlook : Outlook
        The plane, its masks, and the base model.
    adapted : ModelChoice
        The other model.

    Yields
    ------
    str
        What is done.

    Returns
    -------
    Comparison or None
        None if there is no mask on the plane.
    """
    plane = outlook.plane
    labels = outlook.read_labels(plane)
    numbers, boxes = find_largest(labels, MOST_OBJECTS)
    if not len(numbers):
        return None
    answers = []
    for model in (outlook.base, adapted):
        masks = yield from engine.segment(model, plane, PromptSet(boxes=boxes))
        overlaps = _measure_all(labels, numbers, boxes, masks)
        answers.append(Answer(model, PreviewPicture.draw(plane, masks), float(np.mean(overlaps))))
    return Comparison(plane, *answers)


def _measure_all(
    labels: npt.NDArray[Any],
    numbers: npt.NDArray[Any],
    boxes: npt.NDArray[np.float64],
    masks: Sequence[ObjectMask],
) -> list[float]:
    """Return the overlap of each mask with the label whose box it answers."""
    overlaps = []
    for number, box, mask in zip(numbers, boxes.astype(int), masks, strict=True):
        own = slice(box[0], box[2]), slice(box[1], box[3])
        size = int(np.count_nonzero(labels[own] == number))
        common = int(np.count_nonzero(mask.mask & (labels[mask.window] == number)))
        overlaps.append(measure_overlap(size, int(np.count_nonzero(mask.mask)), common))
    return overlaps


def measure_overlap(size: int, other: int, common: int) -> float:
    """Return the IoU, 0..1, of two masks of so many pixels that have so many in common."""
    return common / max(1, size + other - common)
