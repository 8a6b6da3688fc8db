from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_catsam.evaluation.datasets.base import Dataset, open_dataset
from napari_catsam.evaluation.protocol.processes import Processes
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.loading import load_model
from tests.evaluation.datasets.trees import build_whu


@pytest.fixture(scope="session")
def base() -> CatSam:
    """Give the small random SAM, which no test may change."""
    return load_model("tiny", device="cpu")


@pytest.fixture(scope="session")
def whu(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Give 16 images to train on and 3 to test on."""
    return open_dataset("whu", build_whu(tmp_path_factory.mktemp("whu")))


@pytest.fixture
def alone() -> Processes:
    return Processes(torch.device("cpu"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"
