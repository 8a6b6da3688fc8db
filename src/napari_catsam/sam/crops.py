"""Crops of the model's input around single objects, all of one size whatever the object's.

Cutting out and putting back are two matrix products each, one along the rows and one along the columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

__all__ = ["Crops", "crops_of_boxes", "crops_of_masks", "cut_out", "draw_boxes", "draw_clicks"]

SIDE = 48
"""Side of a crop in its own pixels."""

BOX_MARGIN, MASK_MARGIN = 0.25, 0.5
"""What a crop shows around a box and around a mask on each side, in parts of its sides: a mask may be
too small, a box is about right."""

SMALLEST = 8.0
"""Shortest side of a crop in pixels of the model's input."""

CLICK_RADIUS = 1.5
"""Deviation of the Gaussian at a click, in pixels of the crop."""


@dataclass(frozen=True, eq=False)
class Crops:
    """Rectangles of the model's square input.

    Attributes
    ----------
    frames : Tensor, (N, 4), float32
        (r0, c0, r1, c1) in pixels of the input, counted at pixel edges; parts may lie outside of it.
    canvas : int
        Side of the input in pixels.
    margin : float
        What a crop shows around its object on each side, in parts of the object's sides.
    """

    frames: torch.Tensor
    canvas: int
    margin: float = BOX_MARGIN

    @cached_property
    def start(self) -> torch.Tensor:
        """(2, N, 1): first row and first column."""
        return self.frames[:, :2].T[..., None]

    @cached_property
    def span(self) -> torch.Tensor:
        """(2, N, 1): rows and columns of the input that a crop covers."""
        return (self.frames[:, 2:] - self.frames[:, :2]).T[..., None]

    @property
    def extent(self) -> torch.Tensor:
        """(N, 2): the same as :attr:`span`."""
        return self.span[..., 0].T

    @property
    def length(self) -> torch.Tensor:
        """(N,): longer side of the object itself, in sides of the input."""
        return self.extent.amax(1) / (1 + 2 * self.margin) / self.canvas

    @cached_property
    def places(self) -> torch.Tensor:
        """(2, N, SIDE): where the middles of a crop's rows and of its columns lie in the input."""
        steps = (torch.arange(SIDE, device=self.frames.device) + 0.5) / SIDE
        return self.start + steps * self.span

    def put_back(self, maps: torch.Tensor, low: int) -> torch.Tensor:
        """Put maps of the crops into maps of the whole input, 0 around them.

        Parameters
        ----------
        maps : Tensor, (N, SIDE, SIDE)
            Of the crops.
        low : int
            Side of the result.

        Returns
        -------
        Tensor, (N, low, low)
            Bilinear between the pixels of a crop, whose outermost ones go on to its edge.
        """
        device, stride = self.frames.device, self.canvas / low
        place = (torch.arange(low, device=device) + 0.5) * stride
        inner = (place - self.start) / self.span
        position = (inner * SIDE - 0.5).clamp(0, SIDE - 1)[..., None]
        weights = (1 - (position - torch.arange(SIDE, device=device)).abs()).clamp(min=0)
        rows, columns = (weights * ((inner > 0) & (inner < 1))[..., None]).unbind()
        return rows @ maps @ columns.transpose(1, 2)


def crops_of_boxes(boxes: torch.Tensor, canvas: int) -> Crops:
    """Crop around boxes.

    Parameters
    ----------
    boxes : Tensor, (N, 4)
        (r0, c0, r1, c1) in pixels of the input.
    canvas : int
        Side of the input in pixels.
    """
    return _widen(boxes.float(), BOX_MARGIN, canvas)


def crops_of_masks(
    logits: torch.Tensor, points: torch.Tensor | None, labels: torch.Tensor | None, canvas: int
) -> Crops:
    """Crop around what masks and positive clicks cover.

    Parameters
    ----------
    logits : Tensor, (N, h, w)
        Of the whole input.
    points : Tensor, (N, P, 2), or None
        (row, column) in pixels of the input.
    labels : Tensor, (N, P), or None
        1 positive, 0 negative, -1 padding.
    canvas : int
        Side of the input in pixels.

    Returns
    -------
    Crops
        The whole input for an empty mask without a positive click.
    """
    low, mask = logits.shape[-1], logits > 0
    ends = [_ends(mask.any(dim=2 - axis)) for axis in (0, 1)]
    corners = torch.stack([ends[0][0], ends[1][0], ends[0][1], ends[1][1]], 1) * (canvas / low)
    if points is not None and labels is not None:
        clicked = (labels == 1)[..., None]
        first = torch.where(clicked, points.float(), torch.inf).amin(1)
        last = torch.where(clicked, points.float() + 1, -torch.inf).amax(1)
        corners = torch.cat(
            [torch.minimum(corners[:, :2], first), torch.maximum(corners[:, 2:], last)], 1
        )
    whole = corners.new_tensor([0.0, 0.0, canvas, canvas])
    found = torch.isfinite(corners).all(1, keepdim=True)
    return _widen(torch.where(found, corners, whole), MASK_MARGIN, canvas)


