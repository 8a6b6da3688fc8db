"""The refiner is trained on what the rest of the model leaves, as the package would show it to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from napari_catsam.sam.crops import Crops, cut_out
from pretrain.arithmetic import quicker_dtype
from pretrain.export import write_asset
from pretrain.looks import Looks, LookStream, collect
from pretrain.network import build_network, working_copy
from pretrain.refine import RefinePlan, refine, through_grid, true_iou, turn

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = 256


@pytest.fixture(scope="module")
def looks() -> Looks:
    torch.manual_seed(0)
    return collect(
        iter(LookStream(working_copy(build_network(), quicker_dtype()), None, seed=3)), 40
    )


def as_crops(looks: Looks) -> Crops:
    return Crops(torch.cat([looks.corner, looks.corner + looks.view.extent], 1), WINDOW)


def test_looks_are_of_boxes_and_of_clicks(looks: Looks) -> None:
    inside, positive, _ = looks.view.prompt.float().amax((2, 3)).unbind(1)
    assert (inside > 0).any()
    assert ((inside == 0) & (positive > 0)).any()
    assert looks.view.pixels.shape[1:] == (3, 48, 48)
    assert torch.isfinite(looks.view.pixels).all()


def test_a_boxed_object_lies_in_its_crop(looks: Looks) -> None:
    boxed = looks.view.prompt[:, 0].amax((1, 2)) > 0
    found = looks.truth.float().sum((1, 2))
    assert (found[boxed] > looks.missing[boxed]).all()
    assert (looks.truth[boxed].float().amax((1, 2)) > 0.2).all()


def test_a_change_passes_the_grid_as_in_the_package(looks: Looks) -> None:
    few = looks.select(torch.arange(8))
    crops = as_crops(few)
    change = torch.randn(8, 48, 48, generator=torch.Generator().manual_seed(0))
    back = crops.put_back(change, WINDOW // 4)
    expected = cut_out(back[:, None], crops)[:, 0]
    inner = [(place > 2) & (place < WINDOW - 2) for place in crops.places]
    fine = (crops.extent < 4 * 48).all(1)  # larger crops are read as means, not as points
    within = (inner[0][:, :, None] & inner[1][:, None])[fine]
    assert within.any()
    difference = (through_grid(change, few) - expected)[fine]
    assert difference[within].abs().max() < 1e-4


@pytest.mark.parametrize("seed", range(6))
def test_turning_keeps_what_belongs_together(looks: Looks, seed: int) -> None:
    turned = turn(looks, torch.Generator().manual_seed(seed))
    before, after = (true_iou(some.view.logits.float(), some) for some in (looks, turned))
    torch.testing.assert_close(before, after)
    change = torch.zeros(len(looks.scores), 48, 48)
    change[:, 12:36, 12:36] = 1  # the same from all sides, and so is what is left of it
    sums = (through_grid(change, some).sum((1, 2)) for some in (looks, turned))
    torch.testing.assert_close(*sums, rtol=0.02, atol=1.0)


def test_only_the_refiner_of_a_file_is_replaced(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "nano.safetensors"
    write_asset(build_network(), path, 0, 0.0, 0, None)
    before = load_file(path)
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "looks_0_7.pt").write_bytes(b"of an earlier run")
    refine(
        RefinePlan(path, tmp_path / "looks", minutes=0.05, processes=1, batch=8, every=1, looks=30)
    )
    after = load_file(path)
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    assert after.keys() == before.keys()
    assert any(key.endswith("leave.weight") for key in changed)
    assert all(key.startswith("mask_decoder.refiner.") for key in changed)
    rows = [
        json.loads(line) for line in (tmp_path / "looks" / "refine.jsonl").read_text().splitlines()
    ]
    assert rows[-1]["looks"] >= 30
