"""Where the work on an image is kept: in the user's data folder, unless the user chose another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from napari_catsam.images import replace_file
from napari_catsam.plugin.project.record import ImageRecord

__all__ = ["default_root", "image_key", "read_place", "write_place"]

ROOT_VARIABLE = "NAPARI_CATSAM_PROJECTS"
PLACE = "place.txt"


def default_root() -> Path:
    """Return the folder that holds all projects: ``NAPARI_CATSAM_PROJECTS``, or the user's data."""
    chosen = os.environ.get(ROOT_VARIABLE)
    return (
        Path(chosen)
        if chosen
        else Path(platformdirs.user_data_dir("napari-catsam", appauthor=False))
    )


def image_key(image: ImageRecord, read_sample: Callable[[], npt.NDArray[Any]]) -> str:
    """Return the name of an image's folder.

    Parameters
    ----------
    image : ImageRecord
        Its file, or its name if it has none, its shape and its type make the name,
    read_sample : callable
        together with a few of its pixels, where these can be read.
    """
    sample = _digest(read_sample)
    place = image.path or image.name
    content = repr((place, image.shape, image.dtype)).encode() + sample
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(place).stem)[:40]
    return f"{stem or 'image'}-{hashlib.sha256(content).hexdigest()[:12]}"


def read_place(home: Path) -> Path | None:
    """Read where the user wants the work on an image; None for its usual home."""
    try:
        return Path((home / PLACE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_place(home: Path, place: Path) -> None:
    """Note in the usual home of an image where its work is.

    Raises
    ------
    UnreadableFileError
        If it cannot be written.
    """
    replace_file(home / PLACE, str(place).encode())


def _digest(read_sample: Callable[[], npt.NDArray[Any]]) -> bytes:
    try:
        return np.ascontiguousarray(read_sample()).tobytes()
    except Exception:  # noqa: BLE001  (lazy data raise anything; the name and shape remain)
        return b""
