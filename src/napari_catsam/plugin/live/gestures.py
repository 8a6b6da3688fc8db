"""What the mouse does on the prompt layer: clicks, and what is drawn by dragging or corner by corner."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Points
from psygnal import Signal

from napari_catsam.plugin.live.prompt import Tool

__all__ = ["Gestures", "Sketch", "make_action"]

LEFT = 1
"""Number of the mouse button, as vispy counts."""

NEGATIVE_MODIFIER, FREEHAND_MODIFIER, ZOOM_MODIFIER = "Control", "Shift", "Alt"
"""The last one is napari's: it zooms into a box."""

STILL, STEP = 4.0, 2.0
"""Pixels of the screen that the mouse may move in a click, and between vertices drawn freehand."""

FEWEST_CORNERS = 3

Position = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is being drawn, or was drawn.

    Attributes
    ----------
    tool : Tool
        What draws it.
    positions : tuple of ndarray, (n,)
        World positions: two corners of a box or an ellipse, or the vertices of a path or a polygon;
        none where a polygon was dropped.
    negative : bool
        Whether the negative modifier was held.
    """

    tool: Tool
    positions: tuple[Position, ...] = ()
    negative: bool = False


class Gestures:
    """Turns the mouse events of a layer into clicks and sketches, in world coordinates.

    Parameters
    ----------
    viewer : ViewerModel
        Whose double click does not zoom while the layer is active.
    layer : Points
        Gets the events while it is the active layer; its own tools are not used.
    """

    clicked = Signal(object, bool)
    """World position (n,), and whether the negative modifier was held."""

    drawing = Signal(object)
    """The :class:`Sketch` so far, while the mouse moves."""

    drawn = Signal(object)
    """The :class:`Sketch` once it is finished."""

    def __init__(self, viewer: ViewerModel, layer: Points) -> None:
        self._viewer, self._layer = viewer, layer
        self._tool = Tool.BOX
        self._corners: list[Position] = []
        layer.mode = "pan_zoom"
        layer.mouse_pan = False
        layer.mouse_drag_callbacks.append(self._on_press)
        layer.mouse_move_callbacks.append(self._on_move)
        layer.mouse_double_click_callbacks.append(self._on_double_click)
        self._spared = {self._spare(zoom): zoom for zoom in viewer.mouse_double_click_callbacks}
        viewer.mouse_double_click_callbacks[:] = list(self._spared)
        # As in napari's own tools: hold the space bar to move the image.
        layer.bind_key("Space", self._on_space, overwrite=True)
        for key, method in {"Enter": self.finish, "Escape": self.drop}.items():
            layer.bind_key(key, make_action(method), overwrite=True)

    @property
    def tool(self) -> Tool:
        """What a drag draws without a modifier; for a polygon each click is a corner."""
        return self._tool

    @tool.setter
    def tool(self, tool: Tool) -> None:
        if tool is not self._tool:
            self.drop()
            self._tool = tool

    def close(self) -> None:
        """Listen no more."""
        layer = self._layer
        for callbacks, callback in (
            (layer.mouse_drag_callbacks, self._on_press),
            (layer.mouse_move_callbacks, self._on_move),
            (layer.mouse_double_click_callbacks, self._on_double_click),
        ):
            if callback in callbacks:
                callbacks.remove(callback)
        zooms = self._viewer.mouse_double_click_callbacks
        zooms[:] = [self._spared.get(zoom, zoom) for zoom in zooms]

    def finish(self) -> None:
        """Close the polygon; nothing happens while it has too few corners."""
        if len(self._corners) >= FEWEST_CORNERS:
            corners, self._corners = tuple(self._corners), []
            self.drawn.emit(Sketch(Tool.POLYGON, corners))

    def drop(self) -> None:
        """Forget the corners of a polygon."""
        if self._corners:
            self._corners = []
            self.drawing.emit(Sketch(Tool.POLYGON))

    def drop_corner(self) -> bool:
        """Forget the last corner of a polygon; return whether there was one."""
        if not self._corners:
            return False
        self._corners.pop()
        self.drawing.emit(Sketch(Tool.POLYGON, tuple(self._corners)))
        return True

    def _on_press(self, layer: Points, event: Any) -> Generator[None, None, None]:
        if event.button != LEFT or layer.mouse_pan or ZOOM_MODIFIER in event.modifiers:
            return
        # While a polygon is drawn everything adds to it.
        free = not self._corners
        negative = free and NEGATIVE_MODIFIER in event.modifiers
        tool = Tool.LASSO if free and FREEHAND_MODIFIER in event.modifiers else self._tool
        path, last_on_screen, moved = [np.array(event.position)], np.array(event.pos), False
        yield
        while event.type == "mouse_move":
            if _distance(event.pos, last_on_screen) > (STEP if moved else STILL):
                moved, last_on_screen = True, np.array(event.pos)
                path.append(np.array(event.position))
                self.drawing.emit(self._sketch(tool, path, negative=negative))
            yield
        # A quick drag may come without a move between press and release.
        if moved or _distance(event.pos, last_on_screen) > STILL:
            path.append(np.array(event.position))
            self._end(self._sketch(tool, path, negative=negative))
        elif tool is Tool.POLYGON and not negative:
            self._end(self._sketch(tool, path, negative=negative))
        else:
            self.clicked.emit(path[0], negative)

    def _sketch(self, tool: Tool, path: list[Position], *, negative: bool) -> Sketch:
        if tool is Tool.POLYGON:
            return Sketch(tool, (*self._corners, *path))
        positions = path if tool is Tool.LASSO else (path[0], path[-1])
        return Sketch(tool, tuple(positions), negative)

    def _end(self, sketch: Sketch) -> None:
        if sketch.tool is Tool.POLYGON:
            self._corners = list(sketch.positions)
            self.drawing.emit(sketch)
        else:
            self.drawn.emit(sketch)

    def _on_move(self, layer: Points, event: Any) -> None:
        if self._corners:
            corners = (*self._corners, np.array(event.position))
            self.drawing.emit(Sketch(Tool.POLYGON, corners))

    def _on_double_click(self, layer: Points, event: Any) -> None:
        if event.button == LEFT:
            self.finish()

    def _spare(self, zoom: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        """Return the viewer's answer to a double click, for all layers but this one."""

        def zoom_elsewhere(viewer: Any, event: Any) -> None:
            if viewer.layers.selection.active is not self._layer or self._layer.mouse_pan:
                zoom(viewer, event)

        return zoom_elsewhere

    def _on_space(self, layer: Points) -> Generator[None, None, None]:
        layer.mouse_pan = True
        yield
        layer.mouse_pan = False


def make_action(method: Callable[[], None]) -> Callable[[Any], None]:
    """Return what napari can bind to a key, which is given the layer."""

    def act(_: Any) -> None:
        method()

    act.__name__, act.__doc__ = method.__name__, method.__doc__
    return act


def _distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    return float(np.linalg.norm(np.subtract(a, b)))
