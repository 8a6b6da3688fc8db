"""One queue for one device: urgent jobs run between the steps of a patient one.

A job is a function that makes a generator; what it yields is progress, what it returns is the
result. Jobs run in one napari worker, one after the other; their callbacks run in the main thread.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, Signal

from napari_catsam.errors import CatsamError

__all__ = ["DeviceQueue", "Job"]

_LOG = logging.getLogger(__name__)

Steps = Generator[Any, bool | None, Any]


def _ignore(_: Any) -> None:
    """Do nothing with a value."""


@dataclass(eq=False)
class Job:
    """Work for the device's thread; it touches no layer and no widget.

    Attributes
    ----------
    run : callable
        Makes the generator, in the worker. It is sent True when it should finish with the best so
        far.
    urgent : bool
        Whether it may run between two steps of a job that is not.
    on_progress, on_result, on_error : callable
        Called in the main thread with a yielded value, the result, or the exception.
    """

    run: Callable[[], Steps]
    urgent: bool = False
    on_progress: Callable[[Any], None] = _ignore
    on_result: Callable[[Any], None] = _ignore
    on_error: Callable[[Exception], None] = _ignore


@dataclass(eq=False)
class _Task:
    """What the worker knows of a job: no callback, so that it keeps no widget alive."""

    run: Callable[[], Steps]
    urgent: bool
    finish: bool = False


class _Event(NamedTuple):
    task: _Task
    kind: Literal["progress", "result", "error"]
    value: Any


class _Worker(GeneratorWorker):  # type: ignore[misc]  # napari has no types
    """napari's worker, without its hold on the warnings of the whole process.

    The original keeps ``warnings.catch_warnings`` entered while it runs, which before Python 3.14
    is not of one thread. Where it ends while the main thread has entered one too, as napari does
    when it makes a Labels layer, each puts back the filters of the other: what napari suppresses is
    shown, or raised where warnings are errors, and the filters stay wrong from then on.
    """

    def run(self) -> None:
        """Do the work and tell of it; called by Qt in the thread."""
        self.started.emit()
        self._running = True
        if isinstance(self.work(), RuntimeError):
            return  # the signals are gone
        self._running = False
        self.finished.emit()
        self._finished.emit(self)


@dataclass(eq=False)
class _Board:
    """The tasks that wait, shared by the main thread and the worker."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    urgent: deque[_Task] = field(default_factory=deque)
    patient: deque[_Task] = field(default_factory=deque)
    started: list[_Task] = field(default_factory=list)
    running: bool = False
    closed: bool = False

    def put(self, task: _Task) -> bool:
        """Add a task; return whether a worker has to be started for it."""
        with self.lock:
            (self.urgent if task.urgent else self.patient).append(task)
            start, self.running = not self.running, True
            return start

    def take(self, *, only_urgent: bool = False) -> _Task | None:
        """Take the next task; with none left the worker ends."""
        with self.lock:
            waiting = self.urgent or (() if only_urgent else self.patient)
            if waiting and not self.closed:
                return waiting.popleft()
            if not only_urgent:
                self.running = False
            return None

    def abandon(self) -> list[_Task]:
        """Forget the tasks that had started; the worker is gone."""
        with self.lock:
            tasks, self.started = self.started, []
            self.running = bool(self.urgent or self.patient)
            return tasks

    def close(self) -> None:
        """Drop what waits and take nothing more."""
        with self.lock:
            self.closed = True
            self.urgent.clear()
            self.patient.clear()


class DeviceQueue(QObject):
    """The only way to the device; owned by one widget, used from the main thread.

    Parameters
    ----------
    parent : QObject, optional
        Its owner.
    """

    busy_changed = Signal(bool)
    """Emitted when the first job is given and when the last has ended."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._board = _Board()
        self._jobs: dict[_Task, Job] = {}
        self._told_busy = False
        self._worker: Any = None
        # The window may be torn down without a call of close(). A bound method, which Qt holds
        # weakly: a partial would already be cleared when both are garbage, and crash.
        self.destroyed.connect(self._board.close)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return bool(self._jobs)

    @property
    def closed(self) -> bool:
        """Whether jobs are taken no more."""
        return self._board.closed

    def submit(self, job: Job) -> None:
        """Queue a job; after :meth:`close` it is dropped."""
        if self._board.closed:
            return
        task = _Task(job.run, job.urgent)
        self._jobs[task] = job
        self._tell_busy()
        if self._board.put(task):
            self._start_worker()

    def finish(self, job: Job) -> None:
        """Ask a job to finish with the best so far, at its next step."""
        for task, known in self._jobs.items():
            if known is job:
                task.finish = True

    def close(self) -> None:
        """Drop all jobs; the running one ends at its next step and nothing of it is heard."""
        self._board.close()
        self._jobs.clear()
        self._worker = None

    def _start_worker(self) -> None:
        self._worker = create_worker(
            _drain, self._board, _start_thread=False, _worker_class=_Worker
        )
        self._worker.yielded.connect(self._on_event)
        self._worker.aborted.connect(self._on_aborted)
        self._worker.start()

    def _on_aborted(self) -> None:
        """Go on after napari has cancelled the worker, without the jobs that ran."""
        if self._board.closed:
            return
        cancelled = CatsamError("cancelled")
        for task in self._board.abandon():
            self._on_event(_Event(task, "error", cancelled))
        if self._jobs:
            self._start_worker()

    def _on_event(self, event: _Event) -> None:
        job = self._jobs.get(event.task)
        if job is None:
            return
        if event.kind == "progress":
            job.on_progress(event.value)
            return
        del self._jobs[event.task]
        try:
            (job.on_result if event.kind == "result" else job.on_error)(event.value)
        finally:
            self._tell_busy()

    def _tell_busy(self) -> None:
        """Tell it once: a job whose result asks for another one is not followed by a pause."""
        if self.busy != self._told_busy:
            self._told_busy = self.busy
            self.busy_changed.emit(self.busy)


def _drain(board: _Board) -> Generator[_Event, None, None]:
    """Run tasks until none is left; the body of the worker."""
    while (task := board.take()) is not None:
        yield from _run(task, board)


def _run(task: _Task, board: _Board) -> Generator[_Event, None, None]:
    board.started.append(task)
    try:
        steps = task.run()
        value = next(steps)
        while True:
            yield _Event(task, "progress", value)
            while not task.urgent and (other := board.take(only_urgent=True)) is not None:
                yield from _run(other, board)
            if board.closed:
                steps.close()
                return
            value = steps.send(True if task.finish else None)
    except StopIteration as end:
        event = _Event(task, "result", end.value)
    except Exception as error:  # noqa: BLE001  (whatever a job raises is told, and the queue goes on)
        _LOG.debug("a job failed", exc_info=True)
        event = _Event(task, "error", error)
    board.started.remove(task)
    yield event
