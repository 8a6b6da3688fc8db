"""SAM's modules run on windows of the canvas, many prompts of many images at a time.

The model's canvas is 512 pixels, but most training runs on windows of it: without relative positions,
and with windows of 8 tokens, a window of the canvas at a multiple of 128 pixels is computed as the
model would see a smaller image there, at a fraction of the cost.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from napari_catsam.sam.attention import fuse_attention
from napari_catsam.sam.backbones import build_sam
from napari_catsam.sam.stem import ConvStem, ResidualBlock, Skips
from napari_catsam.sam.upscaling import upscale
from pretrain.samples import DENSE

ALIGN = 128
"""Offsets of a window are multiples of this many pixels (8 tokens, one attention window)."""


@dataclass(frozen=True)
class Prompt:
    """Prompts of B images with K objects each, in canvas pixels (x, y) as SAM's modules take them.

    Attributes
    ----------
    boxes
        ``(B*K, 4)`` x0, y0, x1, y1, or None.
    points, labels
        ``(B*K, P, 2)`` and ``(B*K, P)``, 1 | 0 | -1 padding, or None.
    mask
        ``(B*K, 1, s, s)`` logits of the window, or None.
    has_mask
        ``(B*K,)`` bool: which rows of ``mask`` count; the others get SAM's "no mask" embedding.
    kept
        ``(B*K, 1, s, s)`` logits that are added to the decoder's, or None: the earlier mask.
    """

    boxes: torch.Tensor | None = None
    points: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    has_mask: torch.Tensor | None = None
    kept: torch.Tensor | None = None


def build_network(name: str = "vit_nano") -> Any:
    """A fresh backbone with an initialisation that suits training from scratch.

    Linear layers are drawn with deviation 0.02, convolutions after He, residual blocks as identities,
    the stem's skips as zeros, position embeddings as 2-D sine waves. The random frequencies of SAM's
    coordinate encoding span 0.5 to 6 instead of 1 alone: SAM's own let attention tell places apart at
    about 40 of 512 pixels, too coarse for small objects.
    """
    sam = build_sam(name)
    for key, module in sam.named_modules():
        if isinstance(module, nn.Linear) and key.startswith("image_encoder"):
            nn.init.trunc_normal_(
                module.weight, std=0.02 if "lin2" not in key and "proj" not in key else 0.01
            )
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Conv2d) and key.startswith("image_encoder.patch_embed"):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    for module in sam.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.conv2.weight)
        if isinstance(module, ConvStem):
            for skip in (module.skip_eighth, module.skip_quarter[-1]):
                nn.init.zeros_(skip.weight)
                nn.init.zeros_(skip.bias)
    encoder = sam.image_encoder
    grid, width = encoder.pos_embed.shape[1], encoder.pos_embed.shape[3]
    encoder.pos_embed.data.copy_(0.3 * sine_positions(grid, width))
    frequencies = sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    spread = torch.logspace(-0.3, 0.78, frequencies.shape[1])
    frequencies.copy_(torch.randn(frequencies.shape) * spread)
    fuse_attention(encoder)
    sam.mask_decoder.refiner.requires_grad_(False)  # trained on its own, when the rest is there
    return sam


def sine_positions(grid: int, width: int) -> torch.Tensor:
    """``(1, grid, grid, width)`` sines and cosines of row and column."""
    quarter = width // 4
    rate = torch.logspace(0, -2.2, quarter) * 1.5
    wave = torch.arange(grid)[:, None] * rate
    one = torch.cat([wave.sin(), wave.cos()], 1)
    rows = one[:, None].expand(grid, grid, -1)
    columns = one[None].expand(grid, grid, -1)
    return torch.cat([rows, columns], 2)[None]


def working_copy(sam: Any, dtype: torch.dtype) -> Any:
    """A copy that computes in ``dtype``; the float32 original is what the optimiser changes.

    The frequencies of the coordinate encoding stay float32: bfloat16 would blur the places.
    Attention is written out, which on a CPU is faster than the fused kernel for windows of 64 tokens.
    """
    fast = copy.deepcopy(sam).to(dtype)
    fast.prompt_encoder.pe_layer.float()
    original = sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    fast.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix.copy_(original)
    for block in fast.image_encoder.blocks:
        block.attn.attend = write_out_attention
    return fast


def write_out_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Softmax attention with the whole matrix, ``(B, heads, S, d)`` in and out."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    weights = (scores if bias is None else scores + bias).softmax(-1)
    return weights @ value


class DenseHeads(nn.Module):
    """The auxiliary heads, thrown away after training: 4 x 4 places of each token, every dense map.

    One reads the encoder's output; the others read the tokens after the stem and after the first two
    global blocks, so that the gradient has a short way to every depth (deep supervision).
    """

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.last = nn.Conv2d(256, 16 * DENSE, 1)
        self.inner = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 16 * DENSE)) for _ in range(3)
        )

    def forward(self, features: torch.Tensor, tokens: list[torch.Tensor]) -> list[torch.Tensor]:
        """Maps ``(B, 16 * DENSE, g, g)``, the encoder's output first."""
        heads = zip(self.inner, tokens, strict=True)
        return [self.last(features), *(head(t).permute(0, 3, 1, 2) for head, t in heads)]


