"""Pictures of what ``vit_nano`` gets wrong: ``python -m pretrain.failures --asset FILE --out PNG``.

For each family of drawn scenes, the object whose box gave the worst mask among some scenes that training
never saw: what was drawn in green, the box in white, the mask in magenta.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from napari_catsam import Intensity, Predictor, Prompts, load_model
from pretrain.evaluate import find_objects, iou
from pretrain.nuclei import INPUT
from pretrain.scenes import FAMILIES, Family

SCENES = 6
"""Scenes of a family that are searched."""

SIDE = 256
"""Pixels a side of a picture."""

COLUMNS = 6
GREEN, MAGENTA, WHITE = (60, 255, 60), (255, 60, 255), (255, 255, 255)
SEED = 555_555


@dataclass(frozen=True)
class Failure:
    """The worst object of a family: the scene, the truth, the box (r0, c0, r1, c1), the mask, its IoU."""

    image: np.ndarray
    truth: np.ndarray
    box: np.ndarray
    mask: np.ndarray
    iou: float


def find_worst(predictor: Predictor, family: Family) -> Failure:
    """The object of some scenes of a family with the lowest IoU from its tight box."""
    worst: Failure | None = None
    for number in range(SCENES):
        image, labels, _ = family(np.random.default_rng([SEED, number]), INPUT)
        image = np.clip(image, 0, 255).astype(np.uint8)
        objects = find_objects(labels, limit=8, smallest=400)
        if objects is None:
            continue
        embedding = predictor.embed(image, Intensity("as-is"))
        masks = predictor.predict(embedding, Prompts(boxes=objects.boxes)).masks
        values = iou(torch.from_numpy(masks), torch.from_numpy(objects.masks))
        k = int(values.argmin())
        if worst is None or float(values[k]) < worst.iou:
            worst = Failure(image, objects.masks[k], objects.boxes[k], masks[k], float(values[k]))
    assert worst is not None
    return worst


def draw(failure: Failure) -> np.ndarray:
    """A square picture ``(SIDE, SIDE, 3)`` around the object with the three outlines."""
    row0, column0, row1, column1 = failure.box.astype(int)
    half = int(0.75 * max(row1 - row0, column1 - column0)) + 8
    centre = (row0 + row1) // 2, (column0 + column1) // 2
    rows, columns = (
        np.clip(np.arange(c - half, c + half), 0, INPUT - 1)[:: max(1, 2 * half // SIDE)]
        for c in centre
    )
    crop = np.ix_(rows, columns)
    boxed = np.zeros(failure.truth.shape, bool)
    boxed[row0:row1, column0:column1] = True
    picture = enlarge(failure.image[crop], Image.Resampling.BILINEAR)
    for mask, colour in ((boxed, WHITE), (failure.truth, GREEN), (failure.mask, MAGENTA)):
        large = enlarge(mask[crop].astype(np.uint8), Image.Resampling.NEAREST) > 0
        picture[large & ~ndimage.binary_erosion(large, iterations=2)] = colour
    return picture


def enlarge(values: np.ndarray, how: Image.Resampling) -> np.ndarray:
    """Scale to ``SIDE`` pixels a side."""
    return np.array(Image.fromarray(values).resize((SIDE, SIDE), how))


def draw_sheet(asset: Path, out: Path) -> list[str]:
    """Draw the worst of every family; its IoU and name, in the order of the pictures."""
    predictor = Predictor(load_model("vit_nano", checkpoint=asset))
    failures = [find_worst(predictor, family) for _, family in FAMILIES]
    pictures = [np.pad(draw(failure), ((2, 2), (2, 2), (0, 0))) for failure in failures]
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % COLUMNS)
    rows = [np.concatenate(pictures[k : k + COLUMNS], 1) for k in range(0, len(pictures), COLUMNS)]
    Image.fromarray(np.concatenate(rows)).save(out, optimize=True)
    names = [family.__name__.replace("_", " ") for _, family in FAMILIES]
    return [f"{name} {f.iou:.2f}" for name, f in zip(names, failures, strict=True)]


def main(arguments: list[str] | None = None) -> None:
    """Draw the sheet and print its legend."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.failures", description=__doc__)
    parser.add_argument("--asset", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    print("; ".join(draw_sheet(given.asset, given.out)))


if __name__ == "__main__":
    main()
