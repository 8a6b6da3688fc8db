"""``napari-catsam adapt``: train an adapter on a few images with masks."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from napari_catsam.cli.arguments import (
    AdapterOption,
    CheckpointOption,
    DeviceOption,
    ModelOption,
    ObjectsOption,
    PlaneOption,
    check_output,
)
from napari_catsam.cli.progress_bar import run_with_bar
from napari_catsam.errors import ShotError

if TYPE_CHECKING:
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.types import Progress, Shot

__all__ = ["adapt"]


def adapt(
    image: Annotated[
        list[Path], typer.Option("--image", metavar="F...", help="Images to train on, one or more.")
    ],
    mask: Annotated[
        list[Path],
        typer.Option("--mask", metavar="F...", help="Their masks, in the order of the images."),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="ADAPTER.safetensors", help="The adapter to write."),
    ],
    model: ModelOption = "vit_nano",
    method: Annotated[
        str, typer.Option("--method", help="What is trained: cat-a, cat-t, hq (mask decoder only).")
    ] = "cat-a",
    budget: Annotated[
        float, typer.Option("--budget", metavar="SECONDS", help="How long to train.")
    ] = 60.0,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", help="Train so many steps, however long they take."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed and steps, same adapter.")] = 0,
    objects: ObjectsOption = "auto",
    adapter: AdapterOption = None,
    checkpoint: CheckpointOption = None,
    plane: PlaneOption = None,
    note: Annotated[str, typer.Option("--note", help="Words to keep in the adapter.")] = "",
    device: DeviceOption = "auto",
) -> None:
    """Train an adapter on the objects of a few images and write it to one file.

    Some objects are held out; the score on them before and after is shown and stored. Ctrl+C
    finishes with the best adapter so far. With --adapter of the same method, training goes on from it.
    """
    check_output(output, ".safetensors")
    with Console(stderr=True).status("Reading the images") as status:
        shots = _read_shots(image, mask, objects, plane)
        status.update(f"Loading {model}")
        from napari_catsam.adaptation.config import TrainConfig
        from napari_catsam.adaptation.train import fit
        from napari_catsam.models.loading import load_model

        config = TrainConfig(method=method, budget_s=budget, steps=steps, seed=seed, note=note)
        base = load_model(model, adapter, checkpoint, device)
    result = run_with_bar(fit(base, shots, config), "Preparing", _describe)
    _print_result(result, result.save(output))


def _read_shots(
    images: list[Path], masks: list[Path], objects: str, plane: int | None
) -> list[Shot]:
    from napari_catsam.evaluation.folders import read_sample
    from napari_catsam.types import Shot

    if len(images) != len(masks):
        raise ShotError(
            f"there are {len(images)} images and {len(masks)} masks; give one mask an image, "
            "in the same order"
        )
    samples = [read_sample(*pair, objects, plane) for pair in zip(images, masks, strict=True)]
    return [Shot(sample.image, sample.masks, name=sample.name) for sample in samples]


def _describe(progress: Progress) -> str:
    words = [progress.stage or "Training"]
    if not isnan(progress.loss):
        words.append(f"loss {progress.loss:.3f}")
    if not isnan(progress.iou_now):
        words.append(f"IoU {progress.iou_before:.3f} -> {progress.iou_now:.3f}")
    return ", ".join(words)


def _print_result(adapter: Adapter, path: Path) -> None:
    header = adapter.header
    table = Table("", "", title="Adapter", show_header=False)
    table.add_row("Method", f"{header.method} on {header.backbone}")
    table.add_row("Trained", f"{header.steps} steps in {header.seconds:.0f} s")
    table.add_row("Held-out IoU before", _format_score(header.score_before))
    table.add_row("Held-out IoU after", _format_score(header.score_after))
    console = Console()
    console.print(table)
    if header.helps is False:
        console.print(
            "It is not better than the model without it on the held-out masks, "
            "by more than chance explains."
        )
    size = path.stat().st_size / 1e6
    console.print(f"Wrote {path} ({size:.1f} MB)", soft_wrap=True, highlight=False, markup=False)


def _format_score(score: float | None) -> str:
    return "not measured" if score is None else f"{score:.3f}"
