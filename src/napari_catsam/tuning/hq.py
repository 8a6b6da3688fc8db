"""HQ-SAM's way: only the decoder's head is trained."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.tuning.base import Tuner, register


@register("hq")
class DecoderOnly(Tuner):
    """Train the HQ head alone (HQ-SAM, arXiv 2306.01567); the image encoder stays SAM's."""

    identity_at_init: ClassVar[bool] = True
