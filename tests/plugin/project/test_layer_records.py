"""Layers that were described are made again as they were."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels, Points, Shapes

from napari_catsam.plugin.layers.new_layers import fits
from napari_catsam.plugin.layers.planes import data_to_world
from napari_catsam.plugin.objects.features import ObjectFeatures, read_features, write_features
from napari_catsam.plugin.project.layer_records import (
    edited_planes,
    make_labels,
    make_prompts,
    read_image_record,
    read_labels_record,
    read_prompts_record,
    sample_reader,
)
from napari_catsam.plugin.project.record import ModelRecord, ProjectRecord
from napari_catsam.plugin.project.record_json import record_from_json, record_to_json

PLACEMENTS: dict[str, dict[str, Any]] = {
    "scaled": {"scale": (2, 0.5, 0.25), "translate": (1, 2, 3), "units": ("um", "um", "um")},
    "turned": {"rotate": (0, 0, 20), "scale": (2, 0.5, 0.5), "axis_labels": ("z", "y", "x")},
    "sheared": {"shear": (0.0, 0.0, 0.3)},
    "affine": {
        "affine": np.array([[1, 0, 0, 4], [0, 0.9, 0.1, 5], [0, -0.1, 0.9, 6], [0, 0, 0, 1]])
    },
}


def through_json(labels: Any = None, prompts: Any = None) -> ProjectRecord:
    image = read_image_record(Image(np.zeros((3, 8, 9)), name="cells"))
    record = ProjectRecord(
        image, ModelRecord("vit_b"), (labels,) if labels else (), (prompts,) if prompts else ()
    )
    return record_from_json(record_to_json(record), Path("project.json"))


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_labels_lie_where_they_lay(placement: str) -> None:
    layer = Labels(np.zeros((3, 8, 9), np.uint32), name="masks", **PLACEMENTS[placement])
    record = through_json(read_labels_record(layer, "masks-1")).labels[0]
    again = make_labels(record, np.zeros(record.shape, record.dtype))
    assert data_to_world(again).close_to(data_to_world(layer))
    assert (again.units, again.axis_labels) == (layer.units, layer.axis_labels)
    assert (again.name, again.data.dtype) == ("masks", np.uint32)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_shapes_of_all_kinds_are_made_again(placement: str) -> None:
    corners = np.array([[1, 1, 1], [1, 1, 6], [1, 5, 6], [1, 5, 1]], float)
    layer = Shapes(
        [corners, corners + 1, corners[:3]], shape_type=["rectangle", "ellipse", "polygon"],
        name="boxes", features={"class": ["a", "b", "c"]}, **PLACEMENTS[placement],
    )  # fmt: skip
    again = make_prompts(through_json(prompts=read_prompts_record(layer)).prompts[0])
    assert isinstance(again, Shapes)
    assert again.shape_type == layer.shape_type
    for new, old in zip(again.data, layer.data, strict=True):
        np.testing.assert_allclose(new, old)
    assert list(again.features["class"]) == ["a", "b", "c"]
    assert data_to_world(again).close_to(data_to_world(layer))


def test_points_keep_their_signs() -> None:
    layer = Points([[0, 1, 2], [1, 3, 4]], features={"label": [1, 0]}, name="points")
    again = make_prompts(through_json(prompts=read_prompts_record(layer)).prompts[0])
    assert isinstance(again, Points)
    np.testing.assert_allclose(again.data, layer.data)
    assert list(again.features["label"]) == [1, 0]


def test_features_that_are_no_json_do_not_keep_from_saving() -> None:
    times = np.array(["2026-01-01", "2026-01-02"], "datetime64[D]")
    layer = Points(np.zeros((2, 2)), features={"when": times, "none": [np.nan, 1.0]})
    json.dumps(asdict(read_prompts_record(layer)))


def test_an_edit_of_an_unknown_make_is_of_all_planes() -> None:
    labels = Labels(np.zeros((3, 8, 9), int))
    for edit in (None, [None], [("x",)], ["abc"]):
        assert len(list(edited_planes(edit, labels))) == 3


def test_only_labels_that_lie_on_the_image_fit() -> None:
    image = Image(np.zeros((3, 8, 9)), scale=(1, 2, 2))
    assert fits(Labels(np.zeros((3, 8, 9), int), scale=(1, 2, 2)), image)
    assert not fits(Labels(np.zeros((3, 8, 9), int)), image)


def test_a_sample_is_small_and_tells_images_apart() -> None:
    data = np.arange(5 * 300 * 400).reshape(5, 300, 400)
    sample = sample_reader(Image(data))()
    assert sample.size < 500
    assert (sample != sample_reader(Image(data + 1))()).any()


def test_classes_and_scores_are_made_again() -> None:
    layer = Labels(np.zeros((3, 8, 9), np.uint32), name="masks")
    objects = {3: ObjectFeatures("cell", 0.75), 2**32 - 1: ObjectFeatures("debris", None)}
    write_features(layer, objects)
    record = read_labels_record(layer, "masks-1")
    assert record == read_labels_record(layer, "masks-1")  # else it is written again for ever
    again = through_json(record).labels[0]
    assert again == record
    made = make_labels(again, np.zeros(record.shape, record.dtype))
    assert read_features(made) == objects
    assert made.features.dtypes["score"].kind == "f"
    assert made.features.dtypes["index"] == layer.features.dtypes["index"]


def test_a_table_of_another_make_is_made_again() -> None:
    table = {"class": ["", "a", None], "checked": [False, True, True], "mean": [np.nan, 1.5, 2.5]}
    layer = Labels(np.zeros((8, 9), int), features=table)
    record = through_json(read_labels_record(layer, "masks-1")).labels[0]
    made = make_labels(record, np.zeros((8, 9), int))
    assert made.features["class"].tolist()[:2] == ["", "a"]
    assert made.features["checked"].tolist() == [False, True, True]
    np.testing.assert_array_equal(made.features["mean"], [np.nan, 1.5, 2.5])


def test_a_layer_without_a_table_stays_without() -> None:
    record = read_labels_record(Labels(np.zeros((3, 8, 9), int)), "masks-1")
    assert record.features == {}
    assert make_labels(record, np.zeros((3, 8, 9), int)).features.empty
