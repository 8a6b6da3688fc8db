"""Images and masks of two folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.io import imsave

from napari_catsam.errors import ImageError, ShotError, UnreadableFileError
from napari_catsam.evaluation.folders import Sample, SampleFolder

IMAGE = np.arange(48, dtype=np.uint8).reshape(6, 8)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for name in ("b", "a", "c"):
        imsave(images / f"{name}.png", IMAGE, check_contrast=False)
        imsave(masks / f"{name}.tif", (IMAGE > 40).astype(np.uint8) * 255, check_contrast=False)
    return images, masks


def test_files_are_matched_by_stem_and_sorted(folders: tuple[Path, Path]) -> None:
    samples = SampleFolder(*folders)
    assert len(samples) == 3
    assert [sample.name for sample in samples] == ["a", "b", "c"]
    assert np.array_equal(next(iter(samples)).image, IMAGE)


def test_other_files_and_masks_without_an_image_are_left_out(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    (images / "notes.txt").write_text("x")
    (images / ".hidden.png").write_text("x")
    (images / "a.png").unlink()
    assert [image.name for image, _ in SampleFolder(images, masks).pairs] == ["b.png", "c.png"]


def test_all_missing_masks_are_named_at_once(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    (masks / "a.tif").unlink()
    (masks / "c.tif").unlink()
    with pytest.raises(UnreadableFileError, match=r"no mask of the same stem for a\.png, c\.png;"):
        SampleFolder(images, masks)


def test_the_limit_takes_the_first_images_by_name(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    (masks / "c.tif").unlink()
    assert len(SampleFolder(images, masks, limit=2)) == 2


def test_a_text_file_selects_images_and_only_these_need_a_mask(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (folders[1] / "b.tif").unlink()
    select = tmp_path / "some.txt"
    select.write_text("c\n\n  a \nc\n")
    assert [s.name for s in SampleFolder(*folders, select=select)] == ["a", "c"]
    assert [s.name for s in SampleFolder(*folders, select=select, limit=1)] == ["a"]


def test_all_selected_images_that_are_missing_are_named(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    select = tmp_path / "some.txt"
    select.write_text("x\na\ny.png\n")
    with pytest.raises(UnreadableFileError, match=r"no image of the stem x, y\.png, which .*some"):
        SampleFolder(*folders, select=select)


def test_a_selection_that_is_empty_or_no_text_is_refused(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    select = tmp_path / "some.txt"
    select.write_text("\n\n")
    with pytest.raises(UnreadableFileError, match="names no image"):
        SampleFolder(*folders, select=select)
    for wrong in (tmp_path / "nowhere.txt", tmp_path, folders[0] / "a.png"):
        with pytest.raises(UnreadableFileError, match="cannot be read as a list of images"):
            SampleFolder(*folders, select=wrong)


def test_two_images_of_one_stem_are_refused(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    imsave(images / "a.tif", IMAGE, check_contrast=False)
    with pytest.raises(UnreadableFileError, match=r"a\.png and a\.tif .* have the same stem"):
        SampleFolder(images, masks)


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="there is no folder"):
        SampleFolder(tmp_path / "nowhere", tmp_path)
    with pytest.raises(UnreadableFileError, match="holds no image"):
        SampleFolder(tmp_path, tmp_path)


def test_a_sample_may_be_without_objects_but_not_of_two_sizes() -> None:
    assert Sample(IMAGE, np.zeros((6, 8), int)).name == ""
    with pytest.raises(ShotError, match="the mask of x is 8 x 6, the image is 6 x 8"):
        Sample(IMAGE, np.zeros((8, 6), int), name="x")
    with pytest.raises(ShotError, match="ignore is 2 x 2"):
        Sample(IMAGE, np.zeros((6, 8), int), ignore=np.zeros((2, 2), bool))
    with pytest.raises(ImageError, match="NaN"):
        Sample(np.full((6, 8), np.nan), np.zeros((6, 8), int))
