"""Tables of groups of runs, as text in cells; how they are written down is another module's business."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from napari_catsam.evaluation.table.groups import UNTRAINED, Column, Group, Recipe, Score
from napari_catsam.evaluation.table.published import (
    METHOD_TITLES,
    PAPER,
    REPRODUCED,
    TABLE_4,
    Published,
    find_published,
    order_datasets,
    order_methods,
)

__all__ = ["Cell", "Sheet", "make_measures", "make_results", "make_run_list", "title_of"]

PAPERS_METRIC = "iou_dataset"

MEASURES = {
    "iou_dataset": "IoU over all pixels",
    "iou_image": "mean IoU of images",
    "iou_object": "mean IoU of objects",
    "iou_boundary": "mean IoU of boundaries",
    "balanced_error_rate": "balanced error rate",
}


class Cell(NamedTuple):
    """Text in a table.

    Attributes
    ----------
    text : str
    kind : str
        ``name``, ``ours``, ``best`` (of ours in its column) or ``others`` (who measured it).
    """

    text: str
    kind: str = "ours"


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes
    ----------
    title : str
    header : tuple of Cell
    rows : tuple of tuple of Cell
    notes : tuple of str
        Sentences below it.
    """

    title: str
    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def title_of(recipe: Recipe) -> str:
    """Say in a line what all runs of a table share."""
    shots = {"1": "1 shot", "16": "16 shots", "full": "All training images"}
    shots |= {UNTRAINED: "Not adapted", "unknown": "Shots not known"}
    words = [shots.get(recipe.shots, f"{recipe.shots} shots"), recipe.backbone]
    if recipe.words:
        words.append(recipe.words)
    return ", ".join(words)


def make_results(recipe: Recipe, groups: Sequence[Group], plain: Sequence[Group] = ()) -> Sheet:
    """Make the paper's table of the groups of one recipe.

    Parameters
    ----------
    recipe : Recipe
        What they share.
    groups : sequence of Group
        All of that recipe.
    plain : sequence of Group
        Of the same backbone and not trained, for the row of SAM itself.
    """
    columns = _order_columns(groups)
    cells = {(group.method, group.column): group for group in (*plain, *groups)}
    methods = {method for method, column in cells if column in columns}
    if any(_is_published(recipe, column) for column in columns):
        methods |= METHOD_TITLES.keys()
    order = order_methods(methods)
    parts = [_make_column(recipe, column, cells, order) for column in columns]
    if len(columns) > 1:
        parts.append(_make_average(recipe, columns, cells, order))
    names = [Cell("method", "name"), *(Cell(METHOD_TITLES.get(m, m), "name") for m in order)]
    trained = [Cell("trained values"), *(Cell(_count_trained(m, cells)) for m in order)]
    lines = list(zip(names, trained, *(line for part in parts for line in part), strict=True))
    return Sheet(title_of(recipe), lines[0], tuple(lines[1:]), _make_notes(recipe, groups, cells))


Cells = dict[tuple[str, Column], Group]


def _order_columns(groups: Iterable[Group]) -> list[Column]:
    columns = {group.column for group in groups}
    order = order_datasets({column.dataset for column in columns})
    return sorted(columns, key=lambda column: (order.index(column.dataset), column))


def _is_published(recipe: Recipe, column: Column) -> bool:
    """Whether others report numbers of the same kind, be it of another backbone."""
    known = {number.dataset for number in PAPER}
    usual = column.prompt == "box" and not column.limited
    return recipe.shots == "1" and usual and column.dataset in known


def _make_column(
    recipe: Recipe, column: Column, cells: Cells, order: Sequence[str]
) -> list[list[Cell]]:
    """Return the columns of one data set: ours, and those of others where there are any."""
    groups = [cells.get((method, column)) for method in order]
    metric = next(group.runs[0].result.metric for group in groups if group is not None)
    scores = [None if group is None else group.score for group in groups]
    words = "" if metric == PAPERS_METRIC else f", {MEASURES.get(metric, metric)}"
    best = _find_best(scores, lowest=metric == "balanced_error_rate")
    lines = [[Cell(f"{column}{words}"), *map(_make_cell, scores, best)]]
    if _is_published(recipe, column):
        for title, numbers in (("paper", PAPER), ("reproduced", REPRODUCED)):
            found = [find_published(numbers, method, column.dataset) for method in order]
            if any(found):
                lines.append([Cell(title, "others"), *map(_make_others, found)])
    return lines


