"""TIFF that ImageJ, Fiji and OME readers know the pixel size of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange import LabelImage, read_label_tiff, write_label_tiff
from napari_catsam.images import read_labels
from tests.exchange.conftest import LARGEST, OnePlaneAtATime, blocks

UNITS = {"t": "second", "c": "pixel", "z": "nanometer", "y": "micrometer", "x": "micrometer"}
SCALES = {"t": 0.3, "c": 1.0, "z": 200.0, "y": 0.25, "x": 0.5}
SHAPE = {"t": 2, "c": 2, "z": 3, "y": 24, "x": 30}


def make(axes: str, largest: int) -> LabelImage:
    labels = blocks(tuple(SHAPE[name] for name in axes), largest)
    scale, units = ([table[name] for name in axes] for table in (SCALES, UNITS))
    return LabelImage(labels, axes, scale, units=units)


@pytest.mark.parametrize("largest", [5, 300, LARGEST])
@pytest.mark.parametrize("axes", ["yx", "zyx", "tyx", "tzyx", "czyx", "tczyx"])
@pytest.mark.parametrize("name", ["x.tif", "x.ome.tif"])
def test_labels_scale_and_units_come_back(
    tmp_path: Path, axes: str, largest: int, name: str
) -> None:
    image = make(axes, largest)
    again = read_label_tiff(write_label_tiff(tmp_path / name, image))
    assert np.array_equal(again.labels, image.labels)
    assert (again.axes, again.units) == (image.axes, image.units)
    assert again.scale == pytest.approx(image.scale)


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [(0, "uint8"), (255, "uint8"), (256, "uint16"), (65535, "uint16"), (65536, "uint32")],
)
def test_the_type_is_the_smallest_that_holds_the_largest_label(
    tmp_path: Path, largest: int, dtype: str
) -> None:
    labels = np.array([[0, largest]], np.int64)
    path = write_label_tiff(tmp_path / "x.tif", LabelImage(labels))
    assert tifffile.imread(path).dtype == dtype
    assert np.array_equal(read_labels(path), labels)


def test_imagej_finds_what_it_needs(tmp_path: Path) -> None:
    path = write_label_tiff(tmp_path / "x.tif", make("tzyx", 300))
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        assert file.imagej_metadata is not None
        found = {key: file.imagej_metadata[key] for key in
                 ("frames", "slices", "unit", "spacing", "zunit", "finterval", "tunit")}  # fmt: skip
        assert found == {
            "frames": 2, "slices": 3, "unit": "um", "spacing": 200.0, "zunit": "nm",
            "finterval": 0.3, "tunit": "s",
        }  # fmt: skip
        tags = file.pages.first.tags
        x, y = tags["XResolution"].value, tags["YResolution"].value
        assert (x[0] / x[1], y[0] / y[1]) == (2.0, 4.0)  # pixels a unit
        assert tags["ResolutionUnit"].value == 1  # the unit is in the description
        assert file.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_ome_has_the_pixel_size_where_imagej_has_no_such_type(tmp_path: Path) -> None:
    path = write_label_tiff(tmp_path / "x.tif", make("zyx", LARGEST))
    with tifffile.TiffFile(path) as file:
        assert file.ome_metadata is not None
        for text in (
            'Type="uint32"', 'SizeZ="3"', 'PhysicalSizeX="0.5" PhysicalSizeXUnit="µm"',
            'PhysicalSizeY="0.25"', 'PhysicalSizeZ="200.0" PhysicalSizeZUnit="nm"',
        ):  # fmt: skip
            assert text in file.ome_metadata


def test_labels_without_a_scale_are_in_pixels(tmp_path: Path) -> None:
    for name in ("x.tif", "x.ome.tif"):
        image = LabelImage(blocks((3, 8, 9)))
        again = read_label_tiff(write_label_tiff(tmp_path / name, image))
        assert (again.scale, again.units) == (image.scale, image.units)


@pytest.mark.parametrize("unit", ["angstrom", "pixel", "parsec", "Ångström"])
@pytest.mark.parametrize("name", ["x.tif", "x.ome.tif"])
def test_other_units_are_written_too(tmp_path: Path, unit: str, name: str) -> None:
    image = LabelImage(blocks((8, 9)), scale=(2, 2), units=(unit, unit))
    assert read_label_tiff(write_label_tiff(tmp_path / name, image)).scale == (2.0, 2.0)


def test_a_stack_is_written_one_plane_at_a_time(tmp_path: Path) -> None:
    labels = blocks((2, 3, 8, 9), 300)
    lazy = OnePlaneAtATime(labels)
    path = write_label_tiff(tmp_path / "x.tif", LabelImage(lazy))
    assert len(lazy.read) == 12  # twice: the largest label comes first
    assert np.array_equal(tifffile.imread(path), labels)


def test_float_labels_of_imagej_are_read(tmp_path: Path) -> None:
    labels = blocks((8, 9), 70_000)
    tifffile.imwrite(tmp_path / "x.tif", labels.astype(np.float32), imagej=True)
    assert np.array_equal(read_label_tiff(tmp_path / "x.tif").labels, labels)


def test_pages_of_no_known_kind_are_slices(tmp_path: Path) -> None:
    labels = blocks((3, 8, 9)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", labels, photometric="minisblack", metadata=None)
    again = read_label_tiff(tmp_path / "x.tif")
    assert (again.axes, again.scale) == ("zyx", (1.0, 1.0, 1.0))
    assert np.array_equal(again.labels, labels)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((4, 5), 0.5, np.float32), "fractions"),
        (np.full((4, 5), -1, np.int16), "the label -1"),
        (np.zeros((4, 5, 3), np.uint8), "colour image"),
    ],
)
def test_what_are_no_labels_is_refused(tmp_path: Path, pixels: np.ndarray, message: str) -> None:
    kind = {"photometric": "rgb"} if pixels.ndim == 3 else {}
    tifffile.imwrite(tmp_path / "x.tif", pixels, **kind)
    with pytest.raises(UnreadableFileError, match=message):
        read_label_tiff(tmp_path / "x.tif")


def test_a_file_that_is_cut_off_or_foreign_or_missing_is_refused(tmp_path: Path) -> None:
    path = write_label_tiff(tmp_path / "x.tif", make("zyx", LARGEST))
    path.write_bytes(path.read_bytes()[:300])
    Image.new("L", (4, 5)).save(tmp_path / "y.tif", format="png")
    for name in ("x.tif", "y.tif", "z.tif"):
        with pytest.raises(UnreadableFileError, match=rf"{name} cannot be read as labels: \w"):
            read_label_tiff(tmp_path / name)


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "x.tif"
    path.write_text("old")
    labels = np.random.default_rng(0).integers(0, LARGEST, (2, 40, 50))
    with full_disk(), pytest.raises(UnreadableFileError, match=r"cannot write .*x\.tif"):
        write_label_tiff(path, LabelImage(labels))
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("x.tif", "old")]


def test_a_wrong_label_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    path.write_text("old")
    with pytest.raises(LabelsError, match="label -3"):
        write_label_tiff(path, LabelImage(np.array([[0, -3]])))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot write .*No such file"):
        write_label_tiff(tmp_path / "nowhere" / "x.tif", make("yx", 5))
