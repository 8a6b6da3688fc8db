"""The folder of a project on disk; used by one worker thread, knows neither napari nor Qt.

``<home of the image>/<when work began>/project.json`` beside one folder of TIFF files a Labels
layer. Each time that an image is opened has a folder of its own, so that nothing is overwritten
before the user has said what becomes of the work of last time.
"""

from __future__ import annotations

import io
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import tifffile

from napari_catsam.errors import UnreadableFileError
from napari_catsam.images import replace_file
from napari_catsam.plugin.project.adapter_files import AdapterFiles
from napari_catsam.plugin.project.folder_lock import FolderLock
from napari_catsam.plugin.project.place import default_root, image_key, read_place, write_place
from napari_catsam.plugin.project.reading import (
    PROJECT,
    Change,
    Found,
    PlanePixels,
    Restored,
    find_folders,
    leave_out_old,
    read_project,
    read_record,
)
from napari_catsam.plugin.project.record import (
    ImageRecord,
    LabelsRecord,
    PlaneRecord,
    ProjectRecord,
    list_ids,
)
from napari_catsam.plugin.project.record_json import record_to_json

__all__ = ["ProjectStore"]


class ProjectStore:
    """Reads and writes the work on one image.

    Parameters
    ----------
    image : ImageRecord
        The image.
    read_sample : callable
        Returns a few of its pixels; called once, by :meth:`open`.
    root : Path, optional
        What holds the homes of all images.
    """

    def __init__(
        self,
        image: ImageRecord,
        read_sample: Callable[[], npt.NDArray[Any]],
        root: Path | None = None,
    ) -> None:
        self.image = image
        self.folder: Path | None = None
        self._root = root or default_root()
        self._read_sample: Callable[[], npt.NDArray[Any]] | None = read_sample
        self._key = ""
        self._home: Path | None = None
        self._lock: FolderLock | None = None
        self._adapters = AdapterFiles()
        self._labels: dict[str, LabelsRecord] = {}
        self._planes: dict[tuple[str, tuple[int, ...]], PlaneRecord] = {}
        self._record: ProjectRecord | None = None
        self.closed = False

    @property
    def home(self) -> Path:
        """The folder of the image, which need not exist."""
        if self._home is None:
            self._home = read_place(self._default_home) or self._default_home
        return self._home

    @property
    def _default_home(self) -> Path:
        if self._read_sample is not None:
            self._key = image_key(self.image, self._read_sample)
            self._read_sample = None  # it holds the image's data
        return self._root / self._key

    def open(self) -> tuple[Found, ...]:
        """Find the work to offer that no other window has open, the latest first."""
        found = []
        homes = dict.fromkeys((self.home, self._default_home))
        folders = [folder for home in homes for folder in find_folders(home)]
        for folder in sorted(folders, key=lambda folder: folder.name, reverse=True):
            lock = FolderLock(folder)
            with suppress(UnreadableFileError):
                record = read_record(folder)
                if not record.is_empty and lock.take():
                    lock.release()
                    found.append(Found(folder, record))
        return leave_out_old(found)

    def adopt(self, folder: Path) -> ProjectRecord:
        """Go on in the folder of an earlier time.

        Raises
        ------
        UnreadableFileError
            If it cannot be read, or another window has it open.
        """
        record = read_record(folder)
        self._hold(folder)
        self.folder, self._record = folder, record
        self._adapters.adopt(record.model)
        self._labels = {labels.folder: labels for labels in record.labels}
        self._planes = {(lab.folder, p.index): p for lab in record.labels for p in lab.planes}
        return record

    def restore(self, folder: Path) -> Restored:
        """Read the work of an earlier time back, and go on in its folder.

        Raises
        ------
        UnreadableFileError
            If it cannot be read, or another window has it open.
        """
        restored = read_project(folder)
        self.adopt(folder)
        return restored

    def discard(self, folder: Path) -> None:
        """Delete the work of an earlier time.

        Raises
        ------
        UnreadableFileError
            If it cannot be deleted.
        """
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise UnreadableFileError(
                f"cannot delete {folder}: {error.strerror or error}"
            ) from error

    def write(self, change: Change) -> Path | None:
        """Write what has changed; each file is replaced only by a whole one.

        Returns
        -------
        Path or None
            The folder; None while there is nothing worth one.

        Raises
        ------
        UnreadableFileError
            If something cannot be written; what was written before is kept.
        """
        if self.folder is None:
            worth = change.prompts or (change.adapted and change.versions)
            if not worth and not any(copy.read().any() for copy in change.planes):
                return None
            self.folder = self._make_folder()
        folder = self.folder
        self._update_labels(change.labels)
        for copy in change.planes:
            self._write_plane(folder, copy)
        model = self._adapters.write(folder, change.model, change.versions, change.adapter)
        labels = self._list_labels()
        record = ProjectRecord(
            self.image, model, labels, change.prompts,
            channels=change.channels, classes=change.classes, object_class=change.object_class,
        )  # fmt: skip
        if record != self._record:
            self._record = None
            saved = replace(record, saved=datetime.now(UTC))
            replace_file(folder / PROJECT, record_to_json(saved).encode())
            self._record = record
        return folder

    def move(self, root: Path) -> Path:
        """Keep the work on this image elsewhere, now and whenever the image is opened.

        Parameters
        ----------
        root : Path
            The folder that the user chose; the image gets a folder in it.

        Returns
        -------
        Path
            The folder of the image.

        Raises
        ------
        UnreadableFileError
            If it cannot be written there; all stays as it was.
        """
        home = root / self._default_home.name
        try:
            if self.folder is None:
                home.mkdir(parents=True, exist_ok=True)
            elif home != self.folder.parent:
                self._move_folder(self.folder, home / self.folder.name)
        except (OSError, shutil.Error) as error:
            raise UnreadableFileError(f"cannot keep the work in {root}: {error}") from error
        self._home = home
        with suppress(OSError):  # it is used now, though not remembered
            self._default_home.mkdir(parents=True, exist_ok=True)
            write_place(self._default_home, home)
        return home

    def _move_folder(self, source: Path, target: Path) -> None:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("lock"))
        released = self._lock
        self._hold(target)
        self.folder = target
        if released is not None:
            released.release()
        shutil.rmtree(source, ignore_errors=True)

    def close(self) -> None:
        """Let other windows have the folder; one that came to hold nothing is deleted."""
        if self._lock is not None:
            self._lock.release()
        record = self._record
        if self.folder is not None and record is not None and record.is_empty:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.closed = True

    def _make_folder(self) -> Path:
        stamp = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
        folder = self.home / f"{stamp}-{uuid4().hex[:4]}"
        _make(folder)
        self._hold(folder)
        return folder

    def _hold(self, folder: Path) -> None:
        lock = FolderLock(folder)
        if not lock.take():
            raise UnreadableFileError(f"{folder} is open in another window; close it there")
        self._lock = lock

    def _update_labels(self, layers: tuple[LabelsRecord, ...]) -> None:
        for labels in layers:
            known = self._labels.get(labels.folder)
            if known is not None and known.shape != labels.shape:
                self._planes = {k: p for k, p in self._planes.items() if k[0] != labels.folder}
            self._labels[labels.folder] = labels

    def _list_labels(self) -> tuple[LabelsRecord, ...]:
        planes: dict[str, list[PlaneRecord]] = {folder: [] for folder in self._labels}
        for (folder, _), plane in sorted(self._planes.items(), key=lambda item: item[0]):
            planes[folder].append(plane)
        return tuple(
            replace(labels, planes=tuple(planes[folder])) for folder, labels in self._labels.items()
        )

    def _write_plane(self, folder: Path, copy: PlanePixels) -> None:
        key = (copy.folder, copy.index)
        pixels = np.array(copy.read(), order="C")  # of its own: the layer may be edited meanwhile
        known, checksum = self._planes.get(key), zlib.crc32(pixels.data)
        if (known is None and not pixels.any()) or (known and known.checksum == checksum):
            return
        plane = PlaneRecord(copy.index, list_ids(pixels), checksum)
        _make(folder / copy.folder)
        content = io.BytesIO()
        tifffile.imwrite(
            content,
            pixels,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 1},
            metadata=None,
        )
        replace_file(folder / copy.folder / plane.file, content.getvalue())
        self._planes[key] = plane


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableFileError(f"cannot make {folder}: {error.strerror or error}") from error
