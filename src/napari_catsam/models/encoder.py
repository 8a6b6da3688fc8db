"""The image encoder with a tuning method in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint

from napari_catsam.sam.stem import ConvStem, Skips

if TYPE_CHECKING:
    from napari_catsam.tuning.base import Tuner

__all__ = ["Encoded", "encode"]


class Encoded(NamedTuple):
    """What the image encoder gives for a batch.

    Attributes
    ----------
    features : Tensor, (B, D, g, g)
        The image embedding, after the neck.
    early : Tensor, (B, g, g, C)
        Output of the first global-attention block.
    skips : Skips, or None
        What a :class:`~napari_catsam.sam.stem.ConvStem` describes finely; None without one.
    image : Tensor, (B, 3, S, S), or None
        The input itself; None for a backbone that does not look at it again.
    """

    features: torch.Tensor
    early: torch.Tensor
    skips: Skips | None = None
    image: torch.Tensor | None = None

    def float(self) -> Encoded:
        """Return the same in float32."""
        skips = None if self.skips is None else Skips(*(part.float() for part in self.skips))
        return Encoded(self.features.float(), self.early.float(), skips, self.image)


def encode(
    vit: Any,
    tuner: Tuner,
    image: torch.Tensor,
    token: torch.Tensor,
    *,
    checkpoint_blocks: bool = False,
) -> Encoded:
    """Run SAM's image encoder with a tuner.

    Parameters
    ----------
    vit : ImageEncoderViT
        The frozen encoder, to which the tuner was attached.
    tuner : Tuner
        The method.
    image : Tensor, (B, 3, S, S)
        Normalised input.
    token : Tensor, (1, D)
        The decoder's ``hf_token``.
    checkpoint_blocks : bool
        Keep only the input of each block for the gradient, and compute the rest again: a third more
        time, a fraction of the memory.

    Returns
    -------
    Encoded
    """
    patches, skips = _embed_patches(vit.patch_embed, image)
    tuner.start(image, patches, token)
    early: torch.Tensor | None = None
    try:
        x = patches if vit.pos_embed is None else patches + vit.pos_embed
        for index, block in enumerate(vit.blocks):
            if checkpoint_blocks and torch.is_grad_enabled():
                x = _run_twice(block, tuner, index, x)
            else:
                x = block(tuner.before_block(index, x))
            if early is None and block.window_size == 0:
                early = x
    finally:
        tuner.finish()
    if early is None:
        early = x
    return Encoded(vit.neck(x.permute(0, 3, 1, 2)), early, skips)


def _embed_patches(stem: Any, image: torch.Tensor) -> tuple[torch.Tensor, Skips | None]:
    """Make tokens (B, g, g, C) of normalised images, and what a stem describes beside them."""
    return stem.embed(image) if isinstance(stem, ConvStem) else (stem(image), None)


def _run_twice(block: Any, tuner: Tuner, index: int, x: torch.Tensor) -> torch.Tensor:
    """Run a block now, and again when its gradient is wanted."""
    kept = tuner.kept()

    def run(x: torch.Tensor) -> Any:
        before = tuner.kept()
        tuner.resume(kept)  # the second time the tuner has forgotten this image
        try:
            return block(tuner.before_block(index, x))
        finally:
            tuner.resume(before)

    out: torch.Tensor = checkpoint(run, x, use_reentrant=False, preserve_rng_state=False)
    return out
