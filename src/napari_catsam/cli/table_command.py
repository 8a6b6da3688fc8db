"""``napari-catsam table``: the paper's table of all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["tabulate"]


def tabulate(
    runs: Annotated[
        Path, typer.Argument(metavar="RUNS", help="The folder that holds the runs, at any depth.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="REPORT", help="The folder to write; made if needed."
        ),
    ],
) -> None:
    """Make the paper's table of all runs, with curves and example masks, beside the paper's numbers.

    Mean and standard deviation are over the seeds of runs that agree in all else. The report is
    index.md and index.html, which needs no other file.
    """
    with Console(stderr=True).status("Making the report"):
        from napari_catsam.evaluation.table.report import write_report

        problems = write_report(runs, output)
    for problem in problems:
        typer.echo(f"- {' '.join(problem.split())}")
    typer.echo(f"Wrote {output / 'index.html'} and {output / 'index.md'}")
