"""The folder of a project, without napari."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_catsam.errors import UnreadableFileError
from napari_catsam.plugin.project.place import default_root
from napari_catsam.plugin.project.reading import Change, PlanePixels
from napari_catsam.plugin.project.record import (
    ImageRecord,
    LabelsRecord,
    ModelRecord,
    PromptsRecord,
    list_ids,
)
from napari_catsam.plugin.project.record_json import record_from_json
from napari_catsam.plugin.project.store import ProjectStore

IMAGE = ImageRecord("cells", "/data/cells.tif", (3, 20, 30), "uint16")
LABELS = LabelsRecord("masks-1", "masks", (3, 20, 30), "int32", {"scale": [1.0, 0.5, 0.5]})
BOX = PromptsRecord("shapes", "boxes", 3, {}, [[[1.0, 2.0, 3.0]] * 4], ["rectangle"])
MODEL = ModelRecord("vit_nano")


def sample() -> np.ndarray:
    return np.arange(9)


@pytest.fixture
def store(tmp_path: Path) -> ProjectStore:
    return ProjectStore(IMAGE, sample, tmp_path)


def plane(index: tuple[int, ...], value: int, folder: str = "masks-1") -> PlanePixels:
    pixels = np.zeros((20, 30), np.int32)
    pixels[2:5, 3:9] = value
    return PlanePixels(folder, index, lambda: pixels)


def change(*planes: PlanePixels, **others: Any) -> Change:
    return Change(MODEL, (LABELS,), planes=planes, **others)


def reopened(store: ProjectStore, root: Path) -> ProjectStore:
    store.close()
    return ProjectStore(IMAGE, sample, root)


def test_what_is_written_is_read_back(store: ProjectStore, tmp_path: Path) -> None:
    store.write(change(plane((0,), 3), plane((2,), 70_000), prompts=(BOX,)))
    other = reopened(store, tmp_path)
    (found,) = other.open()
    assert (found.record.objects, found.record.drawn) == (2, 1)
    restored = other.restore(found.folder)
    (array,) = restored.arrays
    assert array.dtype == np.int32
    assert (array[0, 2:5, 3:9] == 3).all()
    assert (array[2, 2:5, 3:9] == 70_000).all()
    assert not array[1].any()
    assert restored.record.prompts == (BOX,)
    assert restored.record.labels[0].placement == LABELS.placement


def test_planes_are_pictures_that_any_program_reads(store: ProjectStore) -> None:
    folder = store.write(change(plane((2,), 5)))
    assert folder is not None
    pixels = tifffile.imread(folder / "masks-1" / "00002.tif")
    assert pixels.dtype == np.int32
    assert (pixels[2:5, 3:9] == 5).all()


def test_nothing_is_made_while_there_is_nothing_to_keep(
    store: ProjectStore, tmp_path: Path
) -> None:
    assert store.write(change(plane((0,), 0))) is None
    assert list(tmp_path.iterdir()) == []


def test_only_planes_that_changed_are_written(store: ProjectStore) -> None:
    folder = store.write(change(plane((0,), 1), plane((1,), 2)))
    assert folder is not None
    files = sorted((folder / "masks-1").iterdir())
    stamps = [file.stat().st_ino for file in files]
    store.write(change(plane((0,), 1), plane((1,), 4)))
    assert files[0].stat().st_ino == stamps[0]
    assert files[1].stat().st_ino != stamps[1]


def test_an_object_on_two_planes_is_one(store: ProjectStore) -> None:
    store.write(change(plane((0,), 3), plane((1,), 3), plane((2,), 4)))
    store.close()
    assert store.open()[0].record.objects == 2


def test_a_project_that_another_window_has_open_is_not_offered(
    store: ProjectStore, tmp_path: Path
) -> None:
    folder = store.write(change(plane((0,), 3)))
    other = ProjectStore(IMAGE, sample, tmp_path)
    assert other.open() == ()
    assert folder is not None
    with pytest.raises(UnreadableFileError, match="open in another window"):
        other.adopt(folder)
    store.close()
    assert len(other.open()) == 1


def test_earlier_work_is_not_overwritten_before_it_is_decided_on(
    store: ProjectStore, tmp_path: Path
) -> None:
    store.write(change(plane((0,), 3)))
    second = reopened(store, tmp_path)
    second.write(change(plane((0,), 9), plane((1,), 8)))
    third = reopened(second, tmp_path)
    assert sorted(found.record.objects for found in third.open()) == [1, 2]


def test_an_image_of_the_same_name_with_other_pixels_has_another_place(tmp_path: Path) -> None:
    image = ImageRecord("cells", "", (20, 30), "uint8")
    one = ProjectStore(image, lambda: np.zeros(9), tmp_path)
    other = ProjectStore(image, lambda: np.ones(9), tmp_path)
    assert one.home != other.home
    assert one.home.name.startswith("cells-")


def test_pixels_that_cannot_be_read_do_not_keep_from_saving(tmp_path: Path) -> None:
    def fail() -> np.ndarray:
        raise RuntimeError("the server is gone")

    assert ProjectStore(IMAGE, fail, tmp_path).write(change(plane((0,), 1))) is not None


def make_older(folder: Path, days: float) -> None:
    path = folder / "project.json"
    content = json.loads(path.read_text())
    content["saved"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("days", "offered"), [(29.9, 2), (30.1, 1)])
def test_undecided_work_is_offered_for_a_month_and_then_kept_on_disk(
    store: ProjectStore, tmp_path: Path, days: float, offered: int
) -> None:
    first = tmp_path / store.home.name / "2020-01-01T12-00-00-abcd"
    store.write(change(plane((0,), 3)))
    store.close()
    store.folder.rename(first)
    second = reopened(store, tmp_path)
    second.write(change(plane((0,), 9), plane((1,), 8)))
    make_older(first, days)
    found = reopened(second, tmp_path).open()
    assert [item.record.objects for item in found] == [2, 1][:offered]
    assert (first / "masks-1" / "00000.tif").is_file()


def test_the_latest_work_is_offered_however_old_it_is(store: ProjectStore, tmp_path: Path) -> None:
    make_older(store.write(change(plane((0,), 3))), 1000)
    assert len(reopened(store, tmp_path).open()) == 1


def test_discarded_work_is_gone(store: ProjectStore, tmp_path: Path) -> None:
    store.write(change(plane((0,), 3)))
    other = reopened(store, tmp_path)
    (found,) = other.open()
    other.discard(found.folder)
    assert other.open() == ()
    assert not found.folder.exists()


def test_going_on_in_a_folder_keeps_the_planes_there(store: ProjectStore, tmp_path: Path) -> None:
    store.write(change(plane((0,), 3)))
    other = reopened(store, tmp_path)
    other.adopt(other.open()[0].folder)
    other.write(change(plane((1,), 4)))
    last = reopened(other, tmp_path)
    (found,) = last.open()
    assert [p.index for p in found.record.labels[0].planes] == [(0,), (1,)]


def test_a_damaged_plane_is_blank_and_told_of(store: ProjectStore, tmp_path: Path) -> None:
    folder = store.write(change(plane((0,), 3), plane((1,), 4)))
    assert folder is not None
    damaged = folder / "masks-1" / "00000.tif"
    damaged.write_bytes(damaged.read_bytes()[:40])
    other = reopened(store, tmp_path)
    restored = other.restore(folder)
    assert restored.damaged == (damaged,)
    assert not restored.arrays[0][0].any()
    assert restored.arrays[0][1].any()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "napari-catsam project"}'])
def test_a_damaged_record_is_one_sentence_and_not_offered(
    store: ProjectStore, tmp_path: Path, text: str
) -> None:
    folder = store.write(change(plane((0,), 3)))
    assert folder is not None
    (folder / "project.json").write_text(text)
    other = reopened(store, tmp_path)
    assert other.open() == ()
    with pytest.raises(UnreadableFileError, match=r"is no project or is damaged|has version"):
        other.restore(folder)


def test_a_newer_version_is_named() -> None:
    with pytest.raises(UnreadableFileError, match="has version 7, this package reads 1"):
        record_from_json('{"format": "napari-catsam project", "version": 7}', Path("p.json"))


def test_a_full_disk_keeps_what_was_written_before(
    store: ProjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(change(plane((0,), 3)))
    write_bytes = Path.write_bytes

    def fail(self: Path, content: bytes) -> int:
        write_bytes(self, content[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        with pytest.raises(UnreadableFileError, match="No space left"):
            store.write(change(plane((0,), 9), plane((1,), 4)))
    assert not list(tmp_path.rglob("*.part"))
    store.close()
    assert store.open()[0].record.objects == 1
    folder = store.write(change(plane((0,), 9), plane((1,), 4)))
    assert folder is not None
    (array,) = ProjectStore(IMAGE, sample, tmp_path).restore(folder).arrays
    assert array.max(axis=(1, 2)).tolist() == [9, 4, 0]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ProjectStore(IMAGE, sample, tmp_path / "file")
    with pytest.raises(UnreadableFileError, match="cannot make"):
        store.write(change(plane((0,), 3)))
    assert store.folder is None


@pytest.mark.parametrize(
    ("labels", "text"),
    [([0], ""), ([0, 1, 2, 3, 7], "1..3 7"), ([2**32 - 1, 5], "5 4294967295"), ([-2, 3], "-2 3")],
)
def test_numbers_of_objects_are_listed_as_runs(labels: list[int], text: str) -> None:
    assert list_ids(np.array([labels])) == text


def test_negative_labels_are_counted_too(store: ProjectStore) -> None:
    store.write(change(plane((0,), -3), plane((1,), 4)))
    store.close()
    assert store.open()[0].record.objects == 2


def test_the_root_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAPARI_CATSAM_PROJECTS", str(tmp_path))
    assert default_root() == tmp_path


KILLED = """
import sys, numpy as np
from tests.plugin.project.test_store import *
store = ProjectStore(IMAGE, sample, Path(sys.argv[1]))
for number in range(1, 10_000):
    store.write(change(plane((number % 3,), number)))
    print(number, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process_leaves_whole_files(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdout is not None
    last = 0
    while last < 20:
        line = process.stdout.readline()
        assert line, f"the process ended after {last} writings; its error is above"
        last = int(line)
    process.kill()
    last = max([last, *map(int, process.stdout.read().split())])
    process.wait()
    process.stdout.close()
    store = ProjectStore(IMAGE, sample, tmp_path)
    restored = store.restore(store.open()[0].folder)
    assert restored.damaged == ()
    for number in range(last - 2, last + 1):
        assert restored.arrays[0][number % 3].max() in (number, number + 3)


def test_a_chosen_folder_takes_what_is_there_and_is_remembered(
    store: ProjectStore, tmp_path: Path
) -> None:
    before = store.write(change(plane((0,), 3)))
    chosen = tmp_path / "chosen"
    home = store.move(chosen)
    assert before is not None
    assert not before.exists()
    assert store.folder == home / before.name
    store.write(change(plane((1,), 4)))
    other = reopened(store, tmp_path)
    (found,) = other.open()
    assert found.folder.is_relative_to(chosen)
    assert found.record.objects == 2


def test_a_folder_that_cannot_be_used_changes_nothing(store: ProjectStore, tmp_path: Path) -> None:
    before = store.write(change(plane((0,), 3)))
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableFileError, match="cannot keep the work in"):
        store.move(tmp_path / "file")
    assert store.folder == before
    assert store.write(change(plane((1,), 4))) == before


def test_a_folder_that_came_to_hold_nothing_is_deleted(store: ProjectStore) -> None:
    folder = store.write(change(plane((0,), 3)))
    assert store.write(change(plane((0,), 0))) == folder
    store.close()
    assert folder is not None
    assert not folder.exists()


def test_classes_are_read_back_and_projects_from_before_them_too(
    store: ProjectStore, tmp_path: Path
) -> None:
    features = {"index": [0, 3], "class": ["", "cell"], "score": [None, 0.5]}
    labels = replace(LABELS, features=features)
    folder = store.write(Change(MODEL, (labels,), planes=(plane((0,), 3),)))
    assert folder is not None
    other = reopened(store, tmp_path)
    assert other.restore(folder).record.labels[0].features == features
    other.close()
    path = folder / "project.json"
    content = json.loads(path.read_text())
    for entry in content["labels"]:
        del entry["features"]
    path.write_text(json.dumps(content))
    (found,) = other.open()
    assert found.record.labels[0].features == {}


def test_a_class_alone_is_written(store: ProjectStore) -> None:
    folder = store.write(change(plane((0,), 3)))
    assert folder is not None
    store.write(Change(MODEL, (replace(LABELS, features={"index": [3], "class": ["a"]}),)))
    assert json.loads((folder / "project.json").read_text())["labels"][0]["features"]
