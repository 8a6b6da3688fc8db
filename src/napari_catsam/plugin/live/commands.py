"""Annotating one object after another: each prompt is answered at once, accept writes the mask."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_error

from napari_catsam.errors import CatsamError, ImageError
from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.device.jobs import DeviceQueue
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.layers.removal import LayerRemoval
from napari_catsam.plugin.live.acceptance import Acceptance
from napari_catsam.plugin.live.drawing import LiveDrawing
from napari_catsam.plugin.live.gestures import make_action
from napari_catsam.plugin.live.key_bindings import KeyBindings
from napari_catsam.plugin.live.layers import LiveLayers
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.previews import Previews
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.live.refining import Refining
from napari_catsam.plugin.live.showing import LiveShowing
from napari_catsam.plugin.live.target import LiveTarget
from napari_catsam.plugin.objects.ids import ObjectIds
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import Trouble

__all__ = ["KEYS", "LiveCommands"]

KEYS = {
    "Y": "accept",
    "N": "new_object",
    "G": "refine_at_cursor",
    "U": "undo",
    "W": "clear",
    "H": "show_next_reading",
    "Q": "flip_sign",
}
"""Letters that napari leaves free, and the method that each calls while the prompt layer is active."""

_LOG = logging.getLogger(__name__)


class LiveCommands:
    """What the user can do with the object that is being annotated.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are shown and written.
    session : Session
        Its ``live`` field is set from here.
    queue : DeviceQueue
        The way to the device.
    engine : Engine
        The device's side.
    ids : ObjectIds, optional
        Gives numbers to new objects.

    Attributes
    ----------
    accepted, refined : signal
        Of :class:`~napari_catsam.plugin.live.acceptance.Acceptance`.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        queue: DeviceQueue,
        engine: Engine,
        ids: ObjectIds | None = None,
    ) -> None:
        self._viewer, self._session = viewer, session
        self._layers: LiveLayers | None = None
        self._drawing: LiveDrawing | None = None
        self._keys: KeyBindings | None = None
        self._removal = LayerRemoval(viewer, queue)
        self._previews = Previews(session, queue, engine)
        self._showing = LiveShowing(session, queue)
        self._previews.answered.connect(self._take_answer)
        self._previews.failed.connect(self._fail_to_answer)
        self._target = LiveTarget(viewer, ids or ObjectIds(viewer))
        self._acceptance = Acceptance(session, self._target)
        self._acceptance.ended.connect(self._show_nothing)
        self.accepted, self.refined = self._acceptance.accepted, self._acceptance.refined
        self._refining = Refining(viewer, session, self._target)

    @property
    def image(self) -> Image | None:
        """What is annotated; None while nothing is."""
        return None if self._layers is None else self._layers.image

    @property
    def active(self) -> bool:
        """Whether the user annotates."""
        return self._layers is not None

    @property
    def awaited(self) -> bool:
        """Whether the model is at work on the object's mask; :meth:`accept` waits for it."""
        return self._previews.awaited

    def start(self, image: Image | None, target: Labels | None = None) -> None:
        """Add the layers in which prompts are given on an image; accepted masks go to ``target``."""
        self.stop()
        if image is None:
            self._fail(ImageError("open an image"))
            return
        self._target.choose(target)
        self._layers = LiveLayers(self._viewer, image)
        self._showing.use(self._layers)
        points = self._layers.points
        self._drawing = LiveDrawing(self._viewer, self._session, self._layers)
        self._drawing.given.connect(self.give)
        self._drawing.failed.connect(self._fail)
        self._keys = KeyBindings(points, self._session, KEYS, self)
        points.bind_key("Control-Z", make_action(self.undo), overwrite=True)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self._session.annotating = True

    def stop(self) -> None:
        """Remove the layers; what was not accepted is gone, what was accepted stays."""
        self._removal.remove(self._end())

    def _end(self) -> tuple[Layer, ...]:
        """Annotate no more; return the layers that are to be removed."""
        if self._layers is None:
            return ()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        if self._keys is not None:
            self._keys.close()
        if self._drawing is not None:
            self._drawing.close()
        own, self._layers, self._drawing = self._layers.own, None, None
        self._showing.use(None)
        self._acceptance.drop()
        self._session.live, self._session.annotating = None, False
        return own

    def choose_target(self, target: Labels | None) -> None:
        """Write accepted masks into another layer; a new one is made if there is none."""
        self._target.choose(target)

    def give(self, prompt: LivePrompt) -> None:
        """Add a prompt to the object, or begin one, and ask the model."""
        if self._layers is None:
            return
        try:
            plane = locate_plane(self._viewer, self._layers.image, self._session.channels)
            prompt.check_inside(plane)
        except CatsamError as error:
            self._fail(error)
            return
        live = self._session.live
        live = LiveObject(plane) if live is None or not live.lies_on(plane) else live.see(plane)
        self._ask(live.add(prompt))

    def undo(self) -> None:
        """Take back the last prompt; without one, the last change of the accepted masks."""
        if self._drawing is not None and self._drawing.undo():
            return
        live = self._session.live
        if live is None:
            self._target.undo()
            return
        self._show(live.before if live.before is not None and live.before.begun else None)
        self._previews.ask()

    def clear(self) -> None:
        """Drop the object, and what is being drawn."""
        if self._drawing is not None:
            self._drawing.drop()
        self._show(None)

    def show_next_reading(self) -> None:
        """Show another mask that a lone click may mean."""
        live = self._session.live
        if live is not None and live.answered:
            following = live.next_reading()
            (self._show if following.answered else self._ask)(following)

    def flip_sign(self) -> None:
        """Let plain clicks be negative, or positive again."""
        self._session.clicks_positive = not self._session.clicks_positive

    def ask_again(self) -> None:
        """Ask the model that is chosen now, of the channels that are."""
        live = self._session.live
        if live is None or self._layers is None:
            return
        with suppress(CatsamError):  # the view has left the object's plane: it is asked of as it is
            plane = locate_plane(self._viewer, self._layers.image, self._session.channels)
            live = live.see(plane) if live.lies_on(plane) else live
        self._acceptance.drop()
        self._session.live = live.forget()
        self._session.late = not self._session.live.answered
        self._previews.ask()

    def refine_at_cursor(self) -> None:
        """Refine the object under the mouse, of the uppermost visible labels that have one there."""
        self._refine(self._refining.at_cursor)

    def refine_number(self, number: int) -> None:
        """Refine an object by its label, of the chosen labels or else of the uppermost with it."""
        self._refine(partial(self._refining.by_number, number))

    def refine(self, labels: Labels, number: int) -> None:
        """Refine an object of a Labels layer, on the plane that the viewer shows.

        Parameters
        ----------
        labels : Labels
            Lies on the image that is annotated.
        number : int
            The object's label.
        """
        self._refine(partial(self._refining.of_labels, labels, number))

    def new_object(self) -> None:
        """Begin another object; the mask that is shown is written first, if there is one."""
        live = self._session.live
        shown = live is not None and live.reading is not None
        if live is not None and (live.answered or (shown and self._previews.at_work)):
            self.accept()
        else:
            self.clear()

    def accept(self) -> None:
        """Write the mask: a new object's under the next number, a refined one's back.

        Where the model is at work on it, it is written as soon as it is there.
        """
        live, layers = self._session.live, self._layers
        if live is not None and self.awaited:
            self._acceptance.wait_for(live)
        elif live is None or layers is None or live.reading is None or not live.answered:
            self._session.note = "nothing to accept yet: draw a box or click an object"
        else:
            try:
                self._acceptance.write(live, layers)
            except CatsamError as error:
                self._fail(error)

    def _refine(self, find: Callable[[Image], LiveObject]) -> None:
        if self._layers is None:
            return
        try:
            live = find(self._layers.image)
        except CatsamError as error:
            self._fail(error)
            return
        self._session.note = ""
        self._show(live)

    def _on_layer_removed(self, event: Any) -> None:
        if self._layers is not None and not self._layers.present:
            self._removal.remove_soon(self._end())

    def _take_answer(self, live: LiveObject) -> None:
        accepted = self._acceptance.awaits(self._session.live)
        self._show(live)
        if accepted:
            self.accept()

    def _show_nothing(self) -> None:
        self._show(None)

    def _ask(self, live: LiveObject) -> None:
        self._acceptance.drop()
        self._session.live = live
        self._previews.ask()
        self._showing.wait()

    def _show(self, live: LiveObject | None) -> None:
        self._acceptance.drop()
        self._session.live = live
        self._showing.show()

    def _fail_to_answer(self, error: Exception) -> None:
        self._acceptance.drop()
        self._showing.show()
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, CatsamError):
            text = str(error)
        else:
            _LOG.error("cannot segment", exc_info=error)
            text = f"cannot segment: {type(error).__name__}: {error}"
        show_error(text)
        self._session.note = Trouble(text)
