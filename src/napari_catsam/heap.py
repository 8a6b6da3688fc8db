"""Keeps memory that was freed for what is made next, where the system's way is slow.

On Linux, glibc gives a large block back to the system as soon as it is freed, and the next one comes page by
page, each zeroed first. A network makes and frees hundreds of large tensors a step: about a quarter of the
time of a training step on the CPU went into that.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import Any

__all__ = ["keep_freed_memory"]

# Of malloc.h, for mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4

_NEVER = 2**31 - 1
_USUAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26}
"""What glibc itself arrives at once a program has freed large blocks; its own rule for that ends with the
first call of mallopt."""

_LOCK = Lock()
_users = 0


@contextmanager
def keep_freed_memory() -> Generator[None]:
    """Keep freed memory for the next tensor until the block ends, then give all of it back.

    Blocks may overlap, in several threads; the last one to end gives back. In a thread other than the main
    one glibc keeps less, as the heaps of threads are small. Where the C library is not glibc, this does
    nothing.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users
    with _LOCK:
        _users += 1
        if _users == 1 and (library := _find_glibc()):
            library.mallopt(_MMAP_MAX, 0)
            library.mallopt(_TRIM_THRESHOLD, _NEVER)


def _leave() -> None:
    global _users
    with _LOCK:
        _users -= 1
        if _users == 0 and (library := _find_glibc()):
            for option, value in _USUAL.items():
                library.mallopt(option, value)
            library.malloc_trim(0)


def _find_glibc() -> Any:
    """Return the C library of this process if it is glibc, else None."""
    if sys.platform != "linux":
        return None
    try:
        os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        return None
    return ctypes.CDLL(None)
