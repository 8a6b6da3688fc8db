"""The example of the documentation runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
BLOCK = re.compile(r"<!-- test -->\n```python\n(.*?)```", re.DOTALL)


def test_the_example_writes_and_reads_all_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, PAGE.name, "exec"), {})
    assert capsys.readouterr().out == ("cells.tif (2, 64, 64) {1: 'nucleus', 2: 'object'}\n")
    assert {path.name for path in tmp_path.iterdir()} == {
        "cells.json", "cells_labels.tif", "cells_labels.ome.zarr"
    }  # fmt: skip
