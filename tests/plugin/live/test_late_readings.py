"""In a large image the other readings of a click are drawn when they are asked for, in the worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.device import engine
from napari_catsam.plugin.device.jobs import Job
from napari_catsam.plugin.live.prompt import LivePrompt
from tests.plugin.conftest import WAIT

CLICK = LivePrompt((20.0, 30.0))


class LateReadings:
    """Readings of a fake predictor, which remember what was drawn and in which thread."""

    def __init__(self, found: Any, drawn: list[tuple[int, int]]) -> None:
        self.scores, self.logits = found.scores, found.logits
        self._masks, self._drawn = found.masks, drawn

    def __len__(self) -> int:
        return len(self.scores)

    def draw(self, number: int) -> Any:
        self._drawn.append((number, threading.get_ident()))
        return self._masks[number]


class Desk:
    """A widget that annotates an image which counts as large, without a window."""

    def __init__(self, viewer: Any, widget: Any, predictor: Any, wait_idle: Any) -> None:
        self.drawn: list[tuple[int, int]] = []
        self._viewer, self._widget, self._wait_idle = viewer, widget, wait_idle
        self._gate = threading.Event()
        self.predictor, self.view = predictor, widget.live_view
        self.session, self.live = widget.session, widget.commands.live
        predictor.decode_readings = self._decode
        self.live.start(viewer.add_image(np.zeros((60, 80), np.uint8), name="cells"))

    def click(self) -> None:
        self.live.give(CLICK)
        self.wait()

    def hold(self) -> None:
        """Keep the device busy until :meth:`wait`."""
        self._gate.clear()
        self._widget.queue.submit(Job(self._hold, urgent=True))

    def wait(self) -> None:
        self._gate.set()
        self._wait_idle(self._widget)

    @property
    def numbers(self) -> list[int]:
        """Which readings were drawn."""
        return [number for number, _ in self.drawn]

    @property
    def shown(self) -> int:
        """Pixels of the mask that is shown."""
        return int(self._viewer.layers["object"].data.sum())

    @property
    def written(self) -> int:
        """Pixels of the mask that was accepted."""
        return int((self._viewer.layers["cells masks"].data == 1).sum())

    def _decode(self, embedding: Any, prompts: Any) -> LateReadings:
        return LateReadings(self.predictor.predict_readings(embedding, prompts), self.drawn)

    def _hold(self) -> Any:
        assert self._gate.wait(WAIT / 1000)
        yield


@pytest.fixture
def desk(
    viewer: Any, widget: Any, library: Any, wait_idle: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr(engine, "QUICK_PLANE", 60 * 80 - 1)
    desk = Desk(viewer, widget, library.predictor("vit_nano"), wait_idle)
    yield desk
    desk.wait()


def test_a_click_draws_one_reading_and_offers_three(desk: Desk) -> None:
    desk.click()
    assert desk.numbers == [0]
    assert desk.shown == 9
    assert len(desk.session.live.readings) == 3
    assert desk.view.reading.isEnabled()


def test_each_reading_is_drawn_once_and_none_in_the_thread_of_the_window(desk: Desk) -> None:
    desk.click()
    shown = []
    for _ in range(4):
        desk.live.show_next_reading()
        desk.wait()
        shown.append(desk.shown)
    assert shown == [25, 49, 9, 25]
    assert desk.numbers == [0, 1, 2]
    assert threading.get_ident() not in {thread for _, thread in desk.drawn}
    assert len(desk.predictor.asked) == 1


def test_the_mask_before_is_shown_until_the_next_is_drawn(desk: Desk) -> None:
    desk.click()
    desk.hold()
    desk.live.show_next_reading()
    assert desk.shown == 9
    desk.wait()
    assert desk.shown == 25


def test_accept_writes_the_reading_that_was_asked_for(desk: Desk) -> None:
    desk.click()
    desk.hold()
    desk.live.show_next_reading()
    desk.live.accept()
    desk.wait()
    assert desk.written == 25
    assert desk.session.live is None


def test_undo_takes_a_reading_back_that_is_not_drawn_yet(desk: Desk) -> None:
    desk.click()
    desk.hold()
    desk.live.show_next_reading()
    desk.live.undo()
    desk.wait()
    assert desk.shown == 9
    assert desk.session.live.answered


def test_undo_of_a_reading_that_is_drawn_takes_the_click_back(desk: Desk) -> None:
    desk.click()
    desk.live.show_next_reading()
    desk.wait()
    desk.live.undo()
    assert desk.session.live is None


def test_a_click_before_the_reading_is_drawn_is_answered_instead(desk: Desk) -> None:
    desk.click()
    desk.hold()
    desk.live.show_next_reading()
    desk.live.give(LivePrompt((40.0, 50.0)))
    desk.wait()
    assert desk.shown == 25
    assert len(desk.session.live.readings) == 1
    assert desk.session.live.answered
