"""``napari-catsam models``: which models there are, and where their weights are."""

from __future__ import annotations

from math import prod
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from napari_catsam.errors import MissingWeightsError
from napari_catsam.sam.downloads import download_weights
from napari_catsam.sam.weight_files import (
    WEIGHTS,
    WeightsFile,
    find_weights,
    get_weights_file,
    models_folder,
)

__all__ = ["models_app"]

models_app = typer.Typer(
    name="models", help="List, find and download the weights of the models.", no_args_is_help=True
)


@models_app.command("list")
def list_models() -> None:
    """List the models, their sizes, and whether their weights are on this computer."""
    # Loads torch, which `download` and `where` do without.
    from napari_catsam.sam.backbones import list_backbones

    table = Table("Model", "Parameters", "File", "Size", "State", title="Models")
    for name in list_backbones():
        row = WEIGHTS[name]
        state, size = _describe_state(row)
        table.add_row(name, f"{_count_parameters(name) / 1e6:.1f} M", row.file_name, size, state)
    console = Console()
    console.print(table)
    console.print(f"Downloaded files are in {models_folder()}", soft_wrap=True, highlight=False)


@models_app.command("download")
def download_model(
    name: Annotated[str, typer.Argument(help="Name of the model, such as vit_b.")],
) -> None:
    """Download the weights of one model and check them."""
    row = get_weights_file(name)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(row.file_name, total=row.size, visible=not row.embedded)
        path = download_weights(
            name, lambda done, total: bar.update(task, completed=done, total=total)
        )
        bar.update(task, completed=row.size)
    typer.echo(path)


@models_app.command("where")
def show_models_folder() -> None:
    """Print the folder that downloaded weights lie in."""
    typer.echo(models_folder())


def _describe_state(row: WeightsFile) -> tuple[str, str]:
    """Return whether a weights file is there, and how large it is or will be."""
    try:
        found = find_weights(row.name).stat().st_size
    except MissingWeightsError:
        return "missing", _megabytes(row.size)
    if row.embedded:
        return "in the package", _megabytes(found)
    # Only the size is compared: hashing gigabytes is for downloading and loading.
    return "present" if found == row.size else "broken", _megabytes(row.size)


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:,.0f} MB"


def _count_parameters(name: str) -> int:
    from napari_catsam.sam.checkpoints import sam_shapes

    return sum(prod(shape) for shape in sam_shapes(name).values())
