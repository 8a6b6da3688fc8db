"""Files and folders that are there as a whole, or as they were before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from napari_catsam.errors import UnreadableFileError

__all__ = ["replace_folder", "replace_streamed"]


@contextmanager
def replace_streamed(path: Path) -> Iterator[Path]:
    """Give the path of a file to write, which takes the place of another when it is whole.

    Parameters
    ----------
    path : Path
        What it becomes; if the block raises, a file that is there stays as it is.

    Yields
    ------
    Path
        A path in the same folder.

    Raises
    ------
    UnreadableFileError
        If the file cannot be written.
    """
    temporary = _name_beside(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)  # there is none any more if all went well


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give the path of a folder to fill, which takes the place of another when it is whole.

    Parameters
    ----------
    path : Path
        What it becomes; if the block raises, a folder that is there stays as it is.

    Yields
    ------
    Path
        A path beside it, where nothing is yet.

    Raises
    ------
    UnreadableFileError
        If the folder cannot be written.
    """
    temporary, old = _name_beside(path), _name_beside(path)
    try:
        yield temporary
        if path.exists():
            path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        for folder in (temporary, old):
            shutil.rmtree(folder, ignore_errors=True)  # there is none if it became the other


def _name_beside(path: Path) -> Path:
    return path.with_name(f".{uuid4().hex}.part")


def _cannot_write(path: Path, error: OSError) -> UnreadableFileError:
    if isinstance(error, UnreadableFileError):
        return error
    return UnreadableFileError(f"cannot write {path}: {error.strerror or error}")
