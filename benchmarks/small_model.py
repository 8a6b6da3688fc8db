"""What ``vit_nano`` saves beside a larger backbone: ``python -m benchmarks.small_model --peer vit_b``.

Both run through the package's own predictor on one 512 x 512 image, from the pixels to the masks.
Weights are random: they do not change the work.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.encoder import describe_machine
from benchmarks.timing import Comparison, compare
from napari_catsam.models.catsam import CatSam
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.sam.backbones import get_backbone, seeded_sam
from napari_catsam.types import Prompts

SIDE = 512
"""Pixels a side of the image."""


def make_predictor(backbone: str) -> Predictor:
    """A predictor with random weights."""
    return Predictor(CatSam(get_backbone(backbone), seeded_sam(backbone)))


def compare_embedding(peer: Predictor, small: Predictor, repeats: int) -> Comparison:
    """Time the embedding of an image."""
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return compare(
        f"embed, {peer.model.backbone.name} / {small.model.backbone.name}",
        lambda: peer.embed(image),
        lambda: small.embed(image),
        repeats,
    )


def compare_click(peer: Predictor, small: Predictor, repeats: int) -> Comparison:
    """Time one click on an embedded image."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[128:256, 128:256] = 200
    embeddings = peer.embed(image), small.embed(image)
    click = Prompts(points=[[[SIDE / 3, SIDE / 3]]])
    return compare(
        f"click, {peer.model.backbone.name} / {small.model.backbone.name}",
        lambda: peer.predict(embeddings[0], click),
        lambda: small.predict(embeddings[1], click),
        repeats,
    )


def main() -> None:
    """Time both and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="vit_b")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(describe_machine())
    peer, small = make_predictor(options.peer), make_predictor("vit_nano")
    print(compare_embedding(peer, small, options.repeats), flush=True)
    print(compare_click(peer, small, 4 * options.repeats), flush=True)


if __name__ == "__main__":
    main()
