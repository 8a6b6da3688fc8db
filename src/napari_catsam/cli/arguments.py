"""Arguments that several commands share, and options that take several values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from napari_catsam.errors import UnreadableFileError

if TYPE_CHECKING:
    from napari_catsam.evaluation.clicks import PredictorLike
    from napari_catsam.models.catsam import CatSam

__all__ = [
    "AdapterOption",
    "CheckpointOption",
    "DeviceOption",
    "ModelOption",
    "ObjectsOption",
    "PlaneOption",
    "SpreadCommand",
    "TilesOption",
    "check_output",
    "make_predictor",
    "spread",
]

ModelOption = Annotated[
    str, typer.Option("--model", help="vit_nano ships with the program; see: models list.")
]
AdapterOption = Annotated[
    Path | None, typer.Option("--adapter", metavar="F", help="An adapter to put into the model.")
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="F",
        help="An official SAM or CAT-SAM file to use in place of the installed weights.",
    ),
]
TilesOption = Annotated[
    bool,
    typer.Option(
        "--tiles", help="Zoom in: small objects of large images are decided in windows of them."
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps: where the model runs.")
]
PlaneOption = Annotated[
    int | None,
    typer.Option("--plane", metavar="N", help="Which plane of files that hold several, from 0."),
]
ObjectsOption = Annotated[
    Literal["auto", "labels", "components"],
    typer.Option(
        "--objects",
        help="What is one object in a mask: every value (labels), every connected area "
        "(components), or the areas of a mask that has a single value and else the values (auto).",
    ),
]

COUNTS: dict[str, int | None] = {
    "--box": 4,
    "--point": 3,
    "--image": None,
    "--mask": None,
    "--ignore": None,
}
"""Values that follow an option; None for as many as there are."""


class SpreadCommand(TyperCommand):
    """A command whose options may be followed by several values, as in ``--image a.tif b.tif``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments after :func:`spread`."""
        return super().parse_args(ctx, spread(args))


def spread(args: list[str]) -> list[str]:
    """Rewrite options with several values so that each occurrence has one.

    ``--box 1 2 3 4`` becomes ``--box=1 2 3 4`` (one argument), ``--image a b`` becomes
    ``--image=a --image=b``. A value may be negative, and a lone ``-`` is a value; what else begins
    with a dash ends the values. ``--`` ends all options.
    """
    rest, out = list(args), list[str]()
    while rest:
        name = rest.pop(0)
        if name == "--":
            return [*out, name, *rest]
        if name not in COUNTS:
            out.append(name)
            continue
        count, values = COUNTS[name], list[str]()
        while rest and _is_value(rest[0]) and (count is None or len(values) < count):
            values.append(rest.pop(0))
        if not values:
            out.append(name)  # the parser says what is missing
        elif count is None:
            out += [f"{name}={value}" for value in values]
        else:
            out.append(f"{name}={' '.join(values)}")
    return out


def _is_value(text: str) -> bool:
    return not text.startswith("-") or text == "-" or text[1:2].isdigit() or text[1:2] == "."


def check_output(path: Path, *suffixes: str) -> None:
    """Refuse an output that cannot be written, before long work and not after it.

    Parameters
    ----------
    path : Path
        Where the result will be written.
    *suffixes : str
        How its name may end, lower case; anything if there is none.

    Raises
    ------
    UnreadableFileError
        If the name has another ending, or its folder is missing or read-only.
    """
    endings = " or ".join(suffixes)
    if suffixes and path.suffix.lower() not in suffixes:
        raise UnreadableFileError(f"the output {path} must end in {endings}; rename it")
    folder = path.parent
    if not folder.is_dir():
        raise UnreadableFileError(f"there is no folder {folder} for the output; make it first")
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise UnreadableFileError(f"the output {path} cannot be written there; choose another")


def make_predictor(model: CatSam, *, tiles: bool) -> PredictorLike:
    """Return what segments with a model: the whole image at once, or windows of it as well.

    Parameters
    ----------
    model : CatSam
        In evaluation mode.
    tiles : bool
        Whether small objects of large images are decided in windows.
    """
    if tiles:
        from napari_catsam.prediction.tiles import TiledPredictor

        return TiledPredictor(model)
    from napari_catsam.prediction.predictor import Predictor

    return Predictor(model)
