"""VPT-deep: learnt tokens in the attention of every block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_catsam.tuning.base import register
from napari_catsam.tuning.layers import PromptTuner

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone


@register("vpt-deep")
class DeepPrompts(PromptTuner):
    """Learnt tokens in every block, by our own definition after VPT (arXiv 2203.12119).

    Parameters
    ----------
    backbone : Backbone
        Gives C and the number of blocks.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone, blocks=backbone.depth)
