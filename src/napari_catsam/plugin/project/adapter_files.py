"""The adapters of a project as files; used by the thread for the disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_catsam.errors import UnreadableFileError
from napari_catsam.plugin.adapt.versions import AdapterVersion
from napari_catsam.plugin.project.record import ModelRecord, VersionRecord

__all__ = ["AdapterFiles"]

ADAPTER = "adapter.safetensors"
"""An adapter that is no version."""

FOLDER = "adapters"

NAME_LENGTH = 16
"""Of a file: so many letters of the hash of its values, which no other version has."""


class AdapterFiles:
    """Writes each version once, and deletes the file of one that the user deleted.

    Versions of an earlier time stay in the record until they are seen in the session: they may not
    be loaded yet.
    """

    def __init__(self) -> None:
        self._earlier: tuple[VersionRecord, ...] = ()
        self._seen: dict[str, None] = {}
        self._lone: Any = None

    def adopt(self, model: ModelRecord) -> None:
        """Go on with the adapters of an earlier time."""
        self._earlier = model.versions

    def write(
        self, folder: Path, model: ModelRecord, versions: Sequence[AdapterVersion], used: Any
    ) -> ModelRecord:
        """Write what is new.

        Parameters
        ----------
        folder : Path
            Of the project.
        model : ModelRecord
            What is chosen.
        versions : sequence of AdapterVersion
            All of the session.
        used : Adapter or None
            The one that segments, or did so last.

        Returns
        -------
        ModelRecord
            With the files of the versions and of the adapter in use.

        Raises
        ------
        UnreadableFileError
            If something cannot be written.
        """
        records = [self._write_version(folder, version) for version in versions]
        there = {record.file for record in records}
        for file in [file for file in self._seen if file not in there]:
            del self._seen[file]
            self._earlier = tuple(old for old in self._earlier if old.file != file)
            with suppress(OSError):
                (folder / file).unlink(missing_ok=True)
        self._seen.update(dict.fromkeys(there))
        earlier = [old for old in self._earlier if old.file not in there]
        own = (r.file for v, r in zip(versions, records, strict=True) if v.adapter is used)
        file = next(own, None) or self._write_lone(folder, used)
        return replace(model, adapter=file, versions=(*earlier, *records))

    def _write_version(self, folder: Path, version: AdapterVersion) -> VersionRecord:
        name = f"{version.adapter.sha256[:NAME_LENGTH]}.safetensors"
        path = folder / FOLDER / name
        if not path.exists():
            try:
                path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise UnreadableFileError(
                    f"cannot make {path.parent}: {error.strerror or error}"
                ) from error
            version.adapter.save(path)
        file = f"{FOLDER}/{name}"
        return VersionRecord(version.number, version.name, file, version.parent, version.note)

    def _write_lone(self, folder: Path, used: Any) -> str:
        if used is not None and used is not self._lone:
            used.save(folder / ADAPTER)
            self._lone = used
        # One that was restored is there before it is loaded.
        there = self._lone is not None or (folder / ADAPTER).exists()
        return ADAPTER if there else ""
