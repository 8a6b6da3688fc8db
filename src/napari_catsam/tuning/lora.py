"""LoRA: low-rank additions to the projections to queries and values."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from napari_catsam.tuning.base import Tuner, register

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone

RANK = 4
"""As SAMed has it for SAM (arXiv 2304.13785, https://github.com/hitachinsk/SAMed, ``--rank``)."""


@register("lora")
class LowRank(Tuner):
    """Low-rank adaptation of the attention, by our own definition after LoRA (arXiv 2106.09685).

    In every block the weights of queries and of values become ``W + B A`` with A (r, C) and B (C, r);
    keys and the output projection stay. Rank :data:`RANK`, no scale, no dropout. A begins as a linear
    layer's weight does, B at zero, so that the encoder is SAM's at the start.

    Parameters
    ----------
    backbone : Backbone
        Gives C and the number of blocks.

    Attributes
    ----------
    down : Parameter, (blocks, 2, r, C)
        A of queries and of values.
    up : Parameter, (blocks, 2, C, r)
        B of queries and of values.
    """

    identity_at_init: ClassVar[bool] = True

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        width, count = backbone.width, backbone.depth
        # The range that torch draws the weight of a linear layer from.
        self.down = nn.Parameter(torch.empty(count, 2, RANK, width))
        nn.init.uniform_(self.down, -1 / math.sqrt(width), 1 / math.sqrt(width))
        self.up = nn.Parameter(torch.zeros(count, 2, width, RANK))

    def attach(self, vit: Any) -> None:
        """Correct the projection of every block."""
        for index, block in enumerate(vit.blocks):
            block.attn.correct = partial(self.correct, index)

    def neutralise(self) -> None:
        """Add nothing to any projection: exactly the base's output."""
        nn.init.zeros_(self.up)

    def correct(self, index: int, x: torch.Tensor, qkv: torch.Tensor) -> torch.Tensor:
        """Add to the queries and values ``qkv`` (..., 3C) of tokens ``x`` (..., C), in place."""
        width = x.shape[-1]
        low = F.linear(x, self.down[index].flatten(0, 1))
        qkv[..., :width] += F.linear(low[..., :RANK], self.up[index, 0])
        qkv[..., 2 * width :] += F.linear(low[..., RANK:], self.up[index, 1])
        return qkv
