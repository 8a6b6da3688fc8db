"""Which planes of a Labels layer may have changed since they were last taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Labels
from psygnal import Signal

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.layers.transforms import world_to_data
from napari_catsam.plugin.project.layer_records import Index, all_planes, edited_planes
from napari_catsam.plugin.project.reading import PlanePixels

__all__ = ["PlaneWatch"]

HISTORY = 100
"""As many steps as napari can undo."""


class PlaneWatch:
    """Listens to one Labels layer.

    napari tells where an edit was (``paint``), but of undo and redo only that the layer was drawn
    anew without another slice being shown. Then the planes of the edits that can be undone, and the
    plane that is shown, are marked to be compared with what was written; that costs the main thread
    nothing.

    Parameters
    ----------
    viewer : ViewerModel
        Tells a new slice from new pixels.
    labels : Labels
        The layer.
    folder : str
        Of the layer in its project.
    known : bool
        Whether all planes are on disk already. Else they are marked: at once, or at the first edit
        if the layer was opened from a file or is not in memory.
    connections : Connections
        Where the connections are kept, under the layer.
    """

    changed = Signal()
    """There is something to take."""

    def __init__(
        self,
        viewer: ViewerModel,
        labels: Labels,
        folder: str,
        *,
        known: bool,
        connections: Connections,
    ) -> None:
        self.labels, self.folder = labels, folder
        self.marked: dict[Index, bool] = {}
        """Planes that may have changed, and whether they certainly have."""
        self.known = known
        self._viewer = viewer
        self._edits: deque[tuple[Index, ...]] = deque(maxlen=HISTORY)
        self._shown = self._read_view()
        events = labels.events
        connections.add(events.paint, self._on_paint, owner=labels)
        connections.add(events.set_data, self._on_drawn, owner=labels)
        connections.add(events.data, self._on_data, owner=labels)
        connections.add(events.visible, self._on_visible, owner=labels)
        for signal in (events.name, events.scale, events.translate, events.affine):
            connections.add(signal, self._on_described, owner=labels)
        connections.add(events.features, self._on_features, owner=labels)
        if not known and labels.source.path is None and isinstance(labels.data, np.ndarray):
            self.mark_all()

    def mark_all(self) -> None:
        """Compare every plane with what was written."""
        self.known = True
        self._mark(all_planes(self.labels.data.shape), certain=False)

    def take(self, index: Index, *, copy: bool) -> PlanePixels:
        """Return a plane to be written.

        Parameters
        ----------
        index : tuple of int
            Which one.
        copy : bool
            Whether its pixels must be those of now. Without a copy they are read when they are
            written, which is no harm: an edit meanwhile marks the plane again.
        """
        data = self.labels.data
        if copy and isinstance(data, np.ndarray):
            return PlanePixels(self.folder, index, partial(np.asarray, data[index].copy()))
        return PlanePixels(self.folder, index, partial(_read, data, index))

    def _mark(self, planes: Iterable[Index], *, certain: bool) -> None:
        for index in planes:
            self.marked[index] = certain or self.marked.get(index, False)
        if self.marked:
            self.changed.emit()

    def _on_paint(self, event: Any) -> None:
        planes = tuple(edited_planes(event.value, self.labels))
        self._edits.append(planes)
        if not self.known and isinstance(self.labels.data, np.ndarray):
            self.mark_all()
        self.known = True
        self._mark(planes, certain=True)

    def _on_drawn(self, event: Any) -> None:
        view = self._read_view()
        if view != self._shown:
            self._shown = view
            return
        self._doubt()

    def _on_visible(self, event: Any) -> None:
        self._doubt()  # napari tells nothing of an undo in a hidden layer

    def _doubt(self) -> None:
        if self.known:
            edited = dict.fromkeys(plane for edit in reversed(self._edits) for plane in edit)
            self._mark(edited | dict.fromkeys(self.shown_planes()), certain=False)

    def _on_data(self, event: Any) -> None:
        self._edits.clear()
        self.marked.clear()
        self.mark_all()

    def _on_features(self, event: Any) -> None:
        """Take what is noted about objects for an edit: it is to be saved, and the pixels with it."""
        if not self.known and isinstance(self.labels.data, np.ndarray):
            self.mark_all()
        self.known = True
        self.changed.emit()

    def _on_described(self, event: Any) -> None:
        self.changed.emit()

    def _read_view(self) -> tuple[tuple[int, ...], Index]:
        """Return which of the layer's axes are displayed, and where the view is on the others."""
        dims, ndim = self._viewer.dims, self.labels.ndim
        axes = tuple(sorted(axis - (dims.ndim - ndim) for axis in dims.displayed))
        at = world_to_data(self.labels, dims.units)(np.asarray(dims.point)[-ndim:])
        return axes, tuple(round(float(at[axis])) for axis in range(ndim) if axis not in axes)

    def shown_planes(self) -> Iterable[Index]:
        """Return the planes that the viewer shows, all of them in another than the usual view."""
        axes, steps = self._read_view()
        shape = self.labels.data.shape
        if axes != (len(shape) - 2, len(shape) - 1):
            return all_planes(shape)
        inside = all(0 <= step < length for step, length in zip(steps, shape, strict=False))
        return [steps] if inside else []


def _read(data: Any, index: Index) -> npt.NDArray[Any]:
    return np.asarray(data[index])
