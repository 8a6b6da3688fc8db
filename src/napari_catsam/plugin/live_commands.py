"""Annotating one object after another: each prompt is answered at once, accept writes the mask."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.utils.notifications import show_error
from psygnal import Signal

from napari_catsam.errors import CatsamError, ImageError
from napari_catsam.plugin.engine import Engine, ModelChoice
from napari_catsam.plugin.gestures import Gestures
from napari_catsam.plugin.jobs import DeviceQueue, Job
from napari_catsam.plugin.layers import add_labels, check_labels, write_objects
from napari_catsam.plugin.live import LiveObject, LivePrompt, Reading, make_box, read_prompt
from napari_catsam.plugin.live_layers import LiveLayers
from napari_catsam.plugin.planes import locate_plane
from napari_catsam.plugin.session import Session

__all__ = ["KEYS", "LiveCommands"]

KEYS = {
    "Y": "accept",
    "U": "undo",
    "W": "clear",
    "H": "show_next_reading",
    "Q": "flip_sign",
}
"""Letters that napari leaves free, and the method that each calls while the prompt layer is active."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Question:
    live: LiveObject
    model: ModelChoice


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
    """

    accepted = Signal(object, object)
    """A Labels layer and what was written into it."""

    def __init__(
        self, viewer: ViewerModel, session: Session, queue: DeviceQueue, engine: Engine
    ) -> None:
        self._viewer, self._session = viewer, session
        self._queue, self._engine = queue, engine
        self._layers: LiveLayers | None = None
        self._gestures: Gestures | None = None
        self._asked: _Question | None = None
        self._target: Labels | None = None

    @property
    def active(self) -> bool:
        """Whether the user annotates."""
        return self._layers is not None

    def start(self, image: Image | None, target: Labels | None = None) -> None:
        """Add the layers in which prompts are given on an image; accepted masks go to ``target``."""
        self.stop()
        if image is None:
            self._fail(ImageError("open an image"))
            return
        self._target = target
        self._layers = LiveLayers(self._viewer, image)
        points = self._layers.points
        self._gestures = Gestures(points)
        self._gestures.clicked.connect(self._on_clicked)
        self._gestures.dragging.connect(self._on_dragging)
        self._gestures.boxed.connect(self._on_boxed)
        for key, name in {**KEYS, "Control-Z": "undo"}.items():
            points.bind_key(key, _make_action(getattr(self, name)), overwrite=True)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self._session.annotating = True

    def stop(self) -> None:
        """Remove the layers; what was not accepted is gone, what was accepted stays."""
        if self._layers is None:
            return
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        if self._gestures is not None:
            self._gestures.close()
        layers, self._layers, self._gestures = self._layers, None, None
        layers.remove()
        self._session.live, self._session.annotating = None, False

    def choose_target(self, target: Labels | None) -> None:
        """Write accepted masks into another layer; a new one is made if there is none."""
        self._target = target

    def give(self, prompt: LivePrompt) -> None:
        """Add a prompt to the object, or begin one, and ask the model."""
        if self._layers is None:
            return
        try:
            plane = locate_plane(self._viewer, self._layers.image)
            prompt.check_inside(plane)
        except CatsamError as error:
            self._fail(error)
            return
        live = self._session.live
        if live is None or not live.lies_on(plane):
            live = LiveObject(plane)
        self._session.note = ""
        self._show(live.add(prompt))
        self._ask()

    def undo(self) -> None:
        """Take back the last prompt; without one, the last change of the accepted masks."""
        live = self._session.live
        if live is None:
            if self._target is not None and self._target in self._viewer.layers:
                self._target.undo()
            return
        before = live.before
        self._show(None if before is None or not before.prompts else before)
        self._ask()

    def clear(self) -> None:
        """Drop the object."""
        self._show(None)

    def show_next_reading(self) -> None:
        """Show another mask that a lone click may mean."""
        if self._session.live is not None:
            self._show(self._session.live.next_reading())

    def flip_sign(self) -> None:
        """Let plain clicks be negative, or positive again."""
        self._session.clicks_positive = not self._session.clicks_positive

    def ask_again(self) -> None:
        """Ask the model that is chosen now."""
        if self._session.live is not None:
            self._session.live = self._session.live.forget()
            self._ask()

    def accept(self) -> None:
        """Write the mask that is shown under the next free number."""
        live, layers = self._session.live, self._layers
        if live is None or layers is None or live.reading is None or not live.answered:
            self._session.note = "nothing to accept yet: draw a box or click an object"
            return
        try:
            if self._target is None or self._target not in self._viewer.layers:
                self._target = self._add_target(layers)
            check_labels(self._target, layers.image)
            written = write_objects(self._target, live.plane, [live.reading.mask])
        except CatsamError as error:
            self._fail(error)
            return
        if not written.ids:
            self._session.note = "not written: the mask is empty or lies on an object that is there"
            return
        self._show(None)
        name = self._target.name
        score = live.reading.mask.score
        self._session.note = f"object {written.ids[0]} in {name} · expected IoU {score:.2f}"
        self.accepted.emit(self._target, written)

    def _add_target(self, layers: LiveLayers) -> Labels:
        target = add_labels(self._viewer, layers.image, f"{layers.image.name} masks")
        # Below the layers that show the object, which stay the ones that get mouse and keys.
        self._viewer.layers.move(
            self._viewer.layers.index(target), self._viewer.layers.index(layers.mask)
        )
        self._viewer.layers.selection.active = layers.points
        return target

    # FROM THE CANVAS

    def _on_clicked(self, position: Any, negative: bool) -> None:
        self._give_at([position], positive=self._session.clicks_positive != negative)

    def _on_boxed(self, first: Any, second: Any) -> None:
        self._give_at([first, second], positive=True)

    def _on_dragging(self, first: Any, second: Any) -> None:
        layers = self._layers
        if layers is None:
            return
        try:
            plane = locate_plane(self._viewer, layers.image)
        except CatsamError:
            return
        layers.show_box(plane, [make_box([layers.to_plane(plane, at) for at in (first, second)])])

    def _give_at(self, positions: list[Any], *, positive: bool) -> None:
        layers = self._layers
        if layers is None:
            return
        try:
            plane = locate_plane(self._viewer, layers.image)
            places = [layers.to_plane(plane, position) for position in positions]
            self.give(read_prompt(places, plane, positive=positive))
        except CatsamError as error:
            layers.show(self._session.live)
            self._fail(error)

    def _on_layer_removed(self, event: Any) -> None:
        if self._layers is not None and not self._layers.present:
            self.stop()

    # THE MODEL

    def _ask(self) -> None:
        """Ask the model for the object, unless it is asked already: then what is newest comes next."""
        live = self._session.live
        if live is None or live.answered or self._asked is not None:
            return
        question = _Question(live, self._session.model)
        run = partial(self._engine.preview, question.model, live.plane, live.to_prompts())
        self._asked = question
        self._queue.submit(
            Job(
                run,
                urgent=True,
                on_progress=self._on_progress,
                on_result=partial(self._on_answered, question),
                on_error=self._on_failed,
            )
        )

    def _on_progress(self, value: str) -> None:
        self._session.activity = value

    def _on_answered(self, question: _Question, readings: tuple[Reading, ...]) -> None:
        self._asked = None
        current = question.model.key == self._session.model.key
        if current and self._session.live is question.live:
            self._show(question.live.answer(readings))
        self._ask()

    def _on_failed(self, error: Exception) -> None:
        self._asked = None
        self._fail(error)

    def _show(self, live: LiveObject | None) -> None:
        self._session.live = live
        if self._layers is not None:
            self._layers.show(live)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, CatsamError):
            text = str(error)
        else:
            _LOG.error("cannot segment", exc_info=error)
            text = f"cannot segment: {type(error).__name__}: {error}"
        show_error(text)
        self._session.note = text


def _make_action(method: Callable[[], None]) -> Callable[[Any], None]:
    """Return what napari can bind to a key: a function with a name, which is given the layer."""

    def act(_: Any) -> None:
        method()

    act.__name__, act.__doc__ = method.__name__, method.__doc__
    return act
