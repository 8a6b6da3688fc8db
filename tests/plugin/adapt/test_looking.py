"""Looking for what to annotate next: the worker's side of it."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.adapt.looking import (
    REGION_GRID,
    Outlook,
    _find_middle,
    _overlap,
    look_around,
)
from napari_catsam.plugin.device.engine import MOST_AT_ONCE, Engine, ModelChoice
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.types import Intensity, Masks, Prompts
from tests.plugin.conftest import FakePredictor


def test_only_few_masks_of_all_clicks_are_in_memory(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    kept: list[int] = []

    class Counting(FakePredictor):
        def predict(self, embedding: Any, prompts: Prompts) -> Masks:
            kept.append(sum(type(one) is ObjectMask for one in gc.get_objects()))
            return super().predict(embedding, prompts)

    for name in ("vit_nano", "vit_nano adapted"):
        library.predictors[name] = Counting(name)
    data, whole = np.zeros((90, 120), np.uint8), (slice(None), slice(None))
    plane = Plane(data, whole, (0, 1), (90, 120), Intensity("limits", 0, 255), "cells")
    base = ModelChoice("vit_nano", "auto")
    outlook = Outlook(plane, None, base, replace(base, adapter=adapter_factory()))
    told = [*look_around(Engine(library), outlook)]
    assert len(kept) == 2 * math.ceil(REGION_GRID**2 / MOST_AT_ONCE) < len(told)
    assert max(kept) - kept[0] <= 3 * MOST_AT_ONCE < REGION_GRID**2


U = np.ones((9, 9), bool)
U[:6, 2:7] = False


@pytest.mark.parametrize(
    ("mask", "at"), [(np.ones((5, 7), bool), (12, 23)), (U, (15, 21)), (U.T, (14, 26))]
)
def test_the_middle_of_a_mask_lies_on_it(mask: Any, at: tuple[float, float]) -> None:
    assert mask[at[0] - 10, at[1] - 20]
    assert _find_middle(ObjectMask((10, 20), mask, 0.9)) == at


def test_the_middle_of_a_large_mask_takes_little_memory() -> None:
    large = ObjectMask((0, 0), np.ones((1000, 1001), bool), 0.9)
    tracemalloc.start()
    try:
        assert _find_middle(large) == (499, 500)
        assert tracemalloc.get_traced_memory()[1] < large.mask.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("corner", "shape", "iou"),
    [((0, 0), (4, 4), 1.0), ((2, 0), (4, 4), 8 / 24), ((9, 9), (2, 2), 0.0), ((0, 0), (0, 0), 0.0),
     ((4, 1), (3, 3), 0.0), ((1, 1), (2, 2), 4 / 16)],
)  # fmt: skip
def test_cut_masks_are_compared_where_they_lie(
    corner: tuple[int, int], shape: tuple[int, int], iou: float
) -> None:
    one = ObjectMask((0, 0), np.ones((4, 4), bool), 0.9)
    other = ObjectMask(corner, np.ones(shape, bool), 0.9)
    assert _overlap(one, other) == pytest.approx(iou)
    assert _overlap(other, one) == pytest.approx(iou)
