"""What a training run is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_catsam.errors import TrainingError, UnknownNameError
from napari_catsam.tuning.base import list_methods

if TYPE_CHECKING:
    from napari_catsam.types import Intensity

__all__ = ["TrainConfig"]

INITS = ("base", "official")


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one adaptation; the defaults are meant to be left alone.

    Parameters
    ----------
    method : str
        A name of :func:`napari_catsam.tuning.base.list_methods`.
    budget_s : float
        Seconds for everything: scoring before, training, scoring after.
    steps : int, optional
        Number of training steps in place of the budget; on the CPU ``seed`` alone then decides the
        result.
    seed : int
        Of the fresh weights, the split, the views and the prompts.
    init : {"base", "official"}
        Start with the base model's own masks, which the head then corrects
        (:mod:`napari_catsam.adaptation.start`), or with random numbers as the released code does. An
        adapter that training goes on from is taken as it is.
    learning_rate, weight_decay : float
        Of AdamW. The paper has 1e-3 for 2000 steps; a minute on a laptop has about a hundred.
    objects_per_step : int
        At most so many objects are asked for in one step.
    views_per_step : int
        Views that are encoded together in one step; the objects are shared out among them.
    held_out : float
        Share of the shots, or else of the objects, that is kept for the score; 0 keeps none.
    clip_norm : float
        The gradient is scaled down to this norm.
    intensity : Intensity, optional
        How pixel values become 0..255; the model's way when left out.
    pixel_size : (float, float), optional
        Row and column spacing of the shots, for the adapter's header.
    note : str
        The user's words, for the adapter's header.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    TrainingError
        If a number is outside of its range.
    """

    method: str = "cat-a"
    budget_s: float = 60.0
    steps: int | None = None
    seed: int = 0
    init: Literal["base", "official"] = "base"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    objects_per_step: int = 8
    views_per_step: int = 1
    held_out: float = 0.2
    clip_norm: float = 1.0
    intensity: Intensity | None = None
    pixel_size: tuple[float, float] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        methods = list_methods()
        if self.method not in methods:
            raise UnknownNameError("method", self.method, methods)
        _check(self.init in INITS, "init", repr(self.init), "one of " + ", ".join(INITS))
        _check(self.steps is None or self.steps >= 1, "steps", self.steps, "1 or more")
        _check(_positive(self.budget_s), "budget_s", self.budget_s, "a number of seconds above 0")
        _check(_positive(self.learning_rate), "learning_rate", self.learning_rate, "above 0")
        _check(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or more")
        _check(_positive(self.clip_norm), "clip_norm", self.clip_norm, "above 0")
        _check(self.objects_per_step >= 1, "objects_per_step", self.objects_per_step, "1 or more")
        _check(self.views_per_step >= 1, "views_per_step", self.views_per_step, "1 or more")
        _check(0 <= self.held_out < 1, "held_out", self.held_out, "a share from 0 to below 1")
        _check(self.seed >= 0, "seed", self.seed, "0 or more")


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise TrainingError(f"{name} is {value}, it must be {expected}")
