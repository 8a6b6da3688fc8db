"""Folders of images and masks, split once and for all into shots and test images.

Shots come from the first third of a set, in the order of the numbers in the names, and test images from
its second half: neighbouring sections or frames of a video never lie on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_catsam.evaluation.evaluator import evaluate
from napari_catsam.evaluation.folders import Sample, read_sample
from napari_catsam.images import find_images
from napari_catsam.types import Shot

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

__all__ = ["LIMIT_OBJECTS", "SMALLEST", "Dataset", "measure", "natural_order"]

SMALLEST = 20
"""Objects of fewer pixels are neither shots nor measured: specks of a mask's border."""

LIMIT_OBJECTS = 24
"""At most so many objects of a test image are measured."""


class Dataset:
    """One folder of images and masks, split into shots and test images."""

    def __init__(self, folder: Path, test_images: int) -> None:
        images, masks = find_images(folder / "images"), find_images(folder / "masks")
        stems = sorted((stem for stem in images if stem in masks), key=natural_order)
        self._pairs = [(images[stem], masks[stem]) for stem in stems]
        half = len(stems) // 2
        spread = np.linspace(half, len(stems) - 1, min(test_images, len(stems) - half))
        self._test = [int(index) for index in spread]

    def test(self) -> Iterator[Sample]:
        """Yield the images that are measured."""
        for index in self._test:
            yield read_sample(*self._pairs[index])

    def shots(self, count: int, seed: int, limit_objects: int | None = None) -> list[Shot]:
        """Draw images to learn from, each with an object that is no speck.

        At most ``limit_objects`` of each image are labelled, evenly spread over their numbers; the
        pixels of the others say nothing.
        """
        order = np.random.default_rng([seed, count]).permutation(len(self._pairs) // 3)
        found: list[Shot] = []
        for index in order:
            sample = read_sample(*self._pairs[index])
            masks = np.asarray(sample.masks)
            sizes = np.bincount(masks.ravel())
            wanted = np.flatnonzero(sizes >= SMALLEST)
            wanted = wanted[wanted > 0]
            if limit_objects is not None and len(wanted) > limit_objects:
                wanted = wanted[np.linspace(0, len(wanted) - 1, limit_objects).astype(int)]
            kept = np.where(np.isin(masks, wanted), masks, 0)
            if kept.any():
                found.append(Shot(sample.image, kept, ignore=masks != kept, name=sample.name))
            if len(found) == count:
                break
        return found


def natural_order(stem: str) -> list[Any]:
    """Sort names by their numbers: frame 9 before frame 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", stem)]


def measure(
    model: CatSam, data: Dataset, limit_objects: int | None = LIMIT_OBJECTS
) -> dict[str, float]:
    """Measure a model on the test images, from tight boxes."""
    result = evaluate(model, data.test(), smallest=SMALLEST, limit_objects=limit_objects)
    return {"dataset_iou": result.iou_dataset, "object_iou": result.iou_mean_object}
