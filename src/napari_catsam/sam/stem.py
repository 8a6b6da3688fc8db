"""The convolutional stem of the small backbones, in the place of SAM's 16 x 16 patch embedding."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

CONTRAST_SPANS = (72, 264)
"""Sides in pixels of the squares over which :func:`local_contrast` compares a pixel."""


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
        # Channels last: over them torch has one fused kernel, over the second axis only slow sums.
        last = x.permute(0, 2, 3, 1)
        normed = F.layer_norm(last, self.weight.shape, self.weight, self.bias, self.eps)
        return normed.permute(0, 3, 1, 2)


def local_contrast(image: torch.Tensor) -> torch.Tensor:
    """How much brighter each pixel is than its surroundings, in their standard deviations.

    A dim fluorescence image and a bright stained one, a radiograph and a sonar frame come to the same
    range this way, which a small network would otherwise have to learn from examples of each.

    Parameters
    ----------
    image : Tensor, (B, 3, H, W)
        Normalised as SAM expects it; H and W multiples of 8. Padding, exactly 0 in all channels, does
        not count as surroundings.

    Returns
    -------
    Tensor, (B, 2, H, W)
        float32, about -3 to 3, one channel for each of :data:`CONTRAST_SPANS`; 0 in the padding.
    """
    gray = image.float().mean(1, keepdim=True)
    valid = (image != 0).any(1, keepdim=True).float()
    sums = F.avg_pool2d(torch.cat([valid, gray * valid, gray * gray * valid], 1), 8)
    channels = []
    for span in CONTRAST_SPANS:
        side = span // 8
        near = F.avg_pool2d(sums, side, stride=1, padding=side // 2)
        weight = near[:, :1].clamp(min=1e-6)
        mean, square = near[:, 1:2] / weight, near[:, 2:] / weight
        deviation = (square - mean * mean).clamp(min=0).add(CONTRAST_FLOOR**2).sqrt()
        wide = F.interpolate(
            torch.cat([mean, deviation], 1),
            size=gray.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )
        channels.append((gray - wide[:, :1]) / wide[:, 1:] * valid)
    return torch.cat(channels, 1).clamp(-6, 6)


CONTRAST_FLOOR = 0.04
"""Smallest deviation that counts, in SAM's normalised units: about two steps of an 8-bit image."""


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, without a norm.

    Parameters
    ----------
    channels : int
        Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Refine ``x`` (B, channels, H, W); the shape stays."""
        hidden: torch.Tensor = self.conv2(F.relu(self.conv1(F.relu(x))))
        return x + hidden


class Skips(NamedTuple):
    """What a stem adds to the decoder's upscaling.

    Attributes
    ----------
    eighth : Tensor, (B, D/4, 2g, 2g)
        Added after the first transposed convolution.
    quarter : Tensor, (B, D/8, 4g, 4g)
        Added after the second.
    """

    eighth: torch.Tensor
    quarter: torch.Tensor


class ConvStem(nn.Module):
    """Strided convolutions and residual blocks that take an image to tokens of 16 x 16 pixels.

    A stem of small convolutions learns faster than one large patch projection when a vision
    transformer is trained from scratch on little data (Xiao et al. 2021, arXiv 2106.14881); the blocks
    at a quarter and an eighth of the input let it describe borders before the tokens are formed. What
    they describe also goes around the tokens to the decoder's upscaling, as in SAM 2
    (arXiv 2408.00714): a token of 16 x 16 pixels tells poorly where in it a border runs.

    Parameters
    ----------
    width : int
        Channels of a token.
    decoder_width : int
        Channels D of the image embedding.
    channels : tuple of int
        Channels at a half, a quarter and an eighth of the input.
    blocks : tuple of int
        Residual blocks at a quarter and at an eighth.
    """

    def __init__(
        self,
        width: int,
        decoder_width: int = 256,
        channels: tuple[int, int, int] = (32, 48, 96),
        blocks: tuple[int, int] = (2, 3),
    ) -> None:
        super().__init__()
        half, quarter, eighth = channels
        self.layers = nn.Sequential(
            nn.Conv2d(3 + len(CONTRAST_SPANS), half, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(half, quarter, kernel_size=3, stride=2, padding=1),
            *(ResidualBlock(quarter) for _ in range(blocks[0])),
            nn.ReLU(),
            nn.Conv2d(quarter, eighth, kernel_size=3, stride=2, padding=1),
            *(ResidualBlock(eighth) for _ in range(blocks[1])),
            ChannelNorm(eighth),
            nn.ReLU(),
            nn.Conv2d(eighth, width, kernel_size=3, stride=2, padding=1),
        )
        self.at_quarter, self.at_eighth = 3 + blocks[0], 6 + sum(blocks)
        self.skip_quarter = nn.Sequential(
            ChannelNorm(quarter), nn.Conv2d(quarter, decoder_width // 8, kernel_size=3, padding=1)
        )
        self.skip_eighth = nn.Conv2d(eighth, decoder_width // 4, kernel_size=3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Embed ``image`` (B, 3, H, W), normalised, into tokens (B, H/16, W/16, width)."""
        return self.embed(image)[0]

    def embed(self, image: torch.Tensor) -> tuple[torch.Tensor, Skips]:
        """Embed an image, and describe it finely beside the tokens.

        Parameters
        ----------
        image : Tensor, (B, 3, H, W)
            Normalised.

        Returns
        -------
        Tensor, (B, H/16, W/16, width)
            The tokens.
        Skips
            What goes around them.
        """
        dtype = next(self.parameters()).dtype
        pixels = torch.cat([image.float(), local_contrast(image)], 1).to(dtype)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        quarter = self.layers[: self.at_quarter + 1](pixels)
        eighth = self.layers[self.at_quarter + 1 : self.at_eighth + 1](quarter)
        tokens: torch.Tensor = self.layers[self.at_eighth + 1 :](eighth)
        # In the order of the decoder's maps, to which they are added at every prompt.
        skips = Skips(
            self.skip_eighth(eighth).contiguous(), self.skip_quarter(quarter).contiguous()
        )
        return tokens.permute(0, 2, 3, 1), skips
