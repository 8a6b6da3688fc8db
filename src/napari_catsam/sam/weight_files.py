"""Where the weights of the backbones come from, and where they lie on this computer.

Nothing here imports torch, so that the command line answers at once.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import pooch

from napari_catsam.errors import (
    CheckpointError,
    MissingWeightsError,
    UnknownNameError,
    UnreadableFileError,
)

__all__ = [
    "MODELS_VARIABLE",
    "WEIGHTS",
    "WeightsFile",
    "check_weights",
    "file_sha256",
    "find_fault",
    "find_weights",
    "get_weights_file",
    "models_folder",
    "weights_path",
]

MODELS_VARIABLE = "NAPARI_CATSAM_MODELS"
"""Environment variable that names a folder of already downloaded files."""

_SEGMENT_ANYTHING = "https://dl.fbaipublicfiles.com/segment_anything/"


@dataclass(frozen=True)
class WeightsFile:
    """One row of the table of weights.

    Attributes
    ----------
    name : str
        The backbone that the file is for.
    file_name : str
        Name of the file in the models folder, or in the package where ``url`` is None.
    url : str or None
        Where it is downloaded from; None for weights that ship in the package.
    size : int or None
        Bytes of the file; None for weights in the package.
    sha256 : str or None
        Its SHA-256 in hexadecimal; None for weights in the package.
    """

    name: str
    file_name: str
    url: str | None = None
    size: int | None = None
    sha256: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether the file is a part of the installed package."""
        return self.url is None


WEIGHTS: dict[str, WeightsFile] = {
    row.name: row
    for row in (
        WeightsFile("vit_nano", "vit_nano.safetensors"),
        WeightsFile(
            "vit_b",
            "sam_vit_b_01ec64.pth",
            f"{_SEGMENT_ANYTHING}sam_vit_b_01ec64.pth",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
        WeightsFile(
            "vit_l",
            "sam_vit_l_0b3195.pth",
            f"{_SEGMENT_ANYTHING}sam_vit_l_0b3195.pth",
            1_249_524_607,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
        WeightsFile(
            "vit_h",
            "sam_vit_h_4b8939.pth",
            f"{_SEGMENT_ANYTHING}sam_vit_h_4b8939.pth",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
    )
}
"""Every weights file by backbone; the official ones are Segment Anything's (arXiv 2304.02643)."""


def get_weights_file(name: str) -> WeightsFile:
    """Return the row of the backbone called ``name``.

    Raises
    ------
    UnknownNameError
        If no weights file is known for that name.
    """
    if name not in WEIGHTS:
        raise UnknownNameError("model", name, WEIGHTS)
    return WEIGHTS[name]


def models_folder() -> Path:
    """Return the folder that downloaded weights lie in; it need not exist yet.

    That is the folder named by the environment variable ``NAPARI_CATSAM_MODELS``, which may be
    read-only, or ``models`` in the user's cache folder of this package.
    """
    named = os.environ.get(MODELS_VARIABLE)
    if named:
        return Path(named).expanduser()
    return Path(pooch.os_cache("napari-catsam")) / "models"


def find_weights(name: str) -> Path:
    """Find the weights of a backbone on this computer; nothing is downloaded.

    Parameters
    ----------
    name : str
        A key of :data:`WEIGHTS`.

    Returns
    -------
    Path
        An existing file. Its content is not looked at, see :func:`check_weights`.

    Raises
    ------
    UnknownNameError
        If no weights file is known for that name.
    MissingWeightsError
        If the file is not there.
    """
    row = get_weights_file(name)
    path = weights_path(row)
    if path.is_file():
        return path
    if row.embedded:
        raise MissingWeightsError(
            f"the weights of {name} are missing from the package ({path}), reinstall napari-catsam"
        )
    raise MissingWeightsError(
        f"the weights of {name} ({row.file_name}) are not in {path.parent}: run "
        f"`napari-catsam models download {name}`, or let {MODELS_VARIABLE} name a folder with them"
    )


def check_weights(name: str) -> Path:
    """Find the weights of a backbone and check that they are the published ones.

    Parameters
    ----------
    name : str
        A key of :data:`WEIGHTS`.

    Returns
    -------
    Path
        A file of the expected size and SHA-256. The hash is computed once a process and file.

    Raises
    ------
    UnknownNameError, MissingWeightsError
        As :func:`find_weights`.
    CheckpointError
        If the file is truncated, or another than the published one.
    """
    path = find_weights(name)
    fault = find_fault(get_weights_file(name), path)
    if fault:
        raise CheckpointError(
            f"{path} is broken or another file: {fault}; "
            f"`napari-catsam models download {name}` replaces it"
        )
    return path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, computed once as long as the file is unchanged.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read.
    """
    try:
        status = path.stat()
        return _hash_file(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from error


@lru_cache(maxsize=16)
def _hash_file(path: Path, size: int, modified: int) -> str:
    """Hash ``path``; size and time of change are there to be part of the cache's key."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_path(row: WeightsFile) -> Path:
    """Return where a weights file is, or will be once it is downloaded."""
    if row.embedded:
        return Path(str(files("napari_catsam"))) / "assets" / row.file_name
    return models_folder() / row.file_name


def find_fault(row: WeightsFile, path: Path) -> str | None:
    """Say in what ``path`` differs from the published file, None if it is that file.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read.
    """
    size = path.stat().st_size
    if row.size is not None and size != row.size:
        return f"{size:,} bytes, expected {row.size:,}"
    if row.sha256 is not None and file_sha256(path) != row.sha256:
        return f"sha256 {file_sha256(path)}, expected {row.sha256}"
    return None
