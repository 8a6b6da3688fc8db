"""What a run of the paper's protocol is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from napari_catsam.adaptation.config import CHOICES
from napari_catsam.errors import TrainingError, UnknownNameError
from napari_catsam.tuning.base import list_methods

__all__ = ["SCHEDULES", "ProtocolConfig", "Schedule"]

SEED = 3407
"""Of the released code. With it, ``views="fixed"`` gives the very view that its one-shot training
repeats."""

OPTIONS = {
    "shots": ("1", "16", "full"),
    "views": ("fresh", "fixed"),
    "select": ("last", "held-out", "test"),
    "augment": ("paper", "flips", "none"),
    "init": CHOICES["init"],
    "resize": ("stretch", "pad"),
}
KINDS = ("box", "point", "mask")


class Schedule(NamedTuple):
    """How long the paper trains with a number of shots.

    Attributes
    ----------
    epochs : int
        Passes over the training images.
    batch : int
        Images a step, over all processes together.
    check_every : int
        Epochs between two looks at the score, where one is looked at; the state is saved as often.
    """

    epochs: int
    batch: int
    check_every: int


SCHEDULES: dict[str, Schedule] = {
    "1": Schedule(2000, 1, 20),
    "16": Schedule(200, 4, 2),
    "full": Schedule(30, 4, 1),
}
"""The paper's, by shots."""


@dataclass(frozen=True)
class ProtocolConfig:
    """The settings of one run; the defaults are the paper's, but for its two faults.

    Parameters
    ----------
    method : str
        A name of :func:`napari_catsam.tuning.base.list_methods`; ``sam`` trains nothing and is only
        tested.
    shots : {"1", "16", "full"}
        The released few-shot images, or all of the training split.
    seed : int
        Of the fresh weights, the order, the views and the prompts.
    views : {"fresh", "fixed"}
        Another view and prompt at every step; or the same in every epoch, as in the released code,
        where every epoch starts from the same random state.
    select : {"last", "held-out", "test"}
        Which values are tested: the last; the best on masks that are held out of the training images;
        or the best on the test images themselves, as in the released code.
    epochs, batch, check_every : int, optional
        As in :class:`Schedule`; those of the paper for this number of shots when left out.
    augment : {"paper", "flips", "none"}
        Flips and crops, but for ``cat-t`` on Kvasir and SBU flips alone, as released; or these by
        name.
    prompts : tuple of str, optional
        Kinds of prompts, of which one is drawn for each view; those of the data set when left out.
    learning_rate, final_learning_rate, weight_decay : float
        AdamW, with a cosine from the first rate to the second, a step an epoch.
    init : {"official", "base", "identity"}
        Random numbers as released, or about the base model's masks, or exactly those
        (:mod:`napari_catsam.adaptation.start`).
    resize : {"stretch", "pad"}
        How images are brought to the model's input; the released code stretches.
    test_prompt : str, optional
        Kind of prompts in tests; the first of the data set when left out.
    test_limit : int, optional
        Test on so many images only, evenly spread; not the paper's number then.

    Raises
    ------
    UnknownNameError
        If there is no such method or kind of prompt.
    TrainingError
        If a setting is outside of its range.
    """

    method: str = "cat-a"
    shots: str = "1"
    seed: int = SEED
    views: str = "fresh"
    select: str = "last"
    epochs: int | None = None
    batch: int | None = None
    check_every: int | None = None
    augment: str = "paper"
    prompts: tuple[str, ...] | None = None
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-5
    weight_decay: float = 1e-4
    init: str = "official"
    resize: str = "stretch"
    test_prompt: str | None = None
    test_limit: int | None = None

    def __post_init__(self) -> None:
        methods = list_methods()
        if self.method not in methods:
            raise UnknownNameError("method", self.method, methods)
        for name, choices in OPTIONS.items():
            value = getattr(self, name)
            _check(value in choices, name, repr(value), "one of " + ", ".join(choices))
        for kind in (*(self.prompts or ()), *filter(None, [self.test_prompt])):
            if kind not in KINDS:
                raise UnknownNameError("kind of prompt", kind, KINDS)
        for name in ("epochs", "batch", "check_every", "test_limit"):
            count = getattr(self, name)
            _check(count is None or count >= 1, name, count, "1 or more")
        for name in ("learning_rate", "final_learning_rate"):
            rate = getattr(self, name)
            _check(math.isfinite(rate) and rate > 0, name, rate, "above 0")
        decay = self.weight_decay
        _check(math.isfinite(decay) and decay >= 0, "weight_decay", decay, "0 or more")
        _check(self.seed >= 0, "seed", self.seed, "0 or more")

    @property
    def schedule(self) -> Schedule:
        """The paper's numbers, with those that were given in their place."""
        given = {name: getattr(self, name) for name in Schedule._fields}
        paper = SCHEDULES[self.shots]._asdict()
        return Schedule(**(paper | {k: v for k, v in given.items() if v is not None}))

    def crops(self, dataset: str) -> bool:
        """Say whether views are cropped on a data set."""
        flips_alone = self.method == "cat-t" and dataset in ("kvasir", "sbu")
        return self.augment == "paper" and not flips_alone

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        fall = 0.5 * (1 + math.cos(math.pi * epoch / self.schedule.epochs))
        return self.final_learning_rate + fall * (self.learning_rate - self.final_learning_rate)

    def settled(self) -> ProtocolConfig:
        """Return the same settings with nothing left to the defaults of a number of shots."""
        return replace(self, **self.schedule._asdict())


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise TrainingError(f"{name} is {value}, it must be {expected}")
