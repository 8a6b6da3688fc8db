"""What is written into a project and read back from it, and the reading."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_catsam.errors import UnreadableFileError
from napari_catsam.plugin.adapt.versions import AdapterVersion
from napari_catsam.plugin.project.record import (
    NO_CHANNELS,
    ChannelsRecord,
    LabelsRecord,
    ModelRecord,
    ProjectRecord,
    PromptsRecord,
    VersionRecord,
)
from napari_catsam.plugin.project.record_json import record_from_json
from napari_catsam.plugin.wording import count_of

__all__ = [
    "PROJECT",
    "Change",
    "Found",
    "PlanePixels",
    "Restored",
    "find_folders",
    "leave_out_old",
    "read_project",
    "read_record",
]

PROJECT = "project.json"

UNDECIDED_DAYS = 30
"""So long work is offered that the user neither restores nor discards, while there is newer work."""


@dataclass(frozen=True, eq=False)
class PlanePixels:
    """Pixels of a plane to write.

    Attributes
    ----------
    folder : str
        Of the Labels layer.
    index : tuple of int
        Position along all axes but the last two.
    read : callable
        Returns the pixels, (H, W), int; called in the thread that writes.
    """

    folder: str
    index: tuple[int, ...]
    read: Callable[[], npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Change:
    """What is new since the last writing.

    Attributes
    ----------
    model : ModelRecord
        Its ``adapter`` is left empty.
    labels : tuple of LabelsRecord
        Each layer there is, without planes.
    prompts : tuple of PromptsRecord
        All there are.
    planes : tuple of PlanePixels
        Those that may have changed.
    adapter : Adapter or None
        The one in use; written if it is another than last time.
    channels : ChannelsRecord
        What the model sees.
    versions : tuple of AdapterVersion
        All adapters of the session; each is written once.
    classes : tuple of str
        All that there are to choose from.
    object_class : str
        The one that is chosen.
    adapted : bool
        Whether the versions alone are worth a folder: not those that came with another image.
    """

    model: ModelRecord
    labels: tuple[LabelsRecord, ...] = ()
    prompts: tuple[PromptsRecord, ...] = ()
    planes: tuple[PlanePixels, ...] = ()
    adapter: Any = None
    channels: ChannelsRecord = NO_CHANNELS
    versions: tuple[AdapterVersion, ...] = ()
    classes: tuple[str, ...] = ()
    object_class: str = ""
    adapted: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """Work of an earlier time.

    Attributes
    ----------
    folder : Path
        Where it is.
    record : ProjectRecord
        What it is.
    """

    folder: Path
    record: ProjectRecord

    def __str__(self) -> str:
        """Say what there is, such as "12 objects, 1 box, 1 adapter from 2026-11-21 16:40"."""
        record, model = self.record, self.record.model
        counts = {"object": record.objects}
        for kind, noun in (("shapes", "box"), ("points", "point")):
            counts[noun] = sum(len(p.data) for p in record.prompts if p.kind == kind)
        counts["object begun"] = len(record.live)
        counts["adapter"] = len(model.versions) or int(bool(model.adapter))
        what = ", ".join(count_of(count, noun) for noun, count in counts.items() if count)
        return f"{what} from {record.saved.astimezone():%Y-%m-%d %H:%M}"


@dataclass(frozen=True, eq=False)
class Restored:
    """Work that was read back.

    Attributes
    ----------
    record : ProjectRecord
    arrays : tuple of ndarray
        Pixels of each of the record's kept Labels layers.
    adapter : Path or None
        Its file.
    versions : tuple of (Path, VersionRecord)
        The files of all adapters, and what is known of them.
    damaged : tuple of Path
        Files of planes that could not be read; these planes are blank.
    """

    record: ProjectRecord
    arrays: tuple[npt.NDArray[Any], ...]
    adapter: Path | None
    damaged: tuple[Path, ...] = ()
    versions: tuple[tuple[Path, VersionRecord], ...] = ()


def read_record(folder: Path) -> ProjectRecord:
    """Read the record of a project folder.

    Raises
    ------
    UnreadableFileError
        If it is missing or damaged.
    """
    path = folder / PROJECT
    try:
        return record_from_json(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from error


def read_project(folder: Path) -> Restored:
    """Read all of a project.

    Raises
    ------
    UnreadableFileError
        If its record is missing or damaged.
    """
    record = read_record(folder)
    damaged: list[Path] = []
    arrays = tuple(_read_labels(folder, labels, damaged) for labels in record.kept_labels)
    adapter = folder / record.model.adapter if record.model.adapter else None
    versions = tuple((folder / version.file, version) for version in record.model.versions)
    return Restored(record, arrays, adapter, tuple(damaged), versions)


def _read_labels(folder: Path, labels: LabelsRecord, damaged: list[Path]) -> npt.NDArray[Any]:
    array = np.zeros(labels.shape, labels.dtype)
    for plane in labels.planes:
        path = folder / labels.folder / plane.file
        try:
            array[plane.index] = tifffile.imread(path)
        except (OSError, ValueError, tifffile.TiffFileError, zlib.error):
            damaged.append(path)
    return array


def leave_out_old(found: Sequence[Found]) -> tuple[Found, ...]:
    """Return the work to offer: the latest, and of the rest what was saved in the last days.

    Parameters
    ----------
    found : sequence of Found
        The latest first. What is left out stays on disk: its age is no reason to delete masks.
    """
    since = datetime.now(UTC) - timedelta(days=UNDECIDED_DAYS)
    return tuple(item for item in found if item is found[0] or item.record.saved >= since)


def find_folders(home: Path) -> Iterator[Path]:
    """Find the projects of an image in its home, which need not exist."""
    with suppress(OSError):
        yield from (path for path in home.iterdir() if (path / PROJECT).is_file())
