"""Own layers are removed after the removal that the user asked for, and not in the middle of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.layers.removal import LayerRemoval
from tests.plugin.conftest import WAIT


@pytest.fixture
def annotating(viewer: Any, widget: Any) -> Any:
    viewer.add_image(np.zeros((40, 60), np.uint8), name="cells")
    viewer.add_labels(np.zeros((40, 60), np.uint8), name="kept")
    widget.live_view.annotate.click()
    return viewer


def names(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_all_layers_that_show_the_object_can_be_removed_at_once(
    annotating: Any, widget: Any, qtbot: Any
) -> None:
    own = [layer for layer in annotating.layers if layer.name.startswith("object")]
    annotating.layers.selection = set(own)
    annotating.layers.remove_selected()
    assert not widget.session.annotating
    qtbot.waitUntil(lambda: names(annotating) == ["cells", "kept"], timeout=WAIT)


@pytest.mark.parametrize("first", [0, 2])
def test_the_layers_that_the_user_names_are_removed_and_no_other(
    annotating: Any, widget: Any, qtbot: Any, first: int
) -> None:
    annotating.add_points(name="mine")
    del annotating.layers[first:5]
    assert not widget.session.annotating
    left = [*["cells", "kept"][:first], "mine"]
    qtbot.waitUntil(lambda: names(annotating) == left, timeout=WAIT)


def test_the_other_layers_of_the_object_go_after_the_first(
    annotating: Any, widget: Any, qtbot: Any
) -> None:
    annotating.layers.remove("object")
    assert not widget.session.annotating
    assert names(annotating) == ["cells", "kept", "object box", "object prompts"]
    qtbot.waitUntil(lambda: names(annotating) == ["cells", "kept"], timeout=WAIT)


def test_layers_that_wait_are_removed_when_annotating_begins_again(
    annotating: Any, widget: Any
) -> None:
    annotating.layers.remove("object")
    widget.live_view.annotate.click()
    assert names(annotating) == ["cells", "kept", "object", "object box", "object prompts"]


def test_layers_that_wait_are_removed_when_the_widget_closes(annotating: Any, widget: Any) -> None:
    annotating.layers.remove("object box")
    widget.shut_down()
    assert names(annotating) == ["cells", "kept"]


def test_a_layer_that_waits_and_was_removed_by_the_user_is_passed_over(
    viewer: Any, widget: Any, qtbot: Any
) -> None:
    removal = LayerRemoval(viewer, widget)
    layers = [viewer.add_points(name=name) for name in ("a", "b")]
    removal.remove_soon(layers)
    viewer.layers.remove("a")
    qtbot.waitUntil(lambda: not viewer.layers, timeout=WAIT)


def test_layers_are_removed_now_by_an_owner_that_qt_has_deleted(
    viewer: Any, widget: Any, delete: Callable[[Any], None]
) -> None:
    removal = LayerRemoval(viewer, widget)
    layer = viewer.add_points()
    delete(removal)
    removal.remove_soon([layer])
    removal.remove([])
    assert not viewer.layers


@pytest.fixture
def delete(qapp: Any) -> Callable[[Any], None]:
    """Let Qt delete an object, of which Python then holds the shell."""
    from qtpy.QtCore import QEvent

    def delete(thing: Any) -> None:
        thing.deleteLater()
        kind = QEvent.Type.DeferredDelete
        qapp.sendPostedEvents(thing, getattr(kind, "value", kind))

    return delete
