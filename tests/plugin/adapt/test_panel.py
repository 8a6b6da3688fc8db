"""What the dock shows of adapting, and what its buttons do, with a training that is held at a gate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool
from qtpy.QtTest import QTest

from napari_catsam.plugin import troubles
from napari_catsam.plugin.adapt import training
from napari_catsam.plugin.adapt.recipe import Recipe
from napari_catsam.plugin.adapt.shot_source import LabelledPlane, ShotSource
from napari_catsam.plugin.adapt.shots_summary import HELD, TRAINED, draw_picture, summarise_shots
from napari_catsam.plugin.device.jobs import Job
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Variant
from napari_catsam.plugin.wording import describe_live
from napari_catsam.types import Intensity, Progress

WAIT = 10_000


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect notifications, which would be shown on the screen."""
    texts: list[str] = []
    for module, name in (
        (training, "show_info"), (training, "show_warning"), (troubles, "show_error"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, texts.append)
    return texts


@pytest.fixture
def masks(viewer: Any, widget: Any, told: list[str]) -> Any:
    """Give the widget an image with three masks."""
    viewer.add_image(np.arange(2400, dtype=np.uint16).reshape(40, 60), name="cells")
    labels = np.zeros((40, 60), int)
    labels[2:8, 2:8], labels[2:8, 20:30], labels[20:30, 2:12] = 1, 2, 3
    return viewer.add_labels(labels, name="masks")


class Gate:
    """Holds a training before a step until it is let through."""

    def __init__(self, library: Any, step: int) -> None:
        self.open = threading.Event()
        library.steps = step + 20
        library.step_done = lambda now: now < step or self.open.wait(10)


def start_at(qtbot: Any, widget: Any, step: int) -> None:
    widget.adapt_view.adapt_button.click()
    qtbot.waitUntil(
        lambda: widget.session.training is not None and widget.session.training.step >= step,
        timeout=WAIT,
    )


# WHAT THERE IS TO LEARN FROM


def make_source(labels: Any) -> ShotSource:
    data = np.full(labels.shape, 100, np.uint8)
    hidden = labels.ndim - 2
    index: tuple[Any, ...] = (0,) * hidden + (slice(None),) * 2
    plane = Plane(
        data, index, (hidden, hidden + 1), labels.shape[-2:], Intensity("limits", 0, 255), "stack"
    )
    return ShotSource(plane, labels, (1.0, 1.0))


def make_stack(counts: list[int]) -> Any:
    labels = np.zeros((len(counts) + 1, 40, 90), int)
    for plane, count in zip(labels, counts, strict=False):
        for number in range(count):
            plane[5:12, 10 * number + 2 : 10 * number + 9] = number + 1
    return labels


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([3, 2, 2], "7 masks on 3 slices, 1 slice with"),
        ([5, 2], "7 masks on 2 slices, 1 held out"),
        (
            [1, 1],
            "2 masks on 2 slices, none held out: 4 masks or larger ones tell whether it helps",
        ),
        ([0], "no mask to learn from yet"),
    ],
)
def test_the_shots_are_counted_and_what_is_held_out_is_said(counts: list[int], text: str) -> None:
    summary = summarise_shots(make_source(make_stack(counts)))
    assert summary.text.startswith(text)
    assert len(summary.pictures) == sum(map(bool, counts))


def test_a_part_of_a_large_object_is_held_out() -> None:
    labels = np.zeros((100, 100), int)
    labels[20:70, 20:70] = 4
    assert summarise_shots(make_source(labels)).text == "1 mask, a part of 1 held out"


def test_no_more_than_six_pictures_are_drawn() -> None:
    assert len(summarise_shots(make_source(make_stack([1] * 9))).pictures) == 6


def test_a_picture_shows_the_part_with_objects_and_their_outlines() -> None:
    source = make_source(make_stack([2])[0])
    (found,) = source.find()
    picture = draw_picture(found, {2})
    height, width = picture.shape[:2]
    assert 7 < height < 20 < width < 40
    colours = {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}
    assert colours == {TRAINED, HELD, (100, 100, 100)}


def test_a_large_picture_is_made_small() -> None:
    labels = np.zeros((3000, 2000), int)
    labels[100:2900, 100:1900] = 1
    source = make_source(labels)
    picture = draw_picture(LabelledPlane(source.plane, labels, "large"), set())
    assert max(picture.shape) < 100


