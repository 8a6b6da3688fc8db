"""From what the mouse draws on the canvas to prompts on the plane that is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from psygnal import Signal

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.live.gestures import Gestures, Sketch
from napari_catsam.plugin.live.key_bindings import KeyBindings
from napari_catsam.plugin.live.layers import LiveLayers
from napari_catsam.plugin.live.prompt import Tool, read_prompt, trace
from napari_catsam.plugin.session import Session

__all__ = ["TOOL_KEY", "LiveDrawing"]

TOOL_KEY = "K"
"""A letter that napari leaves free: the next tool."""


class LiveDrawing:
    """Shows what is being drawn, and makes a prompt of it.

    Parameters
    ----------
    viewer : ViewerModel
        Which plane is shown.
    session : Session
        Which tool draws, and the sign of plain clicks.
    layers : LiveLayers
        Where it is drawn.
    """

    given = Signal(object)
    """A :class:`~napari_catsam.plugin.live.prompt.LivePrompt`."""

    failed = Signal(object)
    """The error that says why something is no prompt."""

    def __init__(self, viewer: ViewerModel, session: Session, layers: LiveLayers) -> None:
        self._viewer, self._session, self._layers = viewer, session, layers
        self._gestures = Gestures(viewer, layers.points)
        self._gestures.tool = session.tool
        self._gestures.clicked.connect(self._on_clicked)
        self._gestures.drawing.connect(self._on_drawing)
        self._gestures.drawn.connect(self._on_drawn)
        self._keys = KeyBindings(layers.points, session, {TOOL_KEY: "next_tool"}, self)
        self._connections = Connections()
        self._connections.add(session.events.tool, self._on_tool_changed)
        dims = viewer.dims.events
        for signal in (dims.current_step, dims.ndisplay, dims.order):
            self._connections.add(signal, self._on_plane_changed)

    def close(self) -> None:
        """Listen no more."""
        self._connections.close()
        self._keys.close()
        self._gestures.close()

    def drop(self) -> None:
        """Drop what is being drawn."""
        self._gestures.drop()

    def undo(self) -> bool:
        """Take back the last corner of what is being drawn; return whether there was one."""
        return self._gestures.drop_corner()

    def next_tool(self) -> None:
        """Let a drag draw something else."""
        tools = list(Tool)
        self._session.tool = tools[(tools.index(self._session.tool) + 1) % len(tools)]

    def _on_clicked(self, position: Any, negative: bool) -> None:
        self._give(Sketch(Tool.BOX, (position,), negative))

    def _on_drawn(self, sketch: Sketch) -> None:
        self._give(sketch)

    def _on_drawing(self, sketch: Sketch) -> None:
        if not sketch.positions:
            self._layers.show(self._session.live)
            return
        self._session.note = ""  # of the last action; now the hint of the tool is wanted
        try:
            plane = locate_plane(self._viewer, self._layers.image, self._session.channels)
        except CatsamError:
            return
        path = trace([self._layers.to_plane(plane, at) for at in sketch.positions], sketch.tool)
        if sketch.tool in (Tool.BOX, Tool.ELLIPSE):
            path = np.concatenate([path, path[:1]])
        self._layers.show_paths(plane, [path])

    def _give(self, sketch: Sketch) -> None:
        try:
            plane = locate_plane(self._viewer, self._layers.image, self._session.channels)
            places = [self._layers.to_plane(plane, at) for at in sketch.positions]
            positive = self._session.clicks_positive != sketch.negative
            prompt = read_prompt(places, plane, positive=positive, tool=sketch.tool)
        except CatsamError as error:
            self._layers.show(self._session.live)
            self.failed.emit(error)
            return
        self.given.emit(prompt)

    def _on_tool_changed(self, tool: Tool) -> None:
        self._gestures.tool = tool

    def _on_plane_changed(self, event: Any) -> None:
        """Drop the corners of a polygon, which lie on the plane that was left."""
        self._gestures.drop()
