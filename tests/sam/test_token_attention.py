"""The fused attention of the mask decoder computes what segment_anything's does."""

from __future__ import annotations

import copy

import pytest
import torch
from segment_anything.modeling.transformer import Attention

from napari_catsam.sam.backbones import seeded_sam
from napari_catsam.sam.token_attention import FusedTokenAttention, fuse_token_attention


@pytest.mark.parametrize(("queries", "keys"), [(7, 64), (64, 7), (7, 7)])
@pytest.mark.parametrize("downsample", [1, 2])
def test_outputs_and_gradients_are_those_of_the_written_out_attention(
    queries: int, keys: int, downsample: int
) -> None:
    torch.manual_seed(0)
    layer = Attention(32, 4, downsample)
    q, k, v = (torch.randn(3, n, 32, requires_grad=True) for n in (queries, keys, keys))
    expected = layer(q, k, v)
    slopes = torch.autograd.grad(expected.square().sum(), (q, k, v, *layer.parameters()))
    found = FusedTokenAttention(layer)(q, k, v)
    again = torch.autograd.grad(found.square().sum(), (q, k, v, *layer.parameters()))
    torch.testing.assert_close(found, expected)
    for one, other in zip(again, slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_fused_decoder_has_the_same_tensors_and_masks() -> None:
    plain = seeded_sam("tiny").mask_decoder
    fused = copy.deepcopy(plain)
    fuse_token_attention(fused.transformer)
    assert list(fused.state_dict()) == list(plain.state_dict())
    assert not any(isinstance(module, Attention) for module in fused.modules())
    width = plain.transformer_dim
    image, place, dense = (torch.randn(n, width, 4, 4) for n in (1, 1, 2))
    given = {
        "image_embeddings": image,
        "image_pe": place,
        "sparse_prompt_embeddings": torch.randn(2, 3, width),
        "dense_prompt_embeddings": dense,
        "multimask_output": True,
    }
    with torch.no_grad():
        for one, other in zip(fused(**given), plain(**given), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_fusing_twice_changes_nothing_more() -> None:
    transformer = seeded_sam("tiny").mask_decoder.transformer
    fuse_token_attention(transformer)
    once = [m for m in transformer.modules() if isinstance(m, FusedTokenAttention)]
    fuse_token_attention(transformer)
    again = [m for m in transformer.modules() if isinstance(m, FusedTokenAttention)]
    assert len(once) == 7
    assert all(one is other for one, other in zip(once, again, strict=True))
