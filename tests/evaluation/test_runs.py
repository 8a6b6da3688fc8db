from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.protocol.folder import RunFolder
from napari_catsam.evaluation.runs import (
    CurveRow,
    Measured,
    RunResult,
    find_runs,
    read_curves,
    read_result,
)


def make_result(**changed: object) -> RunResult:
    result = RunResult(
        dataset="sbu",
        method="cat-a",
        backbone="tiny",
        shots="1",
        seed=3,
        views="fresh",
        select="last",
        prompt="box",
        metric="balanced_error_rate",
        measured=Measured(0.5, 0.6, math.nan, 0.4, 0.1, 3, 7),
        training_images=1,
        trainable=10,
        epochs=2,
        steps=2,
        chosen_epoch=2,
        loss=0.7,
    )
    return replace(result, **changed)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = make_result(seconds=4.0, environment={"device": "cpu"}, versions={"python": "3"})
    RunFolder(tmp_path / "run").finish(result)
    found = read_result(tmp_path / "run")
    assert math.isnan(found.measured.iou_object)
    assert found.to_json() == result.to_json()
    assert found.score == 0.1
    assert list(find_runs(tmp_path)) == [tmp_path / "run"]
    assert json.loads(result.to_json())["measured"]["iou_object"] is None


def test_results_are_equal_but_for_time_and_place() -> None:
    measured = replace(make_result().measured, iou_object=0.5)
    one = make_result(measured=measured)
    assert one == replace(one, seconds=9.0, environment={"processes": 2}, versions={"a": "b"})
    assert one != replace(one, seed=4)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 9}', "\x00"])
def test_what_is_no_result_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(UnreadableFileError, match=r"result\.json"):
        read_result(tmp_path)


def test_a_run_that_has_not_ended_has_no_result(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="ended"):
        read_result(tmp_path)


def test_later_fields_are_left_out(tmp_path: Path) -> None:
    values = json.loads(make_result().to_json()) | {"colour": "red"}
    (tmp_path / "result.json").write_text(json.dumps(values))
    assert read_result(tmp_path).dataset == "sbu"


def test_curves_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = (CurveRow(1, 2, 0.5, 1e-3, math.nan, 1.0), CurveRow(2, 4, 0.25, 1e-5, 0.75, 2.5))
    assert read_curves(tmp_path) == ()
    RunFolder(tmp_path).write_curves(rows)
    found = read_curves(tmp_path)
    assert found[1] == rows[1]
    assert math.isnan(found[0].score)
    (tmp_path / "curves.csv").write_text("epoch,loss\n1,2\n")
    with pytest.raises(UnreadableFileError, match="curves"):
        read_curves(tmp_path)
