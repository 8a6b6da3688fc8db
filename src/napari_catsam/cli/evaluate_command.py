"""``napari-catsam evaluate``: how good a model is on a folder of images with masks."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    TilesOption,
    check_output,
    make_predictor,
)
from napari_catsam.cli.progress_bar import run_with_bar

if TYPE_CHECKING:
    from napari_catsam.evaluation.evaluator import Evaluation
    from napari_catsam.types import Progress

__all__ = ["evaluate"]

ImagesOption = Annotated[
    Path, typer.Option("--images", metavar="DIR", help="The folder of the images.")
]
MasksOption = Annotated[
    Path,
    typer.Option("--masks", metavar="DIR", help="The folder of masks with the images' stems."),
]
PromptOption = Annotated[
    Literal["box", "point"],
    typer.Option("--prompt", help="The tight box of each object, or its most interior pixel."),
]
ClicksOption = Annotated[
    int,
    typer.Option(
        "--clicks",
        metavar="N",
        min=1,
        help="With --prompt point: N clicks an object, each after the first on what is still wrong.",
    ),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="OUT", help="Write the results to this file.")
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only the first N images by name."),
]
SelectOption = Annotated[
    Path | None,
    typer.Option(
        "--select",
        metavar="FILE",
        help="Only the images that this text file names, one stem a line.",
    ),
]
SmallestOption = Annotated[
    int,
    typer.Option(
        "--smallest", metavar="N", min=1, help="Objects of fewer than N pixels are not measured."
    ),
]
LimitObjectsOption = Annotated[
    int | None,
    typer.Option(
        "--limit-objects",
        metavar="N",
        min=1,
        help="At most N objects an image, evenly spread over their numbers.",
    ),
]


def evaluate(
    images: ImagesOption,
    masks: MasksOption,
    model: ModelOption = "vit_nano",
    adapter: AdapterOption = None,
    checkpoint: CheckpointOption = None,
    prompt: PromptOption = "box",
    clicks: ClicksOption = 1,
    tiles: TilesOption = False,
    objects: ObjectsOption = "auto",
    smallest: SmallestOption = 1,
    limit_objects: LimitObjectsOption = None,
    select: SelectOption = None,
    limit: LimitOption = None,
    json_file: JsonOption = None,
    plane: PlaneOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Prompt a model with each object of labelled images and measure the overlap (IoU).

    Ctrl+C finishes with the images so far.
    """
    if json_file is not None:
        check_output(json_file)
    with Console(stderr=True).status(f"Loading {model}"):
        from napari_catsam.evaluation.config import EvaluationConfig
        from napari_catsam.evaluation.evaluator import iterate_evaluation
        from napari_catsam.evaluation.folders import SampleFolder
        from napari_catsam.models.loading import load_model

        config = EvaluationConfig(prompt, clicks, smallest, limit_objects)
        samples = SampleFolder(images, masks, rule=objects, limit=limit, plane=plane, select=select)
        loaded = load_model(model, adapter, checkpoint, device)
        predictor = make_predictor(loaded, tiles=tiles)
    work = iterate_evaluation(loaded, samples, config, predictor)
    result = run_with_bar(work, "Measuring", _describe)
    _print_result(result)
    if json_file is not None:
        names = {"adapter": adapter, "checkpoint": checkpoint, "select": select}
        names |= {"images": images, "masks": masks}
        extra = {name: None if path is None else str(path) for name, path in names.items()}
        _write_json(json_file, result.to_dict() | extra | {"objects": objects, "tiles": tiles})


def _describe(progress: Progress) -> str:
    so_far = "" if isnan(progress.iou_now) else f", IoU {progress.iou_now:.3f}"
    name = progress.stage if len(progress.stage) <= 24 else progress.stage[:23] + "…"
    return name + so_far


def _print_result(result: Evaluation) -> None:
    table = Table(
        "", "", title=f"{result.model}, {result.method}, {result.prompt}", show_header=False
    )
    table.add_row("Images", str(result.n_images))
    table.add_row("Objects", str(result.n_objects))
    table.add_row("Mean IoU of objects", f"{result.iou_mean_object:.4f}")
    if result.clicks > 1:
        for click, iou in enumerate(result.iou_by_click, start=1):
            table.add_row(f"    after click {click}", f"{iou:.4f}")
    table.add_row("IoU over all pixels", f"{result.iou_dataset:.4f}")
    table.add_row("Mean IoU if the mask were the box itself", f"{result.iou_box_itself:.4f}")
    table.add_row("Mean IoU if it were the ellipse in the box", f"{result.iou_ellipse:.4f}")
    known = not isnan(result.rank_correlation)
    table.add_row(
        "Rank correlation of score and IoU (Spearman)",
        f"{result.rank_correlation:.3f}" if known else "unknown",
    )
    Console().print(table)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    from napari_catsam.images import replace_file

    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    replace_file(path, text.encode())
