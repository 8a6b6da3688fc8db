"""Evaluation of a real, tiny model."""

from __future__ import annotations

import json
from math import isnan, nan

import numpy as np
import pytest

from napari_catsam import Predictor, Progress, Prompts, Shot, evaluate, load_model
from napari_catsam.errors import PromptError, ShotError, UnknownNameError
from napari_catsam.evaluation import measurement
from napari_catsam.evaluation.baselines import measure_baselines
from napari_catsam.evaluation.evaluator import Evaluation, iterate_evaluation
from napari_catsam.evaluation.folders import Sample
from napari_catsam.evaluation.metrics import dataset_iou, object_iou
from napari_catsam.evaluation.objects import find_boxes
from napari_catsam.models.catsam import CatSam
from napari_catsam.types import Embedding, Masks


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
    assert (result.clicks, result.iou_by_click) == (1, ())


def test_objects_in_small_groups_give_the_same(
    model: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(model, [make_sample()], "point", clicks=2)
    monkeypatch.setattr(measurement, "OBJECTS_AT_A_TIME", 2)
    grouped = evaluate(model, [make_sample()], "point", clicks=2)
    assert grouped.iou_by_click == pytest.approx(whole.iou_by_click, abs=1e-6)
    assert grouped.iou_dataset == pytest.approx(whole.iou_dataset, abs=1e-6)


def test_the_mean_after_each_click_is_kept_and_the_last_one_counts(model: CatSam) -> None:
    one = evaluate(model, [make_sample()], "point")
    three = evaluate(model, [make_sample()], "point", clicks=3)
    assert len(three.iou_by_click) == three.clicks == 3
    assert three.iou_by_click[0] == pytest.approx(one.iou_mean_object)
    assert three.iou_mean_object == three.iou_by_click[-1]
    assert three.iou_mean_object != pytest.approx(one.iou_mean_object)


@pytest.mark.parametrize("prompt", ["box", "point"])
def test_the_baselines_are_of_the_same_objects_whatever_the_prompt(
    model: CatSam, prompt: str
) -> None:
    result = evaluate(model, [make_sample()], prompt)
    each = [measure_baselines(make_labels() == number) for number in (1, 2, 3)]
    assert result.iou_box_itself == np.mean([b.box for b in each]) == 1
    assert result.iou_ellipse == pytest.approx(np.mean([b.ellipse for b in each]))


def test_the_scores_are_ranked_against_the_true_iou(model: CatSam) -> None:
    result = evaluate(model, [make_sample()])
    assert result.rank_correlation in (-1, -0.5, 0.5, 1)
    few = evaluate(model, [make_sample()], limit_objects=2)
    assert isnan(few.rank_correlation)
    assert few.to_dict()["rank_correlation"] is None


def test_small_objects_and_those_beyond_the_limit_are_left_out(model: CatSam) -> None:
    large = evaluate(model, [make_sample()], smallest=400)
    assert (large.n_objects, large.smallest) == (2, 400)
    only = Sample(make_sample().image, make_labels() * (make_labels() > 1))
    assert large.iou_mean_object == pytest.approx(evaluate(model, [only]).iou_mean_object)
    assert evaluate(model, [make_sample()], limit_objects=1).n_objects == 1
    with pytest.raises(ShotError, match="nothing to measure"):
        evaluate(model, [make_sample()], smallest=1000)


def test_another_predictor_can_be_given(model: CatSam) -> None:
    class Inverted(Predictor):
        def predict(self, embedding: Embedding, prompts: Prompts) -> Masks:
            masks = super().predict(embedding, prompts)
            return Masks(~masks.masks, masks.scores, masks.logits)

    plain = evaluate(model, [make_sample()])
    assert evaluate(model, [make_sample()], predictor=Predictor(model)) == plain
    assert evaluate(model, [make_sample()], predictor=Inverted(model)) != plain


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
    with pytest.raises(PromptError, match="corrective clicks need the prompt 'point'"):
        evaluate(model, [make_sample()], clicks=2)


def test_an_evaluation_without_numbers_is_plain_json() -> None:
    result = Evaluation(
        0.5, nan, (0.4, 0.5), 0.3, nan, nan, 1, 1, (), "tiny", "sam", "point", 2, 1, None
    )
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert (plain["iou_by_click"], plain["rank_correlation"]) == ([0.4, 0.5], None)
    assert (plain["iou_dataset"], plain["iou_ellipse"], plain["limit_objects"]) == (None,) * 3
