"""CAT-SAM-T: one more token, made from the bridge token, in the attention of every block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_catsam.tuning.base import register
from napari_catsam.tuning.layers import TokenTuner

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone


@register("cat-t")
class CatToken(TokenTuner):
    """The token variant of CAT-SAM (arXiv 2402.03631, section 3.2).

    In block i a small MLP maps the decoder's token to one token that takes part in the attention as
    key and value, of every window in windowed blocks. What it would itself gather is dropped after the
    attention, so it is never computed. It has no position bias.

    Parameters
    ----------
    backbone : Backbone
        Gives C, D and the number of blocks.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        hidden = backbone.decoder_width // 4
        self.projections = nn.ModuleList(
            nn.Sequential(
                nn.Linear(backbone.decoder_width, hidden),
                nn.GELU(),
                nn.Linear(hidden, backbone.width),
            )
            for _ in range(backbone.depth)
        )

    def neutralise(self) -> None:
        """Make every token zero, so that its key and value are the projection's bias alone."""
        for projection in self.projections:
            *_, weight, bias = projection.parameters()
            nn.init.zeros_(weight)
            nn.init.zeros_(bias)

    def start(self, image: torch.Tensor, patches: torch.Tensor, token: torch.Tensor) -> None:
        """Compute key and value of every block's token; they do not depend on the image."""
        for index, project in enumerate(self.projections):
            hidden = project(token)
            self.give(index, hidden, hidden)
