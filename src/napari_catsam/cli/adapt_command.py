"""``napari-catsam adapt``: train an adapter on a few images with masks."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from napari_catsam.cli.adapt_options import (
    AnnotatedOption,
    ContinueOption,
    DecoderShareOption,
    IgnoreOption,
    InitOption,
    LearningRateOption,
    LossResolutionOption,
    StateOption,
    ViewsOption,
)
from napari_catsam.cli.arguments import (
    CheckpointOption,
    DeviceOption,
    ModelOption,
    ObjectsOption,
    PlaneOption,
    check_output,
)
from napari_catsam.cli.progress_bar import run_with_bar
from napari_catsam.errors import ShotError, TrainingError, UnreadableFileError

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.cli.run_file import RunFile
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Progress, Shot

__all__ = ["adapt"]

FIRST_METHOD = "cat-a"


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
        str | None,
        typer.Option(
            "--method",
            help="What is trained: cat-a or cat-t (the paper's), hq (mask decoder only), or what the "
            "paper compares with: vpt-shallow, vpt-deep, adaptformer, lora; cat-a when left out.",
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option("--budget", metavar="SECONDS", help="How long to train.")
    ] = 60.0,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", help="Train so many steps, however long they take."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed and steps, same adapter.")] = 0,
    objects: ObjectsOption = "auto",
    continue_from: ContinueOption = None,
    checkpoint: CheckpointOption = None,
    plane: PlaneOption = None,
    note: Annotated[str, typer.Option("--note", help="Words to keep in the adapter.")] = "",
    device: DeviceOption = "auto",
    state: StateOption = None,
    ignore: IgnoreOption = None,
    init: InitOption = "identity",
    annotated: AnnotatedOption = "surroundings",
    views: ViewsOption = "new",
    decoder_share: DecoderShareOption = 0.4,
    loss_resolution: LossResolutionOption = "image",
    learning_rate: LearningRateOption = 3e-3,
) -> None:
    """Train an adapter on the objects of a few images and write it to one file.

    Some objects are held out; the score on them before and after is shown and stored. Ctrl+C
    finishes with the best adapter so far; with --state, the same command goes on from there.
    """
    _check_files(output, state)
    with Console(stderr=True).status("Reading the images") as status:
        shots = _read_shots((image, mask, ignore or []), objects, plane)
        status.update(f"Loading {model}")
        from napari_catsam.adaptation.config import TrainConfig
        from napari_catsam.models.loading import load_model

        config = TrainConfig(
            method=method or FIRST_METHOD,
            budget_s=budget,
            steps=steps,
            seed=seed,
            note=note,
            init=init,  # type: ignore[arg-type]  # each is checked there, and told in one sentence
            annotated=annotated,  # type: ignore[arg-type]
            views=views,  # type: ignore[arg-type]
            loss_resolution=loss_resolution,  # type: ignore[arg-type]
            decoder_share=decoder_share,
            learning_rate=learning_rate,
        )
        base = load_model(model, continue_from, checkpoint, device)
        config = replace(config, method=_choose_method(base, method))
        held = _open_state(state)
    result = _train(base, shots, config, held)
    _print_result(result, result.save(output))
    if held is not None:
        _end_state(held)


def _check_files(output: Path, state: Path | None) -> None:
    check_output(output, ".safetensors")
    if state is not None:
        check_output(state)
        if state.resolve() == output.resolve():
            raise UnreadableFileError(
                f"{state} is both the adapter and the state of its run; give two names"
            )


def _choose_method(model: CatSam, method: str | None) -> str:
    """Return what is trained: the method that a loaded adapter or checkpoint has, if there is one."""
    if model.method == "sam":
        return method or FIRST_METHOD
    if method not in (None, model.method):
        raise TrainingError(
            f"the method is {method}, but what training goes on from has {model.method}; "
            "leave --method out, or begin anew"
        )
    return model.method


def _open_state(path: Path | None) -> RunFile | None:
    if path is None:
        return None
    from napari_catsam.cli.run_file import RunFile

    return RunFile(path)


def _train(base: CatSam, shots: list[Shot], config: TrainConfig, held: RunFile | None) -> Adapter:
    from napari_catsam.adaptation.train import fit

    if held is None:
        return run_with_bar(fit(base, shots, config), "Preparing", _describe)
    run = held.follow(fit(base, shots, config, held.state))
    return run_with_bar(run, "Going on" if held.found else "Preparing", _describe)


def _end_state(held: RunFile) -> None:
    held.settle()
    if held.stopped:
        text = f"Stopped early; the same command goes on from {held.path}"
        Console().print(text, soft_wrap=True, highlight=False, markup=False)


def _read_shots(
    files: tuple[list[Path], list[Path], list[Path]], objects: str, plane: int | None
) -> list[Shot]:
    from napari_catsam.evaluation.folders import read_sample
    from napari_catsam.images import read_labels
    from napari_catsam.types import Shot

    images, masks, ignored = files

    if len(images) != len(masks):
        raise ShotError(
            f"there are {len(images)} images and {len(masks)} masks; give one mask an image, "
            "in the same order"
        )
    if ignored and len(images) != len(ignored):
        raise ShotError(
            f"there are {len(images)} images and {len(ignored)} to ignore pixels by; give one an "
            "image, in the same order, or none"
        )
    samples = [read_sample(*pair, objects, plane) for pair in zip(images, masks, strict=True)]
    unsaid = [read_labels(path, plane) != 0 for path in ignored] or [None] * len(samples)
    return [
        Shot(sample.image, sample.masks, ignore, sample.name)
        for sample, ignore in zip(samples, unsaid, strict=True)
    ]


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
    table.add_row("IoU before", _format_score(header.score_before))
    table.add_row("IoU after", _format_score(header.score_after))
    console = Console()
    console.print(table)
    console.print(header.note, soft_wrap=True, highlight=False, markup=False)
    size = path.stat().st_size / 1e6
    console.print(f"Wrote {path} ({size:.1f} MB)", soft_wrap=True, highlight=False, markup=False)


def _format_score(score: float | None) -> str:
    return "not measured" if score is None else f"{score:.3f}"
