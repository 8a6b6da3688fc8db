"""The object that is being annotated: its prompts, what the model made of them, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import PromptError
from napari_catsam.plugin.layers import ObjectMask
from napari_catsam.plugin.planes import Plane
from napari_catsam.types import Prompts

__all__ = ["LiveObject", "LivePrompt", "Reading", "make_box", "read_prompt"]

LEAST_BOX = 2
"""Pixels a side of the smallest box; a smaller one was a click."""


@dataclass(frozen=True)
class LivePrompt:
    """One gesture on a plane.

    Attributes
    ----------
    at : tuple of float
        ``(row, column)`` of a click, or ``(r0, c0, r1, c1)`` of a box, in pixels of the plane.
    positive : bool
        Whether a click is inside of the object; boxes are always positive.
    """

    at: tuple[float, ...]
    positive: bool = True

    @property
    def is_box(self) -> bool:
        """Whether it is a box."""
        return len(self.at) == 4

    def check_inside(self, plane: Plane) -> None:
        """Raise :class:`PromptError` if it is a click outside of the plane."""
        at, size = np.array(self.at), np.array(plane.size)
        if not self.is_box and ((at < -0.5).any() or (at > size - 0.5).any()):
            raise PromptError("the click is outside of the image; click inside of it")


@dataclass(frozen=True, eq=False)
class Reading:
    """One mask that the prompts may mean.

    Attributes
    ----------
    mask : ObjectMask
        Cut to its box.
    logits : ndarray, (h, w), float32
        To refine it with the next click.
    """

    mask: ObjectMask
    logits: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LiveObject:
    """An object that is not accepted yet; every change makes a new one that knows the last.

    Attributes
    ----------
    plane : Plane
        Where it lies.
    prompts : tuple of LivePrompt
        In the order in which they were given.
    readings : tuple of Reading
        What the model made of them, the likeliest first; of the prompts before the last until the
        answer is there.
    chosen : int
        Which reading is shown.
    answered : bool
        Whether the readings are of these prompts.
    before : LiveObject or None
        The object without its last prompt.
    """

    plane: Plane
    prompts: tuple[LivePrompt, ...] = ()
    readings: tuple[Reading, ...] = ()
    chosen: int = 0
    answered: bool = False
    before: LiveObject | None = None

    @property
    def reading(self) -> Reading | None:
        """The reading that is shown."""
        return self.readings[self.chosen] if self.readings else None

    def add(self, prompt: LivePrompt) -> LiveObject:
        """Return the object with one prompt more; its mask stays until the answer is there."""
        return replace(self, prompts=(*self.prompts, prompt), answered=False, before=self)

    def answer(self, readings: tuple[Reading, ...]) -> LiveObject:
        """Return the object with what the model made of its prompts."""
        return replace(self, readings=readings, chosen=0, answered=True)

    def forget(self) -> LiveObject:
        """Return the object as it is to be asked again, of another model."""
        return replace(self, answered=False)

    def lies_on(self, plane: Plane) -> bool:
        """Whether a plane is the object's."""
        return plane.data is self.plane.data and plane.index == self.plane.index

    def next_reading(self) -> LiveObject:
        """Return the object with its next reading chosen, the first one after the last."""
        return replace(self, chosen=(self.chosen + 1) % max(1, len(self.readings)))

    def to_prompts(self) -> Prompts:
        """Return what the model is asked: the last box, all clicks, and the mask before them.

        Raises
        ------
        PromptError
            If there is no prompt.
        """
        boxes = [prompt.at for prompt in self.prompts if prompt.is_box]
        clicks = [prompt for prompt in self.prompts if not prompt.is_box]
        last = None if self.before is None else self.before.reading
        return Prompts(
            boxes=[boxes[-1]] if boxes else None,
            points=[[click.at for click in clicks]] if clicks else None,
            labels=[[int(click.positive) for click in clicks]] if clicks else None,
            masks=None if last is None or self.prompts[-1].is_box else last.logits[None],
        )


def read_prompt(
    places: Sequence[npt.NDArray[np.float64]], plane: Plane, *, positive: bool
) -> LivePrompt:
    """Make a prompt of places on a plane.

    Parameters
    ----------
    places : sequence of ndarray, (2,)
        ``(row, column)``: one is a click, two are corners of a box, which is clipped to the plane.
    plane : Plane
        Where they lie.
    positive : bool
        Whether a click is inside of the object.

    Raises
    ------
    PromptError
        If the box is smaller than :data:`LEAST_BOX`.
    """
    if len(places) == 1:
        return LivePrompt((float(places[0][0]), float(places[0][1])), positive)
    box = np.clip(make_box(places), 0, (*plane.size, *plane.size))
    if (box[2:] - box[:2] < LEAST_BOX).any():
        raise PromptError(
            f"the box is smaller than {LEAST_BOX} pixels of the image; draw a larger one"
        )
    return LivePrompt(tuple(map(float, box)))


def make_box(corners: Sequence[npt.NDArray[np.float64]]) -> tuple[float, ...]:
    """Return ``(r0, c0, r1, c1)`` between two places; a box counts pixel borders from 0."""
    low, high = np.min(corners, axis=0) + 0.5, np.max(corners, axis=0) + 0.5
    return (*map(float, low), *map(float, high))
