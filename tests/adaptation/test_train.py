from __future__ import annotations

import dataclasses
import itertools
import math
import time

import numpy as np
import pytest
import torch

from napari_catsam.adaptation import scoring, trainer
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.scoring import score_objects
from napari_catsam.adaptation.shots import split_shots
from napari_catsam.adaptation.step import LossStep
from napari_catsam.adaptation.train import adapt, fit
from napari_catsam.errors import OutOfMemoryError, ShotError, TrainingError
from napari_catsam.models.adapter import apply_adapter, load_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.tuning.base import list_methods
from napari_catsam.types import Intensity, Progress, Shot
from tests.adaptation.pictures import draw_discs

METHODS = [name for name in list_methods() if name != "sam"]
QUICK = TrainConfig(steps=3, objects_per_step=3)


def hold(model: CatSam) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("method", METHODS)
def test_training_changes_neither_the_model_nor_its_frozen_weights(
    base: CatSam, method: str
) -> None:
    before = hold(base)
    adapter = adapt(base, [draw_discs()], dataclasses.replace(QUICK, method=method))
    after = base.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert base.method == "sam"
    assert not any(p.requires_grad for p in base.parameters())
    assert not adapter.tensors.keys() & before.keys()


def test_training_goes_on_from_an_adapter_without_changing_it(base: CatSam) -> None:
    model = apply_adapter(base, adapt(base, [draw_discs()], QUICK))
    before = hold(model)
    run = fit(model, [draw_discs()], dataclasses.replace(QUICK, learning_rate=1e-9))
    next(run)
    with pytest.raises(StopIteration) as end:
        run.send(True)
    for name, value in end.value.value.tensors.items():
        assert torch.equal(value, before[name])
    adapt(model, [draw_discs()], QUICK)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("method", METHODS)
def test_a_run_can_be_repeated_bit_by_bit(base: CatSam, method: str) -> None:
    config = dataclasses.replace(QUICK, method=method)
    torch.manual_seed(1)
    one = adapt(base, [draw_discs()], config)
    torch.manual_seed(2)
    two = adapt(base, [draw_discs()], config)
    assert one.sha256 == two.sha256
    other = adapt(base, [draw_discs()], dataclasses.replace(config, seed=5))
    assert other.sha256 != one.sha256


def test_training_leaves_the_random_state_alone(base: CatSam) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    adapt(base, [draw_discs()], QUICK)
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize("method", METHODS)
def test_loss_falls_on_a_bright_disc(base: CatSam, method: str) -> None:
    losses: list[float] = []
    config = TrainConfig(method=method, steps=80, learning_rate=5e-3)
    adapter = adapt(base, [draw_discs(1)], config, lambda state: losses.append(state.loss))
    assert np.mean(losses[-8:]) < 0.65 * np.mean(losses[1:9])
    assert adapter.header.score_before is not None
    assert adapter.header.score_after is not None
    assert adapter.header.score_after > adapter.header.score_before


def test_progress_tells_the_score_before_the_first_step(base: CatSam) -> None:
    states: list[Progress] = []
    adapt(base, [draw_discs()], QUICK, states.append)
    assert [state.step for state in states] == [0, 1, 2, 3]
    assert all(state.total == 3 for state in states)
    assert states[0].stage == "scored on 1 object held out"
    assert math.isfinite(states[0].iou_before)
    assert math.isnan(states[0].loss)
    assert math.isfinite(states[-1].iou_now)


def test_the_header_tells_what_was_done(base: CatSam, tmp_path: object) -> None:
    config = dataclasses.replace(
        QUICK, note="a trial", seed=4, intensity=Intensity("limits", 10, 200), pixel_size=(0.5, 0.5)
    )
    header = adapt(base, [draw_discs()], config).header
    assert (header.method, header.backbone, header.steps, header.seed) == ("cat-a", "tiny", 3, 4)
    assert header.note.startswith("a trial; scored on 1 object held out")
    assert header.intensity == Intensity("limits", 10, 200)
    assert header.pixel_size == (0.5, 0.5)
    assert header.channels == 1
    (shot,) = header.shots
    assert (shot.name, shot.height, shot.width, shot.objects) == ("discs 0", 96, 80, 5)


def test_a_saved_adapter_scores_as_the_header_says(base: CatSam, tmp_path: object) -> None:
    shots = [draw_discs()]
    adapter = adapt(base, shots, QUICK)
    path = adapter.save(f"{tmp_path}/discs.safetensors")
    model = apply_adapter(base, load_adapter(path))
    split = split_shots(shots, model.intensity, QUICK.held_out, QUICK.seed)
    score = score_objects(model, split.scored, model.intensity).mean()
    assert score == pytest.approx(adapter.header.score_after)


