"""The places in the image encoder where a tuning method puts something in, and how they are emptied."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from napari_catsam.sam.attention import Correct, FusedAttention, attend, leave

__all__ = ["OpenMLP", "open_mlps", "plain_seams"]


class OpenMLP(nn.Module):
    """A drop-in for the MLP of one SAM block that shares its parameters.

    Parameters
    ----------
    mlp : Module
        Its layers are taken over under the same names.

    Attributes
    ----------
    correct : Correct
        What corrects the result; a tuning method may put its own in.
    """

    def __init__(self, mlp: Any) -> None:
        super().__init__()
        self.lin1: nn.Linear = mlp.lin1
        self.lin2: nn.Linear = mlp.lin2
        self.act: nn.Module = mlp.act
        self.correct: Correct = leave

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map tokens ``x`` (B, g, g, C); same shape out."""
        return self.correct(x, self.lin2(self.act(self.lin1(x))))


def open_mlps(vit: Any) -> list[OpenMLP]:
    """Replace the MLP of every block of an image encoder, in place, once, and return them in order.

    Parameters
    ----------
    vit : ImageEncoderViT
        SAM's image encoder. State-dict keys and values do not change.
    """
    for block in vit.blocks:
        if not isinstance(block.mlp, OpenMLP):
            block.mlp = OpenMLP(block.mlp)
    return [block.mlp for block in vit.blocks]


def plain_seams(vit: nn.Module) -> dict[int, Any]:
    """Return, by its id, for all that a method put in what stands there without one.

    It is a memo for :func:`copy.deepcopy`, whose copy starts without a method.
    """
    memo: dict[int, Any] = {}
    for module in vit.modules():
        if isinstance(module, FusedAttention):
            memo[id(module.attend)] = attend
        if isinstance(module, FusedAttention | OpenMLP):
            memo[id(module.correct)] = leave
    return memo
