"""A second look at each object: a small network that corrects a mask in a crop around it.

The small backbones see an image once, at one scale, with few channels, and draw all masks from that. Cut
out around its box and brought to one size, objects look alike whatever their scale, and a network of a few
convolutions learns their borders from few examples; RoI heads (Mask R-CNN, arXiv 1703.06870) and the local
refinement of FocalClick (arXiv 2204.02574) rest on the same observation.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from napari_catsam.sam.crops import SIDE, Crops, cut_out, draw_boxes, draw_clicks
from napari_catsam.sam.stem import ResidualBlock

__all__ = ["MaskRefiner", "View", "fade", "view_objects"]

LOGIT_RANGE = 4.0
"""Logits of the mask so far are brought to 1 at about this value."""

CONTRAST_FLOOR = 0.04
"""Smallest deviation of a crop's pixels that counts, in SAM's normalised units."""

REFERENCE = 64.0
"""Extent of a crop in input pixels that is told to the network as 0."""

FADE_FROM = 5 / 6
"""Length of an object, in sides of the input, from which on less of a change is kept; of 1, nothing."""


class View(NamedTuple):
    """What there is to see of N objects, each in its crop of (s, s) pixels.

    Attributes
    ----------
    pixels : Tensor, (N, 3, s, s)
        The input, normalised as SAM expects it.
    logits : Tensor, (N, s, s)
        Of the mask so far.
    prompt : Tensor, (N, 3, s, s)
        The inside of the box, the positive and the negative clicks, each 0 to 1; 0 where there is none.
    extent : Tensor, (N, 2)
        Rows and columns of the input that the crop covers.
    """

    pixels: torch.Tensor
    logits: torch.Tensor
    prompt: torch.Tensor
    extent: torch.Tensor


def view_objects(
    image: torch.Tensor,
    logits: torch.Tensor,
    crops: Crops,
    boxes: torch.Tensor | None,
    points: torch.Tensor | None,
    labels: torch.Tensor | None,
) -> View:
    """Cut out what there is to see of each object.

    Parameters
    ----------
    image : Tensor, (1, 3, S, S)
        The model's normalised input.
    logits : Tensor, (N, h, w)
        Of the masks so far, over the whole input.
    crops : Crops
        Around each object.
    boxes : Tensor, (N, 4), or None
        (r0, c0, r1, c1) in pixels of the input.
    points : Tensor, (N, P, 2), or None
        (row, column) in pixels of the input.
    labels : Tensor, (N, P), or None
        1 positive, 0 negative, -1 padding.
    """
    nothing = logits.new_zeros(len(logits), SIDE, SIDE)
    inside = nothing if boxes is None else draw_boxes(boxes.float(), crops)
    positive = negative = nothing
    if points is not None and labels is not None:
        positive, negative = (draw_clicks(points.float(), labels == one, crops) for one in (1, 0))
    return View(
        cut_out(image, crops),
        cut_out(logits[:, None], crops)[:, 0],
        torch.stack([inside, positive, negative], 1),
        crops.extent,
    )


class MaskRefiner(nn.Module):
    """A U-Net over crops that says what to add to a mask's logits, and how good the mask is then.

    Parameters
    ----------
    channels : tuple of int
        At half the crop's size and at a quarter.
    blocks : tuple of int
        Residual blocks on the way down, at the smallest size, and on the way up.
    """

    def __init__(
        self, channels: tuple[int, int] = (48, 96), blocks: tuple[int, int, int] = (1, 4, 1)
    ) -> None:
        super().__init__()
        fine, coarse = channels
        self.enter = nn.Conv2d(12, fine, kernel_size=3, stride=2, padding=1)
        self.down = _blocks(fine, blocks[0])
        self.shrink = nn.Conv2d(fine, coarse, kernel_size=2, stride=2)
        self.bottom = _blocks(coarse, blocks[1])
        self.grow = nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2)
        self.up = _blocks(fine, blocks[2])
        self.leave = nn.ConvTranspose2d(fine, 1, kernel_size=2, stride=2)
        self.quality = nn.Linear(2, 1)  # of two values: on unlike images it must not be fooled
        with torch.no_grad():  # a fresh one changes nothing
            self.quality.weight.copy_(torch.tensor([[1.0, 0.0]]))
            for parameter in (self.quality.bias, *self.leave.parameters()):
                parameter.zero_()

    def forward(
        self, view: View, scores: torch.Tensor, kept: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look at N objects.

        Parameters
        ----------
        view : View
            In crops of a multiple of 4 pixels.
        scores : Tensor, (N,)
            The IoU that the decoder expects of the masks so far.
        kept : Tensor, (N,), optional
            Factor of the change that will be added to the logits; all of it when left out.

        Returns
        -------
        Tensor, (N, s, s)
            The change, to be added to the logits by this factor.
        Tensor, (N,)
            The IoU expected after that.
        """
        x = _describe(view).to(self.enter.weight.dtype)
        fine = self.down(self.enter(x.contiguous(memory_format=torch.channels_last)))
        coarse = self.bottom(self.shrink(fine))
        fine = self.up(fine + self.grow(coarse))
        change = self.leave(F.relu(fine))[:, 0].float()
        added = change.detach() if kept is None else kept[:, None, None] * change.detach()
        own = _expect_iou(view.logits.float() + added)
        told = torch.stack([scores, own], 1).to(self.quality.weight.dtype)
        return change, self.quality(told)[:, 0].float()

    def refine(
        self,
        view: View,
        crops: Crops,
        logits: torch.Tensor,
        scores: torch.Tensor,
        trust: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Correct masks of the whole input.

        Parameters
        ----------
        view : View
            From :func:`view_objects` with the same crops and logits.
        crops : Crops
            N.
        logits : Tensor, (N, h, w)
            The masks so far; their gradient goes on through them, not through the network.
        scores : Tensor, (N,)
            The IoU that the decoder expects of them.
        trust : Tensor, (N,), optional
            Factor of the change, which gets a gradient; 1 when left out.

        Returns
        -------
        Tensor, (N, h, w)
            Logits.
        Tensor, (N,)
            Expected IoU.
        """
        kept = fade(crops)
        if trust is not None:
            kept = kept * trust
        with torch.no_grad():
            change, scores = self(view, scores, kept)
            change = crops.put_back(change, logits.shape[-1])
        return logits + kept[:, None, None] * change, scores


def fade(crops: Crops) -> torch.Tensor:
    """Compute the part of a change that holds for objects of this size.

    A crop around most of the input shows it more coarsely than the decoder draws it, and thin parts,
    which long objects often have, are lost. From :data:`FADE_FROM` on less of the change is kept.

    Parameters
    ----------
    crops : Crops
        Around N objects.

    Returns
    -------
    Tensor, (N,)
        0 to 1.
    """
    return ((1 - crops.length) / (1 - FADE_FROM)).clamp(0, 1)


def _blocks(channels: int, count: int) -> nn.Sequential:
    """Build ``count`` residual blocks that change nothing yet."""
    blocks = [ResidualBlock(channels) for _ in range(count)]
    for block in blocks:
        nn.init.zeros_(block.conv2.weight)
        nn.init.zeros_(block.conv2.bias)  # type: ignore[arg-type]
    return nn.Sequential(*blocks)


def _expect_iou(logits: torch.Tensor) -> torch.Tensor:
    """Compute the IoU (N,) of masks that their logits (N, s, s) themselves let expect."""
    chance = logits.sigmoid()
    inside = (logits > 0).float()
    return (chance * inside).sum((1, 2)) / torch.maximum(chance, inside).sum((1, 2)).clamp(min=1e-6)


def _describe(view: View) -> torch.Tensor:
    """Make the network's input (N, 12, s, s): pixels, their contrast in the crop, mask, prompt, size."""
    pixels = view.pixels.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    spread = (pixels.var((1, 2, 3), keepdim=True, correction=0) + CONTRAST_FLOOR**2).sqrt()
    size = torch.log2(view.extent / REFERENCE)[..., None, None].expand(-1, -1, *pixels.shape[2:])
    return torch.cat(
        [
            pixels,
            ((pixels - mean) / spread).clamp(-4, 4),
            torch.tanh(view.logits.float() / LOGIT_RANGE)[:, None],
            view.prompt.float(),
            size,
        ],
        1,
    )
