"""A run ends no worse than it began, and says so when it did not help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from napari_catsam.adaptation import scoring, trainer
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.schedule import Schedule
from napari_catsam.adaptation.scoring import score_objects
from napari_catsam.adaptation.start import start_trainee
from napari_catsam.adaptation.state import RunState
from napari_catsam.adaptation.train import adapt, fit
from napari_catsam.errors import TrainingError
from napari_catsam.models.adapter import AdapterHeader, apply_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.tuning.base import list_methods
from napari_catsam.types import Shot
from tests.adaptation.pictures import draw_discs

METHODS = [name for name in list_methods() if name != "sam"]
THREE = TrainConfig(steps=3, objects_per_step=2, learning_rate=1.0)
"""So high a rate ruins the values."""


def same_values(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def give_scores(monkeypatch: pytest.MonkeyPatch, *scores: float, objects: int = 1) -> list[CatSam]:
    """Let the looks at the score find these, and return the models that they look at."""
    left, seen = list(scores), list[CatSam]()

    def score(model: CatSam, *_: object) -> list[npt.NDArray[np.float64]]:
        seen.append(model)
        return [np.full(objects, left.pop(0))]

    monkeypatch.setattr(scoring, "score_parts", score)
    return seen


@pytest.mark.parametrize("method", METHODS)
def test_an_exact_start_is_kept_when_every_look_is_worse(
    base: CatSam, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = give_scores(monkeypatch, 0.7, 0.5, 0.6, 0.4, 0.3)  # the start itself is not looked at
    config = dataclasses.replace(THREE, method=method, init="identity")
    adapter = adapt(base, [draw_discs()], config)
    assert len(seen) == 5
    check_not_better(adapter.header, 0.7)
    assert same_values(adapter.tensors, start_trainee(base, config).trained_tensors())


def test_a_start_about_as_the_base_is_scored_and_kept_when_every_look_is_worse(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = give_scores(monkeypatch, 0.7, 0.69, 0.5, 0.6, 0.4, 0.3)
    config = dataclasses.replace(THREE, init="base")
    adapter = adapt(base, [draw_discs()], config)
    assert len(seen) == 6
    check_not_better(adapter.header, 0.69)
    assert same_values(adapter.tensors, start_trainee(base, config).trained_tensors())


def test_a_random_start_is_no_candidate(base: CatSam, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = give_scores(monkeypatch, 0.7, 0.5, 0.6, 0.4)
    header = adapt(base, [draw_discs()], dataclasses.replace(THREE, init="official")).header
    assert len(seen) == 4
    check_not_better(header, 0.6)


def test_going_on_from_an_adapter_keeps_it_when_every_look_is_worse(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = adapt(base, [draw_discs()], TrainConfig(method="hq", steps=2, objects_per_step=2))
    give_scores(monkeypatch, 0.7, 0.5, 0.6, 0.4, 0.3)
    config = dataclasses.replace(THREE, method="hq")
    second = adapt(apply_adapter(base, first), [draw_discs()], config)
    check_not_better(second.header, 0.7)
    assert same_values(second.tensors, first.tensors)


@pytest.mark.parametrize("method", ["cat-a", "hq"])
def test_ruined_values_give_an_adapter_that_scores_as_the_base(small: CatSam, method: str) -> None:
    """Of objects as long as the image: of others no values can ruin more than borders."""
    config = dataclasses.replace(THREE, method=method, init="identity", learning_rate=30.0)
    shots = [draw_bars()]
    run = trainer.Trainer(small, shots, config)
    list(run.score_base())
    start = run.score_before
    for _ in range(3):
        assert run.train_step()
        list(run.check())
        assert run.score_now < start
    adapter = run.finish()
    check_not_better(adapter.header, start)
    model = apply_adapter(small, adapter)
    found = score_objects(model, run.split.scored, model.intensity)
    np.testing.assert_array_equal(found, run.before)


def check_not_better(header: AdapterHeader, score: float) -> None:
    assert header.helps is False
    assert header.score_after == score
    assert "not better than the base model" in header.note


def test_looks_that_rise_again_below_the_start_do_not_end_a_run(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_scores(monkeypatch, 0.7, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9, 0.8)
    config = TrainConfig(method="hq", steps=6, objects_per_step=1, patience=2, init="identity")
    header = adapt(base, [draw_discs()], config).header
    assert (header.steps, header.score_after) == (6, 0.9)


def test_what_was_kept_and_looked_at_survives_a_stop(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the second of six steps; the looks after steps 1 and 2 found 0.1 and 0.2."""
    give_scores(monkeypatch, 0.7, 0.1, 0.2, 0.15, 0.15, 0.1, 0.9)
    config = TrainConfig(method="hq", steps=6, objects_per_step=1, patience=2, init="identity")
    state = RunState()
    run = fit(base, [draw_discs()], config, state)
    for _ in range(3):
        next(run)
    with pytest.raises(StopIteration) as end:
        run.send(True)
    check_not_better(end.value.value.header, 0.7)
    adapter = adapt(base, [draw_discs()], config, state=RunState.from_bytes(state.to_bytes()))
    assert adapter.header.steps == 4  # two more looks without a rise over 0.2
    check_not_better(adapter.header, 0.7)
    assert same_values(adapter.tensors, start_trainee(base, config).trained_tensors())


