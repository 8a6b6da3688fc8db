"""OME-Zarr as its specification has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange import LabelImage, is_label_zarr, read_label_zarr, write_label_zarr
from tests.exchange.conftest import LARGEST, OnePlaneAtATime, blocks

AXES = [{"name": "y", "type": "space", "unit": "micrometer"}, {"name": "x", "type": "space"}]
STEPS = [{"type": "scale", "scale": [0.5, 0.25]}]


def write_05(path: Path, labels: np.ndarray, **changes: Any) -> Path:
    """Write a label image as NGFF 0.5 has it, on zarr 3."""
    level = {"path": "s0", "coordinateTransformations": STEPS}
    ome = {
        "version": "0.5",
        "multiscales": [{"axes": AXES, "datasets": [level]}],
        "image-label": {"properties": [{"label-value": 2, "class": "cell"}, {"label-value": 3}]},
    }
    group = zarr.create_group(path, zarr_format=3, attributes={"ome": ome | changes})
    group.create_array("s0", data=labels)
    return path


def test_a_stack_comes_back_with_all_that_was_said(tmp_path: Path, stack: LabelImage) -> None:
    again = read_label_zarr(write_label_zarr(tmp_path / "x.ome.zarr", stack))
    assert np.array_equal(again.labels[...], stack.labels)
    assert (again.axes, again.scale, again.translate, again.units, again.classes) == (
        stack.axes, stack.scale, stack.translate, stack.units, stack.classes
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(8, 9), (3, 8, 9), (2, 2, 3, 8, 9), (1, 8, 9), (1030, 3)])
def test_labels_of_every_shape_come_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, LARGEST, shape, endpoint=True)
    again = read_label_zarr(write_label_zarr(tmp_path / "x.zarr", LabelImage(labels)))
    assert np.array_equal(again.labels[...], labels)
    assert again.units == ("pixel",) * len(shape)


def test_the_description_is_that_of_ngff_04(tmp_path: Path, stack: LabelImage) -> None:
    path = write_label_zarr(tmp_path / "x.ome.zarr", stack)
    assert json.loads((path / ".zattrs").read_text()) == {
        "multiscales": [
            {
                "version": "0.4",
                "name": "x.ome.zarr",
                "axes": [
                    {"name": "t", "type": "time", "unit": "second"},
                    {"name": "z", "type": "space", "unit": "micrometer"},
                    {"name": "y", "type": "space", "unit": "micrometer"},
                    {"name": "x", "type": "space", "unit": "micrometer"},
                ],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [
                            {"type": "scale", "scale": [1.5, 2.0, 0.25, 0.3]},
                            {"type": "translation", "translation": [0.0, 10.0, -3.0, 4.5]},
                        ],
                    }
                ],
            }
        ],
        "image-label": {
            "version": "0.4",
            "properties": [
                {"label-value": 1, "class": "nucleus"},
                {"label-value": 2, "class": "cell"},
                {"label-value": LARGEST, "class": "nucleus"},
            ],
        },
    }
    array = json.loads((path / "0" / ".zarray").read_text())
    assert (array["zarr_format"], array["dimension_separator"]) == (2, "/")
    assert (array["dtype"], array["chunks"]) == ("<u4", [1, 1, 24, 30])


def test_a_stack_is_written_one_plane_at_a_time(tmp_path: Path) -> None:
    labels = blocks((2, 3, 8, 9))
    lazy = OnePlaneAtATime(labels)
    again = read_label_zarr(write_label_zarr(tmp_path / "x.zarr", LabelImage(lazy)))
    assert len(lazy.read) == 6
    assert np.array_equal(again.labels[...], labels)


def test_a_dask_array_is_written(tmp_path: Path) -> None:
    labels = blocks((4, 8, 9))
    lazy = dask.array.from_array(labels, chunks=(2, 4, 9))
    again = read_label_zarr(write_label_zarr(tmp_path / "x.zarr", LabelImage(lazy)))
    assert np.array_equal(again.labels[...], labels)


def test_ngff_05_is_read(tmp_path: Path) -> None:
    labels = blocks((8, 9)).astype(np.uint8)
    image = read_label_zarr(write_05(tmp_path / "x.zarr", labels))
    assert np.array_equal(image.labels[...], labels)
    assert (image.axes, image.scale, image.units) == ("yx", (0.5, 0.25), ("micrometer", "pixel"))
    assert dict(image.classes) == {2: "cell"}


def test_a_new_one_replaces_the_old_one(tmp_path: Path, stack: LabelImage) -> None:
    path = write_label_zarr(tmp_path / "x.zarr", stack)
    write_label_zarr(path, LabelImage(np.ones((3, 4), int)))
    assert read_label_zarr(path).shape == (3, 4)
    assert [folder.name for folder in tmp_path.iterdir()] == ["x.zarr"]


def test_something_else_is_never_replaced(tmp_path: Path, stack: LabelImage) -> None:
    folder, file = tmp_path / "a.zarr", tmp_path / "b.zarr"
    folder.mkdir()
    (folder / "thesis.txt").write_text("kept")
    file.write_text("kept")
    for path in (folder, file):
        with pytest.raises(UnreadableFileError, match="exists and is no zarr"):
            write_label_zarr(path, stack)
    assert (folder / "thesis.txt").read_text() == file.read_text() == "kept"


def test_a_full_disk_leaves_the_old_one(
    tmp_path: Path, stack: LabelImage, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    path = write_label_zarr(tmp_path / "x.zarr", stack)
    labels = np.random.default_rng(0).integers(0, LARGEST, (2, 40, 50))
    with full_disk(), pytest.raises(UnreadableFileError, match=r"cannot write .*x\.zarr"):
        write_label_zarr(path, LabelImage(labels))
    assert np.array_equal(read_label_zarr(path).labels[...], stack.labels)
    assert [folder.name for folder in tmp_path.iterdir()] == ["x.zarr"]


def test_a_wrong_label_leaves_the_old_one(tmp_path: Path, stack: LabelImage) -> None:
    path = write_label_zarr(tmp_path / "x.zarr", stack)
    with pytest.raises(LabelsError, match="label -3"):
        write_label_zarr(path, LabelImage(np.array([[0, -3]])))
    assert read_label_zarr(path).shape == stack.shape


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, stack: LabelImage) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableFileError, match="cannot write"):
        write_label_zarr(tmp_path / "file" / "x.zarr", stack)


@pytest.mark.parametrize(
    "changes",
    [
        {"multiscales": []},
        {"multiscales": [{"axes": AXES, "datasets": []}]},
        {"multiscales": [{"axes": AXES, "datasets": [{"path": "s0"}]}]},
        {"multiscales": [{"axes": AXES, "datasets": [
            {"path": "missing", "coordinateTransformations": STEPS}]}]},
        {"multiscales": [{"axes": AXES[:1], "datasets": [
            {"path": "s0", "coordinateTransformations": STEPS}]}]},
        {"multiscales": [{"axes": [{"name": "q"}, {"name": "x"}], "datasets": [
            {"path": "s0", "coordinateTransformations": STEPS}]}]},
        {"image-label": 5},
        {"image-label": {"properties": [{"label-value": "x", "class": "y"}]}},
    ],
)  # fmt: skip
def test_an_incomplete_description_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write_05(tmp_path / "x.zarr", blocks((8, 9)), **changes)
    with pytest.raises(UnreadableFileError, match="cannot be read as OME-Zarr"):
        read_label_zarr(path)


def test_other_folders_are_no_labels(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "image.zarr", attributes={"ome": {"multiscales": []}})
    zarr.create_group(tmp_path / "odd.zarr", attributes={"ome": 5})
    (tmp_path / "list.zarr").mkdir()
    (tmp_path / "list.zarr" / ".zattrs").write_text("[1]")
    for name in ("image.zarr", "odd.zarr", "list.zarr", ".", "missing"):
        assert not is_label_zarr(tmp_path / name)
        with pytest.raises(UnreadableFileError, match="no label image of OME-Zarr"):
            read_label_zarr(tmp_path / name)


def test_a_folder_is_told_without_loading_zarr(tmp_path: Path, stack: LabelImage) -> None:
    path = write_label_zarr(tmp_path / "x.zarr", stack)
    code = (
        "import sys; from napari_catsam.exchange import is_label_zarr;"
        f"assert is_label_zarr({str(path)!r}); sys.exit('zarr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
