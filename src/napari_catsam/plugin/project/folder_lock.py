"""A lock on a folder that ends with the process, however it ends."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["FolderLock"]


class FolderLock:
    """Holds a folder for one window of one process.

    Parameters
    ----------
    folder : Path
        Must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._end: weakref.finalize[..., Any] | None = None

    def take(self) -> bool:
        """Take the lock; False if another one has it.

        Where files cannot be locked, it is as if no other had it.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT)
        except OSError:
            return True
        self._end = weakref.finalize(self, os.close, file)
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            self.release()
            return False
        except OSError:
            pass  # a file system without locks
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._end is not None:
            self._end()


def _lock(file: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
