"""The states of the panel that adapts, from the masks to what to annotate next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from screenshot_stage import Stage, let_pass, wait_until

from napari_catsam.plugin.adapt.preview_layer import NAME
from napari_catsam.plugin.guide.layers import SLICE
from napari_catsam.plugin.layers.new_layers import placement
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.sample_stack import make_stack
from napari_catsam.plugin.samples import open_stack
from napari_catsam.plugin.session import Session

if TYPE_CHECKING:
    from napari_catsam.plugin.catsam_widget import CatsamWidget

__all__ = ["show_adapting"]

SECONDS = 300.0
"""Of the training."""

SHOTS = (SLICE - 8, SLICE)
"""The slices with masks."""

MASKS = 10
"""Of a slice."""

STEPS = 10
"""Of the training, after which its picture is taken."""


def show_adapting(make: Callable[..., Stage]) -> None:
    """The panel before, during and after a training, and what it suggests to annotate next."""
    stage = make(Session(budget=SECONDS))
    widget, viewer = stage.widget, stage.viewer
    view = widget.adapt_view
    image = stage.open(open_stack())
    truth = make_stack().truth
    masks = np.zeros_like(truth)
    for number in SHOTS:
        masks[number] = np.where(np.isin(truth[number], _choose(truth[number])), truth[number], 0)
    labels = viewer.add_labels(masks, name="masks", **placement(image))
    labels.contour = 2
    view.masks.show_value(labels)
    viewer.dims.set_current_step(0, SLICE)
    stage.unfold(view)
    wait_until(lambda: len(view.shots.pictures) == len(SHOTS))
    stage.show(view)
    stage.shoot("adapt_before")

    view.adapt_button.click()
    wait_until(
        lambda: _count_steps(widget) >= STEPS and NAME in viewer.layers, round(1000 * SECONDS)
    )
    stage.show(view)
    stage.shoot("adapt_training")

    wait_until(lambda: bool(widget.session.versions), round(1000 * SECONDS))
    stage.settle()
    stage.annotate()
    stage.give(LivePrompt(_find_box(truth[SLICE], masks[SLICE])))
    stage.dismiss()
    let_pass(500)  # until the panel has its height
    stage.show(view.curves)
    stage.shoot("adapt_after")

    widget.live_view.annotate.click()
    view.compare_button.click()
    stage.settle()
    let_pass(500)  # until the text has its height
    stage.show(view.comparison)
    stage.shoot("adapt_compare")

    view.hide_button.click()
    view.suggest.button.click()
    stage.settle()
    wait_until(lambda: bool(widget.session.suggestions))
    stage.dismiss()
    viewer.reset_view()  # the place is in the middle, and the picture is of the whole slice
    stage.show(view.suggest)
    stage.shoot("adapt_suggest")


def _count_steps(widget: CatsamWidget) -> int:
    return 0 if widget.session.training is None else widget.session.training.step


def _choose(truth: np.ndarray) -> list[int]:
    """Return the largest objects of a slice."""
    areas = np.bincount(truth.ravel())
    areas[0] = 0
    return [int(number) for number in np.argsort(-areas, kind="stable")[:MASKS]]


def _find_box(truth: np.ndarray, masks: np.ndarray) -> tuple[float, float, float, float]:
    """Return the box of the largest object that has no mask."""
    areas = np.bincount(truth[masks == 0].ravel())
    areas[0] = 0
    rows, columns = np.nonzero(truth == areas.argmax())
    return float(rows.min()), float(columns.min()), float(rows.max() + 1), float(columns.max() + 1)
