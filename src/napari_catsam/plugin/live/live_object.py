"""The object that is being annotated: its prompts, what the model made of them, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.objects.picking import PickedObject
from napari_catsam.types import Prompts

__all__ = ["LiveObject", "Reading", "Undrawn"]


@dataclass(frozen=True, eq=False)
class Reading:
    """One mask that the prompts may mean.

    Attributes
    ----------
    mask : ObjectMask
        Cut to its box.
    logits : ndarray, (h, w), float32, or None
        To refine it with the next click; None if the mask is not the model's.
    model : str
        Which model answered, "base" or what its adapter is called; empty if none did.
    key : tuple of str
        The same for the same model, where another backbone's may be called alike.
    """

    mask: ObjectMask
    logits: npt.NDArray[np.float32] | None
    model: str = ""
    key: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Undrawn:
    """A reading whose mask is not at the size of the image yet.

    Attributes
    ----------
    draw : callable
        Returns the :class:`Reading`; for the device's thread.
    """

    draw: Callable[[], Reading]


@dataclass(frozen=True, eq=False)
class LiveObject:
    """An object that is not accepted yet; every change makes a new one that knows the last.

    Attributes
    ----------
    plane : Plane
        Where it lies.
    prompts : tuple of LivePrompt
        In the order in which they were given.
    readings : tuple of Reading or Undrawn
        What the model made of them, the likeliest first; of the prompts before the last until the
        answer is there.
    chosen : int
        Which reading is shown.
    answered : bool
        Whether the readings are of these prompts, and that which is wanted is drawn.
    before : LiveObject or None
        The object without its last prompt; what was annotated when this one was picked.
    picked : PickedObject or None
        What of a Labels layer is refined; None for a new object.
    wanted : int or None
        Which reading is to be drawn and shown; None if nothing but the answer to the prompts is.
    """

    plane: Plane
    prompts: tuple[LivePrompt, ...] = ()
    readings: tuple[Reading | Undrawn, ...] = ()
    chosen: int = 0
    answered: bool = False
    before: LiveObject | None = None
    picked: PickedObject | None = None
    wanted: int | None = None

    @classmethod
    def refine(
        cls, plane: Plane, picked: PickedObject, before: LiveObject | None = None
    ) -> LiveObject:
        """Return an object that begins as one that is there; prompts change it from then on."""
        reading = Reading(picked.mask, None)
        return cls(plane, readings=(reading,), answered=True, before=before, picked=picked)

    @property
    def begun(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.prompts) or self.picked is not None

    @property
    def reading(self) -> Reading | None:
        """The reading that is shown."""
        shown = self.readings[self.chosen] if self.readings else None
        return shown if isinstance(shown, Reading) else None

    @property
    def undrawn(self) -> Undrawn | None:
        """The reading that is wanted and not drawn yet."""
        wanted = None if self.wanted is None else self.readings[self.wanted]
        return wanted if isinstance(wanted, Undrawn) else None

    @property
    def settled(self) -> LiveObject | None:
        """The object with its last prompts left out that are not answered; None if none is."""
        live: LiveObject | None = self
        while live is not None and not live.answered:
            live = live.before
        return live

    @property
    def model(self) -> str:
        """Which model made the mask that is shown, "base" or an adapter's name; empty if none did."""
        return "" if self.reading is None else self.reading.model

    def add(self, prompt: LivePrompt) -> LiveObject:
        """Return the object with one prompt more; its mask stays until the answer is there."""
        prompts = (*self.prompts, prompt)
        return replace(self, prompts=prompts, answered=False, before=self, wanted=None)

    def answer(self, readings: tuple[Reading | Undrawn, ...]) -> LiveObject:
        """Return the object with what the model made of its prompts."""
        return replace(self, readings=readings, chosen=0, answered=True)

    def forget(self) -> LiveObject:
        """Return the object as it is to be asked again, of another model."""
        return replace(self, answered=not self.prompts, wanted=None)

    def see(self, plane: Plane) -> LiveObject:
        """Return the object on the same plane with other contrast or channels."""
        return replace(self, plane=plane)

    def lies_on(self, plane: Plane) -> bool:
        """Whether a plane is the object's."""
        return plane.data is self.plane.data and plane.index == self.plane.index

    def next_reading(self) -> LiveObject:
        """Return the object with its next reading chosen, the first one after the last.

        Where that is not drawn yet, it is wanted, and the one before it shown until then.
        """
        following = (self.chosen + 1) % max(1, len(self.readings))
        if self.readings and isinstance(self.readings[following], Undrawn):
            return replace(self, answered=False, before=self, wanted=following)
        return replace(self, chosen=following)

    def show_drawn(self, reading: Reading) -> LiveObject:
        """Return the object with the reading that was wanted."""
        if self.wanted is None or self.before is None:
            return self
        readings = list(self.readings)
        readings[self.wanted] = reading
        return replace(self.before, readings=tuple(readings), chosen=self.wanted)

    def to_prompts(self, key: tuple[str, ...] | None = None) -> Prompts:
        """Return what the model is asked: the last box or outline, all clicks, and the mask before.

        The mask is the model's last one, or the outline where that was drawn after it.

        Parameters
        ----------
        key : tuple of str, optional
            Of the model that is asked: a mask that another one made is left out.

        Raises
        ------
        PromptError
            If there is no prompt.
        """
        boxes = [prompt.at for prompt in self.prompts if prompt.is_box]
        clicks = [(at, prompt.positive) for prompt in self.prompts for at in prompt.clicks]
        return Prompts(
            boxes=[boxes[-1]] if boxes else None,
            points=[[at for at, _ in clicks]] if clicks else None,
            labels=[[int(positive) for _, positive in clicks]] if clicks else None,
            masks=self._mask_before(key),
        )

    def _mask_before(
        self, key: tuple[str, ...] | None
    ) -> npt.NDArray[np.float32] | npt.NDArray[np.bool_] | None:
        """Return logits (1, h, w) or an outline's inside (1, H, W), whichever is newer.

        Before them all, the mask of the object that is refined counts.
        """
        live: LiveObject | None = self
        while live is not None and live.prompts:
            last = live.reading if live is not self and live.answered else None
            if last is not None and last.logits is not None and key in (None, last.key):
                return last.logits[None]
            newest = live.prompts[-1]
            if newest.is_box:
                return newest.to_mask(self.plane.size)[None] if newest.is_outline else None
            live = live.before
        return None if self.picked is None else self.picked.to_mask(self.plane.size)[None]
