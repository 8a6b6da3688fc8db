"""The widget in a real viewer, with a library that has no torch."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool
from qtpy.QtTest import QTest

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.session import Session, Variant

WAIT = 10_000
RECTANGLES = np.array(
    [
        [[9.5, 19.5], [9.5, 39.5], [19.5, 39.5], [19.5, 19.5]],
        [[24.5, 19.5], [24.5, 39.5], [34.5, 39.5], [34.5, 19.5]],
    ]
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what napari's notifications would say."""
    texts: list[str] = []
    for name in (
        "commands.show_warning", "adapt.training.show_info", "adapt.training.show_warning",
        "troubles.show_error",
    ):  # fmt: skip
        monkeypatch.setattr(f"napari_catsam.plugin.{name}", texts.append)
    return texts


@pytest.fixture
def drawn(viewer: Any) -> Any:
    return draw(viewer)


def draw(viewer: Any) -> Any:
    """Open an image with two boxes on it."""
    image = viewer.add_image(np.arange(40 * 60, dtype=np.uint16).reshape(40, 60), name="cells")
    viewer.add_shapes(RECTANGLES, shape_type="rectangle", name="boxes")
    return image


def test_the_status_line_says_what_to_do_next(viewer: Any, widget: Any) -> None:
    assert widget.status.text() == "Open an image"
    viewer.add_image(np.zeros((40, 60)))
    assert widget.status.text() == "Press Annotate, then draw a box or click an object"
    assert not widget.segment_view.segment_button.isEnabled()
    viewer.add_shapes(RECTANGLES, shape_type="rectangle")
    viewer.add_points([[5, 5]])
    assert widget.status.text() == "Press Segment: 2 boxes and 1 point"
    assert widget.segment_view.segment_button.isEnabled()
    viewer.add_image(np.zeros((3, 40, 60)))
    viewer.dims.ndisplay = 3
    assert "switch to the 2D view" in widget.status.text()


def test_every_box_and_point_becomes_an_object(
    viewer: Any, widget: Any, drawn: Any, wait_idle: Any
) -> None:
    viewer.add_points([[5, 5]])
    widget.segment_view.segment_button.click()
    wait_idle(widget)
    labels = viewer.layers["cells masks"]
    assert (labels.data[10:20, 20:40] == 1).all()
    assert (labels.data[25:35, 20:40] == 2).all()
    assert labels.data[5, 5] == 3
    assert widget.segment_view.target.value == labels
    assert widget.status.text().startswith("3 objects in cells masks · vit_nano")


def test_nothing_of_the_model_runs_in_the_main_thread(
    widget: Any, drawn: Any, library: Any, wait_idle: Any
) -> None:
    widget.segment()
    wait_idle(widget)
    assert threading.get_ident() not in library.threads


def test_what_the_viewer_shows_is_what_the_model_gets(
    widget: Any, drawn: Any, library: Any, wait_idle: Any
) -> None:
    drawn.contrast_limits = (100, 900)
    widget.segment()
    wait_idle(widget)
    ((image, intensity),) = library.predictors["vit_nano"].embedded
    np.testing.assert_array_equal(image, drawn.data)
    assert (intensity.low, intensity.high) == (100, 900)


def test_ctrl_z_takes_the_masks_back_and_nothing_else(
    window: Any, docked: Any, wait_idle: Any
) -> None:
    draw(window)
    docked.segment()
    wait_idle(docked)
    labels = window.layers["cells masks"]
    window.add_points([[5, 5]])
    docked.segment()
    wait_idle(docked)
    assert labels.data.max() == 3
    canvas = window.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert labels.data.max() == 2
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert labels.data.max() == 0


def test_segmenting_again_changes_nothing_and_says_why(
    viewer: Any, widget: Any, drawn: Any, wait_idle: Any, told: list[str]
) -> None:
    widget.segment()
    wait_idle(widget)
    before = viewer.layers["cells masks"].data.copy()
    widget.segment()
    wait_idle(widget)
    np.testing.assert_array_equal(viewer.layers["cells masks"].data, before)
    assert "2 left out: they lie on objects that are there already" in told[-1]


def test_masks_go_to_the_slice_that_was_asked_for(
    viewer: Any, widget: Any, library: Any, wait_idle: Any
) -> None:
    viewer.add_image(np.zeros((3, 40, 60)), name="stack")
    viewer.add_shapes(RECTANGLES, shape_type="rectangle")
    viewer.dims.set_current_step(0, 1)
    library.predictors["vit_nano"].gate = threading.Event()
    widget.segment()
    viewer.dims.set_current_step(0, 2)
    library.predictors["vit_nano"].gate.set()
    wait_idle(widget)
    assert [plane.max() for plane in viewer.layers["stack masks"].data] == [0, 2, 0]


def test_an_error_is_one_sentence_in_a_notification(
    widget: Any, drawn: Any, library: Any, prompt_error: Exception, wait_idle: Any, told: list[str]
) -> None:
    library.predictors["vit_nano"].error = prompt_error
    widget.segment()
    wait_idle(widget)
    assert told == ["cannot segment: the point (1, 2) is wrong; draw another"]
    assert widget.status.text() == "C" + told[0][1:]
    assert widget.segment_view.segment_button.isEnabled()


