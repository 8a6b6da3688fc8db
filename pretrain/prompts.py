"""Simulated prompts: shaken boxes, clicks inside objects, corrective clicks, coarse masks."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def shake_boxes(boxes: torch.Tensor, amount: float, generator: torch.Generator) -> torch.Tensor:
    """Move every side of ``(N, 4)`` boxes by up to ``amount`` of the box's side; half of them less."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    strength = amount * torch.rand(len(boxes), 1, generator=generator) ** 2
    shift = (torch.rand(boxes.shape, generator=generator) * 2 - 1) * strength * size
    moved = boxes + shift
    return torch.cat([moved[:, :2], torch.maximum(moved[:, 2:], moved[:, :2] + 1)], 1)


def draw_points(
    weight: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """One random pixel (row, column) of each row of ``weight (N, H, W)``, and whether it had any.

    A pixel is drawn in proportion to its weight: the distance from the border prefers the middle of an
    object, a mask is uniform.
    """
    flat = weight.flatten(1).float().cumsum(1)
    some = flat[:, -1] > 0
    target = torch.rand(len(weight), 1, generator=generator) * flat[:, -1:]
    index = torch.searchsorted(flat, target, right=True).clamp(max=flat.shape[1] - 1)[:, 0]
    width = weight.shape[2]
    return torch.stack([index // width, index % width], 1).float(), some


def correct(
    truth: torch.Tensor, logits: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A click in the error: ``(N, 2)`` (row, column) pixels and labels ``(N,)``, 1 missed, 0 false, -1 none.

    ``truth`` is ``(N, S, S)`` bool, ``logits`` ``(N, S/4, S/4)``.
    """
    guess = F.interpolate(logits[:, None], size=truth.shape[-2:], mode="bilinear")[:, 0] > 0
    missed, false = truth & ~guess, guess & ~truth
    use_missed = missed.flatten(1).sum(1) >= false.flatten(1).sum(1)
    error = torch.where(use_missed[:, None, None], missed, false)
    points, some = draw_points(prefer_thick(error, generator), generator)
    labels = torch.where(some, use_missed.long(), -1)
    return points, labels


def prefer_thick(error: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Weights ``(N, H, W)`` of the pixels of ``error`` bool: users click in the middle of what is wrong.

    In three of ten objects every wrong pixel weighs the same.
    """
    near = F.avg_pool2d(error.float()[:, None], 9, stride=1, padding=4)[:, 0]
    even = torch.rand(len(error), 1, 1, generator=generator) < 0.3
    return error * torch.where(even, 1.0, near**4)


def coarse_mask(truth: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """What a user's rough mask looks like as logits ``(N, 1, S/4, S/4)``: shifted, grown or shrunk."""
    low = F.avg_pool2d(truth.float()[:, None], 4)
    shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
    low = torch.roll(low, shift, (2, 3))
    choice = float(torch.rand(1, generator=generator))
    if choice < 0.3:
        low = F.max_pool2d(low, 3, stride=1, padding=1)
    elif choice < 0.5:
        low = F.avg_pool2d(low, 5, stride=1, padding=2)
    amplitude = 4 + 8 * float(torch.rand(1, generator=generator))
    return (2 * low - 1) * amplitude
