"""The data sets of the paper, in the layouts of their archives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_catsam.errors import ShotError, UnknownNameError, UnreadableFileError
from napari_catsam.evaluation.datasets.base import (
    METRICS,
    Dataset,
    describe_dataset,
    list_datasets,
    open_dataset,
    register_dataset,
)
from tests.evaluation.datasets.trees import SIZE, TREES, draw_pair

ARCHIVES = sorted(TREES)
RELEASED = ("kvasir", "sbu", "whu")


@pytest.fixture(params=ARCHIVES)
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    return open_dataset(request.param, TREES[request.param](tmp_path))


def image_file(dataset: Dataset, name: str, split: str = "train") -> Path:
    """Return the file of an image, from what lies below the root."""
    tops = {"train": ("train", "TrainDataset", "SBUTrain4KRecoveredSmall"),
            "test": ("val", "Kvasir", "SBU-Test")}  # fmt: skip
    found = [
        path
        for path in dataset.root.rglob(f"{name}.*")
        if path.parent.name in ("image", "images", "ShadowImages")
        and path.parent.parent.name in tops[split]
    ]
    assert len(found) == 1
    return found[0]


def mask_file(dataset: Dataset, name: str) -> Path:
    image = image_file(dataset, name)
    masks = {"image": ("label", "masks"), "ShadowImages": ("ShadowMasks",)}[image.parent.name]
    return next(
        path for folder in masks for path in (image.parent.parent / folder).glob(f"{name}.*")
    )


def test_every_data_set_says_where_it_comes_from_and_what_it_measures() -> None:
    assert set(list_datasets()) >= {
        *ARCHIVES,
        "jsrt",
        "fls",
        "hqseg44k",
        "m_roads",
        "folder",
        "coco",
    }
    for name in list_datasets():
        cls = describe_dataset(name)
        assert cls.name == name
        assert cls.source.title
        assert cls.source.licence
        assert cls.source.layout
        assert {cls.metric, *cls.other_metrics} <= set(METRICS)


@pytest.mark.parametrize("name", RELEASED)
def test_the_released_shots_are_one_and_sixteen_and_the_one_is_among_them(name: str) -> None:
    shots = describe_dataset(name).shots
    assert {count: len(set(names)) for count, names in shots.items()} == {1: 1, 16: 16}
    assert set(shots[1]) <= set(shots[16])


def test_the_rules_are_those_of_the_released_code() -> None:
    rules = {name: describe_dataset(name).rule for name in RELEASED}
    assert {name: rule.connectivity for name, rule in rules.items()} == {
        "kvasir": 8, "sbu": 8, "whu": 4,
    }  # fmt: skip
    assert {name: rule.threshold for name, rule in rules.items()} == {
        "kvasir": 254, "sbu": 0, "whu": 254,
    }  # fmt: skip
    assert {name: rule.smallest_area for name, rule in rules.items()} == {
        "kvasir": 21, "sbu": 11, "whu": 21,
    }  # fmt: skip
    assert {name: rule.smallest_share for name, rule in rules.items()} == {
        "kvasir": 0.001, "sbu": 0.001, "whu": 0.0,
    }  # fmt: skip
    assert {name: rule.most_objects for name, rule in rules.items()} == {
        "kvasir": None, "sbu": None, "whu": 25,
    }  # fmt: skip


def test_shots_and_splits_come_from_the_layout_of_the_archive(dataset: Dataset) -> None:
    train, test = dataset.list_names("train"), dataset.list_names("test")
    assert len(train) == 16
    assert len(test) == 3
    assert set(dataset.list_shots(1)) < set(dataset.list_shots(16)) == set(train)
    assert "101" not in train  # of CVC-ClinicDB


def test_every_image_is_read_with_its_objects(dataset: Dataset) -> None:
    for split in ("train", "test"):
        for name in dataset.list_names(split):
            sample = dataset.read(name, split)
            assert sample.name == name
            assert np.asarray(sample.image).shape == (*SIZE, 3)
            assert np.asarray(sample.image).dtype == np.uint8
            assert np.asarray(sample.masks).max() == 2


def test_the_mask_is_that_of_the_image(dataset: Dataset) -> None:
    number = dataset.shots[16].index(dataset.shots[1][0])
    image, mask = dataset.read_plane(dataset.shots[1][0], "train")
    drawn, truth = draw_pair(number)
    assert np.array_equal(mask, truth)
    assert np.abs(image.astype(int) - drawn).mean() < 12  # JPEG


def test_the_folder_of_the_archive_itself_will_do_too(tmp_path: Path) -> None:
    for name, top in (("whu", "3. The cropped*"), ("sbu", "SBU-shadow")):
        root = TREES[name](tmp_path / name)
        assert len(open_dataset(name, next(root.glob(top))).list_names("train")) == 16


def test_a_whole_tree_has_nothing_wrong_and_is_a_part_of_the_archive(dataset: Dataset) -> None:
    report = dataset.check()
    assert report.problems == ()
    assert report.is_sound
    assert dict(report.found) == {"train": 16, "test": 3}
    assert not any(report.missing_shots.values())
    assert not report.is_complete
    assert all("unpack it again" in sentence for sentence in report.shortfalls)


def test_a_missing_mask_is_named_once(dataset: Dataset) -> None:
    name = dataset.list_shots(16)[3]
    mask_file(dataset, name).unlink()
    report = dataset.check()
    assert len(report.problems) == 1
    assert name in report.problems[0]
    assert "has no mask" in report.problems[0]
    with pytest.raises(UnreadableFileError, match=f"{name}.*has no mask"):
        dataset.list_names("train")
    with pytest.raises(UnreadableFileError, match=f"no image {name} with a mask for train"):
        dataset.read(name, "train")


def test_a_mask_without_image_is_named_once_and_stops_no_training(dataset: Dataset) -> None:
    name = dataset.list_shots(16)[3]
    image_file(dataset, name).unlink()
    report = dataset.check()
    assert len(report.problems) == 1
    assert name in report.problems[0]
    assert "has no image" in report.problems[0]
    assert report.missing_shots[16] == (name,)
    assert f"train has no image {name}, which few-shot training takes" in report.shortfalls
    assert len(dataset.list_names("train")) == 15


def test_a_wrong_size_is_named_once_with_both_sizes(dataset: Dataset) -> None:
    name = dataset.list_shots(16)[3]
    file = mask_file(dataset, name)
    Image.fromarray(np.zeros((10, 12), np.uint8)).save(file)
    report = dataset.check()
    assert len(report.problems) == 1
    assert file.name in report.problems[0]
    assert "is 10 x 12" in report.problems[0]
    assert "is 48 x 64" in report.problems[0]
    with pytest.raises(ShotError, match="must have the same size"):
        dataset.read(name, "train")


@pytest.mark.parametrize("damage", [b"", b"no image at all"])
def test_an_unreadable_image_is_named_once(dataset: Dataset, damage: bytes) -> None:
    name = dataset.list_names("test")[1]
    file = image_file(dataset, name, "test")
    file.write_bytes(damage)
    report = dataset.check()
    assert len(report.problems) == 1
    assert str(file) in report.problems[0]
    assert "cannot be read as an image" in report.problems[0]
    with pytest.raises(UnreadableFileError, match="cannot be read as an image"):
        dataset.read(name, "test")


def test_a_truncated_image_is_named_too(dataset: Dataset) -> None:
    name = dataset.list_names("test")[0]
    file = image_file(dataset, name, "test")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert [str(file) in problem for problem in dataset.check().problems] == [True]


def test_a_missing_folder_is_named_and_is_all_that_is_said_of_its_split(dataset: Dataset) -> None:
    folder = mask_file(dataset, dataset.list_shots(1)[0]).parent
    shutil.rmtree(folder)
    report = dataset.check()
    assert len(report.problems) == 1
    assert report.problems[0].startswith("there is no folder")
    assert folder.name in report.problems[0]
    assert report.found["train"] == 0
    assert not report.is_sound


def test_an_empty_root_lacks_every_folder(tmp_path: Path) -> None:
    report = open_dataset("whu", tmp_path).check()
    assert report.problems == tuple(
        f"there is no folder {folder}"
        for folder in ("train/image", "train/label", "val/image", "val/label")
    )


def test_of_many_missing_masks_an_error_names_some_and_a_check_all(dataset: Dataset) -> None:
    for name in dataset.list_shots(16)[:9]:
        mask_file(dataset, name).unlink()
    assert len(dataset.check().problems) == 9
    with pytest.raises(UnreadableFileError, match="and 4 more"):
        dataset.list_names("train")


def test_a_check_can_be_stopped(dataset: Dataset) -> None:
    steps = dataset.iterate_check()
    assert next(steps).total == 19
    with pytest.raises(StopIteration) as end:
        steps.send(True)
    assert not end.value.value.finished
    assert not end.value.value.is_sound


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown data set 'kvasri'.*did you mean 'kvasir'"):
        open_dataset("kvasri", tmp_path)
    with pytest.raises(UnreadableFileError, match=r"no folder .*nowhere; give the one that whu"):
        open_dataset("whu", tmp_path / "nowhere")


def test_shots_that_were_not_released_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"no 16 images .* jsrt were released"):
        open_dataset("jsrt", tmp_path).list_shots(16)


def test_a_name_is_registered_once() -> None:
    list_datasets()
    with pytest.raises(ValueError, match="'whu' is registered twice"):
        register_dataset("whu")(describe_dataset("whu"))


GRAY: dict[str, Callable[[np.ndarray], Image.Image]] = {
    "gray": lambda mask: Image.fromarray(mask * np.uint8(255)),
    "colour": lambda mask: Image.fromarray(np.repeat(mask[..., None] * np.uint8(255), 3, -1)),
    "bilevel": lambda mask: Image.fromarray(mask),
}


@pytest.mark.parametrize("mode", sorted(GRAY))
def test_masks_in_any_mode_mean_the_same(tmp_path: Path, mode: str) -> None:
    dataset = open_dataset("kvasir", TREES["kvasir"](tmp_path))
    name, truth = dataset.list_shots(1)[0], draw_pair(7)[1]
    GRAY[mode](truth).save(mask_file(dataset, name))
    assert np.array_equal(dataset.read_plane(name, "train")[1], truth)


@pytest.mark.parametrize(("name", "lowest"), [("whu", 255), ("kvasir", 255), ("sbu", 1)])
def test_gray_values_are_foreground_from_the_threshold_on(
    tmp_path: Path, name: str, lowest: int
) -> None:
    dataset = open_dataset(name, TREES[name](tmp_path))
    shot, levels = dataset.list_shots(1)[0], np.zeros(SIZE, np.uint8)
    levels[:4] = lowest - 1
    levels[10:14] = lowest
    Image.fromarray(levels).save(mask_file(dataset, shot))
    mask = dataset.read_plane(shot, "train")[1]
    assert not mask[:10].any()
    assert mask[10:14].all()
