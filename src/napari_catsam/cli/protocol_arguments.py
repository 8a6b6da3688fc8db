"""What ``train`` and ``test`` share: arguments, the bar, the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from napari_catsam.cli.progress_bar import run_with_bar

if TYPE_CHECKING:
    from napari_catsam.evaluation.protocol.processes import Processes
    from napari_catsam.evaluation.runs import RunResult
    from napari_catsam.types import Progress

__all__ = [
    "DataDirOption",
    "DatasetOption",
    "LimitOption",
    "PrecisionOption",
    "ResizeOption",
    "TestPromptOption",
    "follow",
    "print_result",
]

Result = TypeVar("Result")

DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset", help="whu, kvasir, sbu, ..., or folder for images and masks of your own."
    ),
]
DataDirOption = Annotated[
    Path,
    typer.Option("--data-dir", metavar="DIR", help="The folder that the data set was unpacked in."),
]
ResizeOption = Annotated[
    Literal["stretch", "pad"],
    typer.Option("--resize", help="How images are brought to the input; stretched as released."),
]
TestPromptOption = Annotated[
    Literal["box", "point"] | None,
    typer.Option(
        "--test-prompt", help="Kind of prompts in the test; the data set's when left out."
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="N", min=1, help="Test on N images only; not the paper's number then."
    ),
]
PrecisionOption = Annotated[
    Literal["fp32", "bf16", "auto"],
    typer.Option("--precision", help="Of the image encoder; the paper has fp32."),
]

ROWS = (
    ("IoU over all pixels", "iou_dataset"),
    ("Mean IoU of images", "iou_image"),
    ("Mean IoU of objects", "iou_object"),
    ("Mean IoU of boundaries", "iou_boundary"),
    ("Balanced error rate", "balanced_error_rate"),
)


def follow(
    work: Generator[Progress, bool | None, Result],
    processes: Processes,
    title: str,
    describe: Callable[[Progress], str],
) -> Result:
    """Run the work of one process to its end; the only process shows a bar and hears Ctrl+C.

    Of several, one that stopped alone would leave the others waiting for it.
    """
    if processes.count == 1:
        return run_with_bar(work, title, describe)
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def print_result(result: RunResult, folder: Path | None) -> None:
    """Print what was measured; the paper's measure on this data set is marked."""
    table = Table(
        "", "", title=f"{result.dataset}, {result.method}, {result.backbone}", show_header=False
    )
    trained = f"{result.training_images} images, {result.epochs} epochs, {result.steps} steps"
    table.add_row("Trained", trained if result.epochs else "not here")
    table.add_row("Tested", f"{result.measured.images} images, {result.measured.objects} objects")
    for words, name in ROWS:
        value: float = getattr(result.measured, name)
        mark = " *" if name == result.metric else ""
        table.add_row(words + mark, "unknown" if isnan(value) else f"{value:.4f}")
    console = Console()
    console.print(table)
    console.print("* what the paper reports on this data set")
    if result.limited:
        console.print("Only a part of the test images was measured.")
    if folder is not None:
        console.print(f"The run is in {folder}", soft_wrap=True, highlight=False, markup=False)
