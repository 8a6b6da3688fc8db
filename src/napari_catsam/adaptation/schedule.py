"""When a run steps, scores and ends, by a number of steps or by the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig

__all__ = ["Schedule"]

CHECK_SHARE = 0.15
"""Scoring may take this share of a time budget."""

MOST_IMAGES, MOST_OBJECTS = 8, 256
"""So many images are scored at most, and so many objects of all of them."""

CHECKS = 6
"""The score is looked at so many times, with a long budget more often."""

LONGEST_PAUSE = 20.0
"""So many seconds after a look the next one is due, if looks are cheap."""

START_SHARE = 0.05
"""The values at the start are scored if that takes no more than this share of a time budget."""

END_SHARE = 0.1
"""More than the values of the end are scored if a look takes no larger share of a time budget."""

RECORD_EVERY = 30.0
"""So many seconds after its last record a run is recorded again, so that it can go on from there."""

WARM_UP = 0.08
"""Share of a run in which the learning rate rises from 0."""


class Schedule:
    """The progress of one run, and what it leaves time for.

    With ``steps`` nothing here depends on the clock, so that a run can be repeated exactly.

    Parameters
    ----------
    config : TrainConfig
        Gives steps or seconds.

    Attributes
    ----------
    step : int
        Steps done.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._start = time.monotonic()
        self._resting_since: float | None = None
        self._steps = config.steps
        self._budget = config.budget_s
        self._last_looks = 1 if config.interpolation == 1 else 3
        self._training_from = 0.0
        self._step_seconds = self._check_seconds = 0.0
        self._last_check = (0, 0.0)
        self._last_record = 0.0
        self.step = 0

    @property
    def seconds(self) -> float:
        """Since the run began, without rests."""
        now = time.monotonic() if self._resting_since is None else self._resting_since
        return now - self._start

    @property
    def total(self) -> int:
        """Steps expected in all; with a time budget an estimate from the steps so far."""
        if self._steps is not None:
            return self._steps
        return self.step + math.floor(self._seconds_left / max(self._step_seconds, 1e-3))

    @property
    def fraction(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self._steps is not None:
            return self.step / self._steps
        left = self._budget - self._last_looks * self._check_seconds - self._training_from
        return min(1.0, (self.seconds - self._training_from) / max(left, 1e-3))

    @property
    def learning_factor(self) -> float:
        """Linear warm-up, then a cosine to 0: a factor of the learning rate."""
        # Half a step ahead, or the first and the last of few steps would do nothing.
        ahead = 0.5 / max(self.total, 1)
        fraction = min(1.0, self.fraction + ahead)
        if fraction < WARM_UP:
            return fraction / WARM_UP
        return 0.5 * (1 + math.cos(math.pi * (fraction - WARM_UP) / (1 - WARM_UP)))

    @property
    def finished(self) -> bool:
        """Whether another step is too much; the first one never is."""
        if self._steps is not None:
            return self.step >= self._steps
        return self.step > 0 and self._seconds_left < self._step_seconds

    @property
    def check_due(self) -> bool:
        """Whether it is time to look at the score; the last look is not this one's business."""
        step, seconds = self._last_check
        if self._steps is not None:
            return self.step - step >= math.ceil(self._steps / CHECKS)
        wanted = min(self._budget / CHECKS, LONGEST_PAUSE)
        pause = max(wanted, self._check_seconds / CHECK_SHARE)
        room = self._seconds_left > self._check_seconds + self._step_seconds
        return room and self.seconds - seconds >= pause

    def rest(self) -> None:
        """Stop the clock: the caller has the run's result so far and may take any time."""
        self._resting_since = time.monotonic()

    def go_on(self) -> None:
        """Let the clock run again."""
        if self._resting_since is not None:
            self._start += time.monotonic() - self._resting_since
            self._resting_since = None

    @property
    def record_due(self) -> bool:
        """Whether the last record is so old that much would be lost with the run."""
        return self.seconds - self._last_record >= RECORD_EVERY

    def record(self) -> dict[str, Any]:
        """Return what :meth:`take_over` needs, as JSON has it."""
        self._last_record = self.seconds
        return {
            "step": self.step,
            "seconds": self._last_record,
            "looked": list(self._last_check),
            "training_from": self._training_from,
            "check_seconds": self._check_seconds,
            "step_seconds": self._step_seconds,
            "last_looks": self._last_looks,
        }

    def take_over(self, facts: Mapping[str, Any]) -> None:
        """Count the steps and seconds of the run that this one goes on with."""
        self._start -= facts["seconds"]
        self.step = facts["step"]
        self._last_check = (facts["looked"][0], facts["looked"][1])
        self._training_from = facts["training_from"]
        self._check_seconds = facts["check_seconds"]
        self._last_looks = facts.get("last_looks", 1)
        self._step_seconds = facts.get("step_seconds", 0.0)
        self._last_record = self.seconds

    def images_to_score(self, seconds_an_image: float, available: int) -> int:
        """Say how many images a look at the score may have, given the time that one took."""
        return max(1, min(available, MOST_IMAGES, self._affordable_images(seconds_an_image)))

    def objects_to_score(self, seconds_an_image: float, images: int, first: int) -> int:
        """Say how many objects of each image a look may have, if ``first`` took so long.

        Each further one makes the score less noisy. With a number of steps all that is ever allowed.
        """
        affordable = first * self._affordable_images(seconds_an_image) // images
        return max(first, min(MOST_OBJECTS // images, affordable))

    def _affordable_images(self, seconds_an_image: float) -> int:
        """Say how many images a look may have: that before the training and those after it take the share."""
        if self._steps is not None:
            return MOST_OBJECTS
        looks = 1 + self._last_looks
        return int(CHECK_SHARE * self._budget / (looks * max(seconds_an_image, 1e-6)))

    def affords_start(self, check_seconds: float) -> bool:
        """Say whether one more look, which takes ``check_seconds``, is cheap."""
        return self._steps is not None or check_seconds <= START_SHARE * self._budget

    @property
    def affords_end(self) -> bool:
        """Whether there is time for a look beyond the last one, if such looks were planned for."""
        if self._steps is not None:
            return True
        # Half a look: what one takes is known roughly.
        return self._last_looks > 1 and self.seconds + self._check_seconds / 2 <= self._budget

    def start_training(self, check_seconds: float, ends: int = 0) -> None:
        """Note that scoring the base model took ``check_seconds``; training starts now.

        Parameters
        ----------
        check_seconds : float
            What a look takes.
        ends : int
            So many more looks than one are wanted after the training; none where looks are dear.
        """
        cheap = self._steps is not None or check_seconds <= END_SHARE * self._budget
        self._last_looks = 1 + ends if cheap else 1
        self._check_seconds = 1.2 * check_seconds  # an adapted model does a little more
        self._training_from = self.seconds
        self._step_seconds = 2 * check_seconds  # a guess that the first step replaces
        self._last_check = (self.step, self.seconds)

    def note_step(self, seconds: float) -> None:
        """Note a step that took ``seconds``; slow ones count at once, fast ones slowly."""
        known = self._step_seconds if self.step else seconds
        self._step_seconds = seconds if seconds > known else 0.8 * known + 0.2 * seconds
        self.step += 1

    def note_check(self, seconds: float) -> None:
        """Note a look at the score that took ``seconds``."""
        self._check_seconds = max(seconds, 0.7 * self._check_seconds)
        self._last_check = (self.step, self.seconds)

    @property
    def checked(self) -> bool:
        """Whether the score was looked at since the last step."""
        return self._last_check[0] == self.step

    @property
    def _seconds_left(self) -> float:
        return self._budget - self.seconds - self._last_looks * self._check_seconds
