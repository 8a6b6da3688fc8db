"""Actions in an order that nobody thinks of first, each of which once went wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_catsam.plugin.live.prompt import LivePrompt
from tests.plugin.live.test_commands import make_stage  # noqa: F401

BOX = np.array([[9.5, 19.5], [9.5, 39.5], [19.5, 39.5], [19.5, 19.5]])


def click(row: float, column: float) -> LivePrompt:
    return LivePrompt((row, column))


def test_masks_are_accepted_into_the_layer_that_segment_made_while_annotating(
    viewer: Any, widget: Any, wait_idle: Any
) -> None:
    viewer.add_image(np.zeros((40, 60), np.uint8), name="cells")
    viewer.add_shapes(BOX[None], shape_type="rectangle")
    widget.live_view.annotate.click()
    widget.segment()
    wait_idle(widget)
    widget.commands.live.give(click(30, 50))
    wait_idle(widget)
    widget.live_view.accept.click()
    assert [layer.name for layer in viewer.layers if "masks" in layer.name] == ["cells masks"]
    assert viewer.layers["cells masks"].data[30, 50] == 2


def test_a_click_after_the_prompt_layer_was_hidden_is_answered(make_stage: Any) -> None:  # noqa: F811
    stage = make_stage()
    stage.click((20, 30))
    stage.click((22, 32))
    prompts = stage.window.layers["object prompts"]
    prompts.visible = False
    stage.live.clear()
    stage.click((40, 50))
    assert prompts.visible
    assert stage.session.live.answered
    assert len(prompts.data) == 1
