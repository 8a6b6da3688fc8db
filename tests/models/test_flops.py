"""Costs that no machine changes, counted by torch."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.decoded import Detail
from napari_catsam.sam.backbones import build_sam, get_backbone

pytestmark = pytest.mark.slow


def build(method: str) -> CatSam:
    return CatSam(get_backbone("vit_b"), build_sam("vit_b"), method)


def count_attention(query, key, value, *args, out_shape=None, **kwargs) -> int:
    """Count two products a pair of query and key, given the shapes (B, heads, S, d)."""
    batch, heads, queries, width = query
    return 2 * batch * heads * queries * key[2] * (width + value[3])


def count(work) -> int:
    # Not every torch counts the processor's fused attention of itself.
    mapping = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: count_attention}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize("method", ["cat-a", "cat-t", "hq"])
def test_a_click_on_vit_b_costs_at_most_6_3_gflop(method: str) -> None:
    model = build(method)
    features, detail = torch.randn(1, 256, 64, 64), Detail(torch.randn(1, 32, 256, 256))
    click = PromptTensors(
        points=torch.tensor([[[500.0, 400.0]]]), labels=torch.ones(1, 1, dtype=torch.long)
    )
    assert count(lambda: model.decode(features, detail, click)) <= 6.3e9


def test_the_cat_a_encoder_costs_at_most_one_percent_more_than_sam() -> None:
    image = torch.randn(1, 3, 1024, 1024)
    models = {name: build(name) for name in ("sam", "cat-a")}
    plain, tuned = (count(partial(model.encode, image)) for model in models.values())
    assert plain > 9e11  # attention is counted too, also on the fused kernel
    assert tuned <= 1.01 * plain
