"""The options of ``adapt`` that are seldom needed; their defaults are those of ``TrainConfig``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AnnotatedOption",
    "ContinueOption",
    "DecoderShareOption",
    "IgnoreOption",
    "InitOption",
    "LearningRateOption",
    "LossResolutionOption",
    "StateOption",
    "ViewsOption",
]

IgnoreOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--ignore",
        metavar="F...",
        help="Images of pixels that say nothing (those that are not 0), in the order of the images.",
    ),
]
ContinueOption = Annotated[
    Path | None,
    typer.Option(
        "--continue-from",
        "--adapter",
        metavar="ADAPTER",
        help="Go on from the values of an adapter; its method is taken, its scores are those before.",
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="Keep the run here, twice a minute and at every score. If the file exists, the run in it "
        "goes on; it is removed when the run has ended by itself.",
    ),
]
InitOption = Annotated[
    str,
    typer.Option(
        "--init",
        metavar="identity|base|official",
        help="Start exactly with the base model's masks, about with them, or from random numbers as "
        "released.",
    ),
]
AnnotatedOption = Annotated[
    str,
    typer.Option(
        "--annotated",
        metavar="surroundings|everything",
        help="What pixels without a label say: nothing unless they are near an object, as if only "
        "some objects were labelled; or that they are background.",
    ),
]
ViewsOption = Annotated[
    str,
    typer.Option(
        "--views",
        metavar="new|fixed",
        help="Another view and prompt every step, or one of both all the time, as released.",
    ),
]
DecoderShareOption = Annotated[
    float,
    typer.Option(
        "--decoder-share",
        metavar="SHARE",
        help="In this first part of the run the head alone is trained, which is quick.",
    ),
]
LossResolutionOption = Annotated[
    str,
    typer.Option(
        "--loss-resolution",
        metavar="decoder|image",
        help="Where masks are compared: on the decoder's grid, or at the size of the view.",
    ),
]
LearningRateOption = Annotated[
    float,
    typer.Option(
        "--learning-rate", metavar="RATE", help="Of AdamW at its highest; lower it on divergence."
    ),
]