def _ends(some: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First and one past the last true value of each row (N, n); infinite if there is none."""
    count = some.shape[1]
    place = torch.arange(count, device=some.device, dtype=torch.float32)
    first = torch.where(some, place, torch.inf).amin(1)
    return first, torch.where(some, place + 1, -torch.inf).amax(1)


def _widen(boxes: torch.Tensor, margin: float, canvas: int) -> Crops:
    """Add a margin to each side of boxes (N, 4)."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    extent = ((boxes[:, 2:] - boxes[:, :2]) * (1 + 2 * margin)).clamp(min=SMALLEST)
    return Crops(torch.cat([middle - extent / 2, middle + extent / 2], 1), canvas, margin)


def cut_out(maps: torch.Tensor, crops: Crops) -> torch.Tensor:
    """Cut crops out of maps of the whole input.

    Parameters
    ----------
    maps : Tensor, (1 or N, C, s, s)
        Of one input for all crops, or one row a crop.
    crops : Crops
        N.

    Returns
    -------
    Tensor, (N, C, SIDE, SIDE)
        A tent over a pixel of the crop or, where that is smaller, of the map: bilinear where the crop is
        finer, a mean where it is coarser. 0 outside of the input.
    """
    rows, columns = _gather(crops, maps.shape[-1]).unbind()
    if len(maps) > 1:
        return rows[:, None] @ maps @ columns[:, None].transpose(2, 3)
    # All crops of one input at once, in one large product, of what they cover together.
    top, left = _covered(crops, maps.shape[-1])
    rows, columns, part = rows[..., top], columns[..., left], maps[0, :, top, left]
    channels, height, width = part.shape
    flat = rows.flatten(0, 1) @ part.transpose(0, 1).reshape(height, channels * width)
    some = flat.view(len(rows), SIDE, channels, width).transpose(1, 2)
    return some @ columns[:, None].transpose(2, 3)


def _covered(crops: Crops, side: int) -> list[slice]:
    """Rows and columns of a map that a crop, with the reach of its outermost pixels, touches."""
    stride = crops.canvas / side
    reach = (crops.span / SIDE).clamp(min=stride)
    first = ((crops.start - reach) / stride).amin((1, 2)).tolist()
    last = ((crops.start + crops.span + reach) / stride).amax((1, 2)).tolist()
    starts = [min(max(0, math.floor(one)), side - 1) for one in first]
    ends = [min(side, math.ceil(one)) for one in last]
    return [slice(start, max(start + 1, end)) for start, end in zip(starts, ends, strict=True)]


def _gather(crops: Crops, side: int) -> torch.Tensor:
    """(2, N, SIDE, side): the weights of a map's rows, and of its columns, in those of the crops."""
    stride = crops.canvas / side
    reach = (crops.span / SIDE).clamp(min=stride)[..., None]
    pixel = (torch.arange(side, device=crops.frames.device) + 0.5) * stride
    weights = (1 - (crops.places[..., None] - pixel).abs() / reach).clamp(min=0)
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-6)


def draw_boxes(boxes: torch.Tensor, crops: Crops) -> torch.Tensor:
    """Draw boxes (N, 4) into their crops: (N, SIDE, SIDE), the part of each pixel that is inside."""
    half = crops.span / SIDE / 2
    low, high = boxes[:, :2].T[..., None], boxes[:, 2:].T[..., None]
    covered = torch.minimum(crops.places + half, high) - torch.maximum(crops.places - half, low)
    rows, columns = (covered / (2 * half)).clamp(0, 1).unbind()
    return rows[:, :, None] * columns[:, None]


def draw_clicks(points: torch.Tensor, clicked: torch.Tensor, crops: Crops) -> torch.Tensor:
    """Draw Gaussians at some clicks into their crops.

    Parameters
    ----------
    points : Tensor, (N, P, 2)
        (row, column) in pixels of the input, counted at pixel centres.
    clicked : Tensor, (N, P), bool
        Which of them to draw.
    crops : Crops
        N.

    Returns
    -------
    Tensor, (N, SIDE, SIDE)
        1 at a click.
    """
    centre = points.permute(2, 0, 1)[..., None] + 0.5
    distance = (crops.places[:, :, None] - centre) / (crops.span[:, :, None] / SIDE)
    rows, columns = torch.exp(-(distance**2) / (2 * CLICK_RADIUS**2)).unbind()
    bumps = rows[..., :, None] * columns[..., None, :]
    return (bumps * clicked[..., None, None]).amax(1)
