"""``napari-catsam train``: one cell of the paper's table, trained and tested."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from napari_catsam.cli.arguments import CheckpointOption, DeviceOption
from napari_catsam.cli.protocol_arguments import (
    DataDirOption,
    DatasetOption,
    LimitOption,
    PrecisionOption,
    ResizeOption,
    TestPromptOption,
    follow,
    print_result,
)

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.evaluation.protocol.processes import Processes
    from napari_catsam.evaluation.runs import RunResult
    from napari_catsam.types import Progress

__all__ = ["train"]

MethodOption = Annotated[
    str, typer.Option("--method", help="cat-a, cat-t, ...; sam is tested without any training.")
]
ShotsOption = Annotated[
    Literal["1", "16", "full"],
    typer.Option("--shots", help="The released few-shot images, or the whole training split."),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="RUN",
        help="The folder of the run; runs/ and a name made of the settings when left out. "
        "A run that was killed there goes on.",
    ),
]
ViewsOption = Annotated[
    Literal["fresh", "fixed"],
    typer.Option(
        "--views",
        help="Another view and prompt at every step; or the same in every epoch, as released.",
    ),
]
SelectOption = Annotated[
    Literal["last", "held-out", "test"],
    typer.Option(
        "--select",
        help="Which values are tested: the last, the best on training masks held out, or the best "
        "on the test images themselves, as released.",
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs", metavar="N", min=1, help="In place of the paper's 2000, 200 or 30 by shots."
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(
        "--batch", metavar="N", min=1, help="Images a step over all processes; the paper's 1, 4, 4."
    ),
]
CheckOption = Annotated[
    int | None,
    typer.Option(
        "--check-every",
        metavar="N",
        min=1,
        help="Epochs between two looks at the score and two saved states; the paper's 20, 2, 1.",
    ),
]
RateOption = Annotated[
    float, typer.Option("--learning-rate", help="Of AdamW; it falls by a cosine to 1e-5.")
]
AugmentOption = Annotated[
    Literal["paper", "flips", "none"],
    typer.Option("--augment", help="Flips and crops as the paper has them for method and data."),
]
TrainPromptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        metavar="box|point|mask",
        help="Train with this kind of prompt, one drawn a view if repeated; the data set's else.",
    ),
]
InitOption = Annotated[
    Literal["official", "base", "identity"],
    typer.Option("--init", help="Start from random numbers as released, or about SAM's own masks."),
]


def train(
    dataset: DatasetOption,
    data_dir: DataDirOption,
    method: MethodOption = "cat-a",
    backbone: Annotated[
        str, typer.Option("--backbone", help="vit_b, vit_l, vit_h, ...; see: models list.")
    ] = "vit_l",
    shots: ShotsOption = "1",
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of weights, order, views and prompts.")
    ] = 3407,
    out: OutOption = None,
    views: ViewsOption = "fresh",
    select: SelectOption = "last",
    epochs: EpochsOption = None,
    batch: BatchOption = None,
    check_every: CheckOption = None,
    learning_rate: RateOption = 1e-3,
    augment: AugmentOption = "paper",
    prompt: TrainPromptOption = None,
    init: InitOption = "official",
    resize: ResizeOption = "stretch",
    test_prompt: TestPromptOption = None,
    limit: LimitOption = None,
    checkpoint: CheckpointOption = None,
    precision: PrecisionOption = "fp32",
    device: DeviceOption = "auto",
) -> None:
    """Train a method on a data set by the paper's protocol, and test it: one cell of its table.

    Settings, environment, curves, adapter and result are left in a folder. The same command goes on
    where a run was killed, and shows the result of one that has ended. Start it by torchrun or fabric
    run for several GPUs.
    """
    with Console(stderr=True).status(f"Loading {backbone}"):
        from napari_catsam.evaluation.protocol.config import ProtocolConfig

        config = ProtocolConfig(
            method=method,
            shots=shots,
            seed=seed,
            views=views,
            select=select,
            epochs=epochs,
            batch=batch,
            check_every=check_every,
            augment=augment,
            prompts=tuple(prompt) if prompt else None,
            learning_rate=learning_rate,
            init=init,
            resize=resize,
            test_prompt=test_prompt,
            test_limit=limit,
        )
        from napari_catsam.evaluation.datasets.base import open_dataset
        from napari_catsam.evaluation.protocol.processes import open_processes

        data = open_dataset(dataset, data_dir)
        folder = out or Path("runs") / _name_run(dataset, backbone, config)
        processes = open_processes(device)
    try:
        result = _run(processes, config, (backbone, checkpoint, precision), data, folder)
        if processes.first:
            _print_end(result, folder)
    finally:
        processes.close()


def _run(
    processes: Processes,
    config: ProtocolConfig,
    model: tuple[str, Path | None, Literal["fp32", "bf16", "auto"]],
    data: Dataset,
    out: Path,
) -> RunResult | None:
    from napari_catsam.evaluation.protocol.folder import RunFolder
    from napari_catsam.evaluation.protocol.run import iterate_run
    from napari_catsam.models.loading import load_model

    backbone, checkpoint, precision = model
    base = load_model(backbone, None, checkpoint, str(processes.device), precision)
    work = iterate_run(base, data, config, RunFolder(out), processes)
    return follow(work, processes, "Preparing", _describe)


def _name_run(dataset: str, backbone: str, config: ProtocolConfig) -> str:
    shots = "full" if config.shots == "full" else f"{config.shots}shot"
    words = (dataset, config.method, backbone, shots, config.views, config.select)
    return "-".join((*words, f"seed{config.seed}"))


def _describe(progress: Progress) -> str:
    words = [progress.stage]
    if not isnan(progress.loss):
        words.append(f"loss {progress.loss:.3f}")
    if not isnan(progress.iou_now):
        words.append(f"best IoU {progress.iou_now:.4f}")
    return ", ".join(words)


def _print_end(result: RunResult | None, folder: Path) -> None:
    if result is None:
        Console().print(
            f"Stopped; the same command goes on from the last state in {folder}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
        return
    print_result(result, folder)
