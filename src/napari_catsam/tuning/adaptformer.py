"""AdaptFormer: a bottleneck beside the MLP of every block."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from napari_catsam.sam.seams import open_mlps
from napari_catsam.tuning.base import Tuner, register

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone

WIDTH = 64
"""Features of the bottleneck, as in the authors' code: https://github.com/ShoufaChen/AdaptFormer,
``--ffn_num``."""

SCALE = 0.1
"""What the bottleneck's result is multiplied with, as there: ``ffn_adapter_scalar``."""


@register("adaptformer")
class ParallelBottleneck(Tuner):
    """A bottleneck beside the MLP, by our own definition after AdaptFormer (arXiv 2205.13535).

    In every block ``x + mlp(norm(x))`` becomes ``x + mlp(norm(x)) + s up(ReLU(down(norm(x))))``, the
    paper's equations 2 and 3, with C to :data:`WIDTH` to C and s = :data:`SCALE`. No dropout. ``up``
    begins at zero, so that the encoder is SAM's at the start.

    Parameters
    ----------
    backbone : Backbone
        Gives C and the number of blocks.
    """

    identity_at_init: ClassVar[bool] = True

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        width, count = backbone.width, backbone.depth
        self.down = nn.ModuleList(_draw_down(width) for _ in range(count))
        self.up = nn.ModuleList(nn.Linear(WIDTH, width) for _ in range(count))
        self.neutralise()

    def attach(self, vit: Any) -> None:
        """Correct what the MLP of every block gives."""
        for index, mlp in enumerate(open_mlps(vit)):
            mlp.correct = partial(self.correct, index)

    def neutralise(self) -> None:
        """Add nothing to any MLP: exactly the base's output."""
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)

    def correct(self, index: int, x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Add to what the MLP makes ``out`` of normalised tokens ``x``, both (B, g, g, C)."""
        added: torch.Tensor = self.up[index](torch.relu(self.down[index](x)))
        return out + SCALE * added


def _draw_down(width: int) -> nn.Linear:
    """Draw the first layer as the authors' code does."""
    layer = nn.Linear(width, WIDTH)
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5))
    nn.init.zeros_(layer.bias)
    return layer
