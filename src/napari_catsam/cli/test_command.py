"""``napari-catsam test``: a trained adapter, or a released checkpoint, by the paper's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from napari_catsam.cli.arguments import AdapterOption, CheckpointOption, DeviceOption
from napari_catsam.cli.protocol_arguments import (
    DataDirOption,
    DatasetOption,
    LimitOption,
    PrecisionOption,
    TestPromptOption,
    follow,
    print_result,
)

if TYPE_CHECKING:
    from napari_catsam.types import Progress

__all__ = ["measure"]


def measure(
    dataset: DatasetOption,
    data_dir: DataDirOption,
    adapter: AdapterOption = None,
    checkpoint: CheckpointOption = None,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", help="That of adapter or checkpoint when left out, else vit_l."),
    ] = None,
    test_prompt: TestPromptOption = None,
    limit: LimitOption = None,
    shots: Annotated[
        str, typer.Option("--shots", help="What it was trained on, kept in the result.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="A folder to write settings and result into."),
    ] = None,
    precision: PrecisionOption = "fp32",
    device: DeviceOption = "auto",
) -> None:
    """Test an adapter, or a checkpoint, on the test images of a data set as the paper does.

    Without either, SAM itself is tested. Start it by torchrun or fabric run to share the images out
    over several GPUs.
    """
    with Console(stderr=True).status("Loading"):
        from napari_catsam.evaluation.datasets.base import open_dataset
        from napari_catsam.evaluation.protocol.config import ProtocolConfig
        from napari_catsam.evaluation.protocol.folder import RunFolder
        from napari_catsam.evaluation.protocol.processes import open_processes
        from napari_catsam.evaluation.protocol.testing import iterate_test
        from napari_catsam.models.loading import load_model

        config = ProtocolConfig(method="sam", test_prompt=test_prompt, test_limit=limit)
        data = open_dataset(dataset, data_dir)
        name = backbone or _find_backbone(adapter, checkpoint)
        processes = open_processes(device)
    try:
        model = load_model(name, adapter, checkpoint, str(processes.device), precision)
        folder = None if out is None else RunFolder(out)
        work = iterate_test(model, data, config, folder, processes, shots=shots)
        result = follow(work, processes, "Testing", _describe)
        if processes.first:
            print_result(result, out)
    finally:
        processes.close()


def _find_backbone(adapter: Path | None, checkpoint: Path | None) -> str:
    """Return the backbone that a file is for."""
    from napari_catsam.models.adapter import load_adapter
    from napari_catsam.sam.checkpoints import read_state_dict, recognise_checkpoint

    if adapter is not None:
        return load_adapter(adapter).header.backbone
    if checkpoint is not None:
        return recognise_checkpoint(read_state_dict(checkpoint), checkpoint).backbone
    return "vit_l"


def _describe(progress: Progress) -> str:
    return progress.stage
