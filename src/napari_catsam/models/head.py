"""The HQ head: the part of the mask decoder that CAT-SAM trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from napari_catsam.sam.stem import ChannelNorm
from napari_catsam.tuning.layers import PerceptronStack

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone

__all__ = ["HQHead", "convolve_each"]


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
    trust : Linear, or None
        What :meth:`weigh_refiner` is computed with; None for a backbone that has no refiner. It
        has no part in a head that replaces SAM's mask, which is not refined.
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
        self.trust = _build_constant(width) if backbone.refined else None

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

    def weigh_refiner(self, token: torch.Tensor) -> torch.Tensor | None:
        """Compute how much of the refiner's change each object keeps.

        The refiner is frozen and may be wrong where an adapter is needed most: it has never seen
        objects like these. A head that has learnt nothing keeps exactly all of it.

        Parameters
        ----------
        token : Tensor, (N, D)
            The transformer's output for ``hf_token``.

        Returns
        -------
        Tensor, (N,), or None
            0 to 2, 1 before any training; None for a backbone that has no refiner.
        """
        return None if self.trust is None else 2 * self.trust(token)[:, 0].sigmoid()


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


def _build_constant(width: int) -> nn.Linear:
    """Build a layer (N, width) to (N, 1) that gives 0 until it is trained."""
    layer = nn.Linear(width, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _upscale(fan_in: int, hidden: int, fan_out: int) -> nn.Sequential:
    """Build two transposed convolutions: (B, fan_in, g, g) to (B, fan_out, 4g, 4g)."""
    return nn.Sequential(
        nn.ConvTranspose2d(fan_in, hidden, kernel_size=2, stride=2),
        ChannelNorm(hidden),
        nn.GELU(),
        nn.ConvTranspose2d(hidden, fan_out, kernel_size=2, stride=2),
    )
