"""What is measured, with a stand-in for the model that gives known masks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from napari_catsam.evaluation.datasets.base import ObjectRule
from napari_catsam.evaluation.metrics import Confusion
from napari_catsam.evaluation.protocol.measure import ImageMeasure, measure_plane, summarise
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Prompts


class BoxFiller:
    """Segments the box itself, last pixels and all."""

    def __init__(self) -> None:
        self.prompts: list[Prompts] = []

    def embed(self, image: np.ndarray) -> Any:
        return image.shape[:2]

    def predict(self, embedding: Any, prompts: Prompts) -> Any:
        self.prompts.append(prompts)
        masks = np.zeros((len(prompts), *embedding), bool)
        for mask, (r0, c0, r1, c1) in zip(masks, prompts.boxes.astype(int), strict=True):
            mask[r0 : r1 + 1, c0 : c1 + 1] = True
        return SimpleNamespace(masks=masks)


def describe(**changed: Any) -> Any:
    return SimpleNamespace(**({"rule": ObjectRule(), "class_names": ("cell",)} | changed))


def make_plane() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((40, 40), np.uint8)
    mask[2:12, 2:12] = 1
    mask[20:30, 20:30] = 1
    mask[20:25, 20:25] = 0  # a quarter of the second square
    mask[38, 38] = 1
    return np.zeros((40, 40, 3), np.uint8), mask


def test_objects_are_prompted_and_all_foreground_counts() -> None:
    dataset, filler = describe(rule=ObjectRule(smallest_area=10)), BoxFiller()
    row = measure_plane(filler, dataset, "a", make_plane(), "box")  # type: ignore[arg-type]
    assert filler.prompts[0].boxes.tolist() == [[2, 2, 11, 11], [20, 20, 29, 29]]
    assert row.objects == (1.0, 0.75)
    # The single pixel is too small to be asked for, and is missed.
    assert row.classes == (Confusion(175, 25, 1, 1600 - 201),)


def test_each_class_has_a_matrix_of_its_own() -> None:
    image, mask = make_plane()
    mask[20:30, 20:30] *= 2
    dataset = describe(rule=ObjectRule(unit="values"), class_names=("lung", "heart"))
    mask[38, 38] = 0
    row = measure_plane(BoxFiller(), dataset, "a", (image, mask), "box")  # type: ignore[arg-type]
    assert row.classes == (Confusion(100, 0, 0, 1500), Confusion(75, 25, 0, 1500))
    assert summarise([row]).iou_dataset == pytest.approx((1 + 0.75) / 2)


def test_point_prompts_are_the_same_in_every_test_of_an_image(base: CatSam) -> None:
    image, mask = make_plane()
    rows = [
        measure_plane(Predictor(base), describe(), name, (image, mask), "point")
        for name in ("a", "a")
    ]
    assert rows[0] == rows[1]
    assert len(rows[0].objects) == 3


def test_an_image_without_an_object_is_asked_for_without_a_prompt(base: CatSam) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    predictor = Predictor(base)
    plane = image, np.zeros((40, 40), np.uint8)
    row = measure_plane(predictor, describe(), "a", plane, "box")
    embedding = predictor.embed(image)
    with torch.no_grad():
        logits = base.decode(embedding.features, embedding.detail, PromptTensors()).logits[:, 0]
        found = int((embedding.frame.logits_to_image(logits) > 0).sum())
    assert row.classes == (Confusion(0, found, 0, 1600 - found),)
    assert row.objects == ()


def test_images_are_brought_together() -> None:
    rows = [
        ImageMeasure("a", (Confusion(30, 10, 0, 60),), 0.5, (0.75,)),
        ImageMeasure("b", (Confusion(10, 0, 30, 60),), 0.25, (0.2, 0.3)),
        ImageMeasure("c", (Confusion(0, 0, 0, 100),), float("nan"), ()),
    ]
    measured = summarise(rows)
    assert measured.iou_dataset == pytest.approx(40 / 80)
    assert measured.iou_image == pytest.approx((0.75 + 0.25) / 2)
    assert measured.iou_object == pytest.approx((0.75 + 0.2 + 0.3) / 3)
    assert measured.iou_boundary == pytest.approx(0.375)
    assert measured.balanced_error_rate == pytest.approx((30 / 70 + 10 / 230) / 2)
    assert (measured.images, measured.objects) == (3, 3)
