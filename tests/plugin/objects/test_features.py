"""Class and score of objects are in napari's own table, beside what else is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.layers import Labels

from napari_catsam.plugin.objects.features import (
    ObjectFeatures,
    drop_rows,
    put_rows,
    read_features,
    write_features,
)

LARGEST = 2**32 - 1


def layer(features: Any = None) -> Labels:
    data = np.zeros((6, 8), np.uint32)
    data[0, :4], data[1, :4], data[2, :4] = 1, 3, LARGEST
    return Labels(data, features=features)


def test_what_is_written_is_read_and_shown_by_napari() -> None:
    labels = layer()
    write_features(labels, {3: ObjectFeatures("cell", 0.75), LARGEST: ObjectFeatures("debris")})
    assert read_features(labels) == {
        3: ObjectFeatures("cell", 0.75), LARGEST: ObjectFeatures("debris", None)
    }  # fmt: skip
    assert labels.features.columns.tolist() == ["index", "class", "score"]
    assert labels.features["index"].tolist() == [0, 3, LARGEST]
    status = labels.get_status((1, 2), world=True)
    assert "class: cell" in status["coordinates"]
    assert "score: 0.75" in status["coordinates"]


def test_an_object_has_one_row_however_often_it_is_written() -> None:
    labels = layer()
    for name in "ab":
        write_features(labels, {3: ObjectFeatures(name, 0.5)})
    assert labels.features["index"].tolist() == [0, 3]
    assert read_features(labels)[3].name == "b"


def test_whoever_listens_to_the_features_hears_of_it() -> None:
    labels, heard = layer(), []
    labels.events.features.connect(heard.append)
    write_features(labels, {3: ObjectFeatures("cell")})
    assert len(heard) == 1


@pytest.mark.parametrize(
    "table",
    [{"area": [0, 10, 20, 30]}, {"index": [0, 1, 2, 3], "area": [0, 10, 20, 30]}],
    ids=["row i is label i", "a column says which"],
)
def test_columns_of_others_stay_with_their_objects(table: dict[str, list[int]]) -> None:
    labels = layer(table)
    write_features(labels, {3: ObjectFeatures("cell", 0.5), 9: ObjectFeatures("new", 0.25)})
    features = labels.features.set_index("index")
    assert features["area"].tolist()[:4] == [0, 10, 20, 30]
    assert np.isnan(features["area"][9])
    assert features["class"][3] == "cell"
    assert read_features(labels)[1] == ObjectFeatures("object", None)


def test_objects_without_a_class_are_objects() -> None:
    labels = layer({"class": ["", "a", None, np.nan, "b"], "score": ["x", 1, None, np.nan, "0.5"]})
    assert read_features(labels) == {
        1: ObjectFeatures("a", 1.0), 2: ObjectFeatures(), 3: ObjectFeatures(),
        4: ObjectFeatures("b", 0.5),
    }  # fmt: skip


def test_a_class_may_replace_one_of_a_closed_list() -> None:
    labels = layer(pd.DataFrame({"index": [0, 3], "class": pd.Categorical(["a", "b"])}))
    write_features(labels, {3: ObjectFeatures("c")})
    assert read_features(labels)[3].name == "c"


def test_rows_whose_label_is_no_number_are_left_alone() -> None:
    labels = layer({"index": ["first", "3"], "class": ["a", "b"]})
    assert read_features(labels) == {3: ObjectFeatures("b")}


def test_rows_that_were_dropped_come_back_whole() -> None:
    labels = layer({"index": [0, 1, 3], "class": ["", "a", "b"], "note": ["", "x", "y"]})
    rows = drop_rows(labels, [3, 77])
    assert labels.features["index"].tolist() == [0, 1]
    put_rows(labels, rows)
    assert read_features(labels)[3] == ObjectFeatures("b")
    assert labels.features.set_index("index")["note"][3] == "y"


def test_dropping_from_a_table_without_labels_moves_no_row_to_another_object() -> None:
    labels = layer({"class": ["", "a", "b", "c"]})
    drop_rows(labels, [1])
    assert {n: item.name for n, item in read_features(labels).items()} == {2: "b", 3: "c"}


def test_dropping_nothing_changes_nothing() -> None:
    labels, heard = layer({"class": ["", "a"]}), []
    labels.events.features.connect(heard.append)
    assert drop_rows(labels, [5]) == {}
    put_rows(labels, {})
    assert heard == []
    assert labels.features.columns.tolist() == ["class"]
