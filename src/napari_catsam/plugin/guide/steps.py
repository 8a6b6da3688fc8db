"""The guided first minute as values: what to do, and which event leads to the next step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = ["STEPS", "Guide", "Happening", "Step", "Target"]


class Happening(StrEnum):
    """What the user brought about."""

    ANSWERED = "answered"
    ACCEPTED = "accepted"
    ADAPTED = "adapted"
    COMPARED = "compared"


class Target(StrEnum):
    """What the user is led to."""

    CANVAS = "canvas"
    ADAPT = "adapt"
    VARIANT = "variant"


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes
    ----------
    text : str
        What to do, in two or three short sentences; a letter in braces is a key, by its default.
    until : Happening
        What ends the step.
    times : int
        How often it has to happen.
    target : Target
        Where it is done.
    """

    text: str
    until: Happening
    times: int = 1
    target: Target = Target.CANVAS


STEPS = (
    Step("Drag a box around the cell in the dashed frame.", Happening.ANSWERED),
    Step(
        "The blue mask is what the model found. Click what is missing, Ctrl+click what is too "
        "much. Then press {Y} to accept it.",
        Happening.ACCEPTED,
    ),
    Step("Do the same with two more cells: drag a box, press {Y}.", Happening.ACCEPTED, times=2),
    Step(
        "The model can learn from masks that are right. The sample brings some, in white lines. "
        "Press Adapt below; Stop ends it early.",
        Happening.ADAPTED,
        target=Target.ADAPT,
    ),
    Step(
        "Adapt shows what both models score on masks held out; unless the adapted one is clearly "
        "better, the base model stays in use. Drag a box around another cell and switch “use” "
        "below: the mask follows.",
        Happening.COMPARED,
        target=Target.VARIANT,
    ),
)

FINISHED = (
    "That is all. On your own images, correct a few masks, choose them under Adapt, and go on with "
    "the model that scores better."
)


@dataclass(frozen=True)
class Guide:
    """How far the user is.

    Attributes
    ----------
    position : int
        Which step, from 0; one more than the last one when all are done.
    happened : int
        How often what ends the step has happened.
    """

    position: int = 0
    happened: int = 0

    @property
    def step(self) -> Step | None:
        """The step to do, None after the last one."""
        return STEPS[self.position] if self.position < len(STEPS) else None

    @property
    def title(self) -> str:
        """How far it is, in words."""
        step = self.step
        if step is None:
            return "First minute: done"
        counted = f" · {self.happened} of {step.times} done" if step.times > 1 else ""
        return f"First minute: step {self.position + 1} of {len(STEPS)}{counted}"

    def describe(self, letters: Mapping[str, str]) -> str:
        """Say what to do, with the letter that is set in place of each default one."""
        return FINISHED if self.step is None else self.step.text.format_map(letters)

    def note(self, happening: Happening) -> Guide:
        """Return the guide after something happened.

        It counts for the first step from here on that waits for it: who is faster than the guide is
        not held up.
        """
        waiting = (
            position
            for position in range(self.position, len(STEPS))
            if STEPS[position].until is happening
        )
        at = next(waiting, None)
        if at is None:
            return self
        happened = 1 + (self.happened if at == self.position else 0)
        if happened < STEPS[at].times:
            return replace(self, position=at, happened=happened)
        return Guide(at + 1)
