"""What the settings of a run change."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from napari_catsam.adaptation import scoring
from napari_catsam.adaptation import step as step_module
from napari_catsam.adaptation.augment import InputSpec, View, draw_view
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.adaptation.shots import Sample, split_shots
from napari_catsam.adaptation.step import LossStep
from napari_catsam.adaptation.train import adapt
from napari_catsam.models.catsam import CatSam
from napari_catsam.types import Intensity, Progress, Shot
from tests.adaptation.pictures import draw_discs

PAD = InputSpec(side=64, grid=16, resize="pad")


def sample_of(annotated: str = "surroundings") -> Sample:
    split = split_shots([draw_discs()], Intensity(), 0.0, 0, annotated)  # type: ignore[arg-type]
    return split.train[0]


def make_step(base: CatSam, **settings: object) -> LossStep:
    config = TrainConfig(**settings)  # type: ignore[arg-type]
    model = base.with_method(config.method)
    return LossStep(model, (sample_of(config.annotated),), config, config.views_per_step)


def empty_views(sample: Sample) -> list[View]:
    views = [draw_view((sample,), 4, PAD, np.random.default_rng(seed)) for seed in range(120)]
    return [view for view in views if view.boxes is not None]


def test_places_without_an_object_are_asked_for_where_they_are_known() -> None:
    views = empty_views(sample_of("everything"))
    assert 1 <= len(views) <= 20
    for view in views:
        assert not view.masks.any()
        assert float(view.targets.max()) == 0
        assert view.boxes is not None
        assert view.boxes.shape == (1, 4)
    assert empty_views(sample_of("surroundings")) == []


def test_an_empty_view_gives_a_loss(base: CatSam) -> None:
    step = make_step(base, annotated="everything")
    number = next(n for n in range(200) if step._draw(n, 4)[0].boxes is not None)
    assert torch.isfinite(step.loss(number, 4))


def test_objects_of_a_view_count_by_the_root_of_their_pixels(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def spy(
        logits: torch.Tensor, targets: torch.Tensor, ignore: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        areas = targets.flatten(1).sum(1)
        seen.append(weights / weights[0] - (areas / areas[0]) ** 0.5)
        return bce_dice_loss(logits, targets, ignore, weights)

    monkeypatch.setattr(step_module, "bce_dice_loss", spy)
    step = make_step(base)
    for number in range(8):
        step.loss(number, 4)
    assert max(len(difference) for difference in seen) > 1
    assert max(float(difference.abs().max()) for difference in seen) < 1e-5


def test_some_views_are_closer_and_some_further_away() -> None:
    """The widest disc, 24 pixels, covers another share of the input in every view."""
    shot = draw_discs(2)
    labels = np.where(np.asarray(shot.masks) == 2, 1, 0)
    sample = split_shots([Shot(shot.image, labels)], Intensity(), 0.0, seed=0).train[0]
    sizes = []
    for seed in range(80):
        view = draw_view((sample,), 1, PAD, np.random.default_rng(seed))
        sizes.append(float(view.targets.sum()) ** 0.5 / 16)
    whole = 21 / 96
    assert min(sizes) < 0.85 * whole
    assert max(sizes) > 2 * whole


def test_new_views_differ_every_step_and_a_fixed_one_does_not(base: CatSam) -> None:
    with torch.no_grad():
        fixed = make_step(base, views="fixed")
        assert float(fixed.loss(0, 2)) == float(fixed.loss(7, 2))
        new = make_step(base)
        assert float(new.loss(0, 2)) != float(new.loss(7, 2))


def test_the_loss_may_be_taken_at_the_size_of_the_view(base: CatSam) -> None:
    losses = [
        make_step(base, loss_resolution=resolution).loss(3, 2)
        for resolution in ("decoder", "image")
    ]
    assert losses[0] != losses[1]
    assert float(losses[0].detach()) == pytest.approx(float(losses[1].detach()), rel=0.3)
    losses[1].backward()


def test_the_head_alone_trains_in_the_first_part_of_a_run(base: CatSam) -> None:
    step = make_step(base)
    step.decoder_only = True
    step.loss(0, 2).backward()
    grown = {n for n, p in step.model.named_parameters() if p.grad is not None}
    assert grown
    assert all(name.startswith("head.") for name in grown)
    states: list[Progress] = []
    config = TrainConfig(steps=4, objects_per_step=2, decoder_share=0.5)
    adapt(base, [draw_discs()], config, states.append)
    assert [now.stage for now in states[1:]] == ["training the decoder"] * 2 + ["training"] * 2


def test_a_run_ends_when_the_score_has_not_risen_for_a_while(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks: the base, the start, one that is better, then two that are not, and one all the way."""
    scores = iter([0.2, 0.2, 0.9, 0.5, 0.5, 0.5])
    monkeypatch.setattr(scoring, "score_parts", lambda *_: [np.array([next(scores)])])
    config = TrainConfig(method="hq", steps=12, objects_per_step=1, patience=2, init="base")
    header = adapt(base, [draw_discs()], config).header
    assert header.steps == 6  # a look every two steps
    assert header.score_after == 0.9


def test_the_scores_of_each_held_out_object_are_kept(base: CatSam) -> None:
    config = TrainConfig(method="hq", steps=2, held_out=0.4)
    shot = draw_discs()
    header = adapt(base, [shot], config).header
    assert len(header.scores) == 2
    assert {row.shot for row in header.scores} == {"discs 0"}
    assert {row.label for row in header.scores} < {1, 2, 3, 4, 5}
    roots = [np.sqrt((np.asarray(shot.masks) == row.label).sum()) for row in header.scores]
    values = [row.after for row in header.scores]
    assert header.score_after == pytest.approx(np.average(values, weights=roots))
    assert header.helps in (True, False)


def test_two_runs_are_the_same_with_all_settings(base: CatSam) -> None:
    config = TrainConfig(
        steps=3,
        init="identity",
        annotated="everything",
        loss_resolution="image",
        decoder_share=0.3,
        views_per_step=2,
        checkpoint_blocks=True,
    )
    one, two = (adapt(base, [draw_discs()], config) for _ in range(2))
    assert one.sha256 == two.sha256
    other = adapt(base, [draw_discs()], dataclasses.replace(config, seed=1))
    assert other.sha256 != one.sha256
