"""Annotating through the docked widget: its buttons, its line, and how it ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_catsam.plugin.live.prompt import LivePrompt, Tool


def click(row: float, column: float) -> LivePrompt:
    return LivePrompt((row, column))


def open_image(viewer: Any) -> Any:
    return viewer.add_image(np.zeros((60, 80), np.uint8), name="cells")


def test_annotate_adds_its_layers_and_ends_with_them(viewer: Any, widget: Any) -> None:
    open_image(viewer)
    widget.live_view.annotate.click()
    assert widget.status.text().startswith("Click an object")
    assert viewer.layers.selection.active.name == "object prompts"
    widget.live_view.annotate.click()
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert not widget.live_view.annotate.isChecked()


def test_without_an_image_annotate_says_what_to_do(viewer: Any, widget: Any) -> None:
    widget.live_view.annotate.click()
    assert not widget.live_view.annotate.isChecked()
    assert "Open an image" in widget.status.text()


def test_its_own_layers_cannot_be_chosen(viewer: Any, widget: Any) -> None:
    open_image(viewer)
    widget.live_view.annotate.click()
    boxes = (widget.segment_view.points, widget.segment_view.shapes, widget.segment_view.target)
    names = [box.itemText(i) for box in boxes for i in range(box.count())]
    assert not [name for name in names if name.startswith("object")]


def test_buttons_follow_the_object(viewer: Any, widget: Any, wait_idle: Any) -> None:
    open_image(viewer)
    view = widget.live_view
    view.annotate.click()
    assert not view.accept.isEnabled()
    widget.commands.live.give(click(20, 30))
    wait_idle(widget)
    assert (view.accept.isEnabled(), view.reading.isEnabled()) == (True, True)
    assert "mask 1 of 3 (H)" in widget.status.text()
    view.reading.click()
    assert "mask 2 of 3 (H)" in widget.status.text()
    view.accept.click()
    assert viewer.layers["cells masks"].data[20, 30] == 1
    assert widget.segment_view.target.value == viewer.layers["cells masks"]
    assert not view.accept.isEnabled()


def test_another_model_answers_again(
    viewer: Any, widget: Any, library: Any, wait_idle: Any
) -> None:
    open_image(viewer)
    widget.live_view.annotate.click()
    widget.commands.live.give(click(20, 30))
    wait_idle(widget)
    widget.session.choose_backbone("vit_b")
    wait_idle(widget)
    assert len(library.predictors["vit_b"].asked) == 1
    assert widget.session.live.answered


def test_closing_the_widget_removes_its_layers_and_keeps_the_masks(
    viewer: Any, widget: Any, wait_idle: Any
) -> None:
    open_image(viewer)
    widget.live_view.annotate.click()
    widget.commands.live.give(click(20, 30))
    wait_idle(widget)
    widget.live_view.accept.click()
    widget.close()
    assert [layer.name for layer in viewer.layers] == ["cells", "cells masks"]
    assert viewer.layers["cells masks"].data[20, 30] == 1


def test_closing_during_an_answer_leaves_nothing(viewer: Any, widget: Any, library: Any) -> None:
    import threading

    open_image(viewer)
    gate = library.predictors["vit_nano"].gate = threading.Event()
    widget.live_view.annotate.click()
    widget.commands.live.give(click(20, 30))
    widget.close()
    gate.set()
    assert [layer.name for layer in viewer.layers] == ["cells"]


def test_accepting_into_a_hidden_layer_shows_it(viewer: Any, widget: Any, wait_idle: Any) -> None:
    viewer.add_image(np.zeros((3, 60, 80), np.uint8), name="cells")
    labels = viewer.add_labels(np.zeros((3, 60, 80), np.int32), name="mine")
    widget.segment_view.target.show_value(labels)
    widget.live_view.annotate.click()
    labels.visible = False
    viewer.dims.set_current_step(0, 2)
    widget.commands.live.give(click(20, 30))
    wait_idle(widget)
    widget.live_view.accept.click()
    assert labels.visible
    assert labels.data[2, 20, 30] == 1


def test_the_view_chooses_and_shows_what_a_drag_draws(viewer: Any, widget: Any) -> None:
    open_image(viewer)
    box = widget.live_view.tool
    widget.live_view.annotate.click()
    box.setCurrentIndex(box.findData(Tool.LASSO))
    box.activated.emit(box.currentIndex())  # as a click does
    assert widget.session.tool is Tool.LASSO
    assert "draw around it" in widget.status.text()
    widget.session.tool = Tool.POLYGON
    assert box.value is Tool.POLYGON
    assert widget.status.text().startswith("Click corners")


def test_annotating_leaves_the_steps_of_the_slider_alone(viewer: Any, widget: Any) -> None:
    viewer.add_image(np.zeros((28, 60, 80), np.uint8), name="cells", scale=(1.5, 0.5, 0.5))
    before = viewer.dims.nsteps
    widget.live_view.annotate.click()
    assert viewer.dims.nsteps == before
