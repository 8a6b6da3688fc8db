"""The tasks that wait for the device, and the worker's way through them; it knows no widget."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

__all__ = ["Board", "Event", "Steps", "Task", "drain"]

REST = 0.2
"""Seconds after which a worker that rests looks whether napari wants it to end."""

_LOG = logging.getLogger(__name__)

Steps = Generator[Any, bool | None, Any]


@dataclass(eq=False)
class Task:
    """What the worker knows of a job: no callback, so that it keeps no widget alive."""

    run: Callable[[], Steps]
    urgent: bool
    finish: bool = False
    cancel: bool = False
    paused: bool = False

    @property
    def rests(self) -> bool:
        """Whether it takes no step now; to end it, it must."""
        return self.paused and not (self.finish or self.cancel)


class Event(NamedTuple):
    """What became of a task, on its way to the main thread."""

    task: Task
    kind: Literal["progress", "rest", "result", "error", "cancelled"]
    value: Any


@dataclass(eq=False)
class Board:
    """The tasks that wait, shared by the main thread and the worker."""

    lock: threading.Condition = field(default_factory=threading.Condition)
    urgent: deque[Task] = field(default_factory=deque)
    patient: deque[Task] = field(default_factory=deque)
    started: list[Task] = field(default_factory=list)
    running: bool = False
    closed: bool = False

    def put(self, task: Task) -> bool:
        """Add a task; return whether a worker has to be started for it."""
        with self.lock:
            (self.urgent if task.urgent else self.patient).append(task)
            self.lock.notify_all()
            start, self.running = not self.running, True
            return start

    def take(self, *, only_urgent: bool = False) -> Task | None:
        """Take the next task; with none left the worker ends."""
        with self.lock:
            waiting = self.urgent or (() if only_urgent else self.patient)
            if waiting and not self.closed:
                return waiting.popleft()
            if not only_urgent:
                self.running = False
            return None

    def rest(self, task: Task) -> None:
        """Wait until a paused task may go on or there is something else to do, but not for long."""
        with self.lock:
            if task.rests and not self.urgent and not self.closed:
                self.lock.wait(REST)

    def wake(self) -> None:
        """Let a worker that rests look again at what it is to do."""
        with self.lock:
            self.lock.notify_all()

    def abandon(self) -> list[Task]:
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
            self.lock.notify_all()


def drain(board: Board) -> Generator[Event, None, None]:
    """Run tasks until none is left; the body of the worker."""
    while (task := board.take()) is not None:
        yield from _run(task, board)


def _run(task: Task, board: Board) -> Generator[Event, None, None]:
    board.started.append(task)
    try:
        steps = task.run()
        value = next(steps)
        while True:
            yield Event(task, "progress", value)
            yield from _give_way(task, board)
            if board.closed:
                steps.close()
                return
            if task.cancel:
                steps.close()
                event = Event(task, "cancelled", None)
                break
            value = steps.send(True if task.finish else None)
    except StopIteration as end:
        event = Event(task, "result", end.value)
    except Exception as error:  # noqa: BLE001  (whatever a job raises is told, and the queue goes on)
        _LOG.debug("a job failed", exc_info=True)
        event = Event(task, "error", error)
    board.started.remove(task)
    yield event


def _give_way(task: Task, board: Board) -> Generator[Event, None, None]:
    """Run what is urgent between two steps of a patient task, and rest while that is paused."""
    if task.urgent:
        return
    while not board.closed:
        while (other := board.take(only_urgent=True)) is not None:
            yield from _run(other, board)
        if not task.rests:
            return
        board.rest(task)
        yield Event(task, "rest", None)  # where napari can end the worker
