"""``napari-catsam adapter``: look into adapter files, and cut them out of released checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from napari_catsam.cli.arguments import check_output

if TYPE_CHECKING:
    from napari_catsam.models.adapter import Adapter, AdapterHeader

__all__ = ["adapter_app"]

adapter_app = typer.Typer(
    help="Show adapter files, or cut one out of a CAT-SAM checkpoint.", no_args_is_help=True
)


@adapter_app.command("show")
def show(
    file: Annotated[Path, typer.Argument(metavar="F", help="An adapter file.")],
) -> None:
    """Show what an adapter fits, and how it came to be."""
    from napari_catsam.models.adapter import load_adapter

    _print_adapter(load_adapter(file), file)


@adapter_app.command("from-checkpoint")
def from_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(metavar="CKPT", help="A released CAT-SAM file.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="F", help="The adapter to write (.safetensors)."),
    ],
) -> None:
    """Cut the trained parameters out of a released CAT-SAM checkpoint."""
    check_output(output, ".safetensors")
    with Console(stderr=True).status(f"Reading {checkpoint.name}"):
        from napari_catsam.models.release import adapter_from_checkpoint

        adapter = adapter_from_checkpoint(checkpoint)
        adapter.save(output)
    _print_adapter(adapter, output)


def _print_adapter(adapter: Adapter, path: Path) -> None:
    header = adapter.header
    table = Table("", "", title=path.name, show_header=False)
    for name, text in _describe_header(header):
        table.add_row(name, text)
    table.add_row("Parameters", f"{adapter.parameters:,}")
    table.add_row("File", f"{path.stat().st_size / 1e6:.1f} MB")
    Console().print(table)


def _describe_header(header: AdapterHeader) -> list[tuple[str, str]]:
    """Return names and values for people; what is not known is left out."""
    intensity = header.intensity
    limits = f" {intensity.low:g} to {intensity.high:g}"
    rows = [
        ("Method", header.method),
        ("Model", header.backbone),
        ("Weights", header.backbone_sha256[:12] or "any"),
        ("Input", f"{header.input_size} pixels, {header.resize}"),
        ("Intensity", intensity.mode + ("" if intensity.mode in ("auto", "as-is") else limits)),
        ("Channels", str(header.channels)),
    ]
    if header.pixel_size is not None:
        rows.append(("Pixel size", " x ".join(f"{size:g}" for size in header.pixel_size)))
    rows += [
        ("Shot", f"{shot.name or 'unnamed'}: {shot.height} x {shot.width}, {shot.objects} objects")
        for shot in header.shots
    ]
    rows.append(("Training", f"{header.steps} steps, {header.seconds:.0f} s, seed {header.seed}"))
    for name, score in (("before", header.score_before), ("after", header.score_after)):
        if score is not None:
            rows.append((f"IoU {name}", f"{score:.3f}"))
    rows.append(("Made", f"{header.date} by napari-catsam {header.version}"))
    return [*rows, ("Note", header.note)] if header.note else rows
