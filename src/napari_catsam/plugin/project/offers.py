"""Work of an earlier time that the user may bring back or delete."""

from __future__ import annotations

from functools import partial

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_catsam.plugin.device.disk_thread import DiskThread
from napari_catsam.plugin.project.open_project import OpenProject
from napari_catsam.plugin.project.reading import Restored
from napari_catsam.plugin.project.restoring import read_back
from napari_catsam.plugin.project.store import ProjectStore

__all__ = ["ProjectOffers"]


class ProjectOffers(QObject):
    """Offers what a project found in its folder, one after another.

    Parameters
    ----------
    disk : DiskThread
        Where files are read and deleted.
    parent : QObject
        Its owner.
    """

    offered = Signal(str, str)
    """What there is of an earlier time and where, both empty when nothing is."""
    restored = Signal(object, object, object)
    """An :class:`OpenProject`, the store to go on with, and what was read, a :class:`Restored`."""

    def __init__(self, disk: DiskThread, parent: QObject) -> None:
        super().__init__(parent)
        self._disk = disk
        self._project: OpenProject | None = None

    def follow(self, project: OpenProject | None) -> None:
        """Offer what this project found from now on."""
        self._project = project
        self.offer()

    def offer(self) -> None:
        """Tell of the first that the user has not decided on."""
        offers = [] if self._project is None else self._project.offers
        if offers:
            self.offered.emit(str(offers[0]), str(offers[0].folder))
        else:
            self.offered.emit("", "")

    def restore(self) -> None:
        """Read what is offered."""
        project = self._project
        if project is not None and project.offers:
            found = project.offers.pop(0)
            run = partial(read_back, project.store, found)
            self._disk.run(run, partial(self._on_restored, project), self._on_failed)

    def discard(self) -> None:
        """Delete what is offered."""
        project = self._project
        if project is not None and project.offers:
            found = project.offers.pop(0)
            run = partial(project.store.discard, found.folder)
            self._disk.run(run, self._on_discarded, self._on_failed)

    def _on_restored(self, project: OpenProject, result: tuple[ProjectStore, Restored]) -> None:
        self.restored.emit(project, *result)

    def _on_discarded(self, _: None) -> None:
        self.offer()

    def _on_failed(self, error: BaseException) -> None:
        show_warning(str(error))
        self.offer()
