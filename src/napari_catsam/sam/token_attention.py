"""The mask decoder's attention between tokens and image, on torch's fused kernels.

`segment_anything` writes the attention matrix out and normalises it along its last axis, which is a
handful of tokens long where the image attends to the prompt: the slowest way to read memory. Weights
and results are SAM's (arXiv 2304.02643, appendix A).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["FusedTokenAttention", "fuse_token_attention"]

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


class FusedTokenAttention(nn.Module):
    """A drop-in for an attention layer of SAM's two-way transformer that shares its parameters.

    Parameters
    ----------
    attention : Module
        One layer; its projections are taken over under the same names.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.num_heads: int = attention.num_heads
        self.q_proj: nn.Linear = attention.q_proj
        self.k_proj: nn.Linear = attention.k_proj
        self.v_proj: nn.Linear = attention.v_proj
        self.out_proj: nn.Linear = attention.out_proj

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Attend from queries ``q`` (N, Q, D) to keys and values ``k``, ``v`` (N, K, D): (N, Q, D)."""
        query, key, value = (
            projection(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for projection, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        out = F.scaled_dot_product_attention(query, key, value)
        projected: torch.Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return projected


def fuse_token_attention(transformer: Any) -> None:
    """Replace every attention layer of a two-way transformer, in place, once.

    Parameters
    ----------
    transformer : TwoWayTransformer
        Of SAM's mask decoder. State-dict keys and values do not change.
    """
    for module in list(transformer.modules()):
        for name, child in list(module.named_children()):
            fits = all(hasattr(child, part) for part in PROJECTIONS)
            if fits and not isinstance(child, FusedTokenAttention):
                setattr(module, name, FusedTokenAttention(child))
