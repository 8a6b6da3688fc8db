"""Folders of runs as a training would leave them, without any training."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from napari_catsam.evaluation.examples import Example, write_examples
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.folder import RunFolder
from napari_catsam.evaluation.runs import CurveRow, Measured, RunResult

__all__ = ["add_examples", "make_example", "write_plain_run", "write_run"]

MODEL = "vit_l-0123456789ab/sam-000000000000"


def write_run(
    root: Path,
    iou: float = 0.8,
    settings: dict[str, object] | None = None,
    model: str = MODEL,
    **changed: object,
) -> Path:
    """Write the folder of a run that has ended: ``changed`` are fields of its result."""
    result = RunResult(
        dataset="kvasir",
        method="cat-a",
        backbone="vit_l",
        shots="1",
        seed=0,
        views="fresh",
        select="last",
        prompt="box",
        metric="iou_dataset",
        measured=Measured(iou, iou + 0.01, iou + 0.02, math.nan, 0.1, 100, 130),
        training_images=1,
        trainable=1848128,
        epochs=2000,
        steps=2000,
        chosen_epoch=2000,
        loss=0.1,
        seconds=3600.0,
    )
    result = replace(result, **changed)
    config = ProtocolConfig(seed=result.seed, shots=result.shots if result.views else "1")
    path = root / f"{len(list(root.glob('*'))):03}-{result.dataset}-{result.method}"
    folder = RunFolder(path)
    values = asdict(config.settled())
    values |= {"method": result.method, "dataset": result.dataset, "model": model}
    folder.begin(values | (settings or {}))
    if result.views:
        rate, seconds = 1e-3, 1.0
        rows = [CurveRow(n, n, 1 / n, rate, math.nan, seconds * n) for n in range(1, 121)]
        folder.write_curves(rows)
    folder.finish(result)
    return path


def write_plain_run(root: Path, iou: float = 0.7, **changed: object) -> Path:
    """Write a run of SAM itself."""
    plain = {"method": "sam", "shots": "none", "views": "", "select": "", "trainable": 0}
    return write_run(root, iou, **(plain | {"epochs": 0, "steps": 0} | changed))


def make_example(name: str = "a", size: tuple[int, int] = (40, 60)) -> Example:
    """Return an image of noise with a square."""
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    truth = np.zeros(size, bool)
    truth[10:20, 10:30] = True
    return Example(name, image, truth, ~truth, truth)


def add_examples(folder: Path, *names: str) -> None:
    """Add examples to the folder of a run."""
    write_examples(folder, [make_example(name) for name in names])
