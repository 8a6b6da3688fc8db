from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import mini_table
from benchmarks.sets import Dataset
from tests.evaluation.datasets.trees import draw_pair

SHORT = (
    "mini_table --data data --out out --backbone tiny --sets xray_jsrt --methods sam hq cat-a "
    "--seeds 0 1 --steps 2"
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        image, mask = draw_pair(number)
        for name, array in (("images", image), ("masks", mask.astype(np.uint8))):
            folder = tmp_path / "data" / "xray_jsrt" / name
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / f"frame-{number}.png")
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, line: str) -> list[dict[str, object]]:
    monkeypatch.setattr("sys.argv", line.split())
    mini_table.main()
    return [json.loads(text) for text in Path("out/runs.jsonl").read_text().splitlines()]


def test_what_is_done_is_not_done_again_and_a_torn_line_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = run(monkeypatch, f"{SHORT} --most 2")
    assert [(line["method"], line["seed"]) for line in first] == [("sam", 0), ("hq", 0)]
    with Path("out/runs.jsonl").open("a") as file:
        file.write('{"data": "xray_j')  # no end of line: killed while writing
    monkeypatch.setattr("sys.argv", SHORT.split())
    mini_table.main()
    lines = mini_table.read_lines(Path("out/runs.jsonl"))
    assert [(line["method"], line["seed"]) for line in lines] == [
        ("sam", 0),
        ("hq", 0),
        ("cat-a", 0),
        ("hq", 1),
        ("cat-a", 1),
    ]
    assert lines[:2] == first
    assert len({line["weights"] for line in lines}) == 1
    assert [line["steps"] for line in lines] == [0, 2, 2, 2, 2]
    assert "| `cat-a` |" in Path("out/table.md").read_text()


def test_seed_and_steps_decide_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"{SHORT} --methods cat-a --seeds 1"
    (first,) = run(monkeypatch, line)
    Path("out/runs.jsonl").unlink()
    (again,) = run(monkeypatch, line)
    different = {name for name in first if first[name] != again[name]}
    assert different <= {"wall_seconds", "cpu_seconds"}


def test_shots_and_test_images_are_apart() -> None:
    data = Dataset(Path("data/xray_jsrt"), 4)
    tested = {sample.name for sample in data.test()}
    shots = {data.shots(1, seed)[0].name for seed in range(8)}
    assert tested == {f"frame-{number}" for number in (6, 7, 9, 11)}
    assert shots <= {f"frame-{number}" for number in range(4)}
    assert len(shots) > 1
