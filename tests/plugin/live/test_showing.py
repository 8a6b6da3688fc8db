"""A prompt is drawn once, with its answer; alone only where the answer is late."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.live import showing
from napari_catsam.plugin.live.layers import COLOURS
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session
from tests.plugin.conftest import WAIT

NEVER_MS = 100 * WAIT


class Desk:
    """A widget that annotates, without a window, and what its layers show."""

    def __init__(self, viewer: Any, widget: Any, library: Any, wait_idle: Any) -> None:
        viewer.add_image(np.zeros((60, 80), np.uint8), name="cells")
        widget.live_view.annotate.click()
        self.widget, self.session, self.live = widget, widget.session, widget.commands.live
        self.points, self.box, self.mask = (
            viewer.layers[name] for name in ("object prompts", "object box", "object")
        )
        self.predictor = library.predictors["vit_nano"]
        self.wait = lambda: wait_idle(widget)

    def click(self, row: float, column: float, *, positive: bool = True) -> None:
        self.live.give(LivePrompt((row, column), positive))

    @property
    def shown(self) -> tuple[int, int, bool]:
        """How many points and paths are shown, and whether a mask is."""
        return len(self.points.data), len(self.box.data), bool(self.mask.data.any())


@pytest.fixture
def desk(viewer: Any, library: Any, wait_idle: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let no answer be late."""
    monkeypatch.setattr(showing, "LATE_MS", NEVER_MS)
    widget = CatsamWidget(viewer, Session(library=library))
    yield Desk(viewer, widget, library, wait_idle)
    widget.close()


@pytest.fixture
def late_desk(viewer: Any, widget: Any, library: Any, wait_idle: Any) -> Any:
    """Let the answer wait for ``gate``."""
    desk = Desk(viewer, widget, library, wait_idle)
    desk.gate = desk.predictor.gate = threading.Event()
    yield desk
    desk.gate.set()


def test_a_prompt_is_shown_together_with_its_answer(desk: Desk) -> None:
    desk.click(20, 30)
    assert desk.shown == (0, 0, False)
    desk.wait()
    assert desk.shown == (1, 0, True)
    desk.live.give(LivePrompt((10.0, 10.0, 30.0, 40.0)))
    assert desk.shown == (1, 0, True)
    desk.wait()
    assert desk.shown == (1, 1, True)
    assert not desk.session.late


def test_a_prompt_is_shown_alone_when_its_answer_is_late(late_desk: Any, qtbot: Any) -> None:
    late_desk.click(20, 30)
    qtbot.waitUntil(lambda: late_desk.session.late, timeout=WAIT)
    assert late_desk.shown == (1, 0, False)
    assert late_desk.widget.status.message.text() == "1 prompt"
    late_desk.gate.set()
    late_desk.wait()
    assert late_desk.shown == (1, 0, True)
    assert not late_desk.session.late


def test_accept_can_be_clicked_before_the_answer_as_its_key_can(
    late_desk: Any, viewer: Any, qtbot: Any
) -> None:
    late_desk.click(20, 30)
    qtbot.waitUntil(lambda: late_desk.session.late, timeout=WAIT)
    assert late_desk.widget.live_view.accept.isEnabled()
    late_desk.widget.live_view.accept.click()
    late_desk.gate.set()
    late_desk.wait()
    assert viewer.layers["cells masks"].data[20, 30] == 1
    assert not late_desk.widget.live_view.accept.isEnabled()


def test_accept_cannot_be_clicked_after_an_error(desk: Desk, prompt_error: Exception) -> None:
    desk.predictor.error = prompt_error
    desk.click(20, 30)
    desk.wait()
    assert not desk.widget.live_view.accept.isEnabled()


def test_each_layer_is_drawn_once_for_a_prompt_and_not_without_a_change(desk: Desk) -> None:
    desk.click(20, 30)
    desk.wait()
    desk.live.clear()
    drawn: list[str] = []
    for layer in (desk.points, desk.box, desk.mask):
        layer.events.set_data.connect(lambda event: drawn.append(event.source.name))
    desk.click(40, 50)
    desk.wait()
    assert sorted(drawn) == ["object", "object prompts"]
    drawn.clear()
    desk.live.show_next_reading()
    assert drawn == ["object"]


def test_the_dock_changes_once_for_a_prompt(desk: Desk) -> None:
    desk.click(20, 30)
    desk.wait()
    before = desk.widget.status.message.text()
    desk.click(22, 32)
    assert desk.widget.status.message.text() == before
    assert desk.widget.live_view.accept.isEnabled()
    desk.wait()
    assert "mask 1 of 3" in before
    assert "mask 1 of 3" not in desk.widget.status.message.text()


def test_what_was_said_before_a_prompt_goes_with_its_answer_and_news_stay(desk: Desk) -> None:
    desk.session.note = "object 1 in cells masks"
    desk.click(20, 30)
    desk.wait()
    assert desk.session.note == ""
    desk.session.note = "object 1 in cells masks"
    desk.click(22, 32)
    desk.session.note = "the disk is full"
    desk.wait()
    assert desk.session.note == "the disk is full"


def test_a_prompt_without_an_answer_is_shown_with_the_error(
    desk: Desk, prompt_error: Exception
) -> None:
    desk.predictor.error = prompt_error
    desk.click(20, 30)
    desk.wait()
    assert desk.shown == (1, 0, False)
    assert "draw another" in desk.session.note


def test_an_answer_after_the_end_shows_nothing(late_desk: Any) -> None:
    late_desk.click(20, 30)
    late_desk.live.stop()
    late_desk.gate.set()
    late_desk.wait()
    assert late_desk.session.live is None
    assert not late_desk.session.late


def test_points_have_the_colour_of_their_sign(desk: Desk) -> None:
    for positive in (False, True, False, True):
        desk.click(20, 30, positive=positive)
        desk.wait()
    np.testing.assert_allclose(desk.points.face_color, COLOURS[[0, 1, 0, 1]])
    desk.live.undo()
    desk.live.undo()
    desk.click(21, 31)
    desk.wait()
    np.testing.assert_allclose(desk.points.face_color, COLOURS[[0, 1, 1]])
