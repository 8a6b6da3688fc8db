"""What is kept of planes, and when a plane is taken to be the same."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from napari.layers import Image

from napari_catsam.plugin.channels.choice import ChannelChoice
from napari_catsam.plugin.device.embedding_store import EmbeddingStore, count_bytes
from napari_catsam.plugin.layers.data_versions import data_version
from napari_catsam.plugin.layers.planes import Plane, locate_plane
from napari_catsam.types import Intensity

MODEL = ("vit_nano", "cpu")
KB = np.zeros(1000, np.uint8)


def make_plane(step: int = 0, version: tuple[int, ...] | None = (1,)) -> Plane:
    data = np.zeros((9, 4, 5), np.uint8)
    data[step] = step
    return Plane(
        data, (step, slice(None), slice(None)), (1, 2), (4, 5), Intensity("limits", 0, 9), "stack",
        version=version,
    )  # fmt: skip


def keep(store: EmbeddingStore, plane: Plane, embedding: Any = KB) -> None:
    store.keep(store.identify(plane, plane.read(), MODEL), embedding)


def test_a_plane_is_recalled_without_reading_it() -> None:
    store, unread = EmbeddingStore(10_000), replace(make_plane(), data=None)
    assert store.recall(unread, MODEL) is None
    keep(store, make_plane())
    assert store.recall(unread, MODEL) is KB


def test_what_may_differ_is_not_recalled() -> None:
    store, plane = EmbeddingStore(10_000), make_plane()
    keep(store, plane)
    others = (
        replace(plane, version=(2,)),
        replace(plane, version=None),
        replace(plane, intensity=Intensity("limits", 0, 5)),
        replace(plane, index=(1, slice(None), slice(None))),
        replace(plane, index=(slice(None), 0, slice(None)), axes=(0, 2)),
    )
    assert [store.recall(other, MODEL) for other in others] == [None] * len(others)
    assert store.recall(plane, ("vit_b", "cpu")) is None


def test_the_same_values_under_another_version_are_found_once_they_are_read() -> None:
    store, plane = EmbeddingStore(10_000), replace(make_plane(), version=(2,))
    keep(store, make_plane())
    assert store.get(store.identify(plane, plane.read(), MODEL)) is KB
    assert store.recall(plane, MODEL) is KB


def test_a_plane_without_a_version_is_never_taken_for_known() -> None:
    store, plane = EmbeddingStore(10_000), make_plane(version=None)
    keep(store, plane)
    assert store.recall(plane, MODEL) is None


def test_the_one_that_was_not_used_the_longest_goes_first() -> None:
    store = EmbeddingStore(3000)
    for step in (1, 2, 3):
        keep(store, make_plane(step))
    assert store.recall(make_plane(1), MODEL) is KB
    keep(store, make_plane(4))
    kept = [step for step in (1, 2, 3, 4) if store.recall(make_plane(step), MODEL) is not None]
    assert kept == [1, 3, 4]
    assert (len(store), store.nbytes) == (3, 3000)


def test_a_limit_that_was_lowered_counts_from_the_next_embedding_on() -> None:
    store = EmbeddingStore(3000)
    for step in (1, 2, 3):
        keep(store, make_plane(step))
    store.limit = 10
    assert len(store) == 3
    keep(store, make_plane(4))
    assert len(store) == 1
    assert store.recall(make_plane(4), MODEL) is KB


def test_bytes_are_those_of_all_arrays_inside() -> None:
    @dataclass
    class Pair:
        first: Any
        second: Any

    assert count_bytes(Pair(KB, (KB, [KB, None, "text"]))) == 3000


@pytest.fixture
def layer(viewer: Any) -> Any:
    return viewer.add_image(np.zeros((3, 8, 9)), name="cells", contrast_limits=(0, 1))


def version(viewer: Any, layer: Any) -> Any:
    return locate_plane(viewer, layer).version


def test_the_version_stays_while_nothing_can_have_changed(viewer: Any, layer: Any) -> None:
    first = version(viewer, layer)
    layer.contrast_limits, layer.opacity, layer.name = (0, 0.5), 0.5, "other"
    viewer.add_points([[1, 1, 1]])
    assert version(viewer, layer) == first


def test_new_data_and_a_refresh_after_an_edit_in_place_are_noticed(viewer: Any, layer: Any) -> None:
    versions = [version(viewer, layer)]
    layer.data = np.ones((3, 8, 9))
    versions.append(version(viewer, layer))
    layer.data[0, 2, 2] = 0
    layer.refresh()
    versions.append(version(viewer, layer))
    assert len(set(versions)) == 3


def test_no_two_layers_have_one_version(viewer: Any, layer: Any) -> None:
    viewer.layers.remove(layer)
    other = viewer.add_image(layer.data, name="cells")
    assert version(viewer, layer) != version(viewer, other)


def test_a_change_of_a_layer_that_is_a_channel_is_noticed(viewer: Any, layer: Any) -> None:
    green = viewer.add_image(np.zeros((3, 8, 9)), name="green", contrast_limits=(0, 1))
    choice = ChannelChoice((layer.unique_id, green.unique_id, None))
    before = locate_plane(viewer, layer, choice).version
    green.data = np.ones((3, 8, 9))
    assert locate_plane(viewer, layer, choice).version != before


def test_a_layer_whose_version_was_asked_for_is_freed() -> None:
    image = Image(np.zeros((8, 9)))
    assert data_version(image)
    gone = weakref.ref(image)
    del image
    gc.collect()
    assert gone() is None