@pytest.mark.parametrize("score", [0.8, 0.6])
def test_the_values_all_the_way_from_the_start_are_kept_if_they_score_best(
    base: CatSam, score: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer.Trainer(base, [draw_discs()], dataclasses.replace(THREE, method="hq"))
    give_scores(monkeypatch, 0.5, 0.7, score)  # one object: no look nearer to the start
    list(run.score_base())
    assert run.train_step()
    list(run.check())
    list(run.check_ends())
    assert run.score_now == max(0.7, score)
    tensors = run.finish().tensors
    assert same_values(tensors, run.mean.values) == (score > 0.7)


@pytest.mark.parametrize(
    ("near", "kept"),
    [
        ([0.69, 0.7, 0.7], True),
        ([0.6, 0.6, 0.6], False),
        ([0.5, 0.4, 0.5], False),
        ([0.695, 0.695, 0.4], False),
    ],
    ids=["about as good", "clearly worse", "worse than before", "no clear gain any more"],
)
def test_values_nearer_to_the_start_are_kept_unless_it_is_clear_that_they_are_worse(
    base: CatSam, near: list[float], kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = dataclasses.replace(THREE, method="hq", held_out=0.6, interpolation=0.6)
    run = trainer.Trainer(base, [draw_discs()], config)
    looks = [np.full(3, 0.5), np.full(3, 0.7), np.full(3, 0.6), np.array(near)]
    monkeypatch.setattr(scoring, "score_parts", lambda *_: [looks.pop(0)])
    list(run.score_base())
    assert run.train_step()
    list(run.check())
    list(run.check_ends())
    assert not looks
    found = run.finish().tensors
    with run.mean.applied(run.trainee, 0.4):
        assert same_values(found, run.trainee.trained_tensors()) == kept


def test_values_nearer_to_the_start_are_not_kept_if_the_start_scored_better(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start of ``init="base"`` rises by 0.1, so that it need not be the base's own masks."""
    give_scores(monkeypatch, 0.5, 0.6, 0.4, 0.3, 0.599, objects=3)
    config = dataclasses.replace(THREE, method="hq", held_out=0.6, steps=1, init="base")
    adapter = adapt(base, [draw_discs()], config)
    assert adapter.header.score_after == pytest.approx(0.6)
    assert same_values(adapter.tensors, start_trainee(base, config).trained_tensors())


@pytest.mark.parametrize(("after", "helps"), [(0.54, False), (0.56, True)])
def test_an_end_of_an_object_must_rise_by_more_than_a_whole_one(
    base: CatSam, after: float, helps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.asarray(draw_bars().masks) == 2
    give_scores(monkeypatch, 0.5, after, 0.4)
    config = TrainConfig(method="hq", steps=1, objects_per_step=1)
    shot = Shot(np.where(labels, 200, 50).astype(np.uint8), labels.astype(np.uint16))
    header = adapt(base, [shot], config).header
    assert header.helps is helps
    assert "a part of 1 object held out" in header.note
    assert "a gain counts from 0.05 on" in header.note


def test_a_run_that_is_stopped_does_not_look_all_the_way(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = give_scores(monkeypatch, 0.5, 0.7)
    run = fit(base, [draw_discs()], TrainConfig(method="hq", steps=9, objects_per_step=1))
    next(run)
    next(run)
    with pytest.raises(StopIteration):
        run.send(True)
    assert len(seen) == 2


def test_the_start_is_scored_only_if_that_costs_little() -> None:
    schedule = Schedule(TrainConfig(budget_s=20))
    assert schedule.affords_start(0.9)
    assert not schedule.affords_start(1.1)
    assert Schedule(TrainConfig(steps=2)).affords_start(1000)  # the clock decides nothing there


def test_a_loss_that_is_not_finite_before_a_look_is_an_error_though_the_start_is_kept(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverging(trainer.LossStep):
        def loss(self, step: int, objects: int) -> torch.Tensor:
            return super().loss(step, objects) * math.nan

    monkeypatch.setattr(trainer, "LossStep", Diverging)
    with pytest.raises(TrainingError, match="the loss is nan at step 1; use a learning rate below"):
        adapt(base, [draw_discs()], dataclasses.replace(THREE, init="identity"))


def test_a_gradient_that_is_not_finite_is_named_as_such(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exploding(trainer.LossStep):
        def loss(self, step: int, objects: int) -> torch.Tensor:
            value = super().loss(step, objects)
            value.register_hook(lambda gradient: gradient * math.inf)
            return value

    monkeypatch.setattr(trainer, "LossStep", Exploding)
    with pytest.raises(TrainingError, match=r"the length of the gradient is (inf|nan) at step 1"):
        adapt(base, [draw_discs()], dataclasses.replace(THREE, init="identity"))


def draw_bars() -> Shot:
    """Draw four bars across the whole image."""
    labels = np.zeros((96, 96), np.uint16)
    for number in range(4):
        labels[8 + 22 * number : 20 + 22 * number] = number + 1
    return Shot(np.where(labels > 0, 200, 50).astype(np.uint8), labels)


Noise = Callable[[npt.NDArray[np.int_], np.random.Generator], npt.NDArray[np.int_]]


def scatter_labels(labels: npt.NDArray[np.int_], generator: np.random.Generator) -> Any:
    """Give every pixel a label of its own."""
    return generator.integers(1, 13, labels.shape)


def speckle_labels(labels: npt.NDArray[np.int_], generator: np.random.Generator) -> Any:
    """Take a third of each disc away: no mask fits the rest better than the whole disc."""
    return np.where(generator.random(labels.shape) < 0.33, 0, labels)


@pytest.mark.parametrize("spoil", [scatter_labels, speckle_labels])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
)
def test_labels_of_random_noise_leave_the_base_model_in_use(
    small: CatSam, spoil: Noise, seed: int
) -> None:
    """Neither the picture nor the box says where such labels are, so that nothing can be learned."""
    shot = draw_discs(seed=seed)
    labels = spoil(np.asarray(shot.masks), np.random.default_rng(seed))
    config = TrainConfig(method="hq", steps=6, objects_per_step=3, held_out=0.6, seed=seed)
    header = adapt(small, [Shot(shot.image, labels)], config).header
    assert len(header.scores) > 2
    assert header.helps is False
    assert "not better than the base model" in header.note
