"""Plots of what :mod:`benchmarks.adapt` measured."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from matplotlib import pyplot

from benchmarks.adapt_report import RECIPE, Lines, gains, group

__all__ = ["plot_gains", "plot_sets"]

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:purple")


def plot_sets(lines: Lines, path: Path) -> None:
    """Draw the dataset IoU of every run with the longest budget, one row a set and in it one line a run.

    A filled dot is what is used; a ring is an adapter that did not help by its own held-out masks, in whose
    place the base model, the upright stroke, stays.
    """
    longest = max(line["seconds"] for line in lines)
    some = [line for line in lines if line["seconds"] == longest]
    names = [name for (name,) in group(some, "data")]
    shots = sorted({line["shots"] for line in some})
    figure, axis = pyplot.subplots(figsize=(6.4, 0.7 * len(names) + 1.2), layout="constrained")
    for row, name in enumerate(names):
        rows = [line for line in some if line["data"] == name]
        base = rows[0]["base"]["dataset_iou"]
        axis.plot([base, base], [row - 0.4, row + 0.4], color="black", linewidth=1.5)
        rows = sorted(rows, key=lambda line: (line["shots"], line["seed"]))
        for place, line in enumerate(rows):
            # Each run at a height of its own, so that none hides another that came out alike.
            height = row + 0.7 * ((place + 0.5) / len(rows) - 0.5)
            colour = COLOURS[shots.index(line["shots"]) % len(COLOURS)]
            fill = colour if line["helps"] else "none"
            iou = line["adapted"]["dataset_iou"]
            axis.plot(iou, height, "o", ms=5, markeredgecolor=colour, markerfacecolor=fill)
    for place, count in enumerate(shots):
        label = "1 shot" if count == 1 else f"{count} shots"
        axis.plot([], [], "o", color=COLOURS[place % len(COLOURS)], label=label)
    axis.plot([], [], "o", color="0.4", markerfacecolor="none", label="not used")
    axis.plot([], [], color="black", linewidth=1.5, label="base model")
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set_xlabel(f"dataset IoU on images not trained on, {longest:g} seconds")
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(shots) + 2, fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def plot_gains(lines: Lines, path: Path) -> None:
    """Draw the gain of each recipe over the seconds, one panel a set, and all sets in the last.

    A line joins the means over the runs, a faint dot is one run. All panels have one scale, so that a gain
    of 0.001 does not look like one of 0.2.
    """
    names = [name for (name,) in group(lines, "data")]
    columns = min(4, len(names) + 1)
    down = -(-(len(names) + 1) // columns)
    figure, axes = pyplot.subplots(
        down,
        columns,
        figsize=(3.4 * columns, 2.8 * down + 0.5),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    panels = [*names, None]
    budgets = sorted({line["seconds"] for line in lines})
    for axis, name in zip(axes.flat, panels, strict=False):
        some = lines if name is None else [line for line in lines if line["data"] == name]
        axis.axhline(0, color="0.7", linewidth=0.8)
        for recipe, rows in group(some, *RECIPE, "shots").items():
            curve = {s: fmean(gains(r)) for (s,), r in group(rows, "seconds").items()}
            xs = sorted(curve)
            (drawn,) = axis.plot(xs, [curve[x] for x in xs], marker="o", label=_name(*recipe[1:]))
            if name is not None:
                at = [row["seconds"] for row in rows]
                axis.plot(at, gains(rows), "o", ms=3, alpha=0.4, color=drawn.get_color())
        axis.set_title(name or "all sets", fontsize=9)
        axis.set_xlabel("seconds", fontsize=8)
        axis.tick_params(labelsize=7, labelbottom=True)
        axis.set_xticks(budgets)
    for axis in axes[:, 0]:
        axis.set_ylabel("gain of dataset IoU", fontsize=8)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    handles, labels = axes.flat[len(panels) - 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=7)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _name(*recipe: object) -> str:
    """Name a recipe by its method, shots, and what differs from the default."""
    method, init, views, settings, shots = recipe
    usual = {"identity", "new", "{}"}
    other = [str(part) for part in (init, views, settings) if part not in usual]
    return ", ".join([str(method), "1 shot" if shots == 1 else f"{shots} shots", *other])