def test_the_dock_counts_the_masks_and_follows_their_edits(
    qtbot: Any, widget: Any, masks: Any
) -> None:
    shots = widget.adapt_view.shots
    few = "3 masks, none held out: 4 masks or larger ones tell whether it helps"
    qtbot.waitUntil(lambda: shots.text.text() == few, timeout=WAIT)
    assert len(shots.pictures) == 1
    masks.data_setitem((np.array([35, 35]), np.array([50, 51])), 4)
    qtbot.waitUntil(lambda: shots.text.text() == "4 masks, 1 held out", timeout=WAIT)


# A TRAINING


def test_curves_and_remaining_time_are_shown_while_it_trains(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    gate, view = Gate(library, 3), widget.adapt_view
    assert view.curves.isHidden()
    widget.session.budget = 20.0
    start_at(qtbot, widget, 2)
    assert view.curves.loss.text == "loss 0.500"
    assert view.curves.score.text == "held-out IoU 0.500 → 0.600"
    assert view.time_left.text() == "20\xa0s left"
    assert not view.pause_button.isHidden()
    view.stop_button.click()
    gate.open.set()
    wait_idle(widget)
    assert view.pause_button.isHidden()
    assert view.time_left.isHidden()
    assert not view.curves.isHidden()


def test_bar_and_remaining_time_go_by_the_clock_of_the_run_and_its_own_budget(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    gate, view, session = threading.Event(), widget.adapt_view, widget.session

    def fit(model: Any, shots: Any, **config: Any) -> Any:
        yield Progress(30, 3000, 15.0)
        gate.wait(10)
        yield Progress(40, 41, 30.0)  # steps got slow
        yield Progress(41, 41, 61.0)
        return library.adapter

    library.fit = fit
    shown: list[tuple[float, str]] = []
    view.adapt_button.click()
    session.events.training.connect(
        lambda _: shown.append((session.progress, view.time_left.text()))
    )
    qtbot.waitUntil(lambda: len(shown) == 1, timeout=WAIT)
    session.budget = 300.0  # for the next one
    gate.set()
    wait_idle(widget)
    assert shown == [(0.25, "45\xa0s left"), (0.5, "30\xa0s left"), (1.0, "0\xa0s left")]


def test_pause_rests_and_resume_goes_on(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    gate, view = Gate(library, 2), widget.adapt_view
    start_at(qtbot, widget, 1)
    view.pause_button.click()
    assert (view.pause_button.text(), widget.session.activity) == ("Resume", "training is paused")
    gate.open.set()
    widget.commands.live.start(masks_image(widget))
    assert widget.session.adapting
    view.pause_button.click()
    step = widget.session.training.step
    qtbot.waitUntil(lambda: widget.session.training.step > step + 3, timeout=WAIT)
    assert view.pause_button.text() == "Pause"
    view.stop_button.click()
    wait_idle(widget)
    assert widget.session.adapter is library.adapter


def masks_image(widget: Any) -> Any:
    return widget.segment_view.image.value


def test_a_paused_training_can_be_stopped_and_keeps_the_best(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    gate, view = Gate(library, 2), widget.adapt_view
    start_at(qtbot, widget, 1)
    view.pause_button.click()
    gate.open.set()
    view.stop_button.click()
    wait_idle(widget)
    assert len(widget.session.versions) == 1
    assert not widget.session.resting


def test_cancel_keeps_nothing(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any, told: list[str]
) -> None:
    gate, view = Gate(library, 2), widget.adapt_view
    start_at(qtbot, widget, 1)
    view.cancel_button.click()
    gate.open.set()
    wait_idle(widget)
    session = widget.session
    assert library.closed
    assert (session.adapter, session.versions, session.adapting) == (None, (), False)
    assert session.note == "the training was cancelled; nothing of it is kept"
    assert told == []


def test_layers_edited_or_removed_meanwhile_change_nothing(
    qtbot: Any, viewer: Any, widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    gate = Gate(library, 1)
    before = masks.data.copy()
    start_at(qtbot, widget, 0)
    masks.data[:] = 7
    viewer.layers.clear()
    widget.adapt_view.stop_button.click()
    gate.open.set()
    wait_idle(widget)
    np.testing.assert_array_equal(library.shots[0].masks, before)
    assert widget.session.adapter is library.adapter


def test_a_prompt_while_it_trains_is_answered_and_says_by_which_model(
    qtbot: Any, viewer: Any, widget: Any, masks: Any, library: Any, wait_idle: Any,
    adapter_factory: Callable[..., Any],
) -> None:  # fmt: skip
    session, gate = widget.session, Gate(library, 2)
    library.adapter = adapter_factory(0.5, 0.8)
    session.keep_adapter(adapter_factory(0.5, 0.7))
    start_at(qtbot, widget, 1)
    widget.commands.live.start(masks_image(widget), masks)
    answers: list[tuple[bool, str]] = []

    def note(live: Any) -> None:
        if live is not None and live.answered:
            answers.append((session.adapting, live.model))

    session.events.live.connect(note)
    widget.commands.live.give(LivePrompt((35.0, 50.0)))
    gate.open.set()
    wait_idle(widget)
    assert answers[0] == (True, "v1")
    # The training has ended since, with a better model, which was asked again.
    assert "expected IoU 0.90 by v2" in describe_live(session)
    widget.commands.live.accept()
    assert session.note == "object 4 in masks · expected IoU 0.90 by v2"


def test_the_recipe_and_the_version_to_go_on_from_reach_the_training(
    widget: Any, masks: Any, library: Any, wait_idle: Any, adapter_factory: Callable[..., Any]
) -> None:
    asked: dict[str, Any] = {}
    fit = library.fit

    def note(model: Any, shots: Any, **config: Any) -> Any:
        asked.update(config, model=model)
        return fit(model, shots, **config)

    library.fit = note
    session, view = widget.session, widget.adapt_view
    session.keep_adapter(adapter_factory(0.5, 0.7))
    session.choose_backbone("vit_nano")
    session.method = "cat-t"
    view.recipe.init.setCurrentIndex(1)
    view.recipe.init.activated.emit(1)
    view.recipe.rate.setValue(0.002)
    view.start.setCurrentIndex(1)
    view.start.activated.emit(1)
    assert not view.method.isEnabled()
    view.adapt_button.click()
    wait_idle(widget)
    assert (asked["model"], asked["method"]) == ("vit_nano adapted", "cat-a")
    assert asked["recipe"] == Recipe("base", "surroundings", 0.002)
    assert [version.parent for version in session.versions] == ["", "v1"]


def test_usual_times_and_an_own_one(widget: Any) -> None:
    view, session = widget.adapt_view, widget.session
    assert view.time.preset.currentText() == "1 min"
    assert view.budget.isHidden()
    for index, seconds in ((0, 20), (2, 300)):
        view.time.preset.setCurrentIndex(index)
        view.time.preset.activated.emit(index)
        assert session.budget == seconds
    view.time.preset.setCurrentIndex(3)
    view.time.preset.activated.emit(3)
    assert not view.budget.isHidden()
    view.budget.setValue(60)
    assert session.budget == 60
    assert not view.budget.isHidden()


# AFTER IT


@pytest.mark.parametrize(
    ("used", "score", "note"),
    [
        (
            "v1",
            0.8,
            "the adapted model is in use; the button below compares it with the base model",
        ),
        ("v1", 0.4, "v1 stays in use; correct more masks, or give more time"),
        ("base", 0.4, "the base model stays in use; correct more masks, or give more time"),
        ("deleted", 0.4, "the base model stays in use; correct more masks, or give more time"),
        ("vit_b", 0.4, "the base model stays in use; correct more masks, or give more time"),
        (
            "vit_b",
            0.8,
            "the base model stays in use; v2 helps, but is for vit_nano: choose it in the",
        ),
    ],
)
def test_the_note_after_a_training_says_what_is_in_use(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any,
    adapter_factory: Callable[..., Any], used: str, score: float, note: str,
) -> None:  # fmt: skip
    session, gate = widget.session, Gate(library, 1)
    first, library.adapter = adapter_factory(0.5, 0.7), adapter_factory(0.5, score)
    session.keep_adapter(first)
    session.start = first
    start_at(qtbot, widget, 0)
    if used == "base":
        session.use_version(None)
    elif used == "deleted":
        session.delete_version(session.versions[0])
    elif used == "vit_b":
        session.choose_backbone("vit_b")
    widget.adapt_view.stop_button.click()
    gate.open.set()
    wait_idle(widget)
    assert session.note.startswith(note)
    assert (session.model.adapter is library.adapter) is note.startswith("the adapted model")


def make_scored(factory: Callable[..., Any]) -> Any:
    adapter = factory(0.5, 0.7)
    adapter.header.scores = (
        SimpleNamespace(shot="cells", label=2, before=0.4, after=0.8),
        SimpleNamespace(shot="cells", label=3, before=0.966, after=0.974),
        SimpleNamespace(shot="cells", label=4, before=0.6, after=0.55),
    )
    adapter.header.helps = True
    words = "better than the base model: IoU +0.200, on 2 objects a gain counts from 0.03 on"
    adapter.header.note = f"scored on 2 objects held out; {words}"
    return adapter


def test_scores_of_each_mask_and_the_verdict_are_shown_after_it(
    widget: Any, masks: Any, library: Any, wait_idle: Any, adapter_factory: Callable[..., Any]
) -> None:
    library.adapter = make_scored(adapter_factory)
    scores = widget.adapt_view.scores
    assert scores.table.isHidden()
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    texts = [
        [scores.table.item(row, column).text() for column in range(3)]
        for row in range(scores.table.rowCount())
    ]
    assert texts == [
        ["cells · 2", "0.40", "0.80 ▲"],
        ["cells · 3", "0.97", "0.97 ="],  # no better, as far as it is shown
        ["cells · 4", "0.60", "0.55 ▼"],
    ]
    assert scores.table.item(1, 2).toolTip() == "cells · 3: 0.966 → 0.974"
    assert scores.verdict.text().startswith("better than the base model: IoU +0.200")


def test_versions_are_listed_used_noted_and_deleted(
    widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    view, session = widget.adapt_view.versions, widget.session
    assert view.isHidden()
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    assert not view.isHidden()
    assert [view.list.item(row).text() for row in range(view.list.count())] == [
        "base model", "v1 · cat-a · 0.50 → 0.70",
    ]  # fmt: skip
    assert view.list.currentRow() == 1
    view.list.setCurrentRow(0)
    assert session.variant is Variant.BASE
    view.list.setCurrentRow(1)
    assert session.variant is Variant.ADAPTED
    view.note.setText("first")
    view.note.editingFinished.emit()
    assert view.list.item(1).text().endswith("· first")
    view.delete.click()
    assert session.adapter is None
    assert view.isHidden()


def test_a_dropped_file_is_loaded_and_used(
    widget: Any, wait_idle: Any, tmp_path: Path, told: list[str]
) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_text("vit_b")
    widget.adapt_view.versions.files_dropped.emit([str(path)])
    wait_idle(widget)
    assert str(widget.session.model) == "vit_b + mine"
    assert widget.session.versions[0].name == "mine"


def test_the_key_compares_on_the_object_that_is_annotated(
    qtbot: Any, viewer: Any, widget: Any, masks: Any, library: Any, wait_idle: Any,
    adapter_factory: Callable[..., Any],
) -> None:  # fmt: skip
    session = widget.session
    session.keep_adapter(adapter_factory(0.5, 0.7))
    widget.commands.live.start(masks_image(widget), masks)
    widget.commands.live.give(LivePrompt((35.0, 50.0)))
    wait_idle(widget)
    assert session.live.model == "v1"
    press(viewer)
    wait_idle(widget)
    assert session.live.answered
    assert session.live.model == "base"
    assert widget.adapt_view.compare_button.text() == "Show adapted (J)"
    widget.adapt_view.compare_button.click()
    wait_idle(widget)
    assert session.live.model == "v1"


def press(viewer: Any, letter: str = "J") -> None:
    (action,) = [action for key, action in viewer.keymap.items() if str(key) == letter]
    action(viewer)


def test_without_an_adapter_comparing_says_what_to_do(viewer: Any, widget: Any) -> None:
    assert widget.adapt_view.compare_button.isHidden()
    press(viewer)
    assert widget.session.note.endswith("press Adapt, or load one")


def test_the_key_is_the_one_that_is_set_and_free_after_closing(viewer: Any, widget: Any) -> None:
    settings = widget.session.settings
    widget.session.settings = replace(settings, key_compare="Z")
    assert [str(key) for key in viewer.keymap if str(key) in ("J", "Z")] == ["Z"]
    widget.session.settings = replace(settings, key_accept="J")  # of which it gives way
    assert not [key for key in viewer.keymap if str(key) in ("J", "Z")]
    widget.session.settings = settings
    press(viewer)
    widget.shut_down()
    assert not [key for key in viewer.keymap if str(key) in ("J", "Z")]


def test_the_model_that_is_compared_with_is_not_steered_by_the_mask_of_the_other(
    viewer: Any, widget: Any, masks: Any, library: Any, wait_idle: Any,
    adapter_factory: Callable[..., Any],
) -> None:  # fmt: skip
    widget.session.keep_adapter(adapter_factory(0.5, 0.7))
    widget.commands.live.start(masks_image(widget), masks)
    for place in ((30.0, 40.0), (35.0, 50.0)):
        widget.commands.live.give(LivePrompt(place))
        wait_idle(widget)
    assert library.predictors["vit_nano adapted"].asked[-1].masks is not None
    press(viewer)
    wait_idle(widget)
    (asked,) = library.predictors["vit_nano"].asked
    assert asked.masks is None
    assert np.shape(asked.points) == (1, 2, 2)


@pytest.mark.parametrize("helps", [False, True])
def test_what_was_accepted_waits_for_the_same_model_when_a_training_ends(
    viewer: Any, widget: Any, masks: Any, wait_idle: Any, adapter_factory: Callable[..., Any],
    helps: bool,
) -> None:  # fmt: skip
    gate = threading.Event()
    widget.queue.submit(Job(lambda: hold(gate), urgent=True))
    widget.commands.live.start(masks_image(widget), masks)
    widget.commands.live.give(LivePrompt((35.0, 50.0)))
    widget.commands.live.accept()
    widget.session.keep_adapter(adapter_factory(0.5, 0.7 if helps else 0.4))
    gate.set()
    wait_idle(widget)
    # What another model makes of it has to be seen first.
    assert (masks.data[35, 50] == 4) == (not helps)
    assert (widget.session.live is None) == (not helps)


def hold(gate: threading.Event) -> Any:
    """Keep the device busy until the gate opens."""
    assert gate.wait(WAIT / 1000)
    yield


def test_progress_of_an_earlier_training_is_gone_when_the_next_one_begins(
    qtbot: Any, widget: Any, masks: Any, library: Any, wait_idle: Any
) -> None:
    widget.session.training = Progress(900, 1000, 50.0, 0.4, 0.5, 0.9)
    assert widget._adapt.curves.last_step == 900
    gate = Gate(library, 1)
    start_at(qtbot, widget, 0)
    assert widget._adapt.curves.last_step == 0
    widget.adapt_view.stop_button.click()
    gate.open.set()
    wait_idle(widget)


def test_the_key_works_on_the_canvas_while_prompts_are_given(
    qtbot: Any, window: Any, docked: Any, wait_idle: Any, adapter_factory: Callable[..., Any]
) -> None:
    window.show()
    qtbot.waitExposed(window.window._qt_window)
    image = window.add_image(np.zeros((40, 60), np.uint8), name="cells")
    session = docked.session
    session.keep_adapter(adapter_factory(0.5, 0.7))
    docked.commands.live.start(image)
    docked.commands.live.give(LivePrompt((20.0, 30.0)))
    wait_idle(docked)
    assert session.live.model == "v1"
    QTest.keyClick(window.window._qt_viewer.canvas.native, Qt.Key.Key_J)
    wait_idle(docked)
    assert (session.variant, session.live.model) == (Variant.BASE, "base")


def test_closing_the_dock_ends_a_paused_training(
    qtbot: Any, window: Any, docked: Any, library: Any
) -> None:
    window.add_image(np.zeros((40, 60), np.uint8))
    window.add_labels(np.ones((40, 60), int))
    gate = Gate(library, 1)
    start_at(qtbot, docked, 0)
    docked.adapt_view.pause_button.click()
    gate.open.set()
    docked.shut_down()
    assert QThreadPool.globalInstance().waitForDone(WAIT)
    assert library.closed


def test_scores_and_verdict_of_a_training_that_did_not_help_are_shown(
    widget: Any, adapter_factory: Callable[..., Any]
) -> None:
    session, scores = widget.session, widget.adapt_view.scores
    first, worse = adapter_factory(0.5, 0.7), make_scored(adapter_factory)
    worse.header.helps = False
    worse.header.note = "scored on 2 objects held out; not better than the base model: IoU -0.1"
    session.keep_adapter(first)
    session.keep_adapter(worse, first)
    assert session.model.adapter is first
    assert scores.table.rowCount() == 3
    assert scores.verdict.text() == "not better than v1: IoU -0.1"
    session.use_version(session.versions[0])
    assert scores.table.rowCount() == 0
