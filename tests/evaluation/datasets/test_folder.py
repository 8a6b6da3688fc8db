"""One's own images and masks, split by lists or folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.datasets.base import open_dataset
from napari_catsam.evaluation.datasets.folder import FolderDataset
from napari_catsam.evaluation.datasets.rule import ObjectRule
from tests.evaluation.datasets.trees import SIZE, build_folder, draw_pair


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_folder(tmp_path)


def test_lists_say_which_images_train_and_test(root: Path) -> None:
    dataset = open_dataset("folder", root)
    assert dataset.list_names("train") == ("cell0", "cell1", "cell2", "cell3")
    assert dataset.list_names("test") == ("cell4", "cell5")
    assert dataset.check().is_complete
    assert np.array_equal(dataset.read_plane("cell4", "test")[1] > 0, draw_pair(4)[1])


def test_folders_train_and_test_will_do_too(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "test")):
        for folder, array in zip(("images", "labels"), draw_pair(number), strict=True):
            (tmp_path / split / folder).mkdir(parents=True)
            Image.fromarray(array).save(tmp_path / split / folder / f"{split}.png")
    dataset = open_dataset("folder", tmp_path)
    assert dataset.list_names("train") == ("train",)
    assert dataset.check().is_complete


def test_values_of_a_label_image_are_objects_and_areas_of_a_binary_mask(root: Path) -> None:
    labels = np.zeros(SIZE, np.uint8)
    labels[:5], labels[5:10], labels[20:25] = 1, 2, 1
    Image.fromarray(labels).save(root / "masks" / "cell0.png")
    dataset = open_dataset("folder", root)
    assert np.asarray(dataset.read("cell0", "train").masks).max() == 2
    assert np.asarray(dataset.read("cell1", "train").masks).max() == 2
    classes = FolderDataset(root, rule=ObjectRule(unit="values"))
    assert np.asarray(classes.read("cell0", "train").masks).max() == 3


def test_lists_may_be_given_instead_of_files(root: Path) -> None:
    (root / "train.txt").unlink()
    dataset = FolderDataset(root, lists={"train": ["cell5"], "test": ["cell0", "cell1"]})
    assert dataset.list_names("train") == ("cell5",)
    assert dataset.list_names("test") == ("cell0", "cell1")
    assert dataset.check().is_sound


def test_without_lists_or_folders_it_is_said_how_to_split(root: Path) -> None:
    (root / "train.txt").unlink()
    (root / "test.txt").unlink()
    dataset = open_dataset("folder", root)
    with pytest.raises(UnreadableFileError, match=r"write their stems into train\.txt and"):
        dataset.list_names("train")
    assert len(dataset.check().problems) == 1


def test_one_list_without_the_other_is_a_problem_of_the_other(root: Path) -> None:
    (root / "test.txt").unlink()
    dataset = open_dataset("folder", root)
    assert len(dataset.list_names("train")) == 4
    assert dataset.check().problems == ("there is no list test.txt",)


def test_an_empty_list_is_a_problem(root: Path) -> None:
    (root / "test.txt").write_text("\n")
    problems = open_dataset("folder", root).check().problems
    assert len(problems) == 1
    assert "test.txt names no image" in problems[0]


def test_a_list_that_names_what_is_not_there_is_a_problem(root: Path) -> None:
    (root / "train.txt").write_text("cell0\ncell77")
    assert open_dataset("folder", root).check().problems == (
        "train.txt names cell77, but images has no image of that name with a mask",
    )


def test_an_image_that_is_to_train_and_to_test_is_a_problem(root: Path) -> None:
    (root / "test.txt").write_text("cell0\ncell5")
    dataset = open_dataset("folder", root)
    assert dataset.check().problems == (
        "cell0 is to train and to test; take it out of one of the two",
    )
    with pytest.raises(UnreadableFileError, match="cell0 is to train and to test"):
        dataset.list_names("test")


def test_two_files_of_one_stem_are_a_problem(root: Path) -> None:
    Image.fromarray(draw_pair(0)[0]).save(root / "images" / "cell0.tif")
    problems = open_dataset("folder", root).check().problems
    assert problems == ("cell0.png and cell0.tif in images have the same stem; take one out",)


def test_a_folder_of_masks_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert open_dataset("folder", tmp_path).check().problems == ("there is no folder masks",)


def test_the_first_images_are_the_shots_unless_a_list_says_others(root: Path) -> None:
    dataset = open_dataset("folder", root)
    assert dataset.list_shots(1) == ("cell0",)
    (root / "shots-1.txt").write_text("cell2")
    assert dataset.list_shots(1) == ("cell2",)
    with pytest.raises(UnreadableFileError, match="4 images to train on, which is fewer than 16"):
        dataset.list_shots(16)


@pytest.mark.parametrize(
    ("content", "said"),
    [("cell5", "it names cell5, which are not among them"), ("cell0\ncell1", "it names 2")],
)
def test_a_list_of_shots_that_does_not_fit_is_refused(root: Path, content: str, said: str) -> None:
    (root / "shots-1.txt").write_text(content)
    with pytest.raises(UnreadableFileError, match=f"must name 1 of the images.*{said}"):
        open_dataset("folder", root).list_shots(1)


def test_a_mask_in_colour_is_named(root: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    Image.fromarray(colours).save(root / "masks" / "cell1.png")
    problems = open_dataset("folder", root).check().problems
    assert len(problems) == 1
    assert "cell1.png is a colour image" in problems[0]
