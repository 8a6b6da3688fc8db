"""What a training run is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_catsam.adaptation.held_out import SHARE
from napari_catsam.errors import TrainingError, UnknownNameError
from napari_catsam.tuning.base import list_methods

if TYPE_CHECKING:
    from napari_catsam.types import Intensity

__all__ = ["TrainConfig"]

CHOICES = {
    "init": ("base", "identity", "official"),
    "views": ("new", "fixed"),
    "loss_resolution": ("decoder", "image"),
    "annotated": ("surroundings", "everything"),
}


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
    init : {"base", "identity", "official"}
        Start about with the base model's own masks, which the head then corrects, or exactly with them
        (:mod:`napari_catsam.adaptation.start`), or with random numbers as the released code does. An
        adapter that training goes on from is taken as it is. Unless it is random, what a run starts
        with is the first candidate for its result; with "base" only if scoring it costs little.
    views : {"new", "fixed"}
        Another view and other prompts every step, or one of both all the time, as the released
        recipe for one shot comes to.
    annotated : {"surroundings", "everything"}
        What a pixel without a label says: nothing unless it is near an object, so that of fifty
        objects three may be drawn; or that no object is there.
    loss_resolution : {"decoder", "image"}
        Take the loss on the decoder's grid, or at the size of the view as the paper does.
    decoder_share : float
        In this share of the run the head alone is trained, on a few views that are encoded once.
    learning_rate, weight_decay : float
        Of AdamW. The paper has 1e-3 for 2000 steps; a minute on a laptop has about a hundred.
    objects_per_step : int
        At most so many objects are asked for in one step.
    views_per_step : int
        Views that are encoded together in one step; the objects are shared out among them.
    held_out : float
        Share of the shots, or else of the objects, that is kept for the score, or up to half of the shots
        (:func:`~napari_catsam.adaptation.held_out.plan_held_out`); 0 keeps none.
    clip_norm : float
        The gradient is scaled down to this norm.
    average : float
        Decay a step of the running mean of the trained values, which is what is scored and kept; 0
        takes the values themselves.
    interpolation : float
        What is scored and kept lies this far on the way from the values at the start to the mean: below 1
        it forgets less of what the base model knows (WiSE-FT, arXiv 2109.01903). At the end of a run all
        the way is scored too, and two thirds of this share
        (:meth:`~napari_catsam.adaptation.trainer.Trainer.check_ends`). Random values of
        ``init="official"`` are no start to go back to; there it is 1.
    patience : int or None
        The run ends after so many looks at the score without a rise over earlier looks; None never
        ends it so.
    checkpoint_blocks : bool or None
        Keep only the input of each encoder block for the gradient: slower, in much less memory. None
        does so if memory is short.
    memory : int or None
        Bytes that a step may take; what is free when left out.
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
    init: Literal["base", "identity", "official"] = "identity"
    views: Literal["new", "fixed"] = "new"
    annotated: Literal["surroundings", "everything"] = "surroundings"
    loss_resolution: Literal["decoder", "image"] = "image"
    decoder_share: float = 0.4
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    objects_per_step: int = 4
    views_per_step: int = 1
    held_out: float = SHARE
    clip_norm: float = 1.0
    average: float = 0.9
    interpolation: float = 0.75
    patience: int | None = 5
    checkpoint_blocks: bool | None = None
    memory: int | None = None
    intensity: Intensity | None = None
    pixel_size: tuple[float, float] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        methods = list_methods()
        if self.method not in methods:
            raise UnknownNameError("method", self.method, methods)
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            _check(value in choices, name, repr(value), "one of " + ", ".join(choices))
        _check(self.steps is None or self.steps >= 1, "steps", self.steps, "1 or more")
        _check(_positive(self.budget_s), "budget_s", self.budget_s, "a number of seconds above 0")
        _check(_positive(self.learning_rate), "learning_rate", self.learning_rate, "above 0")
        _check(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or more")
        _check(_positive(self.clip_norm), "clip_norm", self.clip_norm, "above 0")
        _check(self.objects_per_step >= 1, "objects_per_step", self.objects_per_step, "1 or more")
        _check(self.views_per_step >= 1, "views_per_step", self.views_per_step, "1 or more")
        _check(0 <= self.held_out < 1, "held_out", self.held_out, "a share from 0 to below 1")
        _check(
            0 <= self.decoder_share < 1, "decoder_share", self.decoder_share, "from 0 to below 1"
        )
        _check(0 <= self.average < 1, "average", self.average, "a decay from 0 to below 1")
        _check(0 < self.interpolation <= 1, "interpolation", self.interpolation, "above 0, up to 1")
        _check(self.patience is None or self.patience >= 1, "patience", self.patience, "1 or more")
        _check(self.memory is None or self.memory >= 1, "memory", self.memory, "1 byte or more")
        _check(self.seed >= 0, "seed", self.seed, "0 or more")


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise TrainingError(f"{name} is {value}, it must be {expected}")
