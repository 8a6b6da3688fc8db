"""Measure a weights file and write its model card: ``python -m pretrain.card --asset FILE --sets DIR``.

Every figure is one of ``napari-catsam evaluate``; the card names the options.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open

from napari_catsam.evaluation.evaluator import Evaluation, evaluate
from napari_catsam.evaluation.folders import SampleFolder
from napari_catsam.models.loading import load_model
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.tiles import TiledPredictor

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

TEMPLATE = Path(__file__).with_name("card_template.md")
HELD_OUT = Path(__file__).with_name("held_out_nuclei.txt")


@dataclass(frozen=True)
class MeasuredSet:
    """A folder of images and masks, and what an object is in it."""

    folder: str
    objects: str
    smallest: int = 1
    select: Path | None = None
    limit: int | None = None
    tiles: bool = False

    @property
    def options(self) -> str:
        """As they are given to ``napari-catsam evaluate``."""
        select = "" if self.select is None else f" --select pretrain/{self.select.name}"
        smallest = "" if self.smallest == 1 else f" --smallest {self.smallest}"
        limit = "" if self.limit is None else f" --limit-objects {self.limit}"
        tiles = " --tiles" if self.tiles else ""
        return f"--objects {self.objects}{smallest}{limit}{select}{tiles}"

    @property
    def name(self) -> str:
        """As the card calls it."""
        held_out = ", held out" if self.select else ""
        return f"{self.folder}{held_out}{', in windows' if self.tiles else ''}"


SETS = (
    MeasuredSet("nuclei_dsb2018", "labels", select=HELD_OUT, tiles=True),
    MeasuredSet("em_isbi2012", "components", smallest=64, limit=40),
    MeasuredSet("xray_jsrt", "labels"),
    MeasuredSet("sonar_fls", "labels"),
)


@dataclass(frozen=True)
class Way:
    """How objects are prompted: a name for the table and the options of the command."""

    name: str
    prompt: str
    clicks: int = 1

    @property
    def options(self) -> str:
        """As they are given to ``napari-catsam evaluate``."""
        clicks = "" if self.clicks == 1 else f" --clicks {self.clicks}"
        return f"--prompt {self.prompt}{clicks}"


WAYS = (Way("box", "box"), Way("clicks", "point", clicks=3))


def measure(model: CatSam, folder: Path, some: MeasuredSet, way: Way) -> Evaluation:
    """One run of the evaluation."""
    samples = SampleFolder(
        folder / "images", folder / "masks", rule=some.objects, select=some.select
    )
    return evaluate(
        model,
        samples,
        way.prompt,
        clicks=way.clicks,
        smallest=some.smallest,
        limit_objects=some.limit,
        predictor=(TiledPredictor if some.tiles else Predictor)(model),
    )


def row(some: MeasuredSet, results: dict[str, Evaluation]) -> str:
    """One line of the table."""
    box, clicks = results["box"], results["clicks"]
    figures = [box.iou_box_itself, box.iou_ellipse, box.iou_mean_object]
    figures += [clicks.iou_by_click[0], clicks.iou_by_click[-1]]
    numbers = " | ".join(f"{value:.3f}" for value in figures)
    rank = f"{box.rank_correlation:.2f} / {clicks.rank_correlation:.2f}"
    return f"| {some.name} | {box.n_images} | {box.n_objects} | {numbers} | {rank} |"


def write_card(asset: Path, sets: Path, failures: str) -> Path:
    """Measure ``asset`` on all sets below the folder ``sets`` and write the card beside it."""
    with safe_open(asset, "pt") as file:
        header = file.metadata()
    model, rows = load_model("vit_nano", checkpoint=asset), []
    for some in SETS:
        results = {way.name: measure(model, sets / some.folder, some, way) for way in WAYS}
        rows.append(row(some, results))
        print(rows[-1], flush=True)
    text = TEMPLATE.read_text().format(
        megabytes=asset.stat().st_size / 1e6,
        steps=header["steps"],
        minutes=header["minutes"],
        seed=header["seed"],
        rows="\n".join(rows),
        ways="\n".join(f"- {way.name}: `{way.options}`" for way in WAYS),
        sets="\n".join(f"- {some.name}: `{some.options}`" for some in SETS),
        failures=failures,
    )
    card = asset.with_suffix(".md")
    card.write_text(text)
    return card


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.card", description=__doc__)
    parser.add_argument("--asset", type=Path, required=True)
    parser.add_argument("--sets", type=Path, required=True, help="folder that holds the sets")
    parser.add_argument("--failures", default="", help="legend of the picture of failures")
    given = parser.parse_args(arguments)
    print(write_card(given.asset, given.sets, given.failures))


if __name__ == "__main__":
    main()
