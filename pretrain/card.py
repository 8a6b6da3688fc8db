"""Measure a weights file and write its model card: ``python -m pretrain.card --asset FILE --data DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from napari_catsam.sam.backbones import build_sam
from pretrain.evaluate import Scores, component_pairs, measure, summarise
from pretrain.export import read_asset
from pretrain.nuclei import list_names, read_pair, split_names

if TYPE_CHECKING:
    from pretrain.nuclei import Pair

LIMIT = 8
"""At most so many objects of an image are measured, evenly over its labels."""

SMALLEST = 64
"""Components of fewer pixels are left out in sets other than the nuclei."""

TEMPLATE = Path(__file__).with_name("card_template.md")


def row(name: str, scores: Scores) -> str:
    """One line of the table."""
    values = (
        scores.box,
        scores.click,
        scores.box_click,
        scores.baseline_box,
        scores.baseline_ellipse,
    )
    numbers = " | ".join(f"{value:.3f}" for value in values)
    return f"| {name} | {scores.images} | {scores.objects} | {numbers} |"


def measure_set(sam: Any, pairs: list[Pair], smallest: int) -> Scores:
    """Scores of one set."""
    return summarise([measure(sam, pairs, LIMIT, smallest)])


def write_card(asset: Path, data: Path, more: list[Path]) -> Path:
    """Measure ``asset`` on the held-out nuclei and on ``more`` sets, write the card beside it."""
    with safe_open(asset, "pt") as file:
        header = file.metadata()
    sam = read_asset(build_sam("vit_nano"), asset)
    held = [read_pair(data, name) for name in split_names(list_names(data))[1]]
    rows = [row(f"{data.name}, held out", measure_set(sam, held, 1))]
    print(rows[-1], flush=True)
    for folder in more:
        rows.append(row(folder.name, measure_set(sam, component_pairs(folder, 25), SMALLEST)))
        print(rows[-1], flush=True)
    card = asset.with_suffix(".md")
    text = TEMPLATE.read_text().format(
        megabytes=asset.stat().st_size / 1e6,
        steps=header["steps"],
        minutes=header["minutes"],
        limit=LIMIT,
        smallest=SMALLEST,
        rows="\n".join(rows),
    )
    card.write_text(text)
    return card


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.card", description=__doc__)
    parser.add_argument("--asset", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of nuclei_dsb2018")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="further sets, to measure")
    given = parser.parse_args(arguments)
    print(write_card(given.asset, given.data, given.more))


if __name__ == "__main__":
    main()
