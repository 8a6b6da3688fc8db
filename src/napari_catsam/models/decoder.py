"""The mask decoder: SAM's own, and with the HQ head that CAT-SAM trains beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_catsam.models.decoded import Correction, Decoded
from napari_catsam.models.onlooker import attend_with_onlooker
from napari_catsam.sam.upscaling import upscale

if TYPE_CHECKING:
    from napari_catsam.models.decoded import Detail
    from napari_catsam.models.head import HQHead

__all__ = ["decode_hq", "decode_sam"]


def decode_hq(
    mask_decoder: Any,
    head: HQHead,
    features: torch.Tensor,
    detail: Detail,
    position: torch.Tensor,
    prompt: tuple[torch.Tensor, torch.Tensor],
) -> tuple[Decoded, Correction | None]:
    """Decode N objects of one image with the HQ head.

    Parameters
    ----------
    mask_decoder : MaskDecoder
        SAM's frozen decoder.
    head : HQHead
        The trained part.
    features : Tensor, (1, D, g, g)
        The image embedding.
    detail : Detail
        Of this image, with the part of the head.
    position : Tensor, (1, D, g, g)
        SAM's dense position encoding.
    prompt : (Tensor, Tensor)
        Sparse (N, T, D) and dense (N, D, g, g) prompt embeddings.

    Returns
    -------
    Decoded
        K = 1, the head's mask in the place of SAM's; or SAM's masks, K = 4, where
        :attr:`HQHead.adds_base` says so. ``scores`` are those of SAM's own masks.
    Correction, or None
        What the head changes in SAM's masks, where it does not replace them.
    """
    if head.isolated:
        tokens, own, image = _attend_beside(mask_decoder, features, position, prompt, head.token)
    else:
        tokens, image = _attend_prompts(mask_decoder, features, position, prompt, head.token)
        own = tokens[:, 1 + mask_decoder.num_mask_tokens]
    assert detail.head is not None
    upscaled = upscale(mask_decoder, image, detail.skips)
    logits, trust = head.mask(own, upscaled, detail.head), head.weigh_refiner(own)
    if trust is not None:
        # A lone click is not refined, but processes that train together wait for every gradient.
        logits = logits + 0 * trust[:, None, None]
    scores = mask_decoder.iou_prediction_head(tokens[:, 0])
    if head.adds_base:
        own_masks = _own_masks(mask_decoder, tokens, upscaled)
        return Decoded(own_masks, scores), Correction(logits, trust)
    return Decoded(logits[:, None], scores[:, :1]), None


def decode_sam(
    mask_decoder: Any,
    features: torch.Tensor,
    detail: Detail,
    position: torch.Tensor,
    prompt: tuple[torch.Tensor, torch.Tensor],
) -> Decoded:
    """Decode SAM's own masks: :class:`Decoded` with K = 4. Arguments as :func:`decode_hq`."""
    tokens, image = _attend_prompts(mask_decoder, features, position, prompt, None)
    upscaled = upscale(mask_decoder, image, detail.skips)
    logits = _own_masks(mask_decoder, tokens, upscaled)
    return Decoded(logits, mask_decoder.iou_prediction_head(tokens[:, 0]))


def _own_masks(mask_decoder: Any, tokens: torch.Tensor, upscaled: torch.Tensor) -> torch.Tensor:
    """Compute SAM's four masks (N, 4, h, w) from the transformer's tokens and upscaled embedding."""
    networks = mask_decoder.output_hypernetworks_mlps
    vectors = torch.stack([net(tokens[:, 1 + i]) for i, net in enumerate(networks)], dim=1)
    return torch.einsum("nkc,nchw->nkhw", vectors, upscaled)


def _attend_prompts(
    mask_decoder: Any,
    features: torch.Tensor,
    position: torch.Tensor,
    prompt: tuple[torch.Tensor, torch.Tensor],
    extra_token: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run SAM's two-way transformer; return its tokens (N, T, D) and image tokens (N, D, g, g)."""
    sparse, dense = prompt
    count, (channels, height, width) = len(sparse), features.shape[1:]
    output_tokens = [mask_decoder.iou_token.weight, mask_decoder.mask_tokens.weight]
    if extra_token is not None:
        output_tokens.append(extra_token)
    own = torch.cat(output_tokens).expand(count, -1, -1)
    tokens, image = mask_decoder.transformer(
        features + dense, position.expand(count, -1, -1, -1), torch.cat([own, sparse], dim=1)
    )
    image = image.transpose(1, 2).reshape(count, channels, height, width)
    return tokens, image


def _attend_beside(
    mask_decoder: Any,
    features: torch.Tensor,
    position: torch.Tensor,
    prompt: tuple[torch.Tensor, torch.Tensor],
    token: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Run SAM's transformer with a token that it does not see.

    Returns SAM's tokens (N, T, D), the extra one (N, D) and the image tokens (N, D, g, g).
    """
    sparse, dense = prompt
    count, (channels, height, width) = len(sparse), features.shape[1:]
    own = torch.cat([mask_decoder.iou_token.weight, mask_decoder.mask_tokens.weight])
    tokens, extra, image = attend_with_onlooker(
        mask_decoder.transformer,
        features + dense,
        position.expand(count, -1, -1, -1),
        torch.cat([own.expand(count, -1, -1), sparse], dim=1),
        token.expand(count, 1, -1),
    )
    image = image.transpose(1, 2).reshape(count, channels, height, width)
    return tokens, extra[:, 0], image
