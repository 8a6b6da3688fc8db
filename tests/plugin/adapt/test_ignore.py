"""Pixels that the user marked as saying nothing: chosen in the panel, left out of the training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.adapt.shot_source import ShotSource
from tests.plugin.adapt.test_panel import make_source, make_stack

WAIT = 10_000


@pytest.fixture
def layers(viewer: Any, widget: Any) -> tuple[Any, Any]:
    """Give the widget an image with four masks, and a layer over the last of them, not chosen yet."""
    masks = make_stack([4])[0]
    viewer.add_image(np.zeros(masks.shape, np.uint8), name="cells")
    labels = viewer.add_labels(masks, name="masks")
    unclear = viewer.add_labels(np.where(masks == 4, 9, 0), name="unclear")
    return labels, unclear


def choose(box: Any, layer: Any) -> None:
    box.setCurrentIndex(next(row for row in range(box.count()) if box.itemData(row) is layer))
    box.activated.emit(box.currentIndex())


def test_nothing_is_ignored_until_a_layer_is_chosen(
    widget: Any, layers: tuple[Any, Any], library: Any, wait_idle: Any
) -> None:
    box = widget.adapt_view.recipe.ignore
    assert [box.itemText(row) for row in range(box.count())] == ["none", "unclear", "masks"]
    assert box.value is None
    assert widget.adapt_view.masks.value is layers[0]
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    assert library.shots[0].ignore is None


def test_what_is_labelled_in_the_chosen_layer_says_nothing_to_the_training(
    qtbot: Any, widget: Any, layers: tuple[Any, Any], library: Any, wait_idle: Any
) -> None:
    view = widget.adapt_view
    qtbot.waitUntil(lambda: view.shots.text.text() == "4 masks, 1 held out", timeout=WAIT)
    choose(view.recipe.ignore, layers[1])
    qtbot.waitUntil(lambda: view.shots.text.text().startswith("3 masks, none"), timeout=WAIT)
    view.adapt_button.click()
    layers[1].data = np.zeros_like(layers[1].data)  # it was read when Adapt was pressed
    wait_idle(widget)
    (shot,) = library.shots
    np.testing.assert_array_equal(shot.ignore, layers[0].data == 4)
    np.testing.assert_array_equal(shot.masks, layers[0].data)
    layers[1].data_setitem((np.array([0]), np.array([0])), 1)
    qtbot.waitUntil(lambda: view.shots.text.text() == "4 masks, 1 held out", timeout=WAIT)


def test_masks_cannot_be_learnt_from_and_ignored(
    widget: Any, layers: tuple[Any, Any], wait_idle: Any
) -> None:
    choose(widget.adapt_view.recipe.ignore, layers[0])
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    assert "'masks' cannot be learnt from and ignored" in widget.session.note
    assert not widget.session.versions


def test_labels_of_another_shape_cannot_be_ignored(
    viewer: Any, widget: Any, layers: tuple[Any, Any], wait_idle: Any
) -> None:
    small = viewer.add_labels(np.ones((5, 5), int), name="small")
    choose(widget.adapt_view.recipe.ignore, small)
    widget.adapt_view.adapt_button.click()
    wait_idle(widget)
    assert "'small' has shape (5, 5)" in widget.session.note


def test_each_plane_has_its_own_ignored_pixels() -> None:
    labels = make_stack([1, 2])
    ignore = np.zeros_like(labels)
    ignore[1, 3:5] = 6
    source = make_source(labels)
    shots = ShotSource(source.plane, labels, source.pixel_size, ignore).read()
    assert [np.asarray(shot.ignore).sum() for shot in shots] == [0, 180]