class Seen(NamedTuple):
    """What the encoder makes of windows: features ``(B, 256, s/16, s/16)``, and the stem's skips."""

    features: torch.Tensor
    skips: Skips


def encode(sam: Any, images: torch.Tensor, offset: tuple[int, int]) -> Seen:
    """What the encoder sees in windows ``(B, 3, s, s)`` at ``offset`` (row, column) pixels."""
    return encode_with_tokens(sam, images, offset)[0]


def encode_with_tokens(
    sam: Any, images: torch.Tensor, offset: tuple[int, int]
) -> tuple[Seen, list[torch.Tensor]]:
    """As :func:`encode`, and the tokens after the stem and the first two global blocks."""
    encoder = sam.image_encoder
    tokens, skips = encoder.patch_embed.embed(images)
    row, column, side = offset[0] // 16, offset[1] // 16, tokens.shape[1]
    tokens = tokens + encoder.pos_embed[:, row : row + side, column : column + side]
    inner = [tokens]
    for index, block in enumerate(encoder.blocks):
        tokens = block(tokens)
        if index in (1, 3):
            inner.append(tokens)
    return Seen(encoder.neck(tokens.permute(0, 3, 1, 2)), skips), inner


def decode(
    sam: Any, seen: Seen, offset: tuple[int, int], prompt: Prompt
) -> tuple[torch.Tensor, torch.Tensor]:
    """All four masks ``(N, 4, 4g, 4g)`` and their predicted IoU ``(N, 4)`` for N = B*K prompts."""
    features = seen.features
    side = features.shape[2]
    row, column = offset[0] // 16, offset[1] // 16
    sparse = embed_sparse(sam.prompt_encoder, prompt).to(features.dtype)
    place = sam.prompt_encoder.get_dense_pe()[:, :, row : row + side, column : column + side]
    place = place.to(features.dtype)
    count = sparse.shape[0]
    dense = embed_masks(sam.prompt_encoder, prompt, count, side)
    each = count // len(features)
    source = features.repeat_interleave(each, 0) + dense
    skips = Skips(*(part.repeat_interleave(each, 0) for part in seen.skips))
    place = place.expand(count, -1, -1, -1)
    logits, quality = run_decoder(sam.mask_decoder, source, place, sparse, skips)
    return logits if prompt.kept is None else logits + prompt.kept, quality


def embed_sparse(encoder: Any, prompt: Prompt) -> torch.Tensor:
    """The sparse prompt embedding ``(N, tokens, 256)``; no token for a mask alone."""
    if prompt.boxes is None and prompt.points is None:
        assert prompt.mask is not None
        return prompt.mask.new_zeros((len(prompt.mask), 0, encoder.embed_dim))
    points = None if prompt.points is None else (prompt.points, prompt.labels)
    sparse: torch.Tensor = encoder(points=points, boxes=prompt.boxes, masks=None)[0]
    return sparse


def embed_masks(encoder: Any, prompt: Prompt, count: int, side: int) -> torch.Tensor:
    """The dense prompt embedding ``(N, 256, side, side)``."""
    none = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    if prompt.mask is None:
        return none.expand(count, -1, side, side)
    given = encoder.mask_downscaling(prompt.mask.to(none.dtype))
    assert prompt.has_mask is not None
    return torch.where(prompt.has_mask[:, None, None, None], given, none)


def run_decoder(
    decoder: Any,
    source: torch.Tensor,
    place: torch.Tensor,
    sparse: torch.Tensor,
    skips: Skips,
) -> tuple[torch.Tensor, torch.Tensor]:
    """SAM's mask decoder with one row of image features for each prompt."""
    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([output[None].expand(sparse.shape[0], -1, -1), sparse], 1)
    hidden, image = decoder.transformer(source, place, tokens)
    upscaled = upscale(decoder, image.transpose(1, 2).reshape(source.shape), skips)
    masks = decoder.num_mask_tokens
    hyper = torch.stack(
        [decoder.output_hypernetworks_mlps[i](hidden[:, 1 + i]) for i in range(masks)], 1
    )
    logits = torch.einsum("nmc,nchw->nmhw", hyper, upscaled)
    return logits.float(), decoder.iou_prediction_head(hidden[:, 0]).float()
