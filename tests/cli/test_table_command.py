"""``table`` on folders of runs, one of them as ``train`` leaves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.evaluation.datasets.trees import TREES
from tests.evaluation.table.runs import write_run

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def test_what_was_trained_is_in_the_table(run: Run, tmp_path: Path) -> None:
    TREES["kvasir"](tmp_path / "data")
    line = (
        "train --dataset kvasir --data-dir data --backbone tiny --epochs 2 --device cpu --shots 1"
    )
    for more in ("--method cat-t --seed 0", "--method cat-t --seed 1", "--method sam"):
        trained = run(f"{line} {more}")
        assert trained.exit_code == 0, trained.output
    done = run("table runs -o report")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == "Wrote report/index.html and report/index.md"
    text = Path("report/index.md").read_text()
    rows = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    assert "## 1 shot, tiny, epochs 2" in text
    assert "(2)" in rows["| CAT-SAM-T"]
    assert rows["| SAM, not adapted"].split(" | ")[2] != ""
    assert "![Training on kvasir" in text


def test_incomplete_runs_are_named_in_one_line_each(run: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "runs")
    (tmp_path / "runs" / "half").mkdir()
    (tmp_path / "runs" / "half" / "config.json").write_text("{}")
    done = run("table runs -o report")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == (
        "- runs/half has not ended: the same command goes on with it"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("table nowhere -o report", "there is no folder nowhere"),
        ("table empty -o report", "no run in empty"),
        ("table runs -o file/report", "file"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    write_run(tmp_path / "runs")
    done = run(line)
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
