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
    check_output,
)
from napari_catsam.errors import PromptError

if TYPE_CHECKING:
    from napari_catsam.types import Masks

__all__ = ["predict"]


def predict(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A TIFF, PNG, JPEG or NPY file.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.tif", help="The label image to write.")
    ],
    box: Annotated[
        list[str] | None,
        typer.Option(
            "--box", metavar="R0 C0 R1 C1", help="The box around an object; repeat for more."
        ),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            "--point",
            metavar="R C +|-",
            help="A click on (+) or beside (-) an object; repeat for more.",
        ),
    ] = None,
    model: ModelOption = "vit_nano",
    adapter: AdapterOption = None,
    checkpoint: CheckpointOption = None,
    plane: PlaneOption = None,
    device: DeviceOption = "auto",
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
        from napari_catsam.prediction.predictor import Predictor

        predictor = Predictor(load_model(model, adapter, checkpoint, device))
        status.update(f"Segmenting on {predictor.model.device}")
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
