"""The fused attention is segment_anything's attention."""

from __future__ import annotations

import copy

import pytest
import torch
from segment_anything.modeling.image_encoder import Attention, Block, add_decomposed_rel_pos

from napari_catsam.sam import attention as module
from napari_catsam.sam.attention import (
    FusedAttention,
    PositionVectors,
    _offset_vectors,
    attend,
    fuse_attention,
    position_bias,
)
from napari_catsam.sam.backbones import build_sam, seeded_sam


def make_attention(table_side: int | None) -> Attention:
    """Build segment_anything's attention with a drawn position table for a square grid, or none."""
    size = None if table_side is None else (table_side, table_side)
    attention = Attention(32, num_heads=4, use_rel_pos=size is not None, input_size=size)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return attention


@pytest.mark.parametrize("grid", [(4, 4), (3, 5), (1, 6), (7, 7)])
@pytest.mark.parametrize("table_side", [4, None])
def test_fused_attention_equals_segment_anythings(
    grid: tuple[int, int], table_side: int | None
) -> None:
    attention = make_attention(table_side)
    x = torch.randn(3, *grid, 32)
    with torch.no_grad():
        expected = attention(x)
        found = FusedAttention(attention)(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_gradients_of_the_input_are_equal() -> None:
    attention = make_attention(4)
    gradients = []
    for layer in (attention, FusedAttention(attention)):
        x = torch.linspace(-1, 1, 16 * 32).reshape(1, 4, 4, 32).requires_grad_()
        layer(x).square().sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("grid", [(4, 4), (3, 5)])
@pytest.mark.parametrize("limit", [1, 2**26])
def test_gradients_through_frozen_tables_are_equal(
    grid: tuple[int, int], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores are computed again in the gradient, row by row or all at once."""
    monkeypatch.setattr(module, "BIAS_BYTES", limit)
    attention = make_attention(4).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(2, *grid, 32, dtype=torch.float64, generator=generator)
    found = []
    for layer in (attention, FusedAttention(attention)):
        x = start.clone().requires_grad_()
        out = layer(x)
        out.sin().sum().backward()
        found.append((out.detach(), x.grad))
    # Tables of another size are interpolated in single precision.
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)


def test_extra_keys_have_no_bias_and_a_gradient() -> None:
    shape, generator = (2, 3, 12, 8), torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, *shape, dtype=torch.float64, generator=generator)
    extra = torch.randn(2, 3, 1, 8, dtype=torch.float64, generator=generator)
    vectors = [torch.randn(n, n, 8, dtype=torch.float64, generator=generator) for n in (3, 4)]
    found = []
    for written_out in (True, False):
        leaves = [x.clone().requires_grad_() for x in (query, key, value, extra)]
        keys, values = (torch.cat([leaves[3], x], dim=2) for x in leaves[1:3])
        bias = torch.nn.functional.pad(position_bias(leaves[0], *vectors), (1, 0))
        out = attend(leaves[0], keys, values, bias if written_out else PositionVectors(*vectors))
        out.cos().sum().backward()
        found.append([x.grad for x in leaves])
    torch.testing.assert_close(*found, atol=1e-9, rtol=1e-7)


def test_what_is_kept_for_the_gradient_does_not_grow_with_tokens_squared() -> None:
    kept = []
    for side in (8, 16):
        attention = FusedAttention(make_attention(side).requires_grad_(False))
        sizes: list[int] = []

        def note(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            attention(torch.randn(1, side, side, 32, requires_grad=True))
        kept.append(max(sizes))
    assert kept[1] <= 4.5 * kept[0]  # four times the tokens


@pytest.mark.parametrize("grid", [(4, 4), (5, 3)])
def test_the_position_bias_is_that_of_segment_anything(grid: tuple[int, int]) -> None:
    tokens = grid[0] * grid[1]
    query = torch.randn(2, 3, tokens, 8)
    rows, columns = torch.randn(7, 8), torch.randn(9, 8)  # both are interpolated for (5, 3)
    nothing = torch.zeros(6, tokens, tokens)
    expected = add_decomposed_rel_pos(
        nothing, query.reshape(6, tokens, 8), rows, columns, grid, grid
    )
    vectors = [
        _offset_vectors(table, side) for table, side in zip((rows, columns), grid, strict=True)
    ]
    bias = position_bias(query, *vectors)
    torch.testing.assert_close(bias.reshape(6, tokens, tokens), expected, atol=1e-5, rtol=1e-5)


def test_a_windowed_block_with_padding_is_unchanged() -> None:
    block = Block(32, 4, use_rel_pos=True, window_size=3, input_size=(3, 3))
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x = torch.randn(2, 4, 5, 32)  # neither side is a multiple of the window
    with torch.no_grad():
        expected = block(x)
        block.attn = FusedAttention(block.attn)
        torch.testing.assert_close(block(x), expected, atol=1e-4, rtol=1e-4)


def test_a_whole_encoder_is_unchanged() -> None:
    plain = seeded_sam("tiny").image_encoder
    fused = copy.deepcopy(plain)
    fuse_attention(fused)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(fused(images), plain(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["tiny", "vit_nano"])
def test_fusing_changes_neither_keys_nor_values(name: str) -> None:
    encoder = build_sam(name).image_encoder
    before = dict(encoder.state_dict())
    fuse_attention(encoder)
    after = encoder.state_dict()
    assert list(after) == list(before)
    assert all(after[key].data_ptr() == value.data_ptr() for key, value in before.items())


def test_fusing_twice_is_fusing_once() -> None:
    encoder = build_sam("tiny").image_encoder
    fuse_attention(encoder)
    once = [block.attn for block in encoder.blocks]
    fuse_attention(encoder)
    assert all(a is b.attn for a, b in zip(once, encoder.blocks, strict=True))
    assert all(isinstance(attention, FusedAttention) for attention in once)


def test_a_few_rows_of_queries_at_a_time_give_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block(32, 4, use_rel_pos=True, window_size=0, input_size=(5, 6)).attn
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    fused, x = FusedAttention(block), torch.randn(2, 5, 6, 32)
    with torch.no_grad():
        whole = fused(x)
        monkeypatch.setattr(module, "BIAS_BYTES", 2 * 2 * 4 * 6 * 30 * 4)  # two rows
        torch.testing.assert_close(fused(x), whole, atol=1e-6, rtol=1e-6)
        monkeypatch.setattr(module, "BIAS_BYTES", 1)
        torch.testing.assert_close(fused(x), whole, atol=1e-6, rtol=1e-6)
