"""The public sets whose code was not released: what is known of their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.datasets.base import open_dataset


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def gray(value: int) -> np.ndarray:
    return np.full((12, 10), value, np.uint8)


def half(value: int) -> np.ndarray:
    """Return a mask whose upper 6 rows, 60 pixels, have a value."""
    mask = gray(0)
    mask[:6] = value
    return mask


def test_jsrt_is_gray_images_with_lungs_in_its_own_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        save(tmp_path / "Segmentation01" / split / "org" / f"{split}.png", gray(80))
        save(tmp_path / "Segmentation01" / split / "label" / f"{split}.png", half(255))
    dataset = open_dataset("jsrt", tmp_path)
    assert dataset.check().problems == ()
    image, mask = dataset.read_plane("test", "test")
    assert image.shape == (12, 10, 3)
    assert mask.sum() == 60


def test_roads_are_tested_with_points_and_valid_is_not_used(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        save(tmp_path / split / "sat" / f"{split}.tiff", np.zeros((12, 10, 3), np.uint8))
        save(tmp_path / split / "map" / f"{split}.tif", half(255))
    dataset = open_dataset("m_roads", tmp_path)
    assert dataset.list_names("train") == ("train",)
    assert dataset.list_names("test") == ("test",)
    assert dataset.test_prompts == ("point",)
    assert np.asarray(dataset.read("test", "test").masks).max() == 1


def build_hqseg44k(root: Path) -> Path:
    thin = "thin_object_detection"
    pairs = {
        "DIS5K/DIS-TR/im": "DIS5K/DIS-TR/gt",
        "DIS5K/DIS-VD/im": "DIS5K/DIS-VD/gt",
        f"{thin}/ThinObject5K/images_train": f"{thin}/ThinObject5K/masks_train",
        f"{thin}/ThinObject5K/images_test": f"{thin}/ThinObject5K/masks_test",
        f"{thin}/COIFT/images": f"{thin}/COIFT/masks",
        f"{thin}/HRSOD/images": f"{thin}/HRSOD/masks",
    }
    for folder in ("DUTS-TE", "DUTS-TR", "ecssd", "fss_all", "MSRA_10K"):
        pairs[f"cascade_psp/{folder}"] = f"cascade_psp/{folder}"
    two_parts = half(255)
    two_parts[2] = 0
    for images, masks in pairs.items():
        save(root / images / "1.jpg", np.zeros((12, 10, 3), np.uint8))
        save(root / masks / "1.png", two_parts)
    return root


def test_hqseg44k_joins_its_sets_and_takes_an_image_as_one_object(tmp_path: Path) -> None:
    dataset = open_dataset("hqseg44k", build_hqseg44k(tmp_path))
    assert dataset.check().problems == ()
    assert [len(dataset.list_names(split)) for split in ("train", "test")] == [7, 4]
    assert "COIFT/1" in dataset.list_names("test")
    assert np.asarray(dataset.read("DUTS-TE/1", "train").masks).max() == 1
    assert dataset.metric == "iou_image"


def test_a_missing_set_of_hqseg44k_is_named(tmp_path: Path) -> None:
    build_hqseg44k(tmp_path)
    (tmp_path / "cascade_psp" / "ecssd" / "1.png").unlink()
    problems = open_dataset("hqseg44k", tmp_path).check().problems
    assert problems == ("the image cascade_psp/ecssd/1.jpg has no mask in cascade_psp/ecssd",)


def build_fls(root: Path, count: int = 10) -> Path:
    top = root / "md_fls_dataset" / "data" / "watertank-segmentation"
    classes = half(2)
    classes[:, 5:] = np.where(classes[:, 5:] > 0, 11, 0)
    for number in range(count):
        save(top / "Images" / f"marine-debris-aris3k-{number}.png", gray(number))
        save(top / "Masks" / f"marine-debris-aris3k-{number}.png", classes)
    return root


def test_sonar_frames_are_parted_by_number_and_areas_of_a_class_are_objects(tmp_path: Path) -> None:
    dataset = open_dataset("fls", build_fls(tmp_path, 12))
    assert dataset.check().is_sound
    frames = {
        split: {int(name.rsplit("-", 1)[1]) for name in dataset.list_names(split)}
        for split in ("train", "test")
    }
    assert frames == {"train": set(range(8)), "test": {8, 9, 10, 11}}
    image, mask = dataset.read_plane("marine-debris-aris3k-10", "test")
    assert image[0, 0].tolist() == [10, 10, 10]
    assert np.unique(mask).tolist() == [0, 2, 11]
    assert np.asarray(dataset.read("marine-debris-aris3k-10", "test").masks).max() == 2
    assert dataset.class_names[2 - 1] == "can"
    assert dataset.class_names[11 - 1] == "wall"


def test_lists_in_the_root_part_sonar_frames_otherwise(tmp_path: Path) -> None:
    build_fls(tmp_path)
    (tmp_path / "train.txt").write_text("marine-debris-aris3k-9")
    (tmp_path / "test.txt").write_text("marine-debris-aris3k-0\nmarine-debris-aris3k-99")
    dataset = open_dataset("fls", tmp_path)
    assert dataset.list_names("train") == ("marine-debris-aris3k-9",)
    with pytest.raises(UnreadableFileError, match=r"test\.txt names marine-debris-aris3k-99"):
        dataset.list_names("test")
