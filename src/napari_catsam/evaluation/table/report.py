"""The report of a folder of runs: the paper's table, everything measured, curves, example masks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.examples import Example, read_examples
from napari_catsam.evaluation.table.drawing import draw_curves, draw_masks
from napari_catsam.evaluation.table.groups import UNTRAINED, Group, Recipe, group_runs
from napari_catsam.evaluation.table.published import order_methods
from napari_catsam.evaluation.table.reading import Run, read_runs
from napari_catsam.evaluation.table.sheets import (
    Sheet,
    make_measures,
    make_results,
    make_run_list,
    title_of,
)
from napari_catsam.evaluation.table.writing import Listing, Page, Picture, to_html, to_markdown
from napari_catsam.images import replace_file

__all__ = ["write_report"]

MOST_IMAGES = 6
"""Rows of a picture of masks."""


def write_report(runs: str | Path, output: str | Path) -> tuple[str, ...]:
    """Write ``index.md``, ``index.html``, and what they show, into a folder.

    Parameters
    ----------
    runs : str or Path
        A folder that holds the folders of runs, at any depth.
    output : str or Path
        Made if it is not there; files of an earlier report are replaced.

    Returns
    -------
    tuple of str
        A line for each run that is incomplete, unreadable or left out.

    Raises
    ------
    UnreadableFileError
        If there is no run that has ended, or the folder cannot be written.
    """
    found = read_runs(runs)
    groups, repeated = group_runs(found.runs)
    problems = [*found.problems, *repeated]
    curves = _draw_all_curves(groups)
    examples = _draw_all_examples(groups, problems)
    parts: list[Sheet | Picture | Listing] = list(make_sheets(groups))
    if curves:
        parts += [Listing("Curves"), *curves]
    parts += [make_measures(groups), make_run_list(groups)]
    if problems:
        parts.append(Listing("Left out", tuple(problems)))
    links = (("Example masks", "examples"),) if examples else ()
    _write(Page("Results", tuple(parts), links), Path(output), "index")
    if examples:
        _write(Page("Example masks", tuple(examples)), Path(output), "examples")
    return tuple(problems)


def make_sheets(groups: Sequence[Group]) -> list[Sheet]:
    """Make a table of each recipe; runs without training are rows of those on their backbone."""
    recipes = sorted({group.recipe for group in groups})
    trained = [recipe for recipe in recipes if recipe.shots != UNTRAINED]
    used = set[Recipe]()
    sheets = []
    for recipe in trained:
        plain = [other for other in recipes if _belongs(other, recipe)]
        used.update(plain)
        inside = [group for group in groups if group.recipe == recipe]
        sheets.append(make_results(recipe, inside, [g for g in groups if g.recipe in plain]))
    for recipe in recipes:
        if recipe.shots == UNTRAINED and recipe not in used:
            sheets.append(make_results(recipe, [g for g in groups if g.recipe == recipe]))
    return sheets


def _belongs(plain: Recipe, recipe: Recipe) -> bool:
    """Whether runs without training are of the same model and input as those of a recipe."""
    same = (plain.backbone, plain.weights) == (recipe.backbone, recipe.weights)
    resize = [word for word in recipe.words.split(", ") if word.startswith("resize ")]
    return plain.shots == UNTRAINED and same and plain.words == ", ".join(resize)


def _draw_all_curves(groups: Sequence[Group]) -> list[Picture]:
    pictures = list[Picture]()
    for recipe, column, some in _iterate_cells(groups):
        content = draw_curves(some)
        if content is not None:
            caption = f"Training on {column}: {title_of(recipe)}; a line a seed"
            pictures.append(Picture(f"curves/{len(pictures) + 1:02}.png", caption, content))
    return pictures


def _draw_all_examples(groups: Sequence[Group], problems: list[str]) -> list[Picture]:
    pictures = list[Picture]()
    for recipe, column, some in _iterate_cells(groups):
        found = _collect_examples(some, problems)
        if found:
            caption = f"{column}: {title_of(recipe)}; objects in orange"
            content = draw_masks(found)
            pictures.append(Picture(f"masks/{len(pictures) + 1:02}.png", caption, content))
    return pictures


def _iterate_cells(groups: Sequence[Group]) -> list[tuple[Recipe, str, list[Group]]]:
    ordered = sorted(groups, key=lambda group: (group.recipe, group.column))
    parts = groupby(ordered, key=lambda group: (group.recipe, group.column))
    return [(recipe, str(column), list(some)) for (recipe, column), some in parts]


def _collect_examples(
    groups: Sequence[Group], problems: list[str]
) -> list[tuple[str, list[tuple[str, Example]]]]:
    """Return the examples of each method, of its first seed that has any, by image."""
    found: dict[str, list[tuple[str, Example]]] = {}
    runs = {group.method: group.runs for group in groups}
    for method in order_methods(set(runs)):
        for example in _find_examples(runs[method], problems):
            found.setdefault(example.name, []).append((method, example))
    return list(found.items())[:MOST_IMAGES]


def _find_examples(runs: Sequence[Run], problems: list[str]) -> tuple[Example, ...]:
    for run in runs:
        try:
            examples = read_examples(run.folder)
        except UnreadableFileError as error:
            problems.append(f"{error}; the example masks of that run are left out")
            continue
        if examples:
            return examples
    return ()


def _write(page: Page, folder: Path, name: str) -> None:
    pictures = [part for part in page.parts if isinstance(part, Picture)]
    try:
        for place in {folder, *((folder / picture.file).parent for picture in pictures)}:
            place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableFileError(
            f"the folder {folder} of the report cannot be made: {error.strerror or error}"
        ) from error
    for picture in pictures:
        replace_file(folder / picture.file, picture.content)
    replace_file(folder / f"{name}.md", to_markdown(page).encode())
    replace_file(folder / f"{name}.html", to_html(page).encode())
