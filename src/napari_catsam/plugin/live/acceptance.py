"""Accepting the object that is annotated: its mask is written, at once or when the model has it."""

from __future__ import annotations

from psygnal import Signal

from napari_catsam.plugin.live.layers import LiveLayers
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.target import LiveTarget
from napari_catsam.plugin.objects.picking import PickedObject
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import describe_accepted, describe_refined

__all__ = ["Acceptance"]

AWAITED = "accepted as soon as its mask is there"


class Acceptance:
    """Writes masks, and remembers the object whose mask is to be written when it is there.

    Parameters
    ----------
    session : Session
        Its note says what was written.
    target : LiveTarget
        Where to.
    """

    ended = Signal()
    """The object is done."""

    accepted = Signal(object, object)
    """A Labels layer and what was written into it, a :class:`Written`."""

    refined = Signal(object, object)
    """A Labels layer and what became of the object that was refined, a :class:`Refined`."""

    def __init__(self, session: Session, target: LiveTarget) -> None:
        self._session, self._target = session, target
        self._awaited: LiveObject | None = None

    def wait_for(self, live: LiveObject) -> None:
        """Remember an object that the user accepted before its mask was there."""
        self._awaited, self._session.note = live, AWAITED

    def drop(self) -> None:
        """Wait no more."""
        self._awaited = None
        if self._session.note == AWAITED:
            self._session.note = ""

    def awaits(self, live: LiveObject | None) -> bool:
        """Whether this object was accepted; another prompt makes another one of it."""
        return live is not None and live is self._awaited

    def write(self, live: LiveObject, layers: LiveLayers) -> None:
        """Write the mask: a new object's under the next number, a refined one's under its own.

        Parameters
        ----------
        live : LiveObject
            Its prompts are answered.
        layers : LiveLayers
            Where it is annotated.

        Raises
        ------
        CatsamError
            If it cannot be written there.
        """
        if live.picked is None:
            self._write_new(live, layers)
        else:
            self._write_refined(live, live.picked, layers)

    def _write_new(self, live: LiveObject, layers: LiveLayers) -> None:
        labels, written = self._target.add(live, layers, self._session.write_policy)
        if not written.ids:
            self._session.note = "not written: the mask is empty or lies on an object that is there"
            return
        self.ended.emit()
        self._session.note = describe_accepted(written, labels.name, live.model)
        self.accepted.emit(labels, written)

    def _write_refined(self, live: LiveObject, picked: PickedObject, layers: LiveLayers) -> None:
        if not live.prompts:
            self.ended.emit()
            self._session.note = f"object {picked.id} stays as it is"
            return
        policy = self._session.write_policy
        labels, refined = self._target.replace(live, picked, layers, policy)
        self.ended.emit()
        self._session.note = describe_refined(refined, labels.name, live.model)
        self.refined.emit(labels, refined)
