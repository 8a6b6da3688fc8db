"""A look at the model in training, between its steps."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.train import adapt, fit
from napari_catsam.models.catsam import CatSam
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Progress, Prompts
from tests.adaptation.pictures import draw_discs

STEPS = TrainConfig(steps=4, objects_per_step=1, learning_rate=0.01)


class Looks:
    """Takes the trained values at every second step."""

    def __init__(self) -> None:
        self.asked = 0
        self.seen: list[dict[str, torch.Tensor]] = []

    @property
    def due(self) -> bool:
        self.asked += 1
        return self.asked % 2 == 0

    def draw(self, model: CatSam) -> Any:
        self.seen.append({name: value.clone() for name, value in model.trained_tensors().items()})
        predictor = Predictor(model)
        embedding = predictor.embed(draw_discs().image)
        return predictor.predict(embedding, Prompts(boxes=[[2, 2, 20, 20]])).masks


def test_what_is_drawn_comes_in_a_progress_of_its_own(base: CatSam) -> None:
    looks = Looks()
    told = list(fit(base, [draw_discs()], STEPS, preview=looks))
    drawn = [progress for progress in told if progress.preview is not None]
    assert [progress.step for progress in drawn] == [2, 4]
    assert [progress.step for progress in told if progress.preview is None] == [0, 1, 2, 3, 4]
    assert np.asarray(drawn[0].preview).shape == (1, *np.shape(draw_discs().image)[:2])


def test_the_values_of_the_moment_are_seen_and_training_is_not_changed(base: CatSam) -> None:
    looks = Looks()
    run = fit(base, [draw_discs()], STEPS, preview=looks)
    adapter = exhaust(run)
    assert adapter.sha256 == adapt(base, [draw_discs()], STEPS).sha256
    early, late = looks.seen
    assert any(not torch.equal(early[name], late[name]) for name in early)


def test_looking_costs_nothing_of_the_time(base: CatSam) -> None:
    looks = Looks()
    draw = looks.draw

    def draw_slowly(model: CatSam) -> Any:
        time.sleep(0.3)
        return draw(model)

    looks.draw = draw_slowly  # type: ignore[method-assign]
    *_, last = fit(base, [draw_discs()], STEPS, preview=looks)
    plain: Progress
    *_, plain = fit(base, [draw_discs()], STEPS)
    assert last.seconds < plain.seconds + 0.5


def test_a_run_can_be_ended_at_a_look(base: CatSam) -> None:
    looks = Looks()
    long = dataclasses.replace(STEPS, steps=50)
    run = fit(base, [draw_discs()], long, preview=looks)
    progress = next(run)
    while progress.preview is None:
        progress = next(run)
    adapter = exhaust(run, stop=True)
    assert adapter.header.steps == 2


def exhaust(run: Any, *, stop: bool = False) -> Any:
    try:
        if stop:
            run.send(True)
        while True:
            next(run)
    except StopIteration as end:
        return end.value
