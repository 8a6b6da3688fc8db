"""An adapter trained in the viewer gives the same masks from Python and from the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_catsam.plugin.adapt.recipe import Recipe
from napari_catsam.plugin.adapt.shot_source import ShotSource
from napari_catsam.plugin.device.engine import Engine, ModelChoice
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.types import Intensity, Progress

SIZE = (72, 96)
DISCS = ((20, 24, 11), (50, 30, 14), (26, 70, 13), (54, 76, 9))
"""(row, column, radius)."""

BOXES = np.array([(r - n, c - n, r + n, c + n) for r, c, n in DISCS], np.float64)

STEPS = 4

PREDICT_IN_PYTHON = """
import sys, numpy as np, tifffile
from napari_catsam import Predictor, Prompts, load_model
predictor = Predictor(load_model(sys.argv[1], adapter="trained.safetensors", device="cpu"))
embedding = predictor.embed(tifffile.imread("plane.tif"))
found = predictor.predict(embedding, Prompts(boxes=np.load("boxes.npy")))
np.savez("python.npz", masks=found.masks, scores=found.scores)
"""

PREDICT_ON_COMMAND_LINE = """
import sys
from napari_catsam.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
"""

WITHOUT_QT = """
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"qtpy", "PyQt5", "PyQt6", "PySide6", "napari", "vispy"}, loaded
"""


def draw_labels() -> npt.NDArray[np.int32]:
    rows, columns = np.indices(SIZE)
    labels = np.zeros(SIZE, np.int32)
    for number, (row, column, radius) in enumerate(DISCS, start=1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = number
    return labels


def make_source() -> ShotSource:
    """Make a stack of 16 bits whose second slice is labelled, shown with contrast limits."""
    labels = np.stack([np.zeros(SIZE, np.int32), draw_labels()])
    noise = np.random.default_rng(0).normal(900, 120, labels.shape)
    stack = (noise + 2100 * (labels > 0)).astype(np.uint16)
    index = (1, slice(None), slice(None))
    plane = Plane(stack, index, (1, 2), SIZE, Intensity("limits", 310.5, 3377.25), "cells")
    return ShotSource(plane, labels, (0.4, 0.4))


def finish(run: Generator[Any, bool | None, Any], steps: int | None = None) -> Any:
    """Run a job of the engine to its end, or press Stop after so many training steps."""
    stop: bool | None = None
    while True:
        try:
            told = run.send(stop)
        except StopIteration as end:
            return end.value
        stop = True if isinstance(told, Progress) and told.step == steps else None


def paste(objects: Any) -> npt.NDArray[np.bool_]:
    masks = np.zeros((len(objects), *SIZE), bool)
    for mask, found in zip(masks, objects, strict=True):
        mask[found.window] = found.mask
    return masks


def run_python(code: str, *arguments: str) -> None:
    command = [sys.executable, "-c", code + WITHOUT_QT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("backbone", "method", "init"),
    [("tiny", "cat-a", "base"), ("tiny", "cat-t", "official"), ("vit_nano", "cat-a", "base")],
)
def test_an_adapter_trained_in_the_viewer_gives_the_same_masks_without_it(
    backbone: str, method: str, init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine, source = Engine(Library()), make_source()
    base = ModelChoice(backbone, "cpu")
    run = engine.adapt(base, source, method=method, budget=900, recipe=Recipe(init, "everything"))
    adapter = finish(run, STEPS)
    assert adapter.header.steps == STEPS
    assert adapter.header.intensity == source.plane.intensity
    finish(engine.save_adapter(adapter, Path("trained.safetensors"), "from the viewer"))

    prompts = PromptSet(boxes=BOXES)
    adapted = ModelChoice(backbone, "cpu", adapter)
    objects = finish(engine.segment(adapted, source.plane, prompts))
    masks, scores = paste(objects), np.array([found.score for found in objects], np.float32)
    before = finish(engine.segment(base, source.plane, prompts))
    assert masks.any()
    assert (masks != paste(before)).any() or (scores != [found.score for found in before]).any()

    tifffile.imwrite("plane.tif", source.plane.read())
    np.save("boxes.npy", BOXES)
    run_python(PREDICT_IN_PYTHON, backbone)
    with np.load("python.npz") as found:
        np.testing.assert_array_equal(found["masks"], masks)
        np.testing.assert_array_equal(found["scores"], scores)

    boxes = [word for box in BOXES for word in ("--box", *(f"{value:g}" for value in box))]
    options = f"--model {backbone} --adapter trained.safetensors --device cpu -o labels.tif"
    run_python(PREDICT_ON_COMMAND_LINE, "predict", "plane.tif", *boxes, *options.split())
    # Where masks overlap, the label image shows the first.
    expected = np.where(masks.any(0), masks.argmax(0) + 1, 0)
    np.testing.assert_array_equal(tifffile.imread("labels.tif"), expected)
