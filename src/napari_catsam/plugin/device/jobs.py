"""One queue for one device: urgent jobs run between the steps of a patient one.

A job is a function that makes a generator; what it yields is progress, what it returns is the
result. Jobs run in one napari worker, one after the other; their callbacks run in the main thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, Signal

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.device.job_board import Board, Event, Steps, Task, drain

__all__ = ["DeviceQueue", "Job"]


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
    on_cancelled : callable
        Called in the main thread, with nothing, once it has ended because it was cancelled.
    """

    run: Callable[[], Steps]
    urgent: bool = False
    on_progress: Callable[[Any], None] = _ignore
    on_result: Callable[[Any], None] = _ignore
    on_error: Callable[[Exception], None] = _ignore
    on_cancelled: Callable[[None], None] = _ignore


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
        self._board = Board()
        self._jobs: dict[Task, Job] = {}
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
        task = Task(job.run, job.urgent)
        self._jobs[task] = job
        self._tell_busy()
        if self._board.put(task):
            self._start_worker()

    def finish(self, job: Job) -> None:
        """Ask a job to finish with the best so far, at its next step."""
        for task in self._find(job):
            task.finish = True
        self._board.wake()

    def cancel(self, job: Job) -> None:
        """Ask a job to end at its next step, with nothing, also if that is its last or fails."""
        for task in self._find(job):
            task.cancel = True
        self._board.wake()

    def pause(self, job: Job) -> None:
        """Let a job take no further step; urgent ones run meanwhile."""
        for task in self._find(job):
            task.paused = True

    def resume(self, job: Job) -> None:
        """Let a job that was paused go on."""
        for task in self._find(job):
            task.paused = False
        self._board.wake()

    def _find(self, job: Job) -> list[Task]:
        return [task for task, known in self._jobs.items() if known is job]

    def close(self) -> None:
        """Drop all jobs; the running one ends at its next step and nothing of it is heard."""
        self._board.close()
        self._jobs.clear()
        self._worker = None

    def _start_worker(self) -> None:
        self._worker = create_worker(drain, self._board, _start_thread=False, _worker_class=_Worker)
        self._worker.yielded.connect(self._on_event)
        self._worker.aborted.connect(self._on_aborted)
        self._worker.start()

    def _on_aborted(self) -> None:
        """Go on after napari has cancelled the worker, without the jobs that ran."""
        if self._board.closed:
            return
        cancelled = CatsamError("cancelled")
        for task in self._board.abandon():
            self._on_event(Event(task, "error", cancelled))
        if self._jobs:
            self._start_worker()

    def _on_event(self, event: Event) -> None:
        job = self._jobs.get(event.task)
        if job is None:
            return
        if event.kind == "rest":
            return
        if event.kind == "progress":
            if not event.task.cancel:
                job.on_progress(event.value)
            return
        if event.task.cancel:  # there may have been no next step to end it at
            event = Event(event.task, "cancelled", None)
        del self._jobs[event.task]
        tell = {"result": job.on_result, "error": job.on_error, "cancelled": job.on_cancelled}
        try:
            tell[event.kind](event.value)
        finally:
            self._tell_busy()

    def _tell_busy(self) -> None:
        """Tell it once: a job whose result asks for another one is not followed by a pause."""
        if self.busy != self._told_busy:
            self._told_busy = self.busy
            self.busy_changed.emit(self.busy)
