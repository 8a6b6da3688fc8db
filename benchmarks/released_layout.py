"""How the released CAT-SAM code lays its work out, written anew to be timed beside ours.

Facts from https://github.com/weihao1115/cat-sam (commit 47b513b): the extra token joins the sequence
before the projection, both position terms are written out as full matrices over all tokens, the whole
attention matrix is kept; the decoder computes all mask features on every click.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_catsam.models.catsam import CatSam, PromptTensors


def released_token_encode(
    vit: Any, tokens: Sequence[torch.Tensor], image: torch.Tensor
) -> torch.Tensor:
    """Encode ``image`` (B, 3, S, S) with one extra token (1, C) a block, in the released layout."""
    x = vit.patch_embed(image) + vit.pos_embed
    for block, token in zip(vit.blocks, tokens, strict=True):
        inner = block.norm1(x)
        if block.window_size > 0:
            windows, padded = _split_windows(inner, block.window_size)
            attended = _attend_naively(block.attn, windows, token)
            inner = _join_windows(attended, block.window_size, padded, x.shape[1:3])
        else:
            inner = _attend_naively(block.attn, inner, token)
        x = x + inner
        x = x + block.mlp(block.norm2(x))
    out: torch.Tensor = vit.neck(x.permute(0, 3, 1, 2))
    return out


def _attend_naively(attention: Any, x: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
    batch, height, width, channels = x.shape
    count, heads = height * width, attention.num_heads
    sequence = torch.cat([token.expand(batch, 1, -1), x.reshape(batch, count, -1)], dim=1)
    qkv = attention.qkv(sequence).reshape(batch, count + 1, 3, heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = qkv.reshape(3, batch * heads, count + 1, -1).unbind(0)
    scores = (query * attention.scale) @ key.transpose(-2, -1)
    grid = query[:, 1:].reshape(batch * heads, height, width, -1)
    rows = torch.einsum("bhwc,hkc->bhwk", grid, _offsets(attention.rel_pos_h, height))
    columns = torch.einsum("bhwc,wkc->bhwk", grid, _offsets(attention.rel_pos_w, width))
    for term in (
        rows.unsqueeze(-1).expand(-1, -1, -1, -1, width),
        columns.unsqueeze(-2).expand(-1, -1, -1, height, -1),
    ):
        full = term.contiguous().view(batch * heads, count, count)
        full = torch.cat([full.new_zeros(batch * heads, 1, count), full], dim=1)
        full = torch.cat([full.new_zeros(batch * heads, count + 1, 1), full], dim=2)
        scores = scores + full
    out = (scores.softmax(dim=-1) @ value)[:, 1:]
    out = out.view(batch, heads, height, width, -1).permute(0, 2, 3, 1, 4)
    projected: torch.Tensor = attention.proj(out.reshape(batch, height, width, channels))
    return projected


def _offsets(table: torch.Tensor, side: int) -> torch.Tensor:
    place = torch.arange(side)
    return table[place[:, None] - place[None, :] + side - 1]


def _split_windows(x: torch.Tensor, side: int) -> tuple[torch.Tensor, tuple[int, int]]:
    batch, height, width, channels = x.shape
    down, across = -height % side, -width % side
    x = F.pad(x, (0, 0, 0, across, 0, down))
    rows, columns = (height + down) // side, (width + across) // side
    x = x.view(batch, rows, side, columns, side, channels).transpose(2, 3)
    return x.reshape(-1, side, side, channels), (rows, columns)


def _join_windows(
    windows: torch.Tensor, side: int, counts: tuple[int, int], size: Sequence[int]
) -> torch.Tensor:
    rows, columns = counts
    x = windows.view(-1, rows, columns, side, side, windows.shape[-1]).transpose(2, 3)
    x = x.reshape(-1, rows * side, columns * side, windows.shape[-1])
    return x[:, : size[0], : size[1]]


def released_decode(
    model: CatSam, features: torch.Tensor, early: torch.Tensor, prompts: PromptTensors
) -> torch.Tensor:
    """Decode N objects with nothing kept between clicks: logits (N, 4g, 4g) of the HQ mask."""
    head, decoder = model.head, model.mask_decoder
    assert head is not None
    detail = head.detail(features, early)
    position = model.prompt_encoder.get_dense_pe()
    points = (prompts.points, prompts.labels)
    sparse, dense = model.prompt_encoder(points=points, boxes=prompts.boxes, masks=prompts.masks)
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, head.token])
    count = len(sparse)
    tokens = torch.cat([own.expand(count, -1, -1), sparse], dim=1)
    hidden, image = decoder.transformer(
        features.repeat_interleave(count, 0) + dense, position.repeat_interleave(count, 0), tokens
    )
    image = image.transpose(1, 2).reshape(count, *features.shape[1:])
    upscaled = decoder.output_upscaling(image)
    refined = head.refine_mask_features(upscaled) + detail
    for index, network in enumerate(decoder.output_hypernetworks_mlps):
        network(hidden[:, 1 + index]) @ upscaled[0].flatten(1)
    decoder.iou_prediction_head(hidden[:, 0])
    vector = head.hypernetwork(hidden[:, 1 + decoder.num_mask_tokens])
    return torch.einsum("nc,nchw->nhw", vector, refined)
