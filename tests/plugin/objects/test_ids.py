"""Numbers for new objects: never one that is or was in use, and no volume read twice or lazily."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.layers import Labels

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.objects.ids import LARGEST_ID, ObjectIds, is_in_memory
from napari_catsam.types import Intensity

SHAPE = (4, 10, 12)


class CountedArray:
    """Lazy data that notes what is read of them."""

    def __init__(self, values: Any) -> None:
        self.values, self.read = values, []
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, index: Any) -> Any:
        found = self.values[index]
        self.read.append(found.size)
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        self.values[index] = value

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise AssertionError("all of the data were read")


def make_plane(labels: Labels, step: int = 0) -> Plane:
    index = (step, slice(None), slice(None))
    return Plane(labels.data, index, (1, 2), SHAPE[1:], Intensity(), "cells")


def reserve(ids: ObjectIds, labels: Labels, step: int = 0, count: int = 1) -> tuple[int, ...]:
    plane = make_plane(labels, step)
    return ids.reserve(labels, plane, np.asarray(labels.data[plane.index]), count)


def put(labels: Labels, place: tuple[int, int, int], number: int) -> None:
    labels.data_setitem(tuple(np.array([at]) for at in place), number)


def test_numbers_follow_the_largest_of_all_planes() -> None:
    labels = Labels(np.zeros(SHAPE, np.int32))
    labels.data[3, 1, 1] = 9
    assert reserve(ObjectIds(), labels, count=3) == (10, 11, 12)


def test_data_in_memory_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, ids = Labels(np.zeros(SHAPE, np.int32)), ObjectIds()
    looked_at = []
    largest = np.max
    monkeypatch.setattr(np, "max", lambda a, **k: looked_at.append(np.size(a)) or largest(a, **k))
    for number in (1, 2, 3):
        looked_at.clear()
        assert reserve(ids, labels) == (number,)
        put(labels, (0, 0, number), number)
    assert max(looked_at) == SHAPE[1] * SHAPE[2]


def test_what_is_painted_by_hand_counts() -> None:
    labels, ids = Labels(np.zeros(SHAPE, np.int32)), ObjectIds()
    assert reserve(ids, labels) == (1,)
    labels.selected_label = 40
    labels.paint((2, 4, 4), 40)
    assert reserve(ids, labels) == (41,)
    labels.fill((0, 0, 0), 50)
    assert reserve(ids, labels, 3) == (51,)


def test_what_a_script_changed_on_the_plane_counts() -> None:
    labels, ids = Labels(np.zeros(SHAPE, np.int32)), ObjectIds()
    assert reserve(ids, labels) == (1,)
    labels.data[1, 2, 2] = 30
    assert reserve(ids, labels, 1) == (31,)


def test_the_number_of_a_deleted_object_is_not_given_again() -> None:
    labels, ids = Labels(np.zeros(SHAPE, np.int32)), ObjectIds()
    assert reserve(ids, labels) == (1,)
    put(labels, (0, 1, 1), 1)
    put(labels, (0, 1, 1), 0)
    assert reserve(ids, labels) == (2,)


def test_what_undo_brings_back_counts_from_before_the_first_search() -> None:
    viewer = ViewerModel()
    labels = viewer.add_labels(np.zeros(SHAPE, np.int32))
    labels.data[2, 1, 1] = 8
    ids = ObjectIds(viewer)
    put(labels, (2, 1, 1), 0)
    assert reserve(ids, labels) == (9,)
    labels.undo()
    assert labels.data[2, 1, 1] == 8


def test_layers_that_come_later_are_followed_too() -> None:
    viewer = ViewerModel()
    ids = ObjectIds(viewer)
    labels = viewer.add_labels(np.zeros(SHAPE, np.int32))
    put(labels, (2, 1, 1), 8)
    put(labels, (2, 1, 1), 0)
    assert reserve(ids, labels) == (9,)


def test_other_data_begin_anew() -> None:
    labels, ids = Labels(np.full(SHAPE, 20, np.int32)), ObjectIds()
    assert reserve(ids, labels) == (21,)
    labels.data = np.full(SHAPE, 3, np.int32)
    assert reserve(ids, labels) == (4,)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32", "int64", "uint64"])
def test_numbers_go_up_to_the_limit_of_the_type(dtype: str) -> None:
    top = int(np.iinfo(dtype).max)
    labels, ids = Labels(np.zeros(SHAPE, dtype)), ObjectIds()
    labels.data[1, 1, 1] = top - 2
    assert reserve(ids, labels, count=2) == (top - 1, top)
    with pytest.raises(LabelsError, match=f"holds {dtype}, up to {top}, and object {top + 1} is"):
        reserve(ids, labels, count=3)


def test_a_full_type_gives_numbers_of_deleted_objects_after_all() -> None:
    labels, ids = Labels(np.zeros(SHAPE, np.uint8)), ObjectIds()
    labels.data[0, 1, 1] = 5
    put(labels, (1, 1, 1), 255)
    assert reserve(ids, labels, count=0) == ()
    put(labels, (1, 1, 1), 0)
    assert reserve(ids, labels) == (6,)


def test_lazy_data_are_read_on_the_plane_alone() -> None:
    data, ids = CountedArray(np.zeros(SHAPE, np.uint32)), ObjectIds()
    data.values[1, 1, 1], data.values[3, 1, 1] = 6, 90
    labels = Labels(data)
    data.read.clear()
    assert reserve(ids, labels, 1) == (7,)
    assert max(data.read) <= SHAPE[1] * SHAPE[2]
    assert reserve(ids, labels, 3) == (91,)
    assert reserve(ids, labels, 0) == (91,)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"features": {"index": [0, 12, 5], "class": ["", "cell", "cell"]}}, 13),
        ({"features": {"class": ["", "cell", "cell", "cell"]}}, 4),
        ({"features": {"index": ["?", None, 3]}}, 4),
        ({"metadata": {LARGEST_ID: 70_000}}, 70_001),
        ({}, 1),
    ],
)
def test_what_lazy_labels_say_of_themselves_counts(known: Any, expected: int) -> None:
    labels = Labels(CountedArray(np.zeros(SHAPE, np.uint32)), **known)
    assert reserve(ObjectIds(), labels) == (expected,)


def test_planes_of_lazy_data_are_remembered_by_their_objects(tmp_path: Path) -> None:
    data = zarr.create_array(tmp_path / "a.zarr", shape=SHAPE, chunks=(1, 5, 5), dtype="uint16")
    data[2, 3, 3] = 4
    labels, ids = Labels(data), ObjectIds()
    assert ids.find_planes(labels, 4) == []
    reserve(ids, labels, 2)
    assert ids.find_planes(labels, 4) == [(2, slice(None), slice(None))]
    assert ids.find_planes(labels, 3) == []


def test_a_memory_map_counts_as_lazy(tmp_path: Path) -> None:
    assert is_in_memory(np.zeros(3))
    assert not is_in_memory(np.memmap(tmp_path / "a", np.uint8, "w+", shape=(3,)))


def test_it_keeps_no_layer_alive() -> None:
    import gc
    import weakref

    ids, labels = ObjectIds(), Labels(np.zeros(SHAPE, np.int32))
    reserve(ids, labels)
    gone = weakref.ref(labels)
    del labels
    gc.collect()
    assert gone() is None
