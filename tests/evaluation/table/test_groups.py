from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.table.groups import Group, Score, group_runs
from napari_catsam.evaluation.table.reading import read_runs
from tests.evaluation.table.runs import write_plain_run, write_run


def group_all(root: Path) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    return group_runs(read_runs(root).runs)


def test_runs_that_differ_in_their_seed_alone_are_one_group(tmp_path: Path) -> None:
    for seed, iou in ((2, 0.9), (0, 0.7), (1, 0.8)):
        write_run(tmp_path / "deeper" / str(seed), iou, seed=seed, seconds=float(seed))
    groups, problems = group_all(tmp_path)
    assert len(groups) == 1
    assert problems == ()
    assert groups[0].score.values == (0.7, 0.8, 0.9)
    assert groups[0].score.mean == pytest.approx(0.8)
    assert groups[0].score.deviation == pytest.approx(0.1)
    assert str(groups[0].score) == "80.0 ± 10.0"


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "cat-t"},
        {"dataset": "whu"},
        {"backbone": "vit_b"},
        {"shots": "16"},
        {"views": "fixed"},
        {"select": "held-out"},
        {"prompt": "point"},
        {"limited": True},
        {"settings": {"init": "base"}},
        {"settings": {"epochs": 20}},
        {"settings": {"learning_rate": 1e-4}},
        {"model": "vit_l-ffffffffffff/sam-000000000000"},
    ],
)
def test_runs_that_differ_in_more_are_not_averaged(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    write_run(tmp_path, 0.7, seed=0)
    write_run(tmp_path, 0.8, **({"seed": 1} | changed))
    groups, _ = group_all(tmp_path)
    assert sorted(group.score.values for group in groups) == [(0.7,), (0.8,)]


def test_how_often_nobody_looked_is_no_difference(tmp_path: Path) -> None:
    write_run(tmp_path, seed=0)
    write_run(tmp_path, seed=1, settings={"check_every": 7})
    assert len(group_all(tmp_path)[0]) == 1


def test_a_repeated_seed_is_named_and_left_out(tmp_path: Path) -> None:
    first = write_run(tmp_path, 0.7)
    second = write_run(tmp_path, 0.8)
    groups, problems = group_all(tmp_path)
    assert groups[0].score.values == (0.7,)
    assert problems == (f"{second} repeats {first} and is left out",)


def test_sam_is_counted_once_whatever_its_seed(tmp_path: Path) -> None:
    write_plain_run(tmp_path, 0.7, seed=0)
    write_plain_run(tmp_path, 0.7, seed=1)
    groups, problems = group_all(tmp_path)
    assert groups[0].score.values == (0.7,)
    assert len(problems) == 1


def test_adapters_that_were_tested_alone_are_several_though_their_seed_is_not_known(
    tmp_path: Path,
) -> None:
    for name, iou in (("one", 0.7), ("two", 0.8)):
        tested = {"model": None, "tested": f"vit_l-0123456789ab/cat-a-{name}"}
        write_run(tmp_path, iou, views="", select="", settings=tested)
    groups, problems = group_all(tmp_path)
    assert groups[0].score.values == (0.7, 0.8)
    assert problems == ()
    assert groups[0].recipe.words == "trained elsewhere"
    assert groups[0].recipe.weights == "0123456789ab"


def test_what_is_incomplete_or_broken_is_one_line_each(tmp_path: Path) -> None:
    names = ("ended", "killed", "torn", "odd", "nameless", "scribbled")
    paths = {name: write_run(tmp_path / name) for name in names}
    (paths["killed"] / "result.json").unlink()
    (paths["torn"] / "result.json").write_text('{"format": 1')
    text = (paths["odd"] / "result.json").read_text()
    (paths["odd"] / "result.json").write_text(text.replace("iou_dataset", "colour", 1))
    (paths["nameless"] / "config.json").write_text("[]")
    (paths["scribbled"] / "curves.csv").write_text("epoch\n1\n")
    found = read_runs(tmp_path)
    assert {run.folder for run in found.runs} == {
        paths[name] for name in ("ended", "nameless", "scribbled")
    }
    assert len(found.problems) == 5
    for name in names[1:]:
        assert sum(str(paths[name]) in line for line in found.problems) == 1
    assert not any("\n" in line for line in found.problems)


def test_a_folder_without_an_ended_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no run"):
        read_runs(tmp_path)
    path = write_run(tmp_path)
    (path / "result.json").unlink()
    with pytest.raises(UnreadableFileError, match="has not ended"):
        read_runs(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(UnreadableFileError, match="no folder"):
        read_runs(tmp_path)


def test_unknown_values_are_left_out_of_a_mean() -> None:
    assert Score((0.5, math.nan, 0.7)).mean == pytest.approx(0.6)
    assert str(Score((math.nan,))) == ""
    assert str(Score((0.5,))) == "50.0"
