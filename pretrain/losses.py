"""The losses: masks near the object, predicted IoU, dense maps."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from pretrain.samples import DENSE


def mask_loss(logits: torch.Tensor, truth: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """BCE plus Dice of each mask.

    Parameters
    ----------
    logits
        ``(N, M, s, s)`` at a quarter of the window.
    truth
        ``(N, 2s, 2s)`` float, the area-pooled masks at half the window.
    boxes
        ``(N, 4)`` r0, c0, r1, c1 in pixels of the window. BCE counts fully in twice the box and a
        tenth outside, so that small objects are not drowned by the background.

    Returns
    -------
    ``(N, M)``
    """
    fine = F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)
    target = truth[:, None].expand_as(fine)
    weight = window_weight(boxes / 2, truth.shape[-1])[:, None]
    bce = F.binary_cross_entropy_with_logits(fine, target, reduction="none")
    bce = (bce * weight).sum((2, 3)) / weight.sum((2, 3))
    probability = fine.sigmoid()
    overlap = (probability * target).sum((2, 3))
    dice = 1 - (2 * overlap + 1) / (probability.sum((2, 3)) + target.sum((2, 3)) + 1)
    return bce + dice


def window_weight(boxes: torch.Tensor, side: int) -> torch.Tensor:
    """``(N, side, side)``: 1 within twice the box, 0.1 elsewhere."""
    half = (boxes[:, 2:] - boxes[:, :2]) + 4
    centre = (boxes[:, 2:] + boxes[:, :2]) / 2
    place = torch.arange(side) + 0.5
    rows = (place[None] - centre[:, :1]).abs() < half[:, :1]
    columns = (place[None] - centre[:, 1:]).abs() < half[:, 1:]
    return 0.1 + 0.9 * (rows[:, :, None] & columns[:, None]).float()


def true_iou(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """IoU ``(N, M)`` of ``logits (N, M, s, s) > 0`` with the pooled masks ``(N, 2s, 2s) > 0.5``."""
    fine = F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False) > 0
    target = truth[:, None] > 0.5
    union = (fine | target).sum((2, 3))
    return (fine & target).sum((2, 3)) / union.clamp(min=1)


def dense_loss(maps: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """BCE on foreground, boundary and centre distance, smooth L1 on the offsets; a scalar.

    ``maps (B, 16 * DENSE, g, g)`` are the head's output, ``target (B, DENSE, 4g, 4g)``.
    """
    fine = F.pixel_shuffle(maps.float(), 4)
    bce = F.binary_cross_entropy_with_logits(fine[:, :3], target[:, :3])
    inside = (target[:, :1] > 0.5).float()
    offset = F.smooth_l1_loss(fine[:, 3:DENSE], target[:, 3:], reduction="none", beta=0.3)
    return 2 * bce + 0.3 * (offset * inside).sum() / (2 * inside.sum() + 1)
