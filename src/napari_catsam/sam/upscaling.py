"""SAM's upscaling of the decoder's image tokens, with what a stem describes finely added on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from napari_catsam.sam.stem import Skips

__all__ = ["upscale"]


def upscale(mask_decoder: Any, image: torch.Tensor, skips: Skips | None) -> torch.Tensor:
    """Upscale the transformer's image tokens four times.

    Parameters
    ----------
    mask_decoder : MaskDecoder
        SAM's.
    image : Tensor, (N, D, g, g)
        The image tokens of N objects.
    skips : Skips, or None
        Of the image of all objects, or one row an object; None leaves SAM's way as it is.

    Returns
    -------
    Tensor, (N, D/8, 4g, 4g)
    """
    layers = mask_decoder.output_upscaling
    if skips is None:
        upscaled: torch.Tensor = layers(image)
        return upscaled
    first, norm, first_activation, second, second_activation = layers
    halfway = first_activation(norm(first(image).add_(skips.eighth)))
    upscaled = second_activation(second(halfway).add_(skips.quarter))
    return upscaled
