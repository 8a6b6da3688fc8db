"""Fresh trained parts that give the base model's own masks before the first step.

As released, the HQ head starts from random numbers and needs hundreds of steps to find any object.
Here its mask is added to SAM's own, as HQ-SAM does (arXiv 2306.01567), and starts at zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

__all__ = ["start_from_base"]


def start_from_base(model: CatSam) -> None:
    """Let a fresh HQ head correct SAM's mask, and start with no correction, in place.

    The head's token takes part in the decoder's attention all the same, so logits differ a little from
    SAM's; masks hardly do.

    Parameters
    ----------
    model : CatSam
        With fresh trained parts.
    """
    model.tuner.neutralise()
    if model.head is None:
        return
    model.head.adds_base = True
    last: Any = model.head.hypernetwork.layers[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        # A copy of a token that the decoder knows disturbs its attention less than a random one.
        model.head.token.copy_(model.mask_decoder.mask_tokens.weight[:1])
