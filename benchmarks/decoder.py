"""The mask decoder with fused and with written-out attention: ``python -m benchmarks.decoder``.

Both decode the same prompts on the same embedding, alternating; weights are random.
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


def make_predictors(backbone: str) -> tuple[Predictor, Predictor]:
    """Two predictors with the same random weights, the first with `segment_anything`'s attention."""
    written_out, fused = (CatSam(get_backbone(backbone), seeded_sam(backbone)) for _ in range(2))
    original = seeded_sam(backbone).mask_decoder.transformer.requires_grad_(False)
    written_out.mask_decoder.transformer = original
    return Predictor(written_out), Predictor(fused)


def compare_boxes(pair: tuple[Predictor, Predictor], count: int, repeats: int) -> Comparison:
    """Time so many boxes on an embedded image."""
    side = pair[0].model.backbone.image_size
    image = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    embedding = pair[1].embed(image)
    corner = np.linspace(0, side / 2, count)
    boxes = Prompts(boxes=np.stack([corner, corner, corner + 40, corner + 60], axis=1))
    plain, fused = ((lambda p=p: p.predict(embedding, boxes)) for p in pair)
    name = f"{pair[0].model.backbone.name}, {count} boxes, written out / fused"
    return compare(name, plain, fused, repeats)


def main() -> None:
    """Time both and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="vit_nano")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(describe_machine())
    pair = make_predictors(options.backbone)
    for count in (1, 16, 64):
        print(compare_boxes(pair, count, options.repeats), flush=True)


if __name__ == "__main__":
    main()
