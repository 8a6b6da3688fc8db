"""When a prompt is shown: with its answer, or alone where that takes long."""

from __future__ import annotations

from contextlib import suppress

from qtpy.QtCore import QObject, QTimer

from napari_catsam.plugin.live.layers import LiveLayers
from napari_catsam.plugin.session import Session

__all__ = ["LATE_MS", "LiveShowing"]

LATE_MS = 100
"""After so many milliseconds without an answer a prompt is shown alone."""


class LiveShowing(QObject):
    """Draws the object that is being annotated once for each prompt, not before and after its answer.

    Drawing takes the window's thread, and where there is no graphics card the processor too, from
    the model that works on the answer.

    Parameters
    ----------
    session : Session
        Its ``live`` object is shown; ``late`` is set from here.
    parent : QObject
        Its owner.
    """

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._layers: LiveLayers | None = None
        self._note: str | None = None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(LATE_MS)
        self._late.timeout.connect(self.show)

    def use(self, layers: LiveLayers | None) -> None:
        """Show it in these layers from now on, or nowhere."""
        with suppress(RuntimeError):  # Qt has deleted the timer before
            self._late.stop()
        self._note, self._layers = None, layers
        self._session.late = False

    def wait(self) -> None:
        """Show the session's object with its answer, or without it when that is late."""
        if self._note is None:
            self._note = self._session.note
            self._late.start()

    def show(self) -> None:
        """Show the session's object as it is, with its last prompts and the answer to the others."""
        self._late.stop()
        # Of what came before the prompt; what was said since then stays.
        if self._note is not None and self._session.note == self._note:
            self._session.note = ""
        self._note = None
        live = self._session.live
        if self._layers is not None:
            self._layers.show(live)
        self._session.late = live is not None and not live.answered
