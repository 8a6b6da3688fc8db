"""Keeps the sizes of a layer's objects, counted in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.device.disk_thread import DiskThread
from napari_catsam.plugin.layers.plane_watch import PlaneWatch
from napari_catsam.plugin.objects.areas import ObjectAreas, count_pixels
from napari_catsam.plugin.project.layer_records import Index

__all__ = ["ObjectCounts"]

AT_ONCE = 2**22
"""Pixels that are counted before the next result is shown, and before what is newer has its turn."""

_LOG = logging.getLogger(__name__)

Counts = list[tuple[Index, dict[int, int]]]


class ObjectCounts(QObject):
    """Counts the objects of one layer, and after each edit those planes again that it may have changed.

    All planes of data in memory are counted. Of data that are computed or read when they are looked
    at, only the planes that are shown or edited: nobody wants to wait for all of them.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layer.
    parent : QObject
        Its owner.

    Attributes
    ----------
    areas : ObjectAreas
        As far as they are counted.
    """

    changed = Signal()
    """There are new counts."""

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self.areas = ObjectAreas()
        self._viewer = viewer
        # Neither the device, which may train for minutes, nor the disk, which has work to save.
        self._thread = DiskThread(self)
        self._connections = Connections()
        self._watch: PlaneWatch | None = None
        self._waiting: dict[Index, None] = {}
        self._counting = False
        # napari tells of an edit before it writes the pixels.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._count_next)
        # The window may be torn down without a call of close().
        self.destroyed.connect(self._connections.close)

    @property
    def labels(self) -> Labels | None:
        """The layer that is counted."""
        return None if self._watch is None else self._watch.labels

    @property
    def complete(self) -> bool:
        """Whether nothing waits to be counted."""
        return not self._counting and not self._waiting

    @property
    def partial(self) -> bool:
        """Whether only planes that were shown or edited are counted."""
        return self._watch is not None and not isinstance(self._watch.labels.data, np.ndarray)

    def follow(self, labels: Labels | None) -> None:
        """Count the objects of a layer from now on, and of no other."""
        self._connections.close()
        self._watch = None
        self._restart()
        if labels is None:
            return
        watch = PlaneWatch(self._viewer, labels, "", known=True, connections=self._connections)
        self._watch = watch
        self._connections.add(watch.changed, self._on_marked)
        self._connections.add(labels.events.data, self._on_replaced)
        if self.partial:
            self._connections.add(self._viewer.dims.events.current_step, self._on_looked)
            self._on_looked(None)
        else:
            watch.mark_all()

    def close(self) -> None:
        """Count nothing more."""
        self.follow(None)
        self._thread.close()

    def _restart(self) -> None:
        self.areas = ObjectAreas()
        self._waiting.clear()

    def _on_marked(self) -> None:
        if self._watch is not None:
            marked = tuple(self._watch.marked)
            self._watch.marked.clear()
            self._count(marked)

    def _on_replaced(self, event: Any) -> None:
        self._restart()
        if self._watch is not None:
            (self._on_looked if self.partial else self._on_marked_all)(event)

    def _on_marked_all(self, event: Any) -> None:
        if self._watch is not None:
            self._watch.mark_all()

    def _on_looked(self, event: Any) -> None:
        if self._watch is not None:
            self._count(index for index in self._watch.shown_planes() if index not in self.areas)

    def _count(self, planes: Iterable[Index]) -> None:
        # What was edited last is shown first.
        self._waiting = dict.fromkeys(planes) | self._waiting
        self._soon.start(0)

    def _count_next(self) -> None:
        if self._counting or self._watch is None or not self._waiting:
            return
        data = self._watch.labels.data
        size = int(np.prod(data.shape[-2:]))
        planes = list(self._waiting)[: max(1, AT_ONCE // max(1, size))]
        for index in planes:
            del self._waiting[index]
        self._counting = True
        self._thread.run(
            partial(_count, data, planes), partial(self._on_counted, self.areas), self._on_failed
        )

    def _on_counted(self, areas: ObjectAreas, counts: Counts) -> None:
        self._counting = False
        if areas is self.areas:  # else they are of another layer, or of data that were replaced
            for index, found in counts:
                areas.update(index, found)
            self._count_next()
            self.changed.emit()
        else:
            self._count_next()

    def _on_failed(self, error: BaseException) -> None:
        """Leave out planes that cannot be read; napari says so when they are shown."""
        _LOG.warning("cannot count objects", exc_info=error)
        self._counting = False
        self._count_next()
        self.changed.emit()


def _count(data: Any, planes: Sequence[Index]) -> Counts:
    return [(index, count_pixels(np.asarray(data[index]))) for index in planes]
