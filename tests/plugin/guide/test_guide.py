"""The guided first minute: each step ends when the real thing happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Labels

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.guide.layers import SLICE, open_guide_layers
from napari_catsam.plugin.guide.steps import STEPS, Guide, Happening
from napari_catsam.plugin.live.layers import is_own
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.sample_stack import make_stack
from napari_catsam.plugin.session import Session, Variant
from napari_catsam.plugin.settings import Settings


def annotate(widget: Any, wait_idle: Any, row: int = 100) -> None:
    widget.commands.live.give(LivePrompt((row, 100.0, row + 20.0, 120.0)))
    wait_idle(widget)


def lead_to_adapt(widget: Any, wait_idle: Any) -> None:
    widget.guide.view.start_button.click()
    for row in (20, 60, 200):
        annotate(widget, wait_idle, row)
        widget.live_view.accept.click()


def text_of(position: int, settings: Settings | None = None) -> str:
    return Guide(position).describe((settings or Settings()).letters)


# THE STEPS


def test_the_steps_end_by_their_events_and_in_their_order() -> None:
    guide = Guide()
    for step in STEPS:
        for _ in range(step.times):
            assert guide.step == step
            guide = guide.note(step.until)
    assert guide.step is None
    assert guide.title == "First minute: done"


def test_a_step_counts_what_it_needs_twice() -> None:
    guide = Guide(2)
    assert guide.title.endswith("0 of 2 done")
    assert guide.note(Happening.ACCEPTED).title.endswith("1 of 2 done")


def test_what_no_later_step_waits_for_changes_nothing() -> None:
    guide = Guide(2, happened=1)
    assert guide.note(Happening.ANSWERED) == guide
    assert Guide(len(STEPS)).note(Happening.COMPARED) == Guide(len(STEPS))


def test_who_adapts_early_is_not_held_up() -> None:
    assert Guide(1).note(Happening.ADAPTED) == Guide(4)


# THE LAYERS


def test_the_frame_is_around_an_object_without_a_mask_to_learn_from(viewer: Any) -> None:
    layers = open_guide_layers(viewer)
    low = np.min(layers.frame.data, axis=(0, 1)).round().astype(int)
    high = np.max(layers.frame.data, axis=(0, 1)).round().astype(int)
    assert low[0] == high[0] == SLICE == viewer.dims.current_step[0]
    truth = make_stack().truth[SLICE]
    inside = truth[low[1] : high[1] + 1, low[2] : high[2] + 1]
    framed = np.bincount(inside[inside > 0]).argmax()
    assert (inside == framed).sum() == (truth == framed).sum()
    lessons = np.unique(layers.masks.data)
    assert len(lessons) == 17
    assert framed not in lessons
    assert (layers.masks.data[SLICE] == np.where(np.isin(truth, lessons), truth, 0)).all()
    assert not np.delete(layers.masks.data, SLICE, axis=0).any()


# IN THE WIDGET


def test_it_is_offered_while_there_is_no_image(viewer: Any, widget: Any) -> None:
    view = widget.guide.view
    assert not view.isHidden()
    assert not view.start_button.isHidden()
    layer = viewer.add_image(np.zeros((9, 9)))
    assert view.isHidden()
    viewer.layers.remove(layer)
    assert not view.isHidden()


def test_labels_alone_do_not_take_the_offer_away(viewer: Any, widget: Any) -> None:
    viewer.add_labels(np.zeros((9, 9), int))
    assert not widget.guide.view.isHidden()


def test_it_opens_the_sample_and_starts_to_annotate(viewer: Any, widget: Any) -> None:
    widget.guide.view.start_button.click()
    assert widget.segment_view.image.value == viewer.layers["cells"]
    assert widget.session.annotating
    assert viewer.layers.selection.active.name == "object prompts"
    assert is_own(viewer.layers["example"])
    view = widget.guide.view
    assert view.start_button.isHidden()
    assert view.text.text() == text_of(0)


def test_it_leads_from_the_box_to_the_comparison(
    viewer: Any, widget: Any, wait_idle: Any, library: Any
) -> None:
    text = widget.guide.view.text
    widget.guide.view.start_button.click()
    annotate(widget, wait_idle, 20)
    assert text.text() == text_of(1)
    assert "example" not in viewer.layers
    widget.live_view.accept.click()
    assert text.text() == text_of(2)
    for row in (60, 200):
        annotate(widget, wait_idle, row)
        widget.live_view.accept.click()
    assert text.text() == text_of(3)
    assert widget.adapt_view.masks.value == viewer.layers["masks to learn from"]
    assert viewer.layers["masks to learn from"].visible
    assert widget.adapt_view.adapt_button.styleSheet()
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    assert [len(np.unique(shot.masks)) - 1 for shot in library.shots] == [16]
    assert text.text() == text_of(4)
    assert not widget.adapt_view.adapt_button.styleSheet()
    annotate(widget, wait_idle, 140)
    choose_variant(widget, Variant.BASE)
    assert widget.guide.view._step.title() == "First minute: done"
    widget.guide.view.end_button.click()
    assert widget.guide.view.isHidden()
    assert widget.session.annotating


def choose_variant(widget: Any, variant: Variant) -> None:
    box = widget.segment_view.variant
    box.show_value(variant)
    box.activated.emit(box.currentIndex())


def test_choosing_the_only_model_there_is_is_no_comparison(widget: Any, wait_idle: Any) -> None:
    lead_to_adapt(widget, wait_idle)
    annotate(widget, wait_idle, 140)
    choose_variant(widget, Variant.BASE)
    assert widget.guide.view.text.text() == text_of(3)


@pytest.mark.parametrize("used", [Variant.BASE, Variant.ADAPTED])
def test_an_adaptation_that_is_not_better_leads_on_too(
    widget: Any, wait_idle: Any, library: Any, adapter_factory: Any, used: Variant
) -> None:
    if used is Variant.ADAPTED:
        widget.session.keep_adapter(adapter_factory(before=0.7, after=0.8))
    library.adapter = adapter_factory(before=0.7, after=0.6)
    lead_to_adapt(widget, wait_idle)
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    assert widget.session.variant is used
    assert widget.guide.view.text.text() == text_of(4)


def test_ending_it_leaves_the_layers_and_takes_the_frame(
    viewer: Any, widget: Any, wait_idle: Any
) -> None:
    mine = viewer.add_labels(np.full((9, 9), 3), name="mine")
    lead_to_adapt(widget, wait_idle)
    written = viewer.layers["cells masks"].data.copy()
    widget.guide.view.end_button.click()
    assert (viewer.layers["cells masks"].data == written).all()
    assert (mine.data == 3).all()
    assert widget.guide.view.isHidden()
    assert not widget.adapt_view.adapt_button.styleSheet()


@pytest.mark.parametrize("end", ["button", "widget"])
def test_ending_it_at_the_first_step_removes_the_frame(viewer: Any, widget: Any, end: str) -> None:
    widget.guide.view.start_button.click()
    if end == "button":
        widget.guide.view.end_button.click()
    else:
        widget.close()
    assert "example" not in viewer.layers
    assert "cells" in viewer.layers


def test_a_widget_that_qt_has_deleted_can_be_shut_down(
    qtbot: Any, viewer: Any, library: Any
) -> None:
    widget = CatsamWidget(viewer, Session(library=library))
    widget.guide.view.start_button.click()
    with qtbot.waitSignal(widget.destroyed):
        widget.deleteLater()
    widget.shut_down()
    assert "example" not in viewer.layers
    viewer.layers.clear()


def test_it_names_the_keys_that_are_set(widget: Any, wait_idle: Any) -> None:
    widget.guide.view.start_button.click()
    annotate(widget, wait_idle, 20)
    text = widget.guide.view.text
    assert "press Y" in text.text()
    widget.session.settings = settings = Settings(key_accept="J")
    assert "press J" in text.text()
    assert text.text() == text_of(1, settings)


def test_removing_its_image_ends_it(viewer: Any, widget: Any, qtbot: Any) -> None:
    widget.guide.view.start_button.click()
    viewer.layers.remove("cells")
    assert not widget.guide.view.start_button.isHidden()
    qtbot.waitUntil(lambda: "example" not in viewer.layers)


def test_while_nobody_annotates_it_says_how_to_go_on(widget: Any) -> None:
    widget.guide.view.start_button.click()
    widget.live_view.annotate.click()
    assert widget.guide.view.text.text() == "Press Annotate below to go on."
    widget.live_view.annotate.click()
    assert widget.guide.view.text.text() == text_of(0)


def test_the_users_labels_are_not_written_to(viewer: Any, widget: Any, wait_idle: Any) -> None:
    mine = viewer.add_labels(np.zeros((28, 256, 256), int), name="mine")
    lead_to_adapt(widget, wait_idle)
    assert not mine.data.any()
    assert isinstance(viewer.layers["cells masks"], Labels)
