"""Which planes are written, and which are left alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.layers import Labels

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.layers.plane_watch import PlaneWatch

SHAPE = (4, 30, 40)


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def watch(model: ViewerModel, data: Any = None, known: bool = True, **layer: Any) -> PlaneWatch:
    data = np.zeros(SHAPE, np.int32) if data is None else data
    labels = model.add_layer(Labels(data, name="masks", **layer))
    model.dims.set_current_step(0, 1)
    return PlaneWatch(model, labels, "masks-1", known=known, connections=Connections())


def put(labels: Labels, step: int, value: int = 5, row: int = 3) -> None:
    rows, columns = np.array([row, row]), np.array([4, 5])
    labels.data_setitem((np.full(2, step), rows, columns), value)


def test_looking_around_marks_nothing(model: ViewerModel) -> None:
    watched = watch(model)
    for step in (0, 3, 2):
        model.dims.set_current_step(0, step)
    watched.labels.opacity = 0.3
    watched.labels.contour = 1
    watched.labels.contour = 0
    model.dims.order = (1, 0, 2)
    model.dims.ndisplay = 3
    assert not any(watched.marked.values())
    assert set(watched.marked) <= {(2,)}


@pytest.mark.parametrize("edit", ["setitem", "paint", "fill", "polygon"])
def test_an_edit_marks_its_plane_alone(model: ViewerModel, edit: str) -> None:
    watched = watch(model)
    labels = watched.labels
    if edit == "setitem":
        put(labels, 1)
    elif edit == "paint":
        labels.paint((1, 5, 5), 4)
    elif edit == "fill":
        labels.fill((1, 0, 0), 6)
    else:
        labels.paint_polygon([(1, 2, 2), (1, 2, 9), (1, 9, 9)], 3)
    assert watched.marked == {(1,): True}


def test_an_edit_in_three_dimensions_marks_all_its_planes(model: ViewerModel) -> None:
    watched = watch(model)
    watched.labels.n_edit_dimensions = 3
    watched.labels.brush_size = 3
    watched.labels.paint((2, 5, 5), 4)
    assert set(watched.marked) == {(1,), (2,), (3,)}


def test_an_edit_across_the_planes_marks_those_it_touches(model: ViewerModel) -> None:
    watched = watch(model)
    steps = np.array([0, 0, 3])
    watched.labels.data_setitem((steps, np.array([1, 2, 3]), np.array([1, 2, 3])), 2)
    assert [index for index, certain in watched.marked.items() if certain] == [(0,), (3,)]


def test_undo_marks_the_planes_that_were_edited(model: ViewerModel) -> None:
    watched = watch(model)
    put(watched.labels, 0)
    model.dims.set_current_step(0, 3)
    watched.marked.clear()
    watched.labels.undo()
    assert (0,) in watched.marked


def test_undo_in_a_hidden_layer_is_seen_when_it_is_shown(model: ViewerModel) -> None:
    watched = watch(model)
    put(watched.labels, 0)
    watched.marked.clear()
    watched.labels.visible = False
    watched.labels.undo()
    model.dims.set_current_step(0, 3)
    watched.marked.clear()
    watched.labels.visible = True
    assert (0,) in watched.marked


def test_undo_is_seen_after_moving_along_an_axis_that_the_layer_lacks(model: ViewerModel) -> None:
    model.add_image(np.zeros((5, *SHAPE)))
    watched = watch(model)
    put(watched.labels, 0)
    watched.marked.clear()
    model.dims.set_current_step(0, 4)
    watched.labels.undo()
    assert (0,) in watched.marked


def test_a_flat_layer_is_a_single_plane(model: ViewerModel) -> None:
    labels = model.add_layer(Labels(np.zeros((30, 40), int), name="flat"))
    watched = PlaneWatch(model, labels, "flat-1", known=True, connections=Connections())
    labels.fill((0, 0), 6)
    assert watched.marked == {(): True}
    assert watched.take((), copy=True).read().shape == (30, 40)


def test_a_copy_is_of_now(model: ViewerModel) -> None:
    watched = watch(model)
    put(watched.labels, 1, 5)
    copy, view = watched.take((1,), copy=True), watched.take((1,), copy=False)
    put(watched.labels, 1, 7)
    assert (copy.read().max(), view.read().max()) == (5, 7)


def test_labels_from_a_file_are_left_alone_until_they_are_edited(
    model: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SimpleNamespace(path="masks.tif")
    monkeypatch.setattr(Labels, "source", property(lambda self: opened))
    watched = watch(model, np.ones(SHAPE, np.uint16), known=False)
    labels = watched.labels
    assert (watched.known, watched.marked) == (False, {})
    put(labels, 2)
    assert watched.known
    assert watched.marked == {(0,): False, (1,): False, (2,): True, (3,): False}


def test_labels_drawn_before_are_all_looked_at(model: ViewerModel) -> None:
    assert set(watch(model, known=False).marked) == {(0,), (1,), (2,), (3,)}


def test_of_labels_that_are_not_in_memory_only_edited_planes_are_read(model: ViewerModel) -> None:
    data = zarr.array(np.zeros(SHAPE, np.int32), chunks=(1, 30, 40))
    watched = watch(model, data, known=False)
    assert watched.marked == {}
    watched.labels.paint((1, 5, 5), 4)
    assert watched.marked == {(1,): True}
    assert watched.take((1,), copy=True).read().max() == 4
