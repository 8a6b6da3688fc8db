"""SAM's attention on torch's fused kernels, with the decomposed relative position bias.

`segment_anything` writes out the whole attention matrix; here the bias is given to
``scaled_dot_product_attention``, which never does. Weights and results are SAM's (arXiv 2304.02643;
the bias is that of MViTv2, arXiv 2112.01526, section 4.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, "torch.Tensor | None"], torch.Tensor]
"""A function of queries, keys, values (B, heads, S, d) and an additive bias (B, heads, S, S)."""


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Attend with torch's fused kernel.

    Parameters
    ----------
    query, key, value : Tensor, (B, heads, S, d)
        Projected tokens.
    bias : Tensor, (B, heads, S, S), or None
        Added to the scaled scores before the softmax.

    Returns
    -------
    Tensor, (B, heads, S, d)
    """
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias)


class FusedAttention(nn.Module):
    """A drop-in for ``segment_anything``'s attention that shares its parameters.

    Parameters
    ----------
    attention : Module
        The attention module of one SAM block; its parameters are taken over under the same names.

    Attributes
    ----------
    attend : Attend
        What combines queries, keys and values; a tuning method may put its own in.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.num_heads: int = attention.num_heads
        self.use_rel_pos: bool = attention.use_rel_pos
        self.qkv = attention.qkv
        self.proj = attention.proj
        if self.use_rel_pos:
            self.rel_pos_h = attention.rel_pos_h
            self.rel_pos_w = attention.rel_pos_w
        self.attend: Attend = attend

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend over tokens ``x`` (B, h, w, C), the whole grid or one window a row; same shape out."""
        batch, height, width, channels = x.shape
        qkv = self.qkv(x).reshape(batch, height * width, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        bias = None
        if self.use_rel_pos:
            bias = position_bias(query, self.rel_pos_h, self.rel_pos_w, (height, width))
        out = self.attend(query, key, value, bias)
        out = out.transpose(1, 2).reshape(batch, height, width, channels)
        projected: torch.Tensor = self.proj(out)
        return projected


def position_bias(
    query: torch.Tensor, table_h: torch.Tensor, table_w: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Compute SAM's decomposed relative position bias.

    Parameters
    ----------
    query : Tensor, (B, heads, h*w, d)
        Unscaled queries.
    table_h, table_w : Tensor, (L, d)
        One vector a relative offset; interpolated when ``L != 2 * side - 1``.
    size : (int, int)
        (h, w) of the token grid.

    Returns
    -------
    Tensor, (B, heads, h*w, h*w)
        ``bias[q, k] = query[q] . table_h[row(q)-row(k)] + query[q] . table_w[col(q)-col(k)]``.
    """
    height, width = size
    batch, heads, tokens, channels = query.shape
    grid = query.reshape(batch * heads, height, width, channels)
    rows = torch.einsum("bhwc,hkc->bhwk", grid, _offset_vectors(table_h, height))
    columns = torch.einsum("bhwc,wkc->bhwk", grid, _offset_vectors(table_w, width))
    bias = rows[..., :, None] + columns[..., None, :]
    return bias.reshape(batch, heads, tokens, tokens)


def _offset_vectors(table: torch.Tensor, side: int) -> torch.Tensor:
    """Look up the vector of every (query, key) offset along one axis: (side, side, d)."""
    length = 2 * side - 1
    if table.shape[0] != length:
        resized = F.interpolate(table.T[None].float(), size=length, mode="linear")
        table = resized[0].T.to(table.dtype)
    position = torch.arange(side, device=table.device)
    return table[position[:, None] - position[None, :] + side - 1]


def fuse_attention(vit: Any) -> None:
    """Replace the attention of every block of an image encoder, in place, once.

    Parameters
    ----------
    vit : ImageEncoderViT
        SAM's image encoder. State-dict keys and values do not change.
    """
    for block in vit.blocks:
        if not isinstance(block.attn, FusedAttention):
            block.attn = FusedAttention(block.attn)
