"""The mask decoder: SAM's own, and the HQ head that CAT-SAM trains beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from napari_catsam.models.onlooker import attend_with_onlooker
from napari_catsam.sam.stem import ChannelNorm, Skips
from napari_catsam.sam.upscaling import upscale
from napari_catsam.tuning.layers import PerceptronStack

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone

__all__ = ["Decoded", "Detail", "HQHead", "decode_hq", "decode_sam"]


class Decoded(NamedTuple):
    """What the decoder gives for N objects.

    Attributes
    ----------
    logits : Tensor, (N, K, h, w)
        Mask logits; K is 1 for the HQ head and 4 for SAM (one mask, then three readings of a click).
    scores : Tensor, (N, K)
        The IoU that SAM's head expects of each.
    """

    logits: torch.Tensor
    scores: torch.Tensor


class Detail(NamedTuple):
    """What the decoder takes from images beside their embedding; no prompt changes it.

    Attributes
    ----------
    head : Tensor, (B, D/8, 4g, 4g), or None
        From :meth:`HQHead.detail`; None without a head.
    skips : Skips, or None
        What the stem describes finely; None for a backbone without skips.
    image : Tensor, (B, 3, S, S), or None
        The input itself; None for a backbone that does not look at it again.
    """

    head: torch.Tensor | None = None
    skips: Skips | None = None
    image: torch.Tensor | None = None

    def select(self, images: slice) -> Detail:
        """Return the part of some images of the batch."""
        skips = None if self.skips is None else Skips(*(part[images] for part in self.skips))
        head, image = (None if part is None else part[images] for part in (self.head, self.image))
        return Detail(head, skips, image)

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """All that is there."""
        own = tuple(part for part in (self.head, self.image) if part is not None)
        return (*own, *(self.skips or ()))


class HQHead(nn.Module):
    """The trained part of the mask decoder (HQ-SAM, arXiv 2306.01567, as CAT-SAM uses it).

    Parameters
    ----------
    backbone : Backbone
        Gives the widths C of the encoder and D of the decoder.

    Attributes
    ----------
    token : Parameter, (1, D)
        ``hf_token``: a fifth mask token here, and the bridge into the encoder.
    adds_base : bool
        Whether the head's mask is added to SAM's own (HQ-SAM's way) instead of replacing it
        (CAT-SAM's, as released).
    isolated : bool
        Whether the head's token is hidden from SAM's tokens and from the image, and only looks at
        them: SAM's masks are then those of a decoder without it, to the last bit. Needs
        ``adds_base``.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        width = backbone.decoder_width
        self.adds_base = self.isolated = False
        self.token = nn.Parameter(torch.randn(1, width))
        self.hypernetwork = PerceptronStack(width, width, width, width // 8)
        self.compress_early = _upscale(backbone.width, width, width // 8)
        self.compress_features = _upscale(width, width // 4, width // 8)
        self.refine_mask_features = nn.Sequential(
            nn.Conv2d(width // 8, width // 4, kernel_size=3, padding=1),
            ChannelNorm(width // 4),
            nn.GELU(),
            nn.Conv2d(width // 4, width // 8, kernel_size=3, padding=1),
        )

    def detail(self, features: torch.Tensor, early: torch.Tensor) -> torch.Tensor:
        """Compute the part of the mask features that no prompt changes.

        Parameters
        ----------
        features : Tensor, (B, D, g, g)
            The image embedding.
        early : Tensor, (B, g, g, C)
            Output of the first global-attention block.

        Returns
        -------
        Tensor, (B, D/8, 4g, 4g)
        """
        detail: torch.Tensor = self.compress_features(features)
        coarse: torch.Tensor = self.compress_early(early.permute(0, 3, 1, 2))
        return detail + coarse

    def mask(
        self, token: torch.Tensor, upscaled: torch.Tensor, detail: torch.Tensor
    ) -> torch.Tensor:
        """Dot the hypernetwork's vector with the mask features.

        The vector is folded into the last convolution, so that one channel is computed in place of
        D/8: ``h . (W * z + b + detail) = (h W) * z + h . b + h . detail``.

        Parameters
        ----------
        token : Tensor, (N, D)
            The transformer's output for ``hf_token``.
        upscaled : Tensor, (N, D/8, 4g, 4g)
            SAM's upscaled embedding.
        detail : Tensor, (1, D/8, 4g, 4g)
            From :meth:`detail`.

        Returns
        -------
        Tensor, (N, 4g, 4g)
        """
        vector = self.hypernetwork(token)
        hidden = self.refine_mask_features[:-1](upscaled)
        last = self.refine_mask_features[-1]
        kernel = torch.einsum("nc,cdij->ndij", vector, last.weight)
        constant = vector @ last.bias
        folded = convolve_each(hidden, kernel) + constant[:, None, None]
        mask: torch.Tensor = folded + torch.einsum("nc,chw->nhw", vector, detail[0])
        return mask


def convolve_each(maps: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Convolve each object's maps with its own 3 x 3 kernel to one channel.

    A matrix product gives the nine taps and ``fold`` adds them up shifted, which is faster than a
    grouped convolution for many objects.

    Parameters
    ----------
    maps : Tensor, (N, D, H, W)
        One stack of maps an object.
    kernels : Tensor, (N, D, 3, 3)
        One kernel an object; zero padding of 1.

    Returns
    -------
    Tensor, (N, H, W)
    """
    count, depth, height, width = maps.shape
    # fold() scatters where a convolution gathers, hence the flip.
    taps = kernels.flip(-1, -2).reshape(count, depth, 9).transpose(1, 2) @ maps.flatten(2)
    return F.fold(taps, (height, width), kernel_size=3, padding=1)[:, 0]


def decode_hq(
    mask_decoder: Any,
    head: HQHead,
    features: torch.Tensor,
    detail: Detail,
    position: torch.Tensor,
    prompt: tuple[torch.Tensor, torch.Tensor],
) -> tuple[Decoded, torch.Tensor | None]:
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
    Tensor, (N, h, w), or None
        The head's mask where it is to be added to each of SAM's, once these are final.
    """
    if head.isolated:
        tokens, own, image = _attend_beside(mask_decoder, features, position, prompt, head.token)
    else:
        tokens, image = _attend_prompts(mask_decoder, features, position, prompt, head.token)
        own = tokens[:, 1 + mask_decoder.num_mask_tokens]
    assert detail.head is not None
    upscaled = upscale(mask_decoder, image, detail.skips)
    logits = head.mask(own, upscaled, detail.head)
    scores = mask_decoder.iou_prediction_head(tokens[:, 0])
    if head.adds_base:
        return Decoded(_own_masks(mask_decoder, tokens, upscaled), scores), logits
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


def _upscale(fan_in: int, hidden: int, fan_out: int) -> nn.Sequential:
    """Build two transposed convolutions: (B, fan_in, g, g) to (B, fan_out, 4g, 4g)."""
    return nn.Sequential(
        nn.ConvTranspose2d(fan_in, hidden, kernel_size=2, stride=2),
        ChannelNorm(hidden),
        nn.GELU(),
        nn.ConvTranspose2d(hidden, fan_out, kernel_size=2, stride=2),
    )
