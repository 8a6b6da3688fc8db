"""Table and plots of what :mod:`benchmarks.adapt` measured."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

RECIPE = ("backbone", "method", "init", "views", "settings")
Lines = list[dict[str, Any]]


def write_report(lines: Lines, folder: Path) -> None:
    """Write ``table.md``, and plots where matplotlib is installed."""
    if not lines:
        print("there is no result yet")
        return
    (folder / "table.md").write_text(make_table(lines), encoding="utf-8")
    try:
        import matplotlib as mpl

        mpl.use("agg")
        from benchmarks.adapt_plots import plot_gains, plot_sets

        plot_gains(lines, folder / "gain.png")
        plot_sets(lines, folder / "sets.png")
    except ImportError:
        print("matplotlib is not installed, there is a table only")
    print(f"wrote {folder / 'table.md'}")


def group(lines: Lines, *names: str) -> dict[tuple[Any, ...], Lines]:
    """Collect the lines that agree in some fields."""
    found: dict[tuple[Any, ...], Lines] = defaultdict(list)
    for line in lines:
        found[tuple(line[name] for name in names)].append(line)
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def gains(lines: Lines, measure: str = "dataset_iou", kind: str = "used") -> list[float]:
    """Return the gain over the base of each run."""
    return [line[kind][measure] - line["base"][measure] for line in lines]


def make_table(lines: Lines) -> str:
    """Write a table a recipe: one row a set and number of shots, one column a budget."""
    parts = [
        "Dataset IoU on test images, from tight boxes; mean over the seeds. In brackets the",
        "mean object IoU. `used` is what the guard kept: the base model where the adapter did",
        "not help on the held-out masks.",
        "",
    ]
    for recipe, some in group(lines, *RECIPE).items():
        named = ", ".join(f"{name} {value}" for name, value in zip(RECIPE, recipe, strict=True))
        budgets = sorted({line["seconds"] for line in some})
        parts += [f"## {named}", ""]
        parts += _row("set", "shots", "runs", "base", *(f"{budget:g} s" for budget in budgets))
        parts += _row(*["---"] * (4 + len(budgets)))
        for (data, shots), rows in group(some, "data", "shots").items():
            cells = [_cell([r for r in rows if r["seconds"] == budget]) for budget in budgets]
            parts += _row(data, shots, len(rows), _scores(rows, "base"), *cells)
        for (shots,), rows in group(some, "shots").items():
            means = [_gain_cell([r for r in rows if r["seconds"] == b]) for b in budgets]
            parts += _row("mean gain", shots, len(rows), "", *means)
        parts.append("")
    return "\n".join(parts)


def _row(*cells: object) -> list[str]:
    return ["| " + " | ".join(str(cell) for cell in cells) + " |"]


def _cell(rows: Lines) -> str:
    if not rows:
        return ""
    kept = sum(bool(row["helps"]) for row in rows)
    return f"{_scores(rows, 'adapted')}, used {_scores(rows, 'used')}, helps {kept}/{len(rows)}"


def _scores(rows: Lines, kind: str) -> str:
    dataset, objects = (
        fmean(row[kind][name] for row in rows) for name in ("dataset_iou", "object_iou")
    )
    return f"{dataset:.3f} ({objects:.3f})"


def _gain_cell(rows: Lines) -> str:
    if not rows:
        return ""
    raw, used = gains(rows, kind="adapted"), gains(rows)
    return f"{fmean(raw):+.3f} ± {pstdev(raw):.3f}, used {fmean(used):+.3f}, least {min(used):+.3f}"
