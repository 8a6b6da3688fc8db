"""The prompts that are saved: of the chosen layers, and of the object that is being annotated."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Image, Points, Shapes
from psygnal import Signal

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.layers.planes import level_zero
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.live.record import read_live_record
from napari_catsam.plugin.project.layer_records import read_prompts_record
from napari_catsam.plugin.project.record import LIVE, ProjectRecord, PromptsRecord
from napari_catsam.plugin.session import Session

__all__ = ["PromptsWatch"]


class PromptsWatch:
    """Listens to the chosen Shapes and Points layers, and to the object that is being annotated.

    Parameters
    ----------
    session : Session
        Whose object.

    Attributes
    ----------
    image : Image or None
        What they are drawn on.
    layers : tuple of Shapes and Points
        Those that are listened to.
    unfinished : mapping of Image to PromptsRecord
        Prompts of an object that was begun at an earlier time and waits to be gone on with.
    """

    changed = Signal()
    """Something else is drawn."""

    begun = Signal()
    """An object of an earlier time can be gone on with."""

    def __init__(self, session: Session) -> None:
        self.image: Image | None = None
        self.layers: tuple[Shapes | Points, ...] = ()
        self.unfinished: WeakKeyDictionary[Image, PromptsRecord] = WeakKeyDictionary()
        self._session = session
        self._seen: tuple[LivePrompt, ...] = ()
        self._connections, self._of_session = Connections(), Connections()
        self._of_session.add(session.events.live, self._on_live_changed)

    def follow(self, image: Image | None, layers: tuple[Shapes | Points, ...]) -> None:
        """Listen to these layers on an image, and to no others."""
        self._connections.close()
        self.image = image
        self.layers = layers
        for layer in layers:
            events = layer.events
            for signal in (events.data, events.features, events.name, events.affine):
                self._connections.add(signal, self._on_changed)

    def keep(self, image: Image | None, record: ProjectRecord) -> None:
        """Keep the object that was begun in earlier work on an image, if there is one."""
        if image is not None and record.live:
            self.unfinished[image] = record.live[0]
            self.changed.emit()
            self.begun.emit()

    def read(self, image: Image, before: tuple[PromptsRecord, ...]) -> tuple[PromptsRecord, ...]:
        """Return what is drawn in the layers in which something is, and the object on an image.

        Parameters
        ----------
        image : Image
            Another one than that of the layers may be the one that is annotated.
        before : tuple of PromptsRecord
            What was read of it last; what is drawn on an image that is left stays so.
        """
        if image is self.image:
            drawn = [read_prompts_record(layer) for layer in self.layers]
        else:
            drawn = [record for record in before if record.kind != LIVE]
        return tuple(record for record in (*drawn, *self._read_live(image)) if record.data)

    def _read_live(self, image: Image) -> list[PromptsRecord]:
        live = self._session.live
        # Of an object of a Labels layer that is refined the mask is not kept, only its change would.
        if live is not None and live.picked is None and live.plane.data is level_zero(image):
            return [read_live_record(live, image)]
        return [self.unfinished[image]] if image in self.unfinished else []

    def close(self) -> None:
        """Listen to nothing any more."""
        self.follow(None, ())
        self._of_session.close()

    def _on_changed(self, event: Any) -> None:
        self.changed.emit()

    def _on_live_changed(self, live: Any) -> None:
        prompts = () if live is None else live.prompts
        if prompts != self._seen:
            self._seen = prompts
            self.changed.emit()
