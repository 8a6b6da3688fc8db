"""Evaluation of a real, tiny model."""

from __future__ import annotations

import json
from math import isnan

import numpy as np
import pytest

from napari_catsam import Predictor, Progress, Prompts, Shot, evaluate, load_model
from napari_catsam.errors import ShotError, UnknownNameError
from napari_catsam.evaluation import evaluator
from napari_catsam.evaluation.evaluator import iterate_evaluation
from napari_catsam.evaluation.folders import Sample
from napari_catsam.evaluation.metrics import dataset_iou, object_iou
from napari_catsam.evaluation.objects import find_boxes
from napari_catsam.models.catsam import CatSam


@pytest.fixture(scope="module")
def model() -> CatSam:
    return load_model("tiny", device="cpu")


def make_labels() -> np.ndarray:
    labels = np.zeros((48, 64), np.int32)
    labels[4:20, 6:26], labels[24:44, 10:30], labels[10:40, 40:60] = 1, 2, 3
    return labels


def make_sample(name: str = "a") -> Sample:
    labels = make_labels()
    image = np.random.default_rng(1).integers(0, 60, labels.shape) + 40 * labels
    return Sample(image.astype(np.uint8), labels, name=name)


def test_the_numbers_are_those_of_the_predictor(model: CatSam) -> None:
    sample = make_sample()
    labels = make_labels()
    result = evaluate(model, [sample])
    predictor = Predictor(model)
    masks = predictor.predict(
        predictor.embed(sample.image), Prompts(boxes=find_boxes(labels))
    ).masks
    ious = [object_iou(mask, labels == number) for number, mask in enumerate(masks, start=1)]
    assert result.iou_mean_object == pytest.approx(np.mean(ious))
    assert result.iou_dataset == pytest.approx(dataset_iou([(masks.any(axis=0), labels > 0)]))
    assert (result.n_images, result.n_objects) == (1, 3)
    assert (result.model, result.method, result.prompt) == ("tiny", "sam", "box")


def test_objects_in_small_groups_give_the_same(
    model: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(model, [make_sample()], "point")
    monkeypatch.setattr(evaluator, "OBJECTS_AT_A_TIME", 2)
    assert evaluate(model, [make_sample()], "point").iou_mean_object == pytest.approx(
        whole.iou_mean_object, abs=1e-6
    )


def test_an_image_without_objects_counts_as_an_image_only(model: CatSam) -> None:
    empty = Sample(np.zeros((20, 20), np.uint8), np.zeros((20, 20), int), name="empty")
    with_empty, without = (evaluate(model, s) for s in ([make_sample(), empty], [make_sample()]))
    assert with_empty.iou_dataset == without.iou_dataset
    assert (with_empty.n_images, with_empty.n_objects) == (2, 3)
    assert isnan(with_empty.per_image[1].iou_mean_object)
    plain = json.loads(json.dumps(with_empty.to_dict(), allow_nan=False))
    assert plain["per_image"][1] == {
        "name": "empty", "n_objects": 0, "iou_mean_object": None, "iou_union": None
    }  # fmt: skip


def test_ignored_pixels_do_not_count(model: CatSam) -> None:
    sample, labels = make_sample(), (make_labels() == 3).astype(int)
    predictor = Predictor(model)
    prompts = Prompts(boxes=find_boxes(make_labels())[2:])
    predicted = predictor.predict(predictor.embed(sample.image), prompts).masks[0]
    assert 0 < evaluate(model, [Shot(sample.image, labels)]).iou_mean_object < 1
    perfect = Shot(sample.image, labels, ignore=predicted != (labels > 0))
    assert evaluate(model, [perfect]).iou_mean_object == 1


def test_progress_comes_after_each_image_with_the_mean_so_far(model: CatSam) -> None:
    seen: list[Progress] = []
    result = evaluate(model, [make_sample("a"), make_sample("b")], progress=seen.append)
    assert [(p.step, p.total, p.stage) for p in seen] == [(1, 2, "a"), (2, 2, "b")]
    assert seen[-1].iou_now == pytest.approx(result.iou_mean_object)


def test_one_image_is_read_at_a_time_and_stop_keeps_what_was_measured(model: CatSam) -> None:
    asked: list[str] = []

    def read() -> object:
        for name in "abc":
            asked.append(name)
            yield make_sample(name)

    steps = iterate_evaluation(model, read())  # type: ignore[arg-type]
    next(steps)
    assert asked == ["a"]
    with pytest.raises(StopIteration) as end:
        steps.send(True)
    assert asked == ["a"]
    assert end.value.value.n_images == 1


def test_nothing_to_measure_and_unknown_prompts_are_refused(model: CatSam) -> None:
    empty = Sample(np.zeros((20, 20), np.uint8), np.zeros((20, 20), int))
    with pytest.raises(ShotError, match="none of 1 masks holds an object"):
        evaluate(model, [empty])
    with pytest.raises(
        UnknownNameError, match="unknown prompt 'click', expected one of box, point"
    ):
        evaluate(model, [make_sample()], "click")
