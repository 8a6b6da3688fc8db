"""The image encoder with a tuning method in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

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
    """

    features: torch.Tensor
    early: torch.Tensor


def encode(vit: Any, tuner: Tuner, image: torch.Tensor, token: torch.Tensor) -> Encoded:
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

    Returns
    -------
    Encoded
    """
    patches = vit.patch_embed(image)
    tuner.start(image, patches, token)
    early: torch.Tensor | None = None
    try:
        x = patches if vit.pos_embed is None else patches + vit.pos_embed
        for index, block in enumerate(vit.blocks):
            x = block(tuner.before_block(index, x))
            if early is None and block.window_size == 0:
                early = x
    finally:
        tuner.finish()
    if early is None:
        early = x
    return Encoded(vit.neck(x.permute(0, 3, 1, 2)), early)
