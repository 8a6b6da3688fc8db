"""VPT-shallow: learnt tokens in the attention of the first block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_catsam.tuning.base import register
from napari_catsam.tuning.layers import PromptTuner

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone


@register("vpt-shallow")
class ShallowPrompts(PromptTuner):
    """Learnt tokens in the first block alone, by our own definition after VPT (arXiv 2203.12119).

    Parameters
    ----------
    backbone : Backbone
        Gives C.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone, blocks=1)