def _make_average(
    recipe: Recipe, columns: Sequence[Column], cells: Cells, order: Sequence[str]
) -> list[list[Cell]]:
    scores = [_average(method, columns, cells) for method in order]
    lines = [[Cell("average"), *map(_make_cell, scores, _find_best(scores))]]
    datasets = [column.dataset for column in columns]
    whole = sorted(datasets) == sorted({number.dataset for number in PAPER})
    if whole and all(_is_published(recipe, column) for column in columns):
        means = []
        for method in order:
            found = [find_published(PAPER, method, name) for name in datasets]
            known = [number.low for number in found if number is not None]
            means.append(Cell(f"{fmean(known):.1f}" if known else "", "others"))
        lines.append([Cell("paper", "others"), *means])
    return lines


def _average(method: str, columns: Sequence[Column], cells: Cells) -> Score | None:
    """Return the mean over the columns: of each seed if all have the same, of their means if not."""
    groups = [cells[method, column] for column in columns if (method, column) in cells]
    if len(groups) < len(columns):
        return None
    seeds = {tuple(run.result.seed for run in group.runs) for group in groups}
    if len(seeds) > 1:
        return Score((fmean(group.score.mean for group in groups),))
    values = zip(*(group.score.values for group in groups), strict=True)
    return Score(tuple(fmean(row) for row in values))


def _find_best(scores: Sequence[Score | None], *, lowest: bool = False) -> list[bool]:
    """Say of each score whether it is the best; none is where there is nothing to compare."""
    known = [score.mean for score in scores if score is not None and not math.isnan(score.mean)]
    if len(known) < 2:
        return [False] * len(scores)
    top = min(known) if lowest else max(known)
    return [score is not None and score.mean == top for score in scores]


def _make_cell(score: Score | None, best: bool) -> Cell:
    if score is None:
        return Cell("")
    count = f" ({len(score.values)})" if len(score.values) > 1 else ""
    return Cell(f"{score}{count}", "best" if best else "ours")


def _make_others(number: Published | None) -> Cell:
    return Cell("" if number is None else str(number), "others")


def _count_trained(method: str, cells: Cells) -> str:
    for (name, _), group in cells.items():
        if name == method:
            return f"{group.runs[0].result.trainable:,}"
    return ""


def _make_notes(recipe: Recipe, groups: Sequence[Group], cells: Cells) -> tuple[str, ...]:
    columns = _order_columns(groups)
    notes = ["In %. Mean ± sample standard deviation over (so many) seeds; without ±, one seed."]
    if recipe.weights:
        notes.append(f"Weights of {recipe.backbone}: {recipe.weights}….")
    if any(_is_published(recipe, column) for column in columns):
        sources = "; ".join(sorted({number.source for number in REPRODUCED}))
        notes.append(
            f"Paper: {TABLE_4}; 2000 epochs, of which the best on the test images counts. "
            f"Reproduced, by independent people with the released code: {sources}."
        )
        others = set(recipe.words.split(", ")) - {"", "views fixed", "select test"}
        if recipe.backbone != "vit_l" or others:
            notes.append("Backbone or settings of this table are not the paper's.")
    tuned = order_methods({method for method, _ in cells} | METHOD_TITLES.keys())
    for column in columns:
        missing = [method for method in tuned if (method, column) not in cells]
        if missing and recipe.shots != UNTRAINED:
            notes.append(f"No run yet on {column}: {', '.join(missing)}.")
    return tuple(notes)


def make_measures(groups: Iterable[Group]) -> Sheet:
    """Make a table of everything that was measured, a row a group."""
    header = ("data set", "method", "training", "seeds", "images", "objects", *MEASURES.values())
    rows = []
    for group in groups:
        measured = group.runs[0].result.measured
        scores = (str(group.measure(name)) for name in MEASURES)
        counts = (str(len(group.runs)), str(measured.images), str(measured.objects))
        names = (str(group.column), group.method, title_of(group.recipe))
        rows.append((*(Cell(text, "name") for text in names), *map(Cell, (*counts, *scores))))
    heads = tuple(Cell(text, "name" if i < 3 else "ours") for i, text in enumerate(header))
    return Sheet("All measures", heads, tuple(rows), ("In %; of the error rate, lower is better.",))


def make_run_list(groups: Iterable[Group]) -> Sheet:
    """Make a table of the single runs."""
    header = (
        "run",
        "data set",
        "method",
        "seed",
        "score",
        "epochs",
        "tested after",
        "loss",
        "hours",
    )
    rows = []
    for group in groups:
        for run in group.runs:
            result = run.result
            loss = "" if math.isnan(result.loss) else f"{result.loss:.4f}"
            names = (run.folder.name, str(group.column), result.method)
            numbers = (
                str(result.seed),
                f"{100 * result.score:.2f}",
                str(result.epochs),
                str(result.chosen_epoch),
                loss,
                f"{result.seconds / 3600:.2f}",
            )
            rows.append((*(Cell(text, "name") for text in names), *map(Cell, numbers)))
    heads = tuple(Cell(text, "name" if i < 3 else "ours") for i, text in enumerate(header))
    return Sheet("Runs", heads, tuple(rows))
