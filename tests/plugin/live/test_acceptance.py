"""Accepting while the model works on the answer: the mask is written when it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import PromptError
from napari_catsam.plugin.device.jobs import Job
from napari_catsam.plugin.live.prompt import LivePrompt
from tests.plugin.conftest import WAIT


def click(row: float, column: float) -> LivePrompt:
    return LivePrompt((float(row), float(column)))


@pytest.fixture
def desk(viewer: Any, widget: Any, library: Any, wait_idle: Any) -> Iterator[Any]:
    """Annotate an image, without a window; from ``hold`` until ``let_go`` the model is at work."""

    class Desk:
        session, live, view = widget.session, widget.commands.live, widget.live_view
        predictor = library.predictor("vit_nano")
        gate = threading.Event()

        def hold(self) -> None:
            widget.queue.submit(Job(self._wait, urgent=True))

        def _wait(self) -> Any:
            assert self.gate.wait(WAIT / 1000)
            yield

        def let_go(self) -> None:
            self.gate.set()
            wait_idle(widget)

        def give(self, *places: tuple[float, float]) -> None:
            for place in places:
                self.live.give(click(*place))

        @property
        def masks(self) -> Any:
            return viewer.layers["cells masks"].data if "cells masks" in viewer.layers else None

    desk = Desk()
    desk.live.start(viewer.add_image(np.zeros((60, 80), np.uint8), name="cells"))
    yield desk
    desk.let_go()


def test_accept_before_the_answer_writes_the_mask_once_it_is_there(desk: Any) -> None:
    desk.hold()
    desk.give((20, 30))
    desk.live.accept()
    assert desk.masks is None
    assert "as soon as" in desk.session.note
    desk.let_go()
    assert desk.masks[20, 30] == 1
    assert desk.session.live is None
    assert desk.session.note.startswith("object 1 in cells masks")


def test_accept_writes_the_answer_to_the_last_prompt_not_the_mask_before(desk: Any) -> None:
    desk.give((20, 30))
    desk.let_go()
    desk.gate.clear()
    desk.hold()
    desk.give((40, 50))
    desk.live.accept()
    desk.let_go()
    assert desk.masks[40, 50] == 1
    assert desk.session.live is None


CHANGES: dict[str, Callable[[Any], None]] = {
    "another prompt": lambda desk: desk.give((24, 30)),
    "undo": lambda desk: desk.live.undo(),
    "clear": lambda desk: desk.live.clear(),
    "another model": lambda desk: desk.live.ask_again(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_before_the_answer_has_to_be_accepted_anew(desk: Any, change: str) -> None:
    desk.give((20, 30))
    desk.let_go()
    desk.gate.clear()
    desk.hold()
    desk.give((22, 30))
    desk.live.accept()
    CHANGES[change](desk)
    assert "as soon as" not in desk.session.note
    desk.let_go()
    assert desk.masks is None
    assert (desk.session.live is None) == (change == "clear")


def test_without_an_answer_on_its_way_there_is_nothing_to_accept(desk: Any) -> None:
    desk.live.accept()
    assert "nothing to accept" in desk.session.note
    desk.predictor.error = PromptError("the click is too near to the border; click elsewhere")
    desk.give((20, 30))
    desk.live.accept()
    desk.let_go()
    assert "too near" in desk.session.note
    desk.live.accept()
    assert "nothing to accept" in desk.session.note
    assert desk.masks is None


def test_new_object_keeps_the_mask_whose_last_prompt_is_not_answered(desk: Any) -> None:
    desk.give((20, 30))
    desk.let_go()
    desk.gate.clear()
    desk.hold()
    desk.give((40, 50))
    desk.live.new_object()
    desk.let_go()
    assert desk.masks[40, 50] == 1
    assert desk.session.live is None


def test_the_next_mask_is_none_of_an_earlier_prompt(desk: Any) -> None:
    desk.give((20, 30))
    desk.let_go()
    desk.gate.clear()
    desk.hold()
    desk.give((40, 50))
    asked = desk.session.live
    desk.live.show_next_reading()
    assert desk.session.live is asked
    desk.let_go()
    assert len(desk.predictor.asked) == 2
