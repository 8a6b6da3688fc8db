from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.errors import TrainingError, UnknownNameError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("budget_s", 0.0),
        ("budget_s", float("nan")),
        ("learning_rate", -1.0),
        ("weight_decay", -0.1),
        ("clip_norm", 0.0),
        ("objects_per_step", 0),
        ("views_per_step", 0),
        ("held_out", 1.0),
        ("decoder_share", 1.0),
        ("average", 1.0),
        ("interpolation", 0.0),
        ("interpolation", 1.5),
        ("patience", 0),
        ("memory", 0),
        ("seed", -1),
    ],
)
def test_a_number_outside_of_its_range_is_named(field: str, value: Any) -> None:
    with pytest.raises(TrainingError, match=f"{field} is {value}, it must be"):
        TrainConfig(**{field: value})


@pytest.mark.parametrize("field", ["init", "views", "loss_resolution", "annotated"])
def test_an_unknown_choice_is_told_with_those_that_there_are(field: str) -> None:
    with pytest.raises(TrainingError, match=f"{field} is 'x', it must be one of"):
        TrainConfig(**{field: "x"})  # type: ignore[arg-type]


def test_an_unknown_method_is_told_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cat-a'"):
        TrainConfig(method="cat-aa")


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1  # type: ignore[misc]
