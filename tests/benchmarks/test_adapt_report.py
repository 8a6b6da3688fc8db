"""The report of adaptations says what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.adapt_report import gains, make_table, write_report


def line(data: str, shots: int, base: float, adapted: float, helps: bool) -> dict[str, Any]:
    """Make one line of results."""
    scores = {name: {"dataset_iou": value, "object_iou": value} for name, value in
              (("base", base), ("adapted", adapted), ("used", adapted if helps else base))}  # fmt: skip
    recipe = {"backbone": "vit_nano", "method": "cat-a", "init": "identity", "views": "new"}
    named = {"data": data, "shots": shots, "seed": 0, "seconds": 120.0, "settings": "{}"}
    return {**recipe, **named, **scores, "helps": helps}


LINES = [
    line("roads", 1, 0.2, 0.3, helps=True),
    line("roads", 4, 0.2, 0.4, helps=True),
    line("sonar", 1, 0.6, 0.5, helps=False),
    line("sonar", 4, 0.6, 0.62, helps=True),
]


def test_a_run_that_did_not_help_gains_nothing():
    assert gains(LINES) == [0.3 - 0.2, 0.4 - 0.2, 0.0, 0.62 - 0.6]
    assert gains(LINES, kind="adapted")[2] < 0


def test_the_table_has_the_mean_gain_of_all_sets_by_shots():
    table = make_table(LINES)
    assert (
        "| roads | 1 | 1 | 0.200 (0.200) | 0.300 (0.300), used 0.300 (0.300), helps 1/1 |" in table
    )
    assert "| mean gain | 1 | 2 |  | +0.000 ± 0.100, used +0.050, least +0.000 |" in table
    assert "| mean gain | 4 | 2 |  | +0.110 ± 0.090, used +0.110, least +0.020 |" in table


def test_a_report_has_a_table_and_two_plots(tmp_path: Path):
    write_report(LINES, tmp_path)
    for name in ("gain.png", "sets.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == make_table(LINES)
