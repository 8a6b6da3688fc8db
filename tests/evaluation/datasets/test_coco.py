"""One's own images with objects in COCO JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_catsam.errors import ShotError, UnreadableFileError
from napari_catsam.evaluation.datasets.base import open_dataset
from tests.evaluation.datasets.trees import SIZE, build_coco, draw_pair


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_coco(tmp_path)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_objects_of_the_json_are_read_with_their_images(root: Path) -> None:
    dataset = open_dataset("coco", root)
    assert dataset.check().is_complete
    assert dataset.list_names("train") == ("train1.png", "train2.png", "train3.png", "train4.png")
    sample = dataset.read("train2.png", "train")
    assert np.array_equal(np.asarray(sample.image), draw_pair(2)[0])
    expected = np.zeros(SIZE, int)
    expected[5:25, 10:30] = 1
    assert np.array_equal(np.asarray(sample.masks), expected)


def test_images_may_lie_in_one_folder_and_the_json_in_annotations(root: Path) -> None:
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    for split in ("train", "test"):
        for path in (root / split).iterdir():
            path.rename(root / "images" / path.name)
        (root / split).rmdir()
        (root / f"{split}.json").rename(root / "annotations" / f"{split}.json")
    assert open_dataset("coco", root).check().is_complete


def test_an_image_without_objects_is_all_background(root: Path) -> None:
    change(root / "test.json", annotations=[])
    dataset = open_dataset("coco", root)
    assert dataset.check().is_complete
    assert not np.asarray(dataset.read("test1.png", "test").masks).any()


def test_a_missing_json_is_named(root: Path) -> None:
    (root / "test.json").unlink()
    problems = open_dataset("coco", root).check().problems
    assert problems == ("there is no test.json, nor annotations/test.json",)


def test_a_json_that_is_cut_off_is_named(root: Path) -> None:
    file = root / "train.json"
    file.write_text(file.read_text()[:50])
    dataset = open_dataset("coco", root)
    problems = dataset.check().problems
    assert len(problems) == 1
    assert "is no JSON, or is cut off" in problems[0]
    with pytest.raises(UnreadableFileError, match="cut off"):
        dataset.list_names("train")


def test_a_missing_image_is_named_once(root: Path) -> None:
    (root / "train" / "train3.png").unlink()
    dataset = open_dataset("coco", root)
    report = dataset.check()
    assert len(report.problems) == 1
    assert "the image train3.png, which train.json names" in report.problems[0]
    assert report.found == {"train": 3, "test": 2}
    with pytest.raises(UnreadableFileError, match=r"train3\.png"):
        dataset.list_names("train")
    with pytest.raises(UnreadableFileError, match=r"has no image train3\.png"):
        dataset.read("train3.png", "train")


def test_an_image_that_no_json_names_is_named(root: Path) -> None:
    Image.fromarray(draw_pair(0)[0]).save(root / "test" / "extra.png")
    report = open_dataset("coco", root).check()
    assert report.problems == ("the image test/extra.png is named by no JSON",)


def test_a_wrong_size_is_named_with_both_sizes(root: Path) -> None:
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(root / "test" / "test1.png")
    dataset = open_dataset("coco", root)
    problems = dataset.check().problems
    assert len(problems) == 1
    assert "the mask of test1.png in the JSON is 48 x 64" in problems[0]
    assert "is 10 x 12" in problems[0]
    with pytest.raises(ShotError, match="same size"):
        dataset.read("test1.png", "test")


def test_an_unreadable_image_is_named(root: Path) -> None:
    (root / "test" / "test1.png").write_bytes(b"no image")
    problems = open_dataset("coco", root).check().problems
    assert len(problems) == 1
    assert "test1.png cannot be read as an image" in problems[0]


def test_the_first_images_are_the_shots(root: Path) -> None:
    dataset = open_dataset("coco", root)
    assert dataset.list_shots(1) == ("train1.png",)
    with pytest.raises(UnreadableFileError, match="fewer than 16"):
        dataset.list_shots(16)
