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


BIAS_BYTES = 2**26
"""The bias is made for so many bytes of queries at a time: the whole of it has tokens squared values a
head, 800 MB for a global block of vit_b, and memory is slower than making it."""


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
        if self.use_rel_pos:
            out = self._attend_in_rows(query, key, value, (height, width))
        else:
            out = self.attend(query, key, value, None)
        out = out.transpose(1, 2).reshape(batch, height, width, channels)
        projected: torch.Tensor = self.proj(out)
        return projected

    def _attend_in_rows(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        size: tuple[int, int],
    ) -> torch.Tensor:
        """Attend with the position bias, a few rows of queries at a time: (B, heads, h*w, d)."""
        height, width = size
        batch, heads, tokens, _ = query.shape
        row_bytes = batch * heads * width * tokens * query.element_size()
        step = max(1, BIAS_BYTES // row_bytes)
        vectors = _offset_vectors(self.rel_pos_h, height), _offset_vectors(self.rel_pos_w, width)
        parts = []
        for first in range(0, height, step):
            some = query[:, :, first * width : (first + step) * width]
            bias = position_bias(some, vectors[0][first : first + step], vectors[1])
            parts.append(self.attend(some, key, value, bias))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def position_bias(
    query: torch.Tensor, row_vectors: torch.Tensor, column_vectors: torch.Tensor
) -> torch.Tensor:
    """Compute SAM's decomposed relative position bias for some rows of queries.

    Parameters
    ----------
    query : Tensor, (B, heads, n*w, d)
        Unscaled queries of n rows of the grid.
    row_vectors : Tensor, (n, h, d)
        For each of these rows and each row of keys, the vector of their offset.
    column_vectors : Tensor, (w, w, d)
        The same for columns.

    Returns
    -------
    Tensor, (B, heads, n*w, h*w)
        ``bias[q, k] = query[q] . row_vectors[row(q), row(k)] + query[q] . column_vectors[...]``.
    """
    count, height, channels = row_vectors.shape
    width = len(column_vectors)
    batch, heads, tokens, _ = query.shape
    grid = query.reshape(batch * heads, count, width, channels)
    rows = torch.einsum("bhwc,hkc->bhwk", grid, row_vectors)
    columns = torch.einsum("bhwc,wkc->bhwk", grid, column_vectors)
    # einsum returns permuted memory, the sum would inherit it, and its reshape copy every value.
    bias = rows.contiguous()[..., :, None] + columns.contiguous()[..., None, :]
    return bias.reshape(batch, heads, tokens, height * width)


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