def test_labels_of_another_image_are_refused(
    viewer: Any, widget: Any, drawn: Any, told: list[str]
) -> None:
    other = viewer.add_labels(np.zeros((7, 7), int), name="other")
    widget.segment_view.target.show_value(other)
    widget.segment()
    assert "'other' has shape (7, 7)" in told[0]
    assert not widget.queue.busy


def test_masks_of_an_image_removed_meanwhile_are_dropped(
    viewer: Any, widget: Any, drawn: Any, library: Any, wait_idle: Any
) -> None:
    library.predictors["vit_nano"].gate = threading.Event()
    widget.segment()
    viewer.layers.remove(drawn)
    library.predictors["vit_nano"].gate.set()
    wait_idle(widget)
    assert [layer.name for layer in viewer.layers] == ["boxes"]
    assert "removed meanwhile" in widget.session.note


def test_masks_for_labels_removed_meanwhile_go_to_a_new_layer(
    viewer: Any, widget: Any, drawn: Any, library: Any, wait_idle: Any
) -> None:
    target = viewer.add_labels(np.zeros((40, 60), int), name="mine")
    widget.segment_view.target.show_value(target)
    library.predictors["vit_nano"].gate = threading.Event()
    widget.segment()
    viewer.layers.remove(target)
    library.predictors["vit_nano"].gate.set()
    wait_idle(widget)
    assert viewer.layers["cells masks"].data.max() == 2
    assert target.data.max() == 0


def test_layers_may_be_renamed(viewer: Any, widget: Any, drawn: Any, wait_idle: Any) -> None:
    drawn.name = "renamed"
    assert widget.segment_view.image.currentText() == "renamed"
    widget.segment()
    wait_idle(widget)
    assert "renamed masks" in viewer.layers
    said = widget.status.text()
    viewer.layers["renamed masks"].name = "mine"
    assert widget.status.text() == said


def test_plus_adds_a_layer_to_draw_in(viewer: Any, widget: Any) -> None:
    viewer.add_image(np.zeros((40, 60)), scale=(2, 2))
    widget.segment_view.shapes_requested.emit()
    widget.segment_view.points_requested.emit()
    assert viewer.layers["boxes"].mode == "add_rectangle"
    assert viewer.layers["points"].mode == "add"
    np.testing.assert_array_equal(viewer.layers["boxes"].scale, (2, 2))
    assert widget.segment_view.shapes.value == viewer.layers["boxes"]


def test_adapting_trains_on_the_labels_and_uses_what_is_better(
    viewer: Any, widget: Any, drawn: Any, library: Any, wait_idle: Any, told: list[str]
) -> None:
    widget.segment()
    wait_idle(widget)
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    np.testing.assert_array_equal(library.shots[0].masks, viewer.layers["cells masks"].data)
    assert widget.session.variant is Variant.ADAPTED
    assert widget.segment_view.variant.currentText() == "adapted (cat-a)"
    assert "0.500 → 0.700 · better" in widget.adapt_view.score.text()
    assert not widget.adapt_view.bar.isVisibleTo(widget)
    widget.segment_view.target.show_value(None)
    widget.segment()
    wait_idle(widget)
    assert viewer.layers["cells adapted masks"].data.max() == 2
    assert len(library.predictors["vit_nano adapted"].embedded) == 1


def test_an_adapter_that_is_not_better_is_not_used(
    viewer: Any, widget: Any, drawn: Any, library: Any, wait_idle: Any, told: list[str],
    adapter_factory: Callable[..., Any],
) -> None:  # fmt: skip
    library.adapter = adapter_factory(0.7, 0.6)
    widget.segment()
    wait_idle(widget)
    widget.adapt()
    wait_idle(widget)
    assert widget.session.variant is Variant.BASE
    assert "0.700 → 0.600 · not better" in told[-1]


def test_stop_keeps_the_best_so_far(
    qtbot: Any, widget: Any, drawn: Any, library: Any, wait_idle: Any, told: list[str]
) -> None:
    widget.segment()
    wait_idle(widget)
    stopped = threading.Event()
    library.steps, library.step_done = 1000, lambda step: step < 2 or stopped.wait(10)
    widget.adapt()
    qtbot.waitUntil(widget.adapt_view.stop_button.isEnabled, timeout=WAIT)
    assert "loss 0.500 · IoU 0.500 → 0.600" in widget.status.text()
    widget.adapt_view.stop_button.click()
    stopped.set()
    wait_idle(widget)
    assert library.stopped_at is not None
    assert widget.session.adapter is library.adapter


def test_prompts_are_answered_while_training_goes_on(
    qtbot: Any, viewer: Any, widget: Any, drawn: Any, library: Any, wait_idle: Any, told: list[str]
) -> None:
    widget.segment()
    wait_idle(widget)
    asked = threading.Event()
    library.steps, library.step_done = 5, lambda step: step < 1 or asked.wait(10)
    widget.adapt()
    qtbot.waitUntil(lambda: widget.session.progress == 0, timeout=WAIT)
    viewer.add_points([[5, 5]])
    widget.segment()
    adapting = []
    widget.commands.labels_written.connect(lambda *_: adapting.append(widget.session.adapting))
    asked.set()
    wait_idle(widget)
    assert adapting == [True]
    assert viewer.layers["cells masks"].data.max() == 3
    assert widget.session.adapter is not None


