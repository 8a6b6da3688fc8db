"""Plain SAM: nothing is trained."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.tuning.base import Tuner, register


@register("sam")
class PlainSam(Tuner):
    """SAM as it is, with its own mask tokens (arXiv 2304.02643)."""

    identity_at_init: ClassVar[bool] = True
    has_head: ClassVar[bool] = False
