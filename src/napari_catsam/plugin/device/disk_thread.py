"""One thread for the disk, beside the one for the device, so that neither waits for the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from qtpy.QtCore import QObject, QTimer

__all__ = ["DiskThread"]

POLL_MS = 20


class _Task(NamedTuple):
    future: Future[Any]
    on_result: Callable[[Any], None]
    on_error: Callable[[BaseException], None]


class DiskThread(QObject):
    """Runs functions one after the other; their results arrive in the main thread.

    The thread touches nothing of Qt: its results are asked for.

    Parameters
    ----------
    parent : QObject
        Its owner.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pool = _Pool()
        self._tasks: deque[_Task] = deque()
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._on_poll)
        # Where the window is torn down without a call of close(); see DeviceQueue.
        self.destroyed.connect(self._pool.close)

    def run(
        self,
        work: Callable[[], Any],
        on_result: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Run a function and tell of its result, or of what it raised."""
        future = self._pool.submit(work)
        if future is not None:
            self._tasks.append(_Task(future, on_result, on_error))
            self._poll.start()

    def run_unheard(self, work: Callable[[], Any]) -> None:
        """Run a function of which nothing is told; also after the owner is gone."""
        self._pool.submit(work)

    def close(self) -> None:
        """Take no more; what was given is still done, and the process does not end before."""
        with suppress(RuntimeError):  # Qt has deleted it before
            self._poll.stop()
        self._tasks.clear()
        self._pool.close()

    def _on_poll(self) -> None:
        while self._tasks and self._tasks[0].future.done():
            task = self._tasks.popleft()
            error = task.future.exception()
            if error is None:
                task.on_result(task.future.result())
            else:
                task.on_error(error)
        if not self._tasks:
            self._poll.stop()


class _Pool:
    """What outlives the Qt object."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = ThreadPoolExecutor(1, "catsam-disk")

    def submit(self, work: Callable[[], Any]) -> Future[Any] | None:
        return None if self._executor is None else self._executor.submit(work)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
