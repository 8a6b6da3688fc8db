from __future__ import annotations

import torch

from napari_catsam.adaptation.average import RunningMean
from napari_catsam.models.catsam import CatSam


def shift(model: CatSam, by: float) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(by)


def test_the_mean_follows_the_values_and_is_applied_for_a_block_only(base: CatSam) -> None:
    model = base.with_method("hq")
    mean = RunningMean(model, 0.5)
    name, start = next(iter({k: v.clone() for k, v in model.trained_tensors().items()}.items()))
    shift(model, 1.0)
    mean.add(model)  # the first decay is a tenth
    torch.testing.assert_close(mean.values[name], start + 0.9)
    with mean.applied(model, 1.0):
        torch.testing.assert_close(model.trained_tensors()[name], start + 0.9)
    torch.testing.assert_close(model.trained_tensors()[name], start + 1.0)


def test_without_decay_the_mean_is_the_last_value(base: CatSam) -> None:
    model = base.with_method("hq")
    mean = RunningMean(model, 0.0)
    for _ in range(3):
        shift(model, 0.5)
        mean.add(model)
    for name, value in model.trained_tensors().items():
        torch.testing.assert_close(mean.values[name], value)


def test_what_is_used_lies_between_the_start_and_the_mean(base: CatSam) -> None:
    model = base.with_method("hq")
    start = {name: value.clone() for name, value in model.trained_tensors().items()}
    mean = RunningMean(model, 0.0)
    shift(model, 1.0)
    mean.add(model)
    with mean.applied(model, 0.75):
        for name, value in model.trained_tensors().items():
            torch.testing.assert_close(value, start[name] + 0.75)
    for name, value in model.trained_tensors().items():
        torch.testing.assert_close(value, start[name] + 1.0)


def test_a_whole_share_gives_the_mean_to_the_last_bit(base: CatSam) -> None:
    model = base.with_method("hq")
    mean = RunningMean(model, 0.9)
    shift(model, 1 / 3)
    mean.add(model)
    with mean.applied(model, 1.0):
        for name, value in model.trained_tensors().items():
            assert torch.equal(value, mean.values[name])
