"""Downloading weights: under a temporary name first, checked, then renamed."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import pooch

from napari_catsam.errors import DownloadError
from napari_catsam.sam.weight_files import (
    MODELS_VARIABLE,
    WeightsFile,
    find_fault,
    find_weights,
    get_weights_file,
    weights_path,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DownloadProgress", "download_weights"]

DownloadProgress = Callable[[int, int], None]
"""A function of the bytes received so far and the bytes in all."""

_CHUNK = 1 << 20  # bytes read, hashed and written at a time
_TIMEOUT = 30.0  # seconds without one byte from the server

_logger = logging.getLogger(__name__)


def download_weights(name: str, progress: DownloadProgress | None = None) -> Path:
    """Download the weights of a backbone, unless the right file is there already.

    The bytes go to a temporary name in
    :func:`~napari_catsam.sam.weight_files.models_folder` and get the final name only after
    their size and SHA-256 were checked; the temporary file is removed however the download ends.

    Parameters
    ----------
    name : str
        A key of :data:`WEIGHTS`.
    progress : callable, optional
        Called with (bytes received, bytes in all) after every chunk. What it raises stops the
        download and is passed on.

    Returns
    -------
    Path
        The checked file.

    Raises
    ------
    UnknownNameError
        If no weights file is known for that name.
    MissingWeightsError
        If the weights should be in the package and are not.
    DownloadError
        If the folder cannot be written, its disk is too full, the server does not answer, or what
        it sends is not the expected file.
    """
    row = get_weights_file(name)
    path = weights_path(row)
    if row.url is None:
        return find_weights(name)
    if path.is_file():
        fault = find_fault(row, path)
        if fault is None:
            return path
        _logger.warning("%s is broken (%s) and is downloaded again", path, fault)
    _prepare_folder(row, path.parent)
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        _receive(row, row.url, part, progress)
        os.replace(part, path)
    except OSError as error:
        if isinstance(error, DownloadError):
            raise
        raise DownloadError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return path


def _prepare_folder(row: WeightsFile, folder: Path) -> None:
    """Make the folder and see that ``row`` fits on its disk."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise DownloadError(f"cannot write to {folder}: {error.strerror or error}") from error
    if row.size is not None and free < row.size:
        raise DownloadError(
            f"not enough space in {folder} for {row.file_name}: {row.size:,} bytes needed, "
            f"{free:,} free; free some, or set {MODELS_VARIABLE} to a folder on another disk"
        )


def _receive(row: WeightsFile, url: str, part: Path, progress: DownloadProgress | None) -> None:
    """Download ``url`` to the new file ``part`` and check it."""
    with part.open("xb") as file:
        writer = _CheckedWriter(file, row, progress)
        try:
            _fetch(url, writer)
        except OSError as error:
            if isinstance(error, DownloadError) or error.errno is not None:
                raise
            raise DownloadError(
                f"could not download {row.file_name} from {url}: {_describe(error)} "
                f"({writer.received:,} of {row.size or 0:,} bytes received)"
            ) from error
        writer.finish()


def _fetch(url: str, writer: _CheckedWriter) -> None:
    with ExitStack() as connections:

        def close_at_the_end(response: Any, *args: Any, **options: Any) -> None:
            # pooch leaves the connection open when a download is broken off.
            connections.callback(response.close)

        download = pooch.HTTPDownloader(
            chunk_size=_CHUNK,
            timeout=_TIMEOUT,
            # Compression gains nothing on weights and would make the announced length useless.
            headers={"Accept-Encoding": "identity"},
            hooks={"response": close_at_the_end},
        )
        download(url, writer, None)


def _describe(error: OSError) -> str:
    """Put an error of the HTTP library into a few words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    return f"the connection failed with {type(error).__name__}"


class _CheckedWriter:
    """A file to write to that counts and hashes what passes, and refuses what is too long."""

    def __init__(self, file: BinaryIO, row: WeightsFile, progress: DownloadProgress | None) -> None:
        self._file = file
        self._row = row
        self._progress = progress
        self._hash = hashlib.sha256()
        self.received = 0

    def write(self, chunk: bytes) -> None:
        self.received += len(chunk)
        expected = self._row.size
        if expected is not None and self.received > expected:
            raise DownloadError(
                f"{self._row.url} sent more than the expected {expected:,} bytes, nothing was kept"
            )
        self._file.write(chunk)
        self._hash.update(chunk)
        if self._progress is not None:
            self._progress(self.received, expected or self.received)

    def flush(self) -> None:
        """Do nothing: the downloader asks for it after every chunk, once at the end is enough."""

    def finish(self) -> None:
        """Check size and hash, then bring the file to the disk."""
        row, digest = self._row, self._hash.hexdigest()
        if row.size is not None and self.received != row.size:
            raise DownloadError(
                f"{row.url} sent {self.received:,} bytes, expected {row.size:,}; nothing was kept"
            )
        if row.sha256 is not None and digest != row.sha256:
            raise DownloadError(
                f"{row.url} sent a file with sha256 {digest}, expected {row.sha256}; "
                "nothing was kept"
            )
        self._file.flush()
        os.fsync(self._file.fileno())