def test_adapting_without_masks_is_one_sentence(
    viewer: Any, widget: Any, drawn: Any, wait_idle: Any, told: list[str]
) -> None:
    viewer.add_labels(np.zeros((40, 60), int))
    widget.adapt()
    wait_idle(widget)
    assert told == [
        "cannot adapt: the labels hold no mask; draw at least one and press Adapt again"
    ]
    assert not widget.session.adapting


def test_an_adapter_is_saved_and_loaded(
    widget: Any, wait_idle: Any, told: list[str], tmp_path: Path, adapter_factory: Any
) -> None:
    assert not widget.adapt_view.save_button.isEnabled()
    widget.session.keep_adapter(adapter_factory(backbone="vit_b"))
    widget.adapt_view.save_requested.emit(str(tmp_path / "mine"))
    wait_idle(widget)
    assert "mine.safetensors" in widget.status.text()
    widget.session.adapter = None
    widget.adapt_view.load_requested.emit(str(tmp_path / "mine.safetensors"))
    wait_idle(widget)
    assert widget.segment_view.backbone.value == "vit_b"
    assert widget.session.variant is Variant.ADAPTED
    assert told == []


def test_a_file_that_is_no_adapter_is_one_sentence(
    widget: Any, wait_idle: Any, told: list[str], tmp_path: Path
) -> None:
    widget.adapt_view.load_requested.emit(str(tmp_path / "missing"))
    wait_idle(widget)
    assert told == [f"cannot load the adapter: {tmp_path / 'missing'} is no adapter"]


def test_choices_reach_the_session(qtbot: Any, widget: Any) -> None:
    view = widget.segment_view
    view.backbone.setCurrentIndex(1)
    view.backbone.activated.emit(1)
    view.device.setCurrentIndex(1)
    view.device.activated.emit(1)
    widget.adapt_view.method.setCurrentIndex(1)
    widget.adapt_view.method.activated.emit(1)
    widget.adapt_view.budget.setValue(90)
    session = widget.session
    chosen = (session.backbone, session.device, session.method, session.budget)
    assert chosen == ("vit_b", "cpu", "cat-t", 90)


def test_every_control_has_a_tooltip(widget: Any) -> None:
    from qtpy.QtWidgets import QComboBox, QPushButton, QSpinBox

    for kind in (QComboBox, QPushButton, QSpinBox):
        for control in widget.findChildren(kind):
            assert control.toolTip(), control.objectName()


def test_closing_the_dock_ends_the_training_and_frees_the_widget(
    qtbot: Any, window: Any, library: Any
) -> None:
    image = draw(window)
    window.add_labels(np.ones((40, 60), int))
    widget = CatsamWidget(window, Session(library=library))
    window.window.add_dock_widget(widget, name="closing")
    closed = threading.Event()
    library.steps, library.step_done = 1000, lambda step: step < 1 or closed.wait(10)
    widget.adapt()
    session = widget.session
    qtbot.waitUntil(lambda: session.progress == 0, timeout=WAIT)
    window.window.remove_dock_widget(widget)
    closed.set()
    qtbot.waitUntil(lambda: library.closed, timeout=WAIT)
    freed = weakref.ref(widget)
    del widget
    image.name = "listened to no more"

    def is_freed() -> bool:
        gc.collect()
        return freed() is None

    qtbot.waitUntil(is_freed, timeout=WAIT)


def test_closing_the_viewer_ends_the_training(
    qtbot: Any, window: Any, docked: Any, library: Any
) -> None:
    draw(window)
    window.add_labels(np.ones((40, 60), int))
    closed, steps = threading.Event(), []

    def step_done(step: int) -> None:
        steps.append(step)
        if step == 1:
            closed.wait(10)

    library.steps, library.step_done = 1000, step_done
    docked.adapt()
    session = docked.session
    qtbot.waitUntil(lambda: session.progress == 0, timeout=WAIT)
    window.close()
    closed.set()
    assert QThreadPool.globalInstance().waitForDone(WAIT)
    assert len(steps) <= 3


def test_two_widgets_work_side_by_side(
    viewer: Any, widget: Any, drawn: Any, wait_idle: Any, library: Any
) -> None:
    other = CatsamWidget(viewer, Session(library=library))
    widget.segment()
    other.segment()
    wait_idle(widget)
    wait_idle(other)
    assert [layer.name for layer in viewer.layers][2:] == ["cells masks", "cells masks [1]"]
    other.close()


def test_a_widget_in_garbage_is_collected_without_a_crash(viewer: Any, library: Any) -> None:
    widget = CatsamWidget(viewer, Session(library=library))
    gone = weakref.ref(widget)
    widget.itself = widget
    del widget
    gc.collect()
    assert gone() is None
