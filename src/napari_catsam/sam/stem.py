"""The convolutional stem of the small backbones, in the place of SAM's 16 x 16 patch embedding."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of an image-shaped tensor.

    Parameters
    ----------
    channels : int
        Number of channels, the second axis of the input.
    eps : float
        Added to the variance; 1e-6 as in SAM's decoder.

    References
    ----------
    ViTDet (arXiv 2203.16527) and SAM use this norm between convolutions. The parameters are named
    ``weight`` and ``bias``, each of shape (channels,).
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise ``x`` (B, channels, H, W) at each pixel; the shape stays."""
        variance, mean = torch.var_mean(x, dim=1, keepdim=True, correction=0)
        scale = torch.rsqrt(variance + self.eps)
        return (x - mean) * scale * self.weight[:, None, None] + self.bias[:, None, None]


class ConvStem(nn.Module):
    """Four convolutions of stride 2 that take an image to tokens of 16 x 16 pixels.

    A stem of small convolutions learns faster than one large patch projection when a vision
    transformer is trained from scratch on little data (Xiao et al. 2021, arXiv 2106.14881).

    Parameters
    ----------
    width : int
        Channels of a token; a multiple of 8.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = (3, width // 8, width // 4, width // 2, width)
        layers: list[nn.Module] = []
        for level, (fan_in, fan_out) in enumerate(pairwise(channels)):
            if (
                level == 3
            ):  # one norm, at the cheapest level that still has a non-linearity after it
                layers.append(ChannelNorm(fan_in))
            if level > 0:
                layers.append(nn.GELU())
            layers.append(nn.Conv2d(fan_in, fan_out, kernel_size=3, stride=2, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Embed ``image`` (B, 3, H, W), normalised, into tokens (B, H/16, W/16, width)."""
        tokens: torch.Tensor = self.layers(image)
        return tokens.permute(0, 2, 3, 1)
