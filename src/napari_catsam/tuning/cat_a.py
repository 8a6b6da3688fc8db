"""CAT-SAM-A: a prompt from patches, high frequencies and the bridge token, added before each block."""

from __future__ import annotations

import math

import torch
from torch import nn

from napari_catsam.errors import AdapterMismatchError
from napari_catsam.sam.backbones import PATCH, Backbone
from napari_catsam.tuning.base import Tuner, register
from napari_catsam.tuning.layers import high_pass


@register("cat-a")
class CatAdapter(Tuner):
    """The adapter variant of CAT-SAM (arXiv 2402.03631, section 3.3).

    With r = C/32 and N = g*g tokens, three features (B, N, r) are added: a projection of the patch
    embedding, a projection of the image's high frequencies, and the bridge: r small maps of N values
    made from the decoder's token. Each block adds its own small projection of the sum to its input.

    Parameters
    ----------
    backbone : Backbone
        Gives C, D, g and the number of blocks.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        rank, width = backbone.width // 32, backbone.width
        bridge_width = backbone.decoder_width // 8
        self.grid = backbone.grid
        self.patch_projection = nn.Linear(width, rank)
        self.high_pass_projection = nn.Conv2d(3, rank, kernel_size=PATCH, stride=PATCH)
        self.bridge_down = nn.ModuleList(
            nn.Linear(backbone.decoder_width, bridge_width) for _ in range(rank)
        )
        self.bridge_up = nn.Linear(bridge_width, self.grid**2)
        self.block_projections = nn.ModuleList(nn.Linear(rank, rank) for _ in range(backbone.depth))
        self.shared_up = nn.Linear(rank, width)
        self._initialise()
        self._joint: torch.Tensor | None = None

    def _initialise(self) -> None:
        """Draw weights as the released code does."""
        for layer in (self.patch_projection, self.shared_up, *self.block_projections):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        fan_out = PATCH**2 * self.high_pass_projection.out_channels
        nn.init.normal_(self.high_pass_projection.weight, std=math.sqrt(2 / fan_out))
        nn.init.zeros_(self.high_pass_projection.bias)  # type: ignore[arg-type]

    def neutralise(self) -> None:
        """Add nothing to any block: exactly the base's output."""
        nn.init.zeros_(self.shared_up.weight)
        nn.init.zeros_(self.shared_up.bias)

    def start(self, image: torch.Tensor, patches: torch.Tensor, token: torch.Tensor) -> None:
        """Add the three features up, once for all blocks."""
        if patches.shape[1:3] != (self.grid, self.grid):
            raise AdapterMismatchError(
                f"this adapter is for {self.grid} x {self.grid} tokens, "
                f"the input gives {patches.shape[1]} x {patches.shape[2]}"
            )
        details = self.high_pass_projection(high_pass(image)).permute(0, 2, 3, 1)
        self._joint = self.patch_projection(patches) + details + self.bridge(token)

    def bridge(self, token: torch.Tensor) -> torch.Tensor:
        """Spread the token ``(1, D)`` over the grid: ``(1, g, g, r)``."""
        hidden = torch.stack([down(token) for down in self.bridge_down], dim=1)
        maps = self.bridge_up(nn.functional.gelu(hidden))
        spread: torch.Tensor = maps.transpose(1, 2).reshape(1, self.grid, self.grid, -1)
        return spread

    def before_block(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """Add the prompt of this block, made only now so that one at a time is in memory."""
        hidden = nn.functional.gelu(self.block_projections[index](self._joint))
        prompted: torch.Tensor = x + self.shared_up(hidden)
        return prompted

    def finish(self) -> None:
        """Forget the features of this image."""
        self._joint = None

    def kept(self) -> torch.Tensor | None:
        """Return the sum of the features."""
        return self._joint

    def resume(self, kept: torch.Tensor | None) -> None:
        """Take the sum of the features back."""
        self._joint = kept
