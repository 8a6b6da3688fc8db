"""The record of a project as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_catsam.errors import UnreadableFileError
from napari_catsam.plugin.project.record import (
    ChannelsRecord,
    ImageRecord,
    LabelsRecord,
    ModelRecord,
    PlaneRecord,
    ProjectRecord,
    PromptsRecord,
    VersionRecord,
)

__all__ = ["FORMAT", "record_from_json", "record_to_json"]

FORMAT, VERSION = "napari-catsam project", 1


def record_to_json(record: ProjectRecord) -> str:
    """Write a record as JSON; see :func:`record_from_json`."""
    content = {"format": FORMAT, "version": VERSION, **asdict(record)}
    content["saved"] = record.saved.isoformat(timespec="seconds")
    return json.dumps(content, indent=1, default=_plain)


def record_from_json(text: str, path: Path) -> ProjectRecord:
    """Read a record.

    Parameters
    ----------
    text : str
        What :func:`record_to_json` wrote.
    path : Path
        Named in errors.

    Raises
    ------
    UnreadableFileError
        If the text is damaged, no project, or of a newer version.
    """
    try:
        content = json.loads(text)
        version = content["version"] if content["format"] == FORMAT else None
        if version != VERSION:
            raise UnreadableFileError(
                f"{path} has version {version}, this package reads {VERSION}; update napari-catsam"
            )
        image = content["image"] | {"shape": tuple(content["image"]["shape"])}
        return ProjectRecord(
            ImageRecord(**image),
            _model_from(content["model"]),
            tuple(_labels_from(entry) for entry in content["labels"]),
            tuple(PromptsRecord(**entry) for entry in content["prompts"]),
            datetime.fromisoformat(content["saved"]),
            _channels_from(content.get("channels", {})),
            tuple(content.get("classes", ())),
            content.get("object_class", ""),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableFileError(f"{path} is no project or is damaged: {error}") from error


def _model_from(entry: dict[str, Any]) -> ModelRecord:
    versions = tuple(VersionRecord(**version) for version in entry.get("versions", ()))
    return ModelRecord(**entry | {"versions": versions})


def _channels_from(entry: dict[str, Any]) -> ChannelsRecord:
    """Read what is missing in projects from before it."""
    return ChannelsRecord(tuple(entry.get("picks", ())), entry.get("axis"))


def _labels_from(entry: dict[str, Any]) -> LabelsRecord:
    planes = tuple(PlaneRecord(tuple(p["index"]), p["ids"], p["checksum"]) for p in entry["planes"])
    return LabelsRecord(**entry | {"shape": tuple(entry["shape"]), "planes": planes})


def _plain(value: Any) -> Any:
    """Turn numpy's numbers and arrays into JSON's."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
