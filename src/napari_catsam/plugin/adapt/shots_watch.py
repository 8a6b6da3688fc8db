"""Keeps a summary of the masks to learn from, read in a thread of its own after each edit."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial

from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.shots_summary import ShotsSummary, summarise_shots
from napari_catsam.plugin.adapt.training import locate_shots
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.device.disk_thread import DiskThread
from napari_catsam.plugin.layers.plane_watch import PlaneWatch
from napari_catsam.plugin.objects.ids import is_in_memory
from napari_catsam.plugin.session import Session

__all__ = ["ShotsWatch"]

PAUSE_MS = 400
"""After the last edit; a stroke of the brush is many."""

MOST_PIXELS = 2**27
"""Larger stacks are read when the training begins, not after every edit."""

_LOG = logging.getLogger(__name__)


class ShotsWatch(QObject):
    """Follows one Labels layer, that of what is ignored, and the image that they lie on.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    session : Session
        Says which channels the model sees.
    parent : QObject
        Its owner.
    """

    summarised = Signal(object)
    """The :class:`~napari_catsam.plugin.adapt.shots_summary.ShotsSummary`."""

    def __init__(self, viewer: ViewerModel, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._session = viewer, session
        self._image: Image | None = None
        self._labels: Labels | None = None
        self._ignore: Labels | None = None
        self._watches: list[PlaneWatch] = []
        # Neither the device, which may train, nor the disk, which has work to save.
        self._thread = DiskThread(self)
        self._connections = Connections()
        self._reading = self._stale = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAUSE_MS)
        self._soon.timeout.connect(self._read)
        # The window may be torn down without a call of close().
        self.destroyed.connect(self._connections.close)

    def follow(
        self, image: Image | None, labels: Labels | None, ignore: Labels | None = None
    ) -> None:
        """Summarise these layers from now on."""
        if labels is not self._labels or ignore is not self._ignore:
            self._connections.close()
            # They know undo from another slice being shown.
            self._watches = [
                PlaneWatch(self._viewer, layer, "", known=True, connections=self._connections)
                for layer in (labels, ignore)
                if layer is not None
            ]
            for watch in self._watches:
                self._connections.add(watch.changed, self._on_edited)
        self._image, self._labels, self._ignore = image, labels, ignore
        self._soon.start()

    def close(self) -> None:
        """Listen no more."""
        self._connections.close()
        with suppress(RuntimeError):  # Qt has deleted it before
            self._soon.stop()
        self._image = self._labels = self._ignore = None
        self._watches = []
        self._thread.close()

    def _on_edited(self) -> None:
        for watch in self._watches:
            watch.marked.clear()
        self._soon.start()

    def _read(self) -> None:
        if self._reading:
            self._stale = True
            return
        if self._labels is None or self._image is None:
            self.summarised.emit(ShotsSummary(""))
            return
        data = self._labels.data
        if not is_in_memory(data) or data.size > MOST_PIXELS:
            self.summarised.emit(ShotsSummary("counted when you press Adapt"))
            return
        try:
            source = locate_shots(
                self._viewer, self._session, self._image, self._labels, self._ignore
            )
        except CatsamError as error:
            self.summarised.emit(ShotsSummary(str(error)))
            return
        self._reading = True
        self._thread.run(partial(summarise_shots, source), self._on_read, self._on_failed)

    def _on_read(self, summary: ShotsSummary) -> None:
        self._reading = False
        if self._stale:
            self._stale = False
            self._soon.start()
        self.summarised.emit(summary)

    def _on_failed(self, error: BaseException) -> None:
        """Say nothing of layers that cannot be read; napari says so when they are shown."""
        _LOG.warning("cannot count the masks", exc_info=error)
        self._on_read(ShotsSummary(""))
