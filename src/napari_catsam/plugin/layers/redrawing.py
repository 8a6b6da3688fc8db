"""Drawing the windows before the event loop comes to it."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

__all__ = ["draw_windows"]


def draw_windows() -> None:
    """Draw what waits to be drawn, and handle no mouse, key or timer meanwhile.

    Where two layers are removed between two drawings, OpenGL in software (Mesa's) crashes as soon as
    other layers are added; napari 0.9 alone does so too.
    """
    if QApplication.instance() is not None:
        waiting = QEvent.Type.UpdateRequest
        QApplication.sendPostedEvents(None, getattr(waiting, "value", waiting))
