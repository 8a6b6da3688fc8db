"""Simulated clicks: where they go, and what the predictor is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from napari_catsam import Predictor, load_model
from napari_catsam.evaluation.clicks import Click, find_correction, iterate_clicks
from napari_catsam.evaluation.objects import prompts_from_labels
from napari_catsam.types import Embedding, Intensity, Masks, Prompts

TRUTH = np.zeros((40, 60), bool)
TRUTH[10:31, 10:41] = True


def without(*window: slice) -> np.ndarray:
    mask = TRUTH.copy()
    mask[window] = False
    return mask


def test_a_missed_area_gets_a_positive_click_at_its_most_interior_pixel() -> None:
    predicted = without(slice(None), slice(20, 41))
    assert find_correction(predicted, TRUTH) == Click((20, 30), 1)


def test_a_false_area_gets_a_negative_click() -> None:
    predicted = TRUTH.copy()
    predicted[0:9, 45:60] = True
    assert find_correction(predicted, TRUTH) == Click((4, 49), 0)


def test_the_largest_connected_area_counts_and_not_the_sum_of_small_ones() -> None:
    predicted = without(slice(10, 15), slice(10, 15))  # 25 missed in one place
    predicted[0:9:2, 45:60:2] = True  # 40 single false pixels
    assert find_correction(predicted, TRUTH) == Click((12, 12), 1)


def test_of_two_equal_areas_the_missed_one_is_clicked() -> None:
    predicted = without(slice(10, 13), slice(10, 13))
    predicted[0:3, 0:3] = True
    assert find_correction(predicted, TRUTH) == Click((11, 11), 1)


def test_pixels_that_are_not_valid_are_not_clicked() -> None:
    valid = np.ones_like(TRUTH)
    valid[:, 20:] = False
    predicted = without(slice(None), slice(18, 41))
    click = find_correction(predicted, TRUTH, valid)
    assert click is not None
    assert click.point[1] in (18, 19)
    assert find_correction(TRUTH, TRUTH) is None
    assert find_correction(without(slice(None), slice(20, 41)), TRUTH, valid) is None


@dataclass
class Recorder:
    """A real predictor that notes what it is asked, and is told what some objects come out as."""

    real: Predictor
    asked: list[Prompts] = field(default_factory=list)
    gave: list[Masks] = field(default_factory=list)
    solves: dict[int, np.ndarray] = field(default_factory=dict)

    def embed(self, image: npt.ArrayLike, intensity: Intensity | None = None) -> Embedding:
        return self.real.embed(image, intensity)

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        masks = self.real.predict(embedding, prompts)
        for row, mask in self.solves.items():
            masks.masks[row] = mask
        self.asked.append(prompts)
        self.gave.append(Masks(masks.masks.copy(), masks.scores.copy(), masks.logits.copy()))
        return masks


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(Predictor(load_model("tiny", device="cpu")))


def make_labels() -> np.ndarray:
    labels = np.zeros((48, 64), np.int32)
    labels[4:20, 6:26], labels[24:44, 10:30], labels[10:40, 40:60] = 1, 2, 3
    return labels


def start(recorder: Recorder) -> tuple[Any, Prompts, np.ndarray]:
    labels = make_labels()
    image = np.random.default_rng(1).integers(0, 60, labels.shape) + 40 * labels
    truth = labels == np.arange(1, 4)[:, None, None]
    return recorder.embed(image.astype(np.uint8)), prompts_from_labels(labels, "point"), truth


def test_every_click_comes_with_those_before_it_and_the_last_mask(recorder: Recorder) -> None:
    embedding, first, truth = start(recorder)
    rounds = sum(1 for _ in iterate_clicks(recorder, embedding, first, truth, 3))
    assert rounds == 3
    assert [np.shape(prompts.points) for prompts in recorder.asked] == [
        (3, 1, 2), (3, 2, 2), (3, 3, 2)
    ]  # fmt: skip
    for before, now, last in zip(
        recorder.asked, recorder.asked[1:], recorder.gave[:-1], strict=False
    ):
        points, labels = np.asarray(now.points), np.asarray(now.labels)
        assert np.array_equal(points[:, :-1], np.asarray(before.points))
        assert np.array_equal(labels[:, :-1], np.asarray(before.labels))
        assert np.array_equal(np.asarray(now.masks), last.logits)
        for row in range(3):
            expected = find_correction(last.masks[row], truth[row])
            assert expected == Click(tuple(points[row, -1]), labels[row, -1])


def test_one_click_is_the_prompt_alone(recorder: Recorder) -> None:
    embedding, first, truth = start(recorder)
    (masks,) = iterate_clicks(recorder, embedding, first, truth, 1)
    assert recorder.asked == [first]
    assert len(masks) == 3


def test_an_object_with_nothing_wrong_keeps_its_mask(recorder: Recorder) -> None:
    embedding, first, truth = start(recorder)
    recorder.solves = {1: truth[1]}
    steps = iterate_clicks(recorder, embedding, first, truth, 2)
    before = next(steps).logits[1].copy()
    recorder.solves = {}
    after = next(steps)
    assert len(recorder.asked[1]) == 2
    assert np.array_equal(after.masks[1], truth[1])
    assert np.array_equal(after.logits[1], before)
    assert np.array_equal(after.masks[[0, 2]], recorder.gave[1].masks)
    assert np.array_equal(after.scores[[0, 2]], recorder.gave[1].scores)


def test_nothing_is_asked_any_more_when_all_is_right(recorder: Recorder) -> None:
    embedding, first, truth = start(recorder)
    recorder.solves = dict(enumerate(truth))
    masks = list(iterate_clicks(recorder, embedding, first, truth, 4))
    assert len(masks) == 4
    assert len(recorder.asked) == 1
