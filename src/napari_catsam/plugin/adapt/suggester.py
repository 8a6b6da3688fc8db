"""Suggesting what to annotate next, from the widget: asks for it, and jumps there.

All of it runs in the main thread; the looking itself is a job of the queue.
"""

from __future__ import annotations

from functools import partial

from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.looking import Proposal, look_around
from napari_catsam.plugin.adapt.outlook import make_outlook
from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.device.jobs import DeviceQueue, Job
from napari_catsam.plugin.objects.places import ObjectPlace, show_place
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.troubles import tell_trouble

__all__ = ["Suggester"]

CANNOT_SUGGEST = "cannot suggest"

NOTHING = "nothing to suggest: the models found no object that is not annotated"

CANCELLED = "looking for what to annotate next was cancelled"


class Suggester:
    """Looks for what to annotate next; once at a time.

    Parameters
    ----------
    viewer : ViewerModel
        Which plane is shown; its sliders and camera are moved.
    session : Session
        Which models; what was found is set from here.
    queue : DeviceQueue
        The way to the device.
    engine : Engine
        The device's side.
    """

    def __init__(
        self, viewer: ViewerModel, session: Session, queue: DeviceQueue, engine: Engine
    ) -> None:
        self._viewer, self._session = viewer, session
        self._queue, self._engine = queue, engine
        self._job: Job | None = None
        self._image: Image | None = None

    def suggest(self, image: Image | None, masks: Labels | None) -> None:
        """Look at planes without labels, or at regions of a lone plane; then jump to the best."""
        session = self._session
        if session.suggesting or session.adapting:
            return
        try:
            outlook = make_outlook(self._viewer, session, image, masks)
        except CatsamError as error:
            tell_trouble(session, CANNOT_SUGGEST, error)
            return
        self._image = image
        session.suggestions, session.suggesting, session.note = (), True, ""
        session.activity = "waiting for the device" if self._queue.busy else "starting"
        self._job = Job(
            partial(look_around, self._engine, outlook),
            on_progress=self._on_progress,
            on_result=self._on_found,
            on_error=self._on_failed,
            on_cancelled=self._on_cancelled,
        )
        self._queue.submit(self._job)

    def cancel(self) -> None:
        """Stop looking."""
        if self._job is not None:
            self._queue.cancel(self._job)

    def forget(self) -> None:
        """Drop what was found, as it is of another image."""
        self.cancel()
        self._session.suggestions = ()
        self._image = None

    def go_to(self, proposal: Proposal) -> None:
        """Bring a place into view."""
        image = self._image
        if image is None or image not in self._viewer.layers:
            self.forget()
            return
        at = [0.0] * len(proposal.plane.index)
        for axis, step in proposal.plane.position:
            at[axis] = float(step)
        for axis, place in zip(proposal.plane.axes, proposal.at, strict=True):
            at[axis] = place
        show_place(self._viewer, image, ObjectPlace(tuple(at)))
        self._session.note = f"look at {proposal.text}; annotate here, and adapt again"

    def _on_progress(self, value: str) -> None:
        self._session.activity = value

    def _on_found(self, proposals: tuple[Proposal, ...]) -> None:
        self._end()
        self._session.suggestions = proposals
        if proposals:
            self.go_to(proposals[0])
        else:
            self._session.note = NOTHING

    def _on_failed(self, error: Exception) -> None:
        self._end()
        tell_trouble(self._session, CANNOT_SUGGEST, error)

    def _on_cancelled(self, _: None) -> None:
        self._end()
        self._session.note = CANCELLED

    def _end(self) -> None:
        self._job = None
        self._session.suggesting = False
