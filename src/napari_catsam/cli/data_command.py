"""``napari-catsam data``: which data sets there are, and whether a folder holds one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from napari_catsam.cli.progress_bar import run_with_bar

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import DatasetReport, Source
    from napari_catsam.types import Progress

__all__ = ["data_app"]

INCOMPLETE = 2

data_app = typer.Typer(
    name="data",
    help="List the data sets of the paper, and check a folder. Nothing is downloaded.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="Name of the data set; see: data list.")]
FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder that it was unpacked in.")
]
PartialOption = Annotated[
    bool,
    typer.Option(
        "--partial", help="A part of the data set is enough: fewer images are not an error."
    ),
]


@data_app.command("list")
def list_data() -> None:
    """List the data sets: their images, few-shot images, main metric, licence and page."""
    from napari_catsam.evaluation.datasets.base import describe_dataset, list_datasets

    table = Table("Name", "Data", "Train", "Test", "Shots", "Metric", "Licence", title="Data sets")
    pages = []
    for name in list_datasets():
        cls = describe_dataset(name)
        counts = [str(cls.published.get(split, "")) for split in ("train", "test")]
        shots = ", ".join(map(str, cls.shots))
        table.add_row(name, cls.source.title, *counts, shots, cls.metric, cls.source.licence)
        if cls.source.page:
            pages.append(f"{name}: {cls.source.page}")
    console = Console()
    console.print(table)
    for page in pages:
        console.print(page, soft_wrap=True, highlight=False)


@data_app.command("check")
def check_data(name: NameArgument, folder: FolderArgument, partial: PartialOption = False) -> None:
    """Read all of a data set and say what is there, what is missing or wrong, and its source.

    The exit code is 0 if it is complete, and 2 if not.
    """
    from napari_catsam.evaluation.datasets.base import open_dataset

    dataset = open_dataset(name, folder)
    report = run_with_bar(dataset.iterate_check(), "Reading", _describe)
    _print_found(report)
    problems = [*report.problems, *(() if partial else report.shortfalls)]
    for problem in problems:
        typer.echo(f"- {problem}")
    if not report.finished:
        typer.echo("- the check was stopped before the end")
    if problems or not report.is_sound:
        _print_source(report.source)
        raise typer.Exit(INCOMPLETE)
    typer.echo("Nothing is missing." if report.is_complete else "A part of it, and sound.")


def _describe(progress: Progress) -> str:
    return progress.stage if len(progress.stage) <= 24 else progress.stage[:23] + "…"


def _print_found(report: DatasetReport) -> None:
    table = Table("", "Found", "In the archive", title=f"{report.source.title} in {report.root}")
    for split, number in report.found.items():
        table.add_row(f"Images with masks, {split}", str(number), _say(report.published.get(split)))
    for count, missing in report.missing_shots.items():
        table.add_row(f"Images of {count}-shot training", str(count - len(missing)), str(count))
    Console().print(table)


def _say(number: int | None) -> str:
    return "not known" if number is None else str(number)


def _print_source(source: Source) -> None:
    console = Console()
    lines = ["Expected in the folder:", *(f"    {line}" for line in source.layout)]
    if source.page:
        lines.append(f"From: {source.page} (licence: {source.licence})")
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
