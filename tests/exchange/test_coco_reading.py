"""COCO JSON of other programs, and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import UnreadableFileError
from napari_catsam.exchange import is_coco, read_coco
from napari_catsam.exchange.run_length import compress_counts

IMAGE = {"id": 7, "file_name": "a.png", "width": 4, "height": 3}
SQUARE = {"size": [3, 4], "counts": [4, 2, 1, 2, 3]}
"""Rows 1 and 2, columns 1 and 2."""


def foreign(**changes: Any) -> dict[str, Any]:
    annotation = {"id": 31, "image_id": 7, "category_id": 2, "segmentation": SQUARE, "iscrowd": 0}
    return {
        "images": [IMAGE],
        "annotations": [annotation | changes],
        "categories": [{"id": 2, "name": "cat", "supercategory": "animal"}],
    }


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "outline",
    [
        SQUARE,
        SQUARE | {"counts": compress_counts(SQUARE["counts"])},
        [[1, 1, 3, 1, 3, 3, 1, 3]],
        [[1, 1, 3, 1, 3, 2, 1, 2], [1, 2, 3, 2, 3, 3, 1, 3]],
    ],
    ids=["numbers", "text", "polygon", "two polygons"],
)
def test_every_kind_of_outline_is_read(tmp_path: Path, outline: Any) -> None:
    (image,) = read_coco(write(tmp_path / "x.json", foreign(segmentation=outline)))
    assert image.labels.tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    assert (image.name, dict(image.classes)) == ("a.png", {1: "cat"})


def test_objects_are_numbered_over_the_whole_file(tmp_path: Path) -> None:
    content = foreign()
    content["images"].insert(0, IMAGE | {"id": 3, "file_name": "b.png"})
    content["annotations"] *= 2
    content["annotations"] += [content["annotations"][0] | {"image_id": 3}]
    first, second = read_coco(write(tmp_path / "x.json", content))
    assert (first.name, first.labels.max(), dict(first.classes)) == ("b.png", 3, {3: "cat"})
    assert dict(second.classes) == {1: "cat", 2: "cat"}


def test_where_objects_overlap_the_first_has_the_pixel(tmp_path: Path) -> None:
    content = foreign()
    content["annotations"] += [
        content["annotations"][0] | {"segmentation": [[0, 0, 4, 0, 4, 3, 0, 3]]}
    ]
    (image,) = read_coco(write(tmp_path / "x.json", content))
    assert image.labels.tolist() == [[2, 2, 2, 2], [2, 1, 1, 2], [2, 1, 1, 2]]


def test_an_object_without_an_outline_is_left_out(tmp_path: Path) -> None:
    content = foreign()
    content["annotations"].append({"id": 1, "image_id": 7, "category_id": 2, "bbox": [0, 0, 2, 2]})
    (image,) = read_coco(write(tmp_path / "x.json", content))
    assert np.unique(image.labels).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            foreign(segmentation=SQUARE | {"size": [4, 3]}),
            r"annotation 31: its mask is of \[4, 3\]",
        ),
        (
            foreign(segmentation=SQUARE | {"counts": [1]}),
            "annotation 31: the run lengths add up to 1",
        ),
        (foreign(segmentation=SQUARE | {"counts": "é"}), "annotation 31: the run lengths"),
        (foreign(segmentation={"size": [3, 4]}), "annotation 31: there is no 'counts'"),
        (foreign(segmentation=[[1, 2, 3]]), "annotation 31: "),
        (foreign(segmentation=[[1, 2, None, 3, 4, 5]]), "annotation 31: "),
        (foreign(segmentation=[[1, 2, float("nan"), 3, 4, 5]]), "annotation 31: .*finite"),
        (foreign(segmentation=5), "annotation 31: "),
        (foreign(category_id=9), "there is no 9"),
        (foreign() | {"images": [{"id": 7}]}, "there is no 'height'"),
        (foreign() | {"images": [IMAGE | {"height": 0}]}, "0 x 4 pixels"),
        (foreign() | {"images": [IMAGE | {"plane": -1}]}, "plane"),
        (foreign() | {"images": [IMAGE, IMAGE | {"plane": 1, "height": 9}]}, "run lengths|fit"),
        (foreign() | {"images": [IMAGE | {"grid": {"scale": [1]}}]}, "scale has 1 numbers"),
        (foreign() | {"images": [IMAGE | {"grid": {"colour": 1}}]}, "colour"),
        (foreign() | {"images": [IMAGE | {"width": 10**12, "height": 10**12}]}, "cannot be read"),
        (foreign() | {"images": [5]}, "needs the lists"),
        ({"images": [], "annotations": []}, "needs the lists images, annotations and categories"),
        ([1, 2], "needs the lists"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "x.json", content)
    with pytest.raises(UnreadableFileError, match=message):
        list(read_coco(path))


@pytest.mark.parametrize("text", ["", "{", '{"images": [', "\0\1", "[" * 100_000])
def test_broken_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UnreadableFileError, match="no JSON, or is cut off"):
        list(read_coco(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot read .*x\.json"):
        list(read_coco(tmp_path / "x.json"))
    assert not is_coco(tmp_path / "x.json")


def test_coco_is_told_from_its_ends_also_in_a_large_file(tmp_path: Path) -> None:
    content = foreign()
    content["annotations"] *= 2000
    ordered = {key: content[key] for key in ("annotations", "images", "categories")}
    path = write(tmp_path / "x.json", {"info": {}} | ordered)
    assert path.stat().st_size > 1 << 17
    assert is_coco(path)


@pytest.mark.parametrize(
    "content",
    [
        {"shapes": [], "imagePath": "a.png", "imageData": ""},
        {"type": "FeatureCollection", "features": []},
        {"images": ["a.png"]},
        [["images", "annotations", "categories"]],
        {},
    ],
)
def test_other_json_is_not_coco(tmp_path: Path, content: Any) -> None:
    assert not is_coco(write(tmp_path / "x.json", content))
