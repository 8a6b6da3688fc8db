"""Ctrl+C as a request to finish."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["finish_on_interrupt"]


@contextmanager
def finish_on_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl+C into an event; the second one interrupts as usual.

    An exception in the middle of a training step would lose what was learnt; the event is looked at
    between steps.

    Yields
    ------
    threading.Event
        Set by the first Ctrl+C.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals can be caught in the main thread alone
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
