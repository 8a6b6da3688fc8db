"""A folder with a small image, its labels, and what else the commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner, Result

from napari_catsam.cli.app import app


def make_labels() -> np.ndarray:
    """Return four discs on 80 rows x 100 columns."""
    rows, columns = np.mgrid[:80, :100]
    labels = np.zeros((80, 100), np.uint8)
    for number, (row, column) in enumerate([(20, 20), (20, 70), (60, 30), (55, 80)], start=1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 < 120] = number
    return labels


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with image.png, labels.tif, images/ and masks/."""
    labels = make_labels()
    noise = np.random.default_rng(0).normal(60, 15, labels.shape)
    image = np.clip(noise + 100 * (labels > 0), 0, 255).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "image.png")
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for stem in ("a", "b"):
        Image.fromarray(image).save(tmp_path / "images" / f"{stem}.png")
        tifffile.imwrite(tmp_path / "masks" / f"{stem}.tif", labels)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the program with one line of arguments."""

    def invoke(line: str) -> Result:
        return CliRunner().invoke(app, line.split())

    return invoke
