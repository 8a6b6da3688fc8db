"""SAM's attention on torch's fused kernels, with the decomposed relative position bias.

`segment_anything` writes out the whole attention matrix; here the bias is given to
``scaled_dot_product_attention``, which never does. Weights and results are SAM's (arXiv 2304.02643;
the bias is that of MViTv2, arXiv 2112.01526, section 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


class PositionVectors(NamedTuple):
    """A position bias that is not written out: :func:`position_bias` of these, in parts.

    Attributes
    ----------
    rows : Tensor, (h, h, d)
        For each row of queries and each row of keys, the vector of their offset.
    columns : Tensor, (w, w, d)
        The same for columns.
    """

    rows: torch.Tensor
    columns: torch.Tensor


Bias = torch.Tensor | PositionVectors | None
"""An additive bias (B, heads, S, S), or what it is made from, or none."""

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Bias], torch.Tensor]
"""A function of queries, keys, values (B, heads, S, d) and a bias."""

Correct = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""A function of what a layer was given and what it made of it; returns what goes on in its place."""


BIAS_BYTES = 2**26
"""The bias is made for so many bytes of queries at a time: the whole of it has tokens squared values a
head, 800 MB for a global block of vit_b, and memory is slower than making it."""


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: Bias) -> torch.Tensor:
    """Attend with torch's fused kernel.

    Parameters
    ----------
    query, key, value : Tensor, (B, heads, S, d)
        Projected tokens.
    bias : Tensor, (B, heads, S, S), or PositionVectors, or None
        Added to the scaled scores before the softmax. With position vectors the gradient takes no
        memory that grows with S squared, and extra keys before those of the grid have no bias.

    Returns
    -------
    Tensor, (B, heads, S, d)
    """
    if isinstance(bias, PositionVectors):
        vectors = (vector.to(query.dtype) for vector in bias)
        out: torch.Tensor = AttentionInRows.apply(query, key, value, *vectors)
        return out
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias)


def leave(given: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """Correct nothing."""
    return made


def as_matrix(bias: Bias) -> torch.Tensor | None:
    """Return a bias that is a matrix already; gradients alone use another form."""
    if isinstance(bias, PositionVectors):
        raise TypeError("position vectors are for training only")
    return bias


class AttentionInRows(torch.autograd.Function):
    """Attention with a position bias, a few rows of queries at a time, in the gradient too.

    Kept for the gradient are queries, keys, values and the result. The scores are computed again, for
    a few rows at a time, by the rules for the softmax (as arXiv 2205.14135, appendix B.4).
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        rows: torch.Tensor,
        columns: torch.Tensor,
    ) -> torch.Tensor:
        """Attend over (B, heads, S, d), with (h, h, d) and (w, w, d) vectors of offsets."""
        out = torch.empty_like(query, memory_format=torch.contiguous_format)
        for some, vectors in _split_rows(query, rows, columns):
            bias = _pad_bias(position_bias(query[:, :, some], vectors, columns), key)
            out[:, :, some] = F.scaled_dot_product_attention(
                query[:, :, some], key, value, attn_mask=bias
            )
        ctx.save_for_backward(query, key, value, rows, columns, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of queries, keys and values."""
        (gradient,) = gradients
        query, key, value, rows, columns, out = ctx.saved_tensors
        scale, extra = query.shape[-1] ** -0.5, key.shape[2] - query.shape[2]
        to_query, to_key, to_value = (
            torch.empty_like(query),
            torch.zeros_like(key),
            torch.zeros_like(value),
        )
        for some, vectors in _split_rows(query, rows, columns):
            part, wanted = query[:, :, some], gradient[:, :, some]
            scores = (part * scale) @ key.transpose(-1, -2)
            scores[..., extra:] += position_bias(part, vectors, columns)
            weight = torch.softmax(scores, dim=-1)
            to_value += weight.transpose(-1, -2) @ wanted
            slope = wanted @ value.transpose(-1, -2)
            slope -= (wanted * out[:, :, some]).sum(-1, keepdim=True)
            slope *= weight
            to_key += slope.transpose(-1, -2) @ (part * scale)
            to_query[:, :, some] = slope @ key * scale + _bias_gradient(
                slope[..., extra:], vectors, columns
            )
        return to_query, to_key, to_value, None, None


def _split_rows(
    query: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield the queries of a few rows of the grid, and the vectors of these rows."""
    height, width = len(rows), len(columns)
    batch, heads, tokens, _ = query.shape
    row_bytes = batch * heads * width * tokens * query.element_size()
    step = max(1, BIAS_BYTES // row_bytes)
    for first in range(0, height, step):
        yield slice(first * width, (first + step) * width), rows[first : first + step]


def _pad_bias(bias: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Give extra keys before those of the grid no bias."""
    extra = key.shape[2] - bias.shape[-1]
    return F.pad(bias, (extra, 0)) if extra else bias


def _bias_gradient(
    slope: torch.Tensor, row_vectors: torch.Tensor, column_vectors: torch.Tensor
) -> torch.Tensor:
    """Return what the position bias adds to the gradient of its queries: (B, heads, n*w, d)."""
    count, height, channels = row_vectors.shape
    width = len(column_vectors)
    batch, heads, tokens, _ = slope.shape
    grid = slope.reshape(batch * heads, count, width, height, width)
    found = torch.einsum("bhwk,hkc->bhwc", grid.sum(-1), row_vectors)
    found = found + torch.einsum("bhwk,wkc->bhwc", grid.sum(-2), column_vectors)
    return found.reshape(batch, heads, tokens, channels)


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
    correct : Correct
        What corrects the projection to queries, keys and values (B, h, w, 3C), in the same way.
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
        self.correct: Correct = leave

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend over tokens ``x`` (B, h, w, C), the whole grid or one window a row; same shape out."""
        batch, height, width, channels = x.shape
        qkv = self.correct(x, self.qkv(x)).reshape(batch, height * width, 3, self.num_heads, -1)
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
        rows = _offset_vectors(self.rel_pos_h, size[0])
        columns = _offset_vectors(self.rel_pos_w, size[1])
        if torch.is_grad_enabled() and query.requires_grad and not self.rel_pos_h.requires_grad:
            return self.attend(query, key, value, PositionVectors(rows, columns))
        parts = []
        for some, vectors in _split_rows(query, rows, columns):
            bias = position_bias(query[:, :, some], vectors, columns)
            parts.append(self.attend(query[:, :, some], key, value, bias))
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
