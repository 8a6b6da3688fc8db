"""Taking the plugin's own layers out of a viewer, one drawing at a time."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer

from napari_catsam.plugin.layers.redrawing import draw_windows

__all__ = ["LayerRemoval"]


class LayerRemoval(QObject):
    """Removes layers now, or once the event loop is reached again.

    While napari tells of a layer that the user removed, no other may be removed: of several that the
    user removes at once, napari would then take the wrong one or miss one, and nothing is drawn
    in between.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    parent : QObject
        Its owner.
    """

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._waiting: list[Layer] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.finish)

    def remove(self, layers: Iterable[Layer]) -> None:
        """Remove layers, those that are still there; and those that wait."""
        self._waiting += layers
        self.finish()

    def remove_soon(self, layers: Iterable[Layer]) -> None:
        """Remove layers after what happens now, those that are still there then."""
        self._waiting += layers
        with suppress(RuntimeError):  # Qt has deleted the timer before: the window is being closed
            self._soon.start(0)

    def finish(self) -> None:
        """Remove those that wait."""
        with suppress(RuntimeError):
            self._soon.stop()
        waiting, self._waiting = self._waiting, []
        for layer in waiting:
            if any(layer is known for known in self._viewer.layers):
                draw_windows()
                self._viewer.layers.remove(layer)
