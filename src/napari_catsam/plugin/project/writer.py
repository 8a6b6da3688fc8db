"""Writes what waits in open projects, a part at a time, and warns where that fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.device.disk_thread import DiskThread
from napari_catsam.plugin.project.open_project import OpenProject
from napari_catsam.plugin.project.reading import Change
from napari_catsam.plugin.project.store import ProjectStore
from napari_catsam.plugin.session import Session

__all__ = ["NOT_SAVED", "ProjectWriter"]

NOT_SAVED = "your work is not saved"

_LOG = logging.getLogger(__name__)


class ProjectWriter(QObject):
    """Brings changes to the thread for the disk.

    Parameters
    ----------
    disk : DiskThread
        Where files are written.
    session : Session
        Which model is chosen.
    parent : QObject
        Its owner.

    Attributes
    ----------
    allowed : bool
        Whether anything is written; what is not written waits.
    """

    saved = Signal(object)
    """The folder, when all that was gathered is on disk."""
    failed = Signal(str)
    """What is wrong, each time that writing fails."""

    def __init__(self, disk: DiskThread, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._disk, self._session = disk, session
        self._projects: Sequence[OpenProject] = ()
        self._writing: tuple[OpenProject, Change] | None = None
        self._written: Path | None = None
        self._told: set[str] = set()
        self.allowed = True

    def write(self, projects: Sequence[OpenProject]) -> None:
        """Write what was gathered; a writing that goes on takes it along."""
        self._projects = projects
        if self._writing is None and self.allowed:
            self._write_next()

    def write_all(self, project: OpenProject) -> None:
        """Give all that is left of a project to the thread; nothing is told of it.

        What is being written is given once more, as that may fail.
        """
        if not project.opened or not self.allowed:
            return
        mine = self._writing is not None and self._writing[0] is project
        writing = self._writing[1].planes if self._writing is not None and mine else ()
        project.gather(None)
        change = project.take_all(self._session, writing)
        if change is not None:
            self._disk.run_unheard(partial(_write_unheard, project.store, change))

    def close(self) -> None:
        """Forget the projects."""
        self._projects, self._writing = (), None

    def tell(self, error: BaseException) -> None:
        """Warn once of each cause; the next change tries again."""
        if not isinstance(error, CatsamError):
            _LOG.error("autosave", exc_info=error)
        text = f"{NOT_SAVED}: {error}. It stays in memory and is tried again."
        cause = str(getattr(error.__cause__, "errno", None) or error)
        if cause not in self._told:
            self._told.add(cause)
            show_warning(text)
        self.failed.emit(text)

    def _write_next(self) -> None:
        for project in self._projects:
            change = project.take(self._session)
            if change is not None:
                self._writing = (project, change)
                work = partial(project.store.write, change)
                self._disk.run(work, self._on_written, self._on_not_written)
                return

    def _on_written(self, folder: Path | None) -> None:
        self._writing = None
        # A project without any work, such as that of an image just opened, has no folder.
        self._written = folder or self._written
        self._told.clear()
        self._write_next()
        if self._writing is None and self._written is not None:
            folder, self._written = self._written, None
            self.saved.emit(folder)

    def _on_not_written(self, error: BaseException) -> None:
        if self._writing is not None:
            project, change = self._writing
            project.put_back(change)
        self._writing = None
        self.tell(error)


def _write_unheard(store: ProjectStore, change: Change) -> None:
    """Write when there is nobody left to tell of an error but the log."""
    try:
        store.write(change)
    except CatsamError:
        _LOG.exception("the last changes are not saved")
