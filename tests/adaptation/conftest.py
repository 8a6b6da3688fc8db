from __future__ import annotations

import pytest

from napari_catsam.models.catsam import CatSam
from napari_catsam.models.loading import load_model


@pytest.fixture(scope="session")
def base() -> CatSam:
    """Give the small random SAM, which no test may change."""
    return load_model("tiny", device="cpu")


@pytest.fixture(scope="session")
def small() -> CatSam:
    """Give the trained small model, which no test may change."""
    return load_model("vit_nano", device="cpu")
