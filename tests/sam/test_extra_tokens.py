"""Tokens that are merged into finished attention give what attention to all keys at once gives."""

from __future__ import annotations

import math

import pytest
import torch

from napari_catsam.sam.extra_tokens import TokenAttend


def attend_plainly(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    weight = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias, -1)
    return weight @ value


@pytest.fixture(params=[1, 6])
def slot(request: pytest.FixtureRequest) -> TokenAttend:
    slot = TokenAttend()
    slot.key, slot.value = torch.randn(2, 4, request.param, 8)
    return slot


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("with_gradient", [True, False])
def test_tokens_equal_attention_to_all_keys_written_out(
    slot: TokenAttend, with_bias: bool, with_gradient: bool
) -> None:
    query, key, value = torch.randn(3, 2, 4, 25, 8)
    bias = torch.randn(2, 4, 25, 25) if with_bias else None
    with torch.set_grad_enabled(with_gradient):
        found = slot(query, key, value, bias)
    assert slot.key is not None
    assert slot.value is not None
    known = torch.zeros(2, 4, 25, 25) if bias is None else bias
    count = slot.key.shape[1]
    wanted = attend_plainly(
        query,
        torch.cat([slot.key.expand(2, -1, -1, -1), key], 2),
        torch.cat([slot.value.expand(2, -1, -1, -1), value], 2),
        torch.cat([torch.zeros(2, 4, 25, count), known], 3),
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_added_tokens_take_their_share_among_keys_of_score_zero(slot: TokenAttend) -> None:
    query, key, value = torch.randn(3, 2, 4, 25, 8)
    assert slot.key is not None
    assert slot.value is not None
    slot.added = slot.value
    found = slot(query, key, value, None) - attend_plainly(query, key, value, torch.zeros(25, 25))
    zeros = torch.zeros(2, 4, 25, 8)
    wanted = attend_plainly(
        query,
        torch.cat([slot.key.expand(2, -1, -1, -1), zeros], 2),
        torch.cat([slot.added.expand(2, -1, -1, -1), zeros], 2),
        torch.zeros(()),
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_added_tokens_of_value_zero_change_no_bit(slot: TokenAttend) -> None:
    query, key, value = torch.randn(3, 2, 4, 25, 8)
    plain = TokenAttend()(query, key, value, None)
    assert slot.value is not None
    slot.added = torch.zeros_like(slot.value)
    assert torch.equal(slot(query, key, value, None), plain)
