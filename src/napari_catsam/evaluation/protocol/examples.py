"""Masks of a few test images, by a model and by the same without what was trained."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.evaluation.datasets.base import find_objects
from napari_catsam.evaluation.examples import Example
from napari_catsam.evaluation.protocol.prompts import choose_prompt, prompt_boxes, prompt_points
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Prompts

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.models.catsam import CatSam

__all__ = ["draw_examples"]

COUNT = 4
MOST_OBJECTS = 32
"""Objects of an image that are asked for at most: an example is to be looked at."""

BoolArray = npt.NDArray[np.bool_]


def draw_examples(
    model: CatSam, dataset: Dataset, config: ProtocolConfig, count: int = COUNT
) -> tuple[Example, ...]:
    """Predict the objects of a few test images, the same ones in every run.

    Parameters
    ----------
    model : CatSam
        In evaluation mode, as it was tested.
    dataset : Dataset
        Gives the test images.
    config : ProtocolConfig
        Gives the kind of prompts.
    count : int
        How many images, evenly spread; fewer if the others hold no object.

    Raises
    ------
    UnreadableFileError, ShotError
        If an image or its mask cannot be read.
    """
    names = dataset.list_names("test")
    places = np.linspace(0, len(names) - 1, min(count, len(names))).astype(int)
    base = model.with_method("sam").eval()
    kind = choose_prompt(dataset, config)
    examples = []
    for name in (names[place] for place in places):
        image, mask = dataset.read_plane(name, "test")
        labels = find_objects(mask, dataset.rule)
        labels[labels > MOST_OBJECTS] = 0
        truth = _split(labels)
        if not len(truth):
            continue
        prompts = _prompt(truth, name, kind)
        before, after = (_predict(Predictor(one), image, prompts) for one in (base, model))
        rgb = model.intensity.apply(image).round().astype(np.uint8)
        examples.append(Example(name, rgb, labels > 0, before, after))
    return tuple(examples)


def _split(labels: npt.NDArray[np.int32]) -> BoolArray:
    numbers = np.arange(1, int(labels.max(initial=0)) + 1)
    masks: BoolArray = labels == numbers[:, None, None]
    return masks


def _prompt(truth: BoolArray, name: str, kind: str) -> Prompts:
    if kind == "point":
        random = np.random.RandomState(zlib.crc32(name.encode()))
        return Prompts(points=prompt_points(truth, random)[:, None])
    return Prompts(boxes=prompt_boxes(truth))


def _predict(predictor: Predictor, image: npt.NDArray[Any], prompts: Prompts) -> BoolArray:
    masks = predictor.predict(predictor.embed(image), prompts).masks
    return np.asarray(masks.any(axis=0))
