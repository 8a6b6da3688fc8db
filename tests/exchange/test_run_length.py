"""Run lengths are those of pycocotools, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from napari_catsam.errors import LabelsError
from napari_catsam.exchange.run_length import (
    compress_counts,
    encode_plane,
    expand_counts,
    find_pixels,
)
from tests.exchange.conftest import LARGEST, blocks

PLANES = {
    "blocks": blocks((40, 33), LARGEST).astype(np.uint32),
    "speckles": np.random.default_rng(1).integers(0, 3, (17, 23)),
    "one row": blocks((4, 60))[:1],
    "one column": blocks((60, 3))[:, :1],
    "one pixel": np.ones((1, 1), np.uint8),
    "full": np.full((5, 4), 7, np.uint16),
    "mask": np.tri(9, dtype=bool),
    "long runs": np.pad(np.ones((900, 700), np.int32), ((3, 200), (5, 4))),
}


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_every_object_is_encoded_as_pycocotools_does(plane: np.ndarray) -> None:
    regions = encode_plane(plane)
    assert [region.label for region in regions] == [v for v in np.unique(plane) if v]
    for region in regions:
        theirs = coco_mask.encode(np.asfortranarray(plane == region.label, np.uint8))
        text = compress_counts(region.counts)
        assert text.encode() == theirs["counts"]
        assert np.array_equal(expand_counts(text), region.counts)
        assert [*region.corner[::-1], *region.size[::-1]] == coco_mask.toBbox(theirs).tolist()
        assert region.area == coco_mask.area(theirs)


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_the_pixels_of_every_object_come_back(plane: np.ndarray) -> None:
    again = np.zeros(plane.size, plane.dtype)
    for region in encode_plane(plane):
        again[find_pixels(region.counts, plane.shape)] = region.label
    assert np.array_equal(again.reshape(plane.shape[::-1]).T, plane)


def test_a_plane_without_objects_has_none() -> None:
    assert encode_plane(np.zeros((4, 5), int)) == []


def test_counts_of_any_size_come_back_from_text() -> None:
    counts = np.random.default_rng(0).integers(0, 2**40, 1000) >> np.arange(1000) % 40
    assert np.array_equal(expand_counts(compress_counts(counts)), counts)


def test_no_counts_are_an_empty_text() -> None:
    assert compress_counts([]) == ""
    assert expand_counts("").tolist() == []


@pytest.mark.parametrize("text", ["1\n", "12é", "1~", "1Q", "Q" * 13 + "1"])
def test_text_that_encodes_nothing_is_refused(text: str) -> None:
    with pytest.raises(LabelsError, match="run lengths"):
        expand_counts(text)


@pytest.mark.parametrize("counts", [[3, 4], [3, 4, 6], [5, -1, 8], [[12]]])
def test_counts_of_another_image_are_refused(counts: list) -> None:
    with pytest.raises(LabelsError, match="3 x 4 = 12 pixels"):
        find_pixels(counts, (3, 4))