def test_the_best_values_are_kept_not_the_last(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five looks: 0.2 before, 0.3 at the start, 0.9 and 0.1 after the steps, 0.4 all the way."""
    scores = iter([0.2, 0.3, 0.9, 0.1, 0.4])
    hashes: list[str] = []

    def score(model: CatSam, *_: object) -> list[np.ndarray]:
        hashes.append(model.model_id)
        return [np.array([next(scores)])]

    monkeypatch.setattr(scoring, "score_parts", score)
    adapter = adapt(base, [draw_discs()], dataclasses.replace(QUICK, steps=2, init="base"))
    assert adapter.header.score_after == 0.9
    assert apply_adapter(base, adapter).model_id == hashes[2]


def test_an_adapter_that_did_not_help_says_so(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "score_parts", lambda *_: [np.array([0.5])])
    header = adapt(base, [draw_discs()], QUICK).header
    assert header.helps is False
    assert header.note == (
        "scored on 1 object held out; not better than the base model: IoU +0.000, "
        "1 object cannot show the noise of a score, so a gain counts from 0.03 on"
    )


def test_stop_ends_at_once_with_the_best_so_far(base: CatSam) -> None:
    run = fit(base, [draw_discs()], TrainConfig(steps=1000, objects_per_step=2))
    next(run)
    next(run)
    with pytest.raises(StopIteration) as end:
        run.send(True)
    adapter = end.value.value
    assert adapter.header.steps == 1
    assert adapter.header.score_after is not None
    assert math.isfinite(adapter.header.score_after)


def test_stop_before_the_first_step_gives_an_adapter_too(base: CatSam) -> None:
    run = fit(base, [draw_discs()], QUICK)
    next(run)
    with pytest.raises(StopIteration) as end:
        run.send(True)
    assert end.value.value.header.steps == 0


def test_close_keeps_nothing(base: CatSam) -> None:
    before = hold(base)
    run = fit(base, [draw_discs()], QUICK)
    for _ in itertools.islice(run, 2):
        pass
    run.close()
    assert next(run, None) is None
    assert all(torch.equal(before[name], value) for name, value in base.state_dict().items())


def test_a_look_pauses_between_two_images(base: CatSam) -> None:
    shots = [draw_discs(seed=seed) for seed in range(6)]
    config = TrainConfig(method="hq", steps=2, objects_per_step=1, held_out=0.5)
    seen: list[Progress] = []
    adapt(base, shots, config, seen.append)
    stages = [now.stage for now in seen]
    assert stages[0] == "scoring"  # one image is scored first, to see how long it takes
    assert "in 3 images held out" in stages[2]
    # Five looks with two pauses each: the base, after either step, all the way and half way. Between
    # the last two is another pause.
    assert stages.count("scoring") == 5 * 2 + 1


def test_the_looks_at_the_end_stop_at_a_wish(base: CatSam, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[CatSam] = []

    def score(model: CatSam, *_: object) -> list[np.ndarray]:
        seen.append(model)
        return [np.full(3, 0.5 + 0.1 * len(seen))]

    monkeypatch.setattr(scoring, "score_parts", score)
    config = TrainConfig(method="hq", steps=1, objects_per_step=1, held_out=0.6)
    run = fit(base, [draw_discs()], config)
    while next(run).stage != "scoring":
        pass
    assert len(seen) == 3  # the base, the last step's values, and those all the way
    with pytest.raises(StopIteration) as end:
        run.send(True)
    assert len(seen) == 3
    assert end.value.value.header.score_after == pytest.approx(0.8)


def test_a_wish_to_stop_during_a_look_is_kept(base: CatSam) -> None:
    shots = [draw_discs(seed=seed) for seed in range(6)]
    run = fit(base, shots, TrainConfig(method="hq", steps=50, objects_per_step=1, held_out=0.5))
    assert next(run).stage == "scoring"
    stages = [run.send(True).stage, *(now.stage for now in run)]
    assert "training" not in " ".join(stages)


def test_a_model_with_another_method_is_one_clear_sentence(base: CatSam) -> None:
    config = TrainConfig(method="cat-t", steps=1)
    model = apply_adapter(base, adapt(base, [draw_discs()], config))
    with pytest.raises(TrainingError, match="has cat-t"):
        adapt(model, [draw_discs()], dataclasses.replace(config, method="cat-a"))


def test_logits_that_are_not_finite_are_not_given_back_as_prompts(base: CatSam) -> None:
    config = TrainConfig(method="hq", objects_per_step=2)
    run = trainer.Trainer(base, [draw_discs()], config)
    with torch.no_grad():
        run.trainee.head.token.fill_(math.nan)
    # Some of the steps have corrective clicks.
    losses = [float(run.stepper.loss(step, 2).detach()) for step in range(12)]
    assert all(map(math.isnan, losses))


def test_a_look_that_moves_to_the_cpu_goes_on_with_the_trained_values(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer.Trainer(base, [draw_discs()], TrainConfig(method="hq", steps=4))
    list(run.score_base())
    run.train_step()
    trained = {name: value.clone() for name, value in run.trainee.trained_tensors().items()}

    def score(*_: object) -> list[np.ndarray]:
        run._move_to_cpu()
        return [np.array([0.5])]

    monkeypatch.setattr(scoring, "score_parts", score)
    list(run.check())
    assert all(torch.equal(trained[k], v) for k, v in run.trainee.trained_tensors().items())
    assert run.stepper.decoder_only


def test_the_budget_is_kept(base: CatSam) -> None:
    adapt(base, [draw_discs()], QUICK)  # the first run of a process is slower
    started = time.monotonic()
    adapter = adapt(base, [draw_discs()], TrainConfig(budget_s=2.0, objects_per_step=2))
    seconds = time.monotonic() - started
    assert adapter.header.steps >= 3
    assert 1.2 < seconds < 2.6
    assert adapter.header.seconds == pytest.approx(seconds, abs=0.2)


def test_a_held_out_object_is_as_if_it_had_not_been_drawn(base: CatSam) -> None:
    """Every loss equals that of a run in which the user erased the object and ignored its pixels."""
    shot = draw_discs()
    held = split_shots([shot], base.intensity, 0.2, seed=0).scored[0].masks[0]
    erased = Shot(shot.image, np.where(held, 0, np.asarray(shot.masks)), ignore=held)
    assert losses_of(base, shot, held_out=0.2) == losses_of(base, erased, held_out=0.0)


def losses_of(base: CatSam, shot: Shot, *, held_out: float) -> list[float]:
    states: list[Progress] = []
    config = TrainConfig(method="hq", steps=6, held_out=held_out)
    adapt(base, [shot], config, states.append)
    return [state.loss for state in states[1:] if state.stage != "scoring"]


def test_two_views_a_step_train_as_well(base: CatSam) -> None:
    adapter = adapt(base, [draw_discs()], dataclasses.replace(QUICK, views_per_step=2))
    assert adapter.header.steps == 3


def test_a_method_that_trains_nothing_is_one_clear_sentence(base: CatSam) -> None:
    with pytest.raises(TrainingError, match="'sam' trains nothing; choose cat-a, cat-t or hq"):
        adapt(base, [draw_discs()], TrainConfig(method="sam"))


def test_no_shots_is_one_clear_sentence(base: CatSam) -> None:
    with pytest.raises(ShotError, match="no shots were given"):
        adapt(base, [])


class FailingStep(LossStep):
    """Runs out of memory with more than ``fits`` objects; the rest is real."""

    fits = 1
    asked: list[int] = []  # noqa: RUF012  (shared with the test on purpose)

    def loss(self, step: int, objects: int) -> torch.Tensor:
        self.asked.append(objects)
        if objects > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().loss(step, objects)


def test_objects_are_halved_until_they_fit(base: CatSam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "LossStep", FailingStep)
    monkeypatch.setattr(FailingStep, "fits", 2)
    monkeypatch.setattr(FailingStep, "asked", [])
    adapter = adapt(base, [draw_discs()], TrainConfig(steps=2, objects_per_step=8))
    assert FailingStep.asked == [8, 4, 2, 2]
    assert adapter.header.steps == 2


def test_not_even_one_object_fitting_is_one_clear_sentence(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "LossStep", FailingStep)
    monkeypatch.setattr(FailingStep, "fits", 0)
    with pytest.raises(OutOfMemoryError, match="training tiny with one object a step does not fit"):
        adapt(base, [draw_discs()], QUICK)


class DivergingStep(LossStep):
    """Gives a loss that is not a number from step ``first`` on."""

    first = 0

    def loss(self, step: int, objects: int) -> torch.Tensor:
        value = super().loss(step, objects)
        return value * math.nan if step >= self.first else value


def test_a_loss_that_is_not_finite_at_once_is_one_clear_sentence(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "LossStep", DivergingStep)
    with pytest.raises(
        TrainingError, match=r"the loss is nan at step 1; use a learning rate below"
    ):
        adapt(base, [draw_discs()], QUICK)


def test_a_loss_that_is_not_finite_later_ends_with_the_best_so_far(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "LossStep", DivergingStep)
    monkeypatch.setattr(DivergingStep, "first", 2)
    adapter = adapt(base, [draw_discs()], dataclasses.replace(QUICK, steps=6))
    assert adapter.header.steps == 2
    assert all(value.isfinite().all() for value in adapter.tensors.values())


def test_sixteen_bit_images_train_by_the_same_mapping(base: CatSam) -> None:
    shot = draw_discs()
    deep = Shot(np.asarray(shot.image).astype(np.uint16) * 200, shot.masks)
    adapter = adapt(base, [deep], QUICK)
    assert adapter.header.intensity == base.intensity
