"""The training loss of CAT-SAM."""

from __future__ import annotations

import torch
import torch.nn.functional as F

__all__ = ["bce_dice_loss"]


def bce_dice_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    ignore: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Sum binary cross-entropy and the Dice loss (CAT-SAM, arXiv 2402.03631, section 3.4).

    Cross-entropy is the mean over all pixels of all objects. Dice is
    ``1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)`` with ``p = sigmoid(logits)``, one value an
    object, and their mean. The paper takes both at the size of the image; any resolution will do.

    Parameters
    ----------
    logits : Tensor, (N, H, W)
        One mask an object.
    targets : Tensor, (N, H, W)
        0 to 1: bool masks, or the share of a coarse pixel that the object covers.
    ignore : Tensor, (H, W) or (N, H, W), bool, optional
        Pixels that do not count.
    weights : Tensor, (N,), optional
        How much each object counts, with sum 1; all alike when left out, as in the paper.

    Returns
    -------
    Tensor, ()
        In float32; 0 where every pixel is ignored.
    """
    logits, targets = logits.float(), targets.float()
    count = torch.ones_like(targets)
    if ignore is not None:
        count = count.masked_fill(ignore, 0.0)
    entropy = F.binary_cross_entropy_with_logits(logits, targets, weight=count, reduction="none")
    probability, targets = torch.sigmoid(logits) * count, targets * count
    overlap = (probability * targets).flatten(1).sum(1)
    total = (probability + targets).flatten(1).sum(1)
    dice = 1 - (2 * overlap + 1) / (total + 1)
    if weights is None:
        return entropy.sum() / count.sum().clamp(min=1) + dice.mean()
    # With weights of 1 / N this is the line above.
    of_each = entropy.flatten(1).sum(1) * (len(weights) / count.sum().clamp(min=1))
    return (weights * (of_each + dice)).sum()
