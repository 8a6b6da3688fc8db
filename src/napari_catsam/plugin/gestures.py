"""What the mouse does on the prompt layer: a click is a point, a drag is a box."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points
from psygnal import Signal

__all__ = ["Gestures"]

LEFT = 1
"""Number of the mouse button, as vispy counts."""

NEGATIVE_MODIFIER = "Control"

STILL = 4.0
"""Pixels of the screen that the mouse may move in a click."""


class Gestures:
    """Turns the mouse events of a layer into clicks and boxes, in world coordinates.

    Parameters
    ----------
    layer : Points
        Gets the events while it is the active layer; its own tools are not used.
    """

    clicked = Signal(object, bool)
    """World position (n,), and whether the negative modifier was held."""

    dragging = Signal(object, object)
    """World positions of two corners, while the mouse moves."""

    boxed = Signal(object, object)
    """World positions of two corners."""

    def __init__(self, layer: Points) -> None:
        self._layer = layer
        layer.mode = "pan_zoom"
        layer.mouse_pan = False
        layer.mouse_drag_callbacks.append(self._on_press)
        # As in napari's own tools: hold the space bar to move the image.
        layer.bind_key("Space", self._on_space, overwrite=True)

    def close(self) -> None:
        """Listen no more."""
        if self._on_press in self._layer.mouse_drag_callbacks:
            self._layer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, layer: Points, event: Any) -> Generator[None, None, None]:
        if event.button != LEFT or layer.mouse_pan:
            return
        negative = NEGATIVE_MODIFIER in event.modifiers
        start, start_on_screen = np.array(event.position), np.array(event.pos)
        moved = False
        yield
        while event.type == "mouse_move":
            moved = moved or _distance(event.pos, start_on_screen) > STILL
            if moved:
                self.dragging.emit(start, np.array(event.position))
            yield
        # A quick drag may come without a move between press and release.
        if moved or _distance(event.pos, start_on_screen) > STILL:
            self.boxed.emit(start, np.array(event.position))
        else:
            self.clicked.emit(start, negative)

    def _on_space(self, layer: Points) -> Generator[None, None, None]:
        layer.mouse_pan = True
        yield
        layer.mouse_pan = False


def _distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    return float(np.linalg.norm(np.subtract(a, b)))
