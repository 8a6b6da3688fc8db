"""Choosing channels in the dock."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np

from napari_catsam.plugin.channels.choice import AS_SHOWN, ChannelChoice
from napari_catsam.plugin.live.prompt import LivePrompt

RAMP = np.arange(2400, dtype=np.uint16).reshape(40, 60)


def choose(box: Any, text: str) -> None:
    """Choose in a box as the user does."""
    texts = [box.itemText(i) for i in range(box.count())]
    box.setCurrentIndex(texts.index(text))
    box.activated.emit(box.currentIndex())


def texts(box: Any) -> list[str]:
    return [box.itemText(i) for i in range(box.count())]


def test_the_row_is_there_only_while_there_is_a_choice(viewer: Any, widget: Any) -> None:
    row = widget.segment_view.channels
    assert row.isHidden()
    viewer.add_image(RAMP, name="a")
    assert row.isHidden()
    other = viewer.add_image(RAMP, name="b")
    assert not row.isHidden()
    assert texts(row.source) == ["as shown", "RGB layers"]
    viewer.layers.remove(other)
    assert row.isHidden()
    stack = viewer.add_image(np.zeros((3, 40, 60)), axis_labels=("c", "y", "x"))
    choose(widget.segment_view.image, stack.name)
    assert texts(row.source) == ["as shown", "RGB axis c"]
    viewer.dims.order = (1, 0, 2)
    assert texts(row.source) == ["as shown", "RGB axis y"]


def test_layers_become_red_green_and_blue(
    viewer: Any, widget: Any, library: Any, wait_idle: Any
) -> None:
    for number, name in enumerate("abcd"):
        viewer.add_image(RAMP + number, name=name, contrast_limits=(0, 3000))
    viewer.add_points([[20, 30]])
    row = widget.segment_view.channels
    choose(row.source, "RGB layers")
    assert [box.currentText() for box in row.picks] == ["a", "b", "c"]
    choose(row.picks[0], "d")
    choose(row.picks[2], "none")
    widget.segment()
    wait_idle(widget)
    ((image, intensity),) = library.predictors["vit_nano"].embedded
    np.testing.assert_allclose(image[..., 0], (RAMP + 3) / 3000 * 255, atol=1e-2)
    np.testing.assert_allclose(image[..., 1], (RAMP + 1) / 3000 * 255, atol=1e-2)
    assert not image[..., 2].any()
    assert intensity.mode == "as-is"
    choose(row.source, "as shown")
    assert widget.session.channels == AS_SHOWN
    assert row.picks[0].isHidden() or row.picks[0].parentWidget().isHidden()


def test_an_axis_becomes_red_green_and_blue(viewer: Any, widget: Any) -> None:
    viewer.add_image(np.zeros((2, 40, 60)))
    row = widget.segment_view.channels
    choose(row.source, "RGB axis 0")
    assert widget.session.channels == ChannelChoice((0, 1, None), axis=0)
    choose(row.picks[2], "1")
    assert widget.session.channels == ChannelChoice((0, 1, 1), axis=0)


def test_renamed_channels_are_renamed_in_the_boxes(viewer: Any, widget: Any) -> None:
    viewer.add_image(RAMP, name="a")
    layer = viewer.add_image(RAMP, name="b")
    choose(widget.segment_view.channels.source, "RGB layers")
    layer.name = "nuclei"
    assert widget.segment_view.channels.picks[1].currentText() == "nuclei"
    assert widget.session.channels.picks[1] == layer.unique_id


def test_a_channel_that_is_removed_ends_the_choice_and_is_freed(viewer: Any, widget: Any) -> None:
    for name in "abc":
        viewer.add_image(RAMP, name=name)
    choose(widget.segment_view.channels.source, "RGB layers")
    gone = weakref.ref(viewer.layers["b"])
    del viewer.layers["b"]
    assert widget.session.channels == AS_SHOWN
    assert widget.segment_view.channels.source.currentText() == "as shown"
    gc.collect()
    assert gone() is None


def test_an_axis_is_not_taken_over_by_another_image(viewer: Any, widget: Any) -> None:
    viewer.add_image(np.zeros((3, 40, 60)), name="channels")
    choose(widget.segment_view.channels.source, "RGB axis 0")
    viewer.add_image(np.zeros((9, 40, 60)), name="depth")
    assert widget.session.channels.axis == 0
    choose(widget.segment_view.image, "depth")
    assert widget.session.channels == AS_SHOWN


def test_the_object_being_annotated_is_asked_again_with_other_channels(
    viewer: Any, widget: Any, library: Any, wait_idle: Any
) -> None:
    for name in "ab":
        viewer.add_image(RAMP, name=name)
    widget.live_view.annotate.click()
    widget.commands.live.give(LivePrompt((20.0, 30.0)))
    wait_idle(widget)
    choose(widget.segment_view.channels.source, "RGB layers")
    wait_idle(widget)
    shapes = [image.shape for image, _ in library.predictors["vit_nano"].embedded]
    assert shapes == [(40, 60), (40, 60, 3)]
    assert widget.session.live.answered


def test_the_next_click_sees_the_contrast_of_now(
    viewer: Any, widget: Any, library: Any, wait_idle: Any
) -> None:
    image = viewer.add_image(RAMP, contrast_limits=(0, 3000))
    widget.live_view.annotate.click()
    widget.commands.live.give(LivePrompt((20.0, 30.0)))
    wait_idle(widget)
    image.contrast_limits = (0, 500)
    widget.commands.live.give(LivePrompt((22.0, 30.0)))
    wait_idle(widget)
    highs = [intensity.high for _, intensity in library.predictors["vit_nano"].embedded]
    assert highs == [3000, 500]
    assert len(widget.session.live.prompts) == 2
