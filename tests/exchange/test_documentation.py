"""The examples of the documentation run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.exchange.conftest import write_geotiff

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
BLOCK = re.compile(r"<!-- test -->\n```python\n(.*?)```", re.DOTALL)


def test_the_first_example_writes_and_reads_formats_of_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, PAGE.name, "exec"), {})
    assert capsys.readouterr().out == ("cells.tif (2, 64, 64) {1: 'nucleus', 2: 'object'}\n")
    assert {path.name for path in tmp_path.iterdir()} == {
        "cells.json", "cells_labels.tif", "cells_labels.ome.zarr"
    }  # fmt: skip


def test_the_second_example_writes_and_reads_geojson(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, code = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    tags = (33550, 12, 3, (0.5, 0.5, 0.0)), (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 5.5e6, 0.0))
    write_geotiff(tmp_path / "field.tif", *tags, keys={3072: 25832})
    names: dict[str, object] = {}
    exec(compile(code, PAGE.name, "exec"), names)
    assert capsys.readouterr().out == "True {1: 'tree'}\n"
    assert eval("(place.epsg, place.pixel_area)", names) == (25832, 0.25)
    assert {path.name for path in tmp_path.iterdir()} == {"field.tif", "trees.geojson"}
