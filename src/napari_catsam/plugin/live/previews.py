"""Asks the model about the object that is being annotated, always about its newest prompts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from psygnal import Signal

from napari_catsam.plugin.device.engine import Engine, ModelChoice
from napari_catsam.plugin.device.jobs import DeviceQueue, Job
from napari_catsam.plugin.live.live_object import LiveObject, Reading, Undrawn
from napari_catsam.plugin.session import Session

__all__ = ["Previews"]

Answer = tuple[Reading | Undrawn, ...]


@dataclass(frozen=True, eq=False)
class _Question:
    live: LiveObject
    model: ModelChoice


class Previews:
    """One question at a time; what was asked about something else by then is dropped.

    Parameters
    ----------
    session : Session
        Its ``live`` object is asked about, its model asked.
    queue : DeviceQueue
        The way to the device.
    engine : Engine
        The device's side.
    """

    answered = Signal(object)
    """The session's live object with what the model made of it."""

    failed = Signal(object)
    """An exception."""

    def __init__(self, session: Session, queue: DeviceQueue, engine: Engine) -> None:
        self._session, self._queue, self._engine = session, queue, engine
        self._asked: _Question | None = None

    @property
    def at_work(self) -> bool:
        """Whether an answer is on its way."""
        return self._asked is not None

    @property
    def awaited(self) -> bool:
        """Whether the session's object gets its answer from the model at work."""
        live = self._session.live
        return live is not None and not live.answered and self.at_work

    def ask(self) -> None:
        """Ask about the object, unless the model is at work: then about what is newest after it."""
        live = self._session.live
        if live is None or live.answered or self._asked is not None:
            return
        question = _Question(live, self._session.model)
        run: Callable[[], Any]
        if live.undrawn is None:
            prompts = live.to_prompts(question.model.key)
            run = partial(self._engine.preview, question.model, live.plane, prompts)
        else:
            run = partial(_draw, live.undrawn)
        self._asked = question
        self._queue.submit(
            Job(
                run,
                urgent=True,
                on_progress=self._on_progress,
                on_result=partial(self._on_answered, question),
                on_error=partial(self._on_failed, question),
            )
        )

    def _on_progress(self, value: str) -> None:
        self._session.activity = value

    def _on_answered(self, question: _Question, found: Answer | Reading) -> None:
        self._asked = None
        if self._is_open(question):
            live = question.live
            answered = live.show_drawn(found) if isinstance(found, Reading) else live.answer(found)
            self.answered.emit(answered)
        self.ask()

    def _on_failed(self, question: _Question, error: Exception) -> None:
        self._asked = None
        if self._is_open(question):
            self.failed.emit(error)
        else:
            self.ask()

    def _is_open(self, question: _Question) -> bool:
        """Whether it is still what the user wants to know."""
        same_model = question.model.key == self._session.model.key
        return same_model and self._session.live is question.live


def _draw(undrawn: Undrawn) -> Generator[str, bool | None, Reading]:
    """Bring a reading to the size of the image; a job of one step."""
    yield from ()
    return undrawn.draw()
