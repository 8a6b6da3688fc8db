"""What happens to work that is under way when something changes, closes or comes in between."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QTimer

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session
from tests.plugin.conftest import WAIT, FakeLibrary

BOX = np.array([[[9.5, 19.5], [9.5, 39.5], [19.5, 39.5], [19.5, 19.5]]])
HIDDEN = {"object", "object box", "object prompts"}


@contextmanager
def held(library: FakeLibrary, name: str = "vit_nano") -> Iterator[None]:
    """Let the model stop in the middle of an embedding until the block ends."""
    gate = library.predictor(name).gate = threading.Event()
    try:
        yield
    finally:
        gate.set()


def open_stack(viewer: Any, name: str = "cells") -> Any:
    image = viewer.add_image(np.zeros((3, 40, 60), np.uint8), name=name)
    viewer.dims.set_current_step(0, 0)
    return image


def click(widget: Any, row: float = 20, column: float = 30) -> None:
    widget.commands.live.give(LivePrompt((row, column)))


def shown_mask(viewer: Any) -> Any:
    return np.asarray(viewer.layers["object"].data)


def wait_until_freed(qtbot: Any, *references: Any) -> None:
    def is_freed() -> bool:
        gc.collect()
        return not [reference() for reference in references if reference() is not None]

    qtbot.waitUntil(is_freed, timeout=WAIT)


# WHAT IS LATE IS DROPPED, OR GOES WHERE IT BELONGS


def test_an_answer_for_a_deleted_image_is_not_shown_on_one_that_took_its_name(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    image, other = open_stack(viewer), open_stack(viewer, "other")
    widget.segment_view.image.show_value(image)
    widget.live_view.annotate.click()
    with held(library):
        click(widget)
        viewer.layers.remove(image)
        other.name = "cells"
        widget.live_view.annotate.click()
    wait_idle(widget)
    assert widget.session.live is None
    assert not shown_mask(viewer).any()


def test_masks_for_a_deleted_image_are_not_written_to_one_that_took_its_name(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    image = viewer.add_image(np.zeros((40, 60)), name="cells")
    viewer.add_shapes(BOX, shape_type="rectangle")
    with held(library):
        widget.segment()
        viewer.layers.remove(image)
        viewer.add_image(np.zeros((40, 60)), name="cells")
        labels = viewer.add_labels(np.zeros((40, 60), int), name="cells masks")
    wait_idle(widget)
    assert not labels.data.any()
    assert "removed meanwhile" in widget.session.note


def test_masks_follow_their_labels_when_another_layer_takes_the_name(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    viewer.add_image(np.zeros((40, 60)), name="cells")
    viewer.add_shapes(BOX, shape_type="rectangle")
    mine = viewer.add_labels(np.zeros((40, 60), int), name="mine")
    widget.segment_view.target.show_value(mine)
    with held(library):
        widget.segment()
        mine.name = "renamed"
        other = viewer.add_labels(np.zeros((40, 60), int), name="mine")
    wait_idle(widget)
    assert (mine.data[10:19, 20:39] == 1).all()
    assert not other.data.any()


def test_an_answer_stays_with_its_image_when_that_is_renamed_and_another_takes_the_name(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    image, other = open_stack(viewer), open_stack(viewer, "other")
    other.translate = (0, 100, 100)
    widget.segment_view.image.show_value(image)
    widget.live_view.annotate.click()
    with held(library):
        click(widget)
        image.name, other.name = "renamed", "cells"
    wait_idle(widget)
    assert widget.session.live.answered
    assert widget.session.live.reading.mask.corner == (19, 29)
    widget.live_view.accept.click()
    labels = viewer.layers["renamed masks"]
    assert labels.data[0, 20, 30] == 1
    assert tuple(labels.translate) == (0, 0, 0)


def test_masks_stay_with_their_image_when_that_is_renamed_and_another_takes_the_name(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    image = viewer.add_image(np.zeros((40, 60)), name="cells")
    other = viewer.add_image(np.zeros((90, 90)), name="other")
    viewer.add_shapes(BOX, shape_type="rectangle")
    widget.segment_view.image.show_value(image)
    with held(library):
        widget.segment()
        image.name, other.name = "renamed", "cells"
    wait_idle(widget)
    masks = viewer.layers["renamed masks"].data
    assert masks.shape == (40, 60)
    assert (masks[10:19, 20:39] == 1).all()


def test_a_refined_mask_goes_back_to_labels_that_were_renamed(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    open_stack(viewer)
    labels = viewer.add_labels(np.zeros((3, 40, 60), int), name="mine")
    labels.data[0, 15:20, 25:30] = 4
    widget.live_view.annotate.click()
    widget.commands.live.refine(labels, 4)
    with held(library):
        click(widget, 30, 45)
        labels.name = "renamed"
        other = viewer.add_labels(np.zeros((3, 40, 60), int), name="mine")
    wait_idle(widget)
    widget.live_view.accept.click()
    assert labels.data[0, 30, 45] == 4
    assert not other.data.any()


def test_an_answer_is_shown_on_its_own_slice_alone(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    open_stack(viewer)
    viewer.dims.set_current_step(0, 1)
    widget.live_view.annotate.click()
    with held(library):
        click(widget)
        viewer.dims.set_current_step(0, 2)
    wait_idle(widget)
    mask = viewer.layers["object"]
    assert mask.data_to_world((0, 0, 0))[0] == 1
    assert not {layer.name for layer in viewer.layers if np.asarray(layer.data).any()} - HIDDEN


def test_a_prompt_on_another_slice_drops_the_answer_for_the_first(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    open_stack(viewer)
    widget.live_view.annotate.click()
    with held(library):
        click(widget, 10, 10)
        viewer.dims.set_current_step(0, 2)
        click(widget, 20, 30)
    wait_idle(widget)
    live = widget.session.live
    assert live.answered
    assert [prompt.at for prompt in live.prompts] == [(20, 30)]
    assert live.reading.mask.corner == (19, 29)
    assert viewer.layers["object"].data_to_world((0, 0, 0))[0] == 2


def test_an_answer_of_an_old_model_is_dropped_and_the_new_one_asked(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    open_stack(viewer)
    widget.live_view.annotate.click()
    answers = []
    widget.session.events.live.connect(lambda live: answers.append(bool(live and live.answered)))
    with held(library):
        click(widget)
        widget.session.choose_backbone("vit_b")
    wait_idle(widget)
    assert answers.count(True) == 1
    assert len(library.predictors["vit_b"].asked) == 1


def test_an_error_of_an_old_model_is_dropped_and_the_new_one_asked(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any, prompt_error: Exception
) -> None:
    open_stack(viewer)
    widget.live_view.annotate.click()
    library.predictors["vit_nano"].error = prompt_error
    with held(library):
        click(widget)
        widget.session.choose_backbone("vit_b")
    wait_idle(widget)
    assert widget.session.live.answered
    assert "draw another" not in widget.session.note


# NOTHING WAITS


def test_all_that_the_model_does_is_done_in_a_worker(
    viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    threads: dict[str, int] = {}
    predictor = library.predictors["vit_nano"]

    def watch(name: str) -> None:
        work = getattr(predictor, name)

        def call(*args: Any) -> Any:
            threads[name] = threading.get_ident()
            return work(*args)

        monkeypatch.setattr(predictor, name, call)

    for name in ("embed", "predict", "predict_readings"):
        watch(name)
    open_stack(viewer)
    viewer.add_points([[0, 20, 30]])
    widget.segment()
    widget.live_view.annotate.click()
    click(widget)
    wait_idle(widget)
    assert set(threads) == {"embed", "predict", "predict_readings"}
    assert threading.get_ident() not in threads.values()


def test_the_window_lives_while_a_plane_is_embedded(
    qtbot: Any, viewer: Any, widget: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    open_stack(viewer)
    widget.live_view.annotate.click()
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(widget.session.live.answered))
    with held(library):
        click(widget)
        timer.start(1)
        qtbot.waitUntil(lambda: len(ticks) > 10, timeout=WAIT)
        viewer.dims.set_current_step(0, 1)
        widget.live_view.clear.click()
    timer.stop()
    wait_idle(widget)
    assert not any(ticks)
    assert widget.session.live is None


# CLOSING


@pytest.mark.parametrize("work", ["annotate", "segment", "adapt"])
def test_closing_the_widget_during_work_frees_it(
    qtbot: Any, window: Any, library: FakeLibrary, work: str
) -> None:
    image = open_stack(window)
    window.add_labels(np.ones((3, 40, 60), int))
    window.add_points([[0, 20, 30]])
    widget = CatsamWidget(window, Session(library=library))
    window.window.add_dock_widget(widget, name="closing")
    started = threading.Event()
    library.steps, library.step_done = 1000, lambda step: started.set()
    with held(library):
        if work == "annotate":
            widget.live_view.annotate.click()
            click(widget)
        else:
            getattr(widget, work)()
        freed = [weakref.ref(it) for it in (widget, widget.session, widget.commands, widget.queue)]
        layers = [weakref.ref(window.layers[n]) for n in HIDDEN if n in window.layers]
        window.window.remove_dock_widget(widget)
        del widget
    wait_until_freed(qtbot, *freed, *layers)
    assert image in window.layers
    assert not HIDDEN & {layer.name for layer in window.layers}


@pytest.mark.parametrize("work", ["annotate", "segment", "adapt"])
def test_closing_the_viewer_during_work_frees_all_of_it(
    qtbot: Any, make_napari_viewer: Any, library: FakeLibrary, work: str
) -> None:
    window = make_napari_viewer()
    open_stack(window)
    window.add_labels(np.ones((3, 40, 60), int))
    window.add_points([[0, 20, 30]])
    widget = CatsamWidget(window, Session(library=library))
    window.window.add_dock_widget(widget, name="closing")
    library.steps, library.step_done = 1000, lambda step: None
    with held(library):
        if work == "annotate":
            widget.live_view.annotate.click()
            click(widget)
        else:
            getattr(widget, work)()
        # Not the viewer itself: napari's fixture holds an empty one too.
        freed = [weakref.ref(it) for it in (widget, widget.session, widget.commands, widget.queue)]
        freed += [weakref.ref(layer) for layer in window.layers]
        window.close()
        del widget, window
    wait_until_freed(qtbot, *freed)


# SIDE BY SIDE


def test_two_viewers_work_side_by_side(
    qtbot: Any, make_napari_viewer: Any, library: FakeLibrary, wait_idle: Any
) -> None:
    other_library = FakeLibrary()
    windows, widgets = [], []
    for own, name in ((library, "left"), (other_library, "right")):
        window = make_napari_viewer()
        open_stack(window, name)
        widget = CatsamWidget(window, Session(library=own))
        window.window.add_dock_widget(widget, name="CAT-SAM")
        widget.live_view.annotate.click()
        windows.append(window)
        widgets.append(widget)
    (left, right), (left_window, right_window) = widgets, windows
    with held(library):
        click(left, 10, 10)
        click(right, 20, 30)
        wait_idle(right)  # while the other one waits for its model
        right.live_view.accept.click()
        assert not left.session.live.answered
    wait_idle(left)
    left.live_view.accept.click()
    assert np.argwhere(left_window.layers["left masks"].data).mean(axis=0).tolist() == [0, 10, 10]
    assert np.argwhere(right_window.layers["right masks"].data).mean(axis=0).tolist() == [0, 20, 30]
    right_window.close()
    click(left, 30, 30)
    wait_idle(left)
    assert left.session.live.answered
    left.shut_down()
