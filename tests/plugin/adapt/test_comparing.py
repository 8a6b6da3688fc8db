"""What base and adapted model make of the masks on the plane that is shown, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.adapt.comparison import measure_overlap
from napari_catsam.plugin.adapt.comparison_panel import COMPARED_NAME
from napari_catsam.plugin.adapt.preview_layer import ADAPTED, BASE, OUTLINE
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.types import Masks, Prompts
from tests.plugin.adapt.test_panel import press
from tests.plugin.conftest import FakePredictor


class Half(FakePredictor):
    """Fills the upper half of boxes."""

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        boxes = np.asarray(prompts.boxes).copy()
        boxes[:, 2] = (boxes[:, 0] + boxes[:, 2]) / 2
        return super().predict(embedding, Prompts(boxes=boxes))


@pytest.fixture
def cells(viewer: Any, widget: Any, library: Any, adapter_factory: Callable[..., Any]) -> Any:
    """Give the widget a base model that finds half of each object, and an adapted one that finds all."""
    library.predictors["vit_nano"] = Half("base")
    viewer.add_image(np.zeros((3, 40, 60), np.uint8), name="cells", scale=(4.0, 1.0, 1.0))
    masks = np.zeros((3, 40, 60), int)
    masks[0, 4:10, 6:16], masks[0, 20:30, 30:50] = 1, 7
    labels = viewer.add_labels(masks, name="masks", scale=(4.0, 1.0, 1.0))
    viewer.dims.set_current_step(0, 0)
    widget.session.keep_adapter(adapter_factory(0.5, 0.7))
    return labels


def find(viewer: Any) -> Any:
    return next((layer for layer in viewer.layers if layer.name == COMPARED_NAME), None)


def colour_of(layer: Any) -> list[float]:
    return layer.colormap.map(np.array([OUTLINE]))[0].tolist()


def as_colour(text: str) -> list[float]:
    return [*(int(text[n : n + 2], 16) / 255 for n in (1, 3, 5)), 1.0]


def test_the_masks_of_the_plane_are_shown_by_one_model_and_by_the_other(
    viewer: Any, widget: Any, cells: Any, library: Any, wait_idle: Any
) -> None:
    view, before = widget.adapt_view, cells.data.copy()
    assert view.comparison.isHidden()
    assert view.hide_button.isHidden()
    press(viewer)
    wait_idle(widget)
    layer = find(viewer)
    assert (layer.data[0] > 0).sum() == (before[0] > 0).sum() / 2
    assert tuple(layer.data_to_world((0, 0, 0))) == (0, 4, 6)
    assert colour_of(layer) == pytest.approx(as_colour(BASE), abs=0.01)
    assert view.comparison.text() == (
        "2 masks of cells [0] by base, from their boxes: mean IoU with yours 0.50 (v1: 1.00)"
    )
    embedded = [len(predictor.embedded) for predictor in library.predictors.values()]
    press(viewer)
    assert not widget.queue.busy  # both were asked at once
    layer = find(viewer)
    np.testing.assert_array_equal(layer.data[0] > 0, before[0, 4:30, 6:50] > 0)
    assert colour_of(layer) == pytest.approx(as_colour(ADAPTED), abs=0.01)
    assert (
        "by v1, from their boxes: mean IoU with yours 1.00 (base: 0.50)" in view.comparison.text()
    )
    assert embedded == [len(predictor.embedded) for predictor in library.predictors.values()]
    np.testing.assert_array_equal(cells.data, before)
    assert viewer.layers.selection.active is not layer


def test_the_version_that_is_chosen_in_the_list_is_the_one_that_is_shown(
    viewer: Any, widget: Any, cells: Any, wait_idle: Any
) -> None:
    press(viewer)
    wait_idle(widget)
    widget.adapt_view.versions.list.setCurrentRow(1)
    assert "by v1" in widget.adapt_view.comparison.text()


@pytest.mark.parametrize("what", ["hide", "slider", "prompt", "layer"])
def test_it_is_over(what: str, viewer: Any, widget: Any, cells: Any, wait_idle: Any) -> None:
    press(viewer)
    wait_idle(widget)
    if what == "hide":
        widget.adapt_view.hide_button.click()
    elif what == "slider":
        viewer.dims.set_current_step(0, 1)
    elif what == "prompt":
        widget.commands.live.start(widget.segment_view.image.value, cells)
        widget.commands.live.give(LivePrompt((35.0, 50.0)))
        wait_idle(widget)
    else:
        viewer.layers.remove(widget.segment_view.image.value)
    assert find(viewer) is None
    assert widget.adapt_view.comparison.isHidden()
    assert widget.adapt_view.hide_button.isHidden()


def test_closing_the_widget_takes_the_comparison_along(
    viewer: Any, widget: Any, cells: Any, wait_idle: Any
) -> None:
    press(viewer)
    wait_idle(widget)
    widget.shut_down()
    assert find(viewer) is None


def test_another_plane_meanwhile_is_not_drawn_upon(
    viewer: Any, widget: Any, cells: Any, wait_idle: Any
) -> None:
    press(viewer)
    viewer.dims.set_current_step(0, 1)
    wait_idle(widget)
    assert find(viewer) is None


def test_impatient_presses_ask_once_and_end_where_they_end(
    viewer: Any, widget: Any, cells: Any, library: Any, wait_idle: Any
) -> None:
    for _ in range(3):
        press(viewer)
    wait_idle(widget)
    assert "by base" in widget.adapt_view.comparison.text()
    assert len(library.predictors["vit_nano"].embedded) == 1


def test_masks_that_were_edited_are_asked_about_anew(
    viewer: Any, widget: Any, cells: Any, wait_idle: Any
) -> None:
    press(viewer)
    wait_idle(widget)
    cells.data[0, 32:36, 2:12] = 9
    cells.refresh()
    press(viewer)
    wait_idle(widget)
    assert widget.adapt_view.comparison.text().startswith("3 masks of")


def test_a_layer_that_the_user_removed_comes_again(
    viewer: Any, widget: Any, cells: Any, wait_idle: Any
) -> None:
    press(viewer)
    wait_idle(widget)
    viewer.layers.remove(find(viewer))
    press(viewer)
    wait_idle(widget)
    assert find(viewer) is not None


def test_a_plane_without_masks_only_says_who_answers_now(
    viewer: Any, widget: Any, cells: Any, library: Any, wait_idle: Any
) -> None:
    viewer.dims.set_current_step(0, 2)
    press(viewer)
    wait_idle(widget)
    assert find(viewer) is None
    assert widget.session.note == "vit_nano answers now; give a prompt to see what it makes of it"
    assert not library.predictors["vit_nano"].embedded


def test_a_model_that_fails_is_told_of_and_may_be_asked_again(
    viewer: Any, widget: Any, cells: Any, library: Any, wait_idle: Any
) -> None:
    half = library.predictors["vit_nano"]
    half.error = RuntimeError("out of memory")
    press(viewer)
    wait_idle(widget)
    assert widget.session.note.startswith("cannot compare")
    half.error = None
    press(viewer)
    wait_idle(widget)
    assert find(viewer) is not None


def test_the_overlap_of_masks_without_a_pixel_is_none() -> None:
    assert measure_overlap(0, 0, 0) == 0.0
    assert measure_overlap(3, 3, 3) == 1.0
