"""COCO JSON that pycocotools reads, and that comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy import ndimage

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange import LabelImage, is_coco, read_coco, write_coco
from napari_catsam.exchange.coco import Outlines
from tests.exchange.conftest import LARGEST, OnePlaneAtATime, blocks

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # of pycocotools
)

OUTLINES: tuple[Outlines, ...] = ("rle", "polygons")


def document(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("outlines", OUTLINES)
def test_a_stack_comes_back(tmp_path: Path, stack: LabelImage, outlines: Outlines) -> None:
    (again,) = read_coco(write_coco(tmp_path / "x.json", stack, outlines))
    assert np.array_equal(again.labels, stack.labels)
    assert (again.axes, again.scale, again.translate, again.units, again.name) == (
        stack.axes, stack.scale, stack.translate, stack.units, stack.name
    )  # fmt: skip
    assert dict(again.classes) == {3: "object", 4: "object", **stack.classes}


@pytest.mark.parametrize("outlines", OUTLINES)
def test_pycocotools_reads_every_object(
    tmp_path: Path, stack: LabelImage, outlines: Outlines
) -> None:
    coco = COCO(write_coco(tmp_path / "x.json", stack, outlines))
    planes = stack.labels.reshape(-1, *stack.size)
    near = np.ones((3, 3), bool)
    assert len(coco.getImgIds()) == len(planes)
    for entry in coco.loadAnns(coco.getAnnIds()):
        mask = planes[coco.loadImgs(entry["image_id"])[0]["plane"]] == entry["label"]
        theirs = coco.annToMask(entry) > 0
        if outlines == "rle":
            assert np.array_equal(theirs, mask)
        assert not (theirs & ~ndimage.binary_dilation(mask, near)).any()
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert entry["bbox"] == box
        assert entry["area"] == mask.sum()
        assert coco.loadCats(entry["category_id"])[0]["name"] == stack.class_of(entry["label"])


@pytest.mark.parametrize("outlines", OUTLINES)
def test_pycocotools_scores_the_file_against_itself_as_perfect(
    tmp_path: Path, stack: LabelImage, outlines: Outlines
) -> None:
    truth = COCO(write_coco(tmp_path / "x.json", stack, outlines))
    results = [entry | {"score": 1.0} for entry in truth.dataset["annotations"]]
    evaluation = COCOeval(truth, truth.loadRes(results), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_an_object_with_a_hole_has_run_lengths_and_the_others_polygons(tmp_path: Path) -> None:
    labels = np.zeros((9, 12), int)
    labels[1:6, 1:6], labels[3, 3], labels[2:5, 8:10] = 1, 0, 2
    path = write_coco(tmp_path / "x.json", LabelImage(labels, name="a.tif"), "polygons")
    ring, block = document(path)["annotations"]
    assert set(ring["segmentation"]) == {"size", "counts"}
    assert isinstance(block["segmentation"], list)
    assert all(len(flat) >= 6 for flat in block["segmentation"])


def test_ids_stay_when_another_object_goes(tmp_path: Path, stack: LabelImage) -> None:
    def ids(image: LabelImage) -> dict[int, Any]:
        entries = document(write_coco(tmp_path / "x.json", image))["annotations"]
        return {entry["id"]: entry for entry in entries}

    before = ids(stack)
    kept = np.where(stack.labels == 2, 0, stack.labels)
    after = ids(LabelImage(kept, **{key: getattr(stack, key) for key in ("classes", "name")}))
    assert after == {key: entry for key, entry in before.items() if entry["label"] != 2}
    assert len(after) == 4 * stack.plane_count


def test_in_an_image_the_id_is_the_label(tmp_path: Path) -> None:
    labels = np.array([[1, 0, 7, LARGEST]])
    entries = document(write_coco(tmp_path / "x.json", LabelImage(labels, name="a.tif")))
    assert [entry["id"] for entry in entries["annotations"]] == [1, 7, LARGEST]
    assert "plane" not in entries["images"][0]


def test_several_images_go_into_one_file(tmp_path: Path) -> None:
    first = LabelImage(blocks((12, 15)), name="a.tif", classes={2: "cell"})
    second = LabelImage(blocks((3, 8, 9), seed=1), name="b.tif", classes={1: "cell", 2: "dirt"})
    path = write_coco(tmp_path / "x.json", [first, second])
    again = list(read_coco(path))
    assert [image.name for image in again] == ["a.tif", "b.tif"]
    for image, given in zip(again, (first, second), strict=True):
        assert np.array_equal(image.labels, given.labels)
        assert all(image.class_of(n) == given.class_of(n) for n in np.unique(given.labels) if n)
    coco = COCO(path)
    assert len(set(coco.getAnnIds())) == len(coco.dataset["annotations"])
    assert [entry["name"] for entry in coco.dataset["categories"]] == ["cell", "dirt", "object"]


def test_an_image_without_objects_comes_back(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "x.json", LabelImage(np.zeros((3, 5), int), name="a.tif"))
    (again,) = read_coco(path)
    assert np.array_equal(again.labels, np.zeros((3, 5)))
    assert COCO(path).getCatIds() == [1]


def test_a_stack_is_written_one_plane_at_a_time(tmp_path: Path) -> None:
    labels = blocks((2, 3, 8, 9))
    lazy = OnePlaneAtATime(labels)
    (again,) = read_coco(write_coco(tmp_path / "x.json", LabelImage(lazy, name="a.tif")))
    assert len(lazy.read) == 6
    assert np.array_equal(again.labels, labels)


def test_the_same_labels_give_the_same_bytes(tmp_path: Path, stack: LabelImage) -> None:
    first, second = (write_coco(tmp_path / name, stack) for name in ("a.json", "b.json"))
    assert first.read_bytes() == second.read_bytes()
    assert is_coco(first)


def test_labels_need_a_name_and_outlines_a_known_one(tmp_path: Path, stack: LabelImage) -> None:
    with pytest.raises(LabelsError, match="file name of their image"):
        write_coco(tmp_path / "x.json", LabelImage(stack.labels))
    with pytest.raises(LabelsError, match="'dots'; choose 'rle' or 'polygons'"):
        write_coco(tmp_path / "x.json", stack, "dots")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, stack: LabelImage, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")
    with full_disk(), pytest.raises(UnreadableFileError, match=r"cannot write .*x\.json"):
        write_coco(path, stack)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("x.json", "old")]
