"""``napari-catsam predict``: masks of one image from boxes and points."""

from __future__ import annotations

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
    PlaneOption,
    TilesOption,
    check_output,
    make_predictor,
)
from napari_catsam.errors import PromptError

if TYPE_CHECKING:
    from napari_catsam.types import Masks

__all__ = ["predict"]

ImageArgument = Annotated[
    Path, typer.Argument(metavar="IMAGE", help="A TIFF, PNG, JPEG or NPY file.")
]
OutputOption = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT.tif", help="The label image to write.")
]
BoxOption = Annotated[
    list[str] | None,
    typer.Option("--box", metavar="R0 C0 R1 C1", help="The box around an object; repeat for more."),
]
PointOption = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="R C +|-",
        help="A click on (+) or beside (-) an object; repeat for more.",
    ),
]


def predict(
    image: ImageArgument,
    output: OutputOption,
    box: BoxOption = None,
    point: PointOption = None,
    model: ModelOption = "vit_nano",
    adapter: AdapterOption = None,
    checkpoint: CheckpointOption = None,
    plane: PlaneOption = None,
    device: DeviceOption = "auto",
    tiles: TilesOption = False,
) -> None:
    """Segment objects of an image, one for each box, and write them as labels 1, 2, ...

    Points refine the object of the smallest box around them, or of the nearest box if they lie in
    none. Without boxes all points together are one object. Where two masks overlap, the pixel
    belongs to the object given first.
    """
    from napari_catsam.cli.prompts import build_prompts

    prompts = build_prompts(box or [], point or [])
    if prompts is None:
        raise PromptError("there is nothing to segment; give --box R0 C0 R1 C1 or --point R C +")
    check_output(output, ".tif", ".tiff")
    with Console(stderr=True).status("Reading the image") as status:
        from napari_catsam.cli.prompts import paint_labels
        from napari_catsam.images import read_image, write_labels

        pixels = read_image(image, plane)
        status.update(f"Loading {model}")
        from napari_catsam.models.loading import load_model

        loaded = load_model(model, adapter, checkpoint, device)
        predictor = make_predictor(loaded, tiles=tiles)
        status.update(f"Segmenting on {loaded.device}")
        masks = predictor.predict(predictor.embed(pixels), prompts)
        labels = paint_labels(masks.masks)
        write_labels(output, labels)
    areas = [int((labels == number).sum()) for number in range(1, len(masks) + 1)]
    _print_table(masks, areas, output)


def _print_table(masks: Masks, areas: list[int], output: Path) -> None:
    table = Table("Label", "Area (pixels)", "Score", title="Objects")
    for number, (area, score) in enumerate(zip(areas, masks.scores, strict=True), start=1):
        table.add_row(str(number), str(area), f"{score:.3f}")
    console = Console()
    console.print(table)
    console.print("The score is the overlap (IoU) that the model expects.")
    console.print(f"Wrote {output}", soft_wrap=True, highlight=False, markup=False)
