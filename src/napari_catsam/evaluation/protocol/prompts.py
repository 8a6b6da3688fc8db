"""Prompts of the paper's protocol, which differ from a user's: tight boxes, one point, noisy masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from napari_catsam.geometry import boxes_from_masks

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset, MaskNoise
    from napari_catsam.evaluation.protocol.config import ProtocolConfig

__all__ = ["choose_prompt", "prompt_boxes", "prompt_masks", "prompt_points"]

THIN = 1e-3
"""A box of one row or column is still this wide."""

CHANGED = 0.01
"""Noise falls on cells that a coarser mask has wrong by this much."""

BoolArray = npt.NDArray[np.bool_]


def choose_prompt(dataset: Dataset, config: ProtocolConfig) -> str:
    """Return the kind of prompts in tests."""
    return config.test_prompt or dataset.test_prompts[0]


def prompt_boxes(masks: BoolArray) -> npt.NDArray[np.float64]:
    """Find the tight box of each object, from its first to its last pixel as in the released code.

    Parameters
    ----------
    masks : ndarray, (N, H, W), bool
        None of them empty.

    Returns
    -------
    ndarray, (N, 4), float
        ``[r0, c0, r1, c1]``; ``r1`` and ``c1`` are the last pixel itself, not one past it.
    """
    boxes = boxes_from_masks(masks)
    boxes[:, 2:] = np.maximum(boxes[:, 2:] - 1, boxes[:, :2] + THIN)
    return boxes


def prompt_points(masks: BoolArray, random: np.random.RandomState) -> npt.NDArray[np.float64]:
    """Draw a pixel of each object, all of them equally likely.

    Returns
    -------
    ndarray, (N, 2), float
        ``(row, column)``.
    """
    places = [np.argwhere(mask) for mask in masks]
    points = [pixels[random.permutation(len(pixels))[0]] for pixels in places]
    return np.asarray(points, dtype=np.float64)


def prompt_masks(
    masks: BoolArray, side: int, noise: MaskNoise, random: torch.Generator
) -> npt.NDArray[np.float32]:
    """Make a coarse mask of each object, with noise where it has detail.

    Parameters
    ----------
    masks : ndarray, (N, H, W), bool
        The objects.
    side : int
        Of the result in pixels.
    noise : MaskNoise
        How coarse, and what counts as inside after the noise.
    random : torch.Generator
        Draws the noise.

    Returns
    -------
    ndarray, (N, side, side), float32
        0 or 1, which the model takes as logits: that is what the released code gives it.
    """
    coarse = [
        _blur(torch.from_numpy(mask[None, None]).float(), side, noise, random) for mask in masks
    ]
    return torch.cat(coarse)[:, 0].numpy()


def _blur(mask: torch.Tensor, side: int, noise: MaskNoise, random: torch.Generator) -> torch.Tensor:
    fine = F.interpolate(mask, (side, side), mode="bilinear", align_corners=False)
    small = F.interpolate(fine, (side // noise.scale,) * 2, mode="bilinear", align_corners=False)
    again = F.interpolate(small, (side, side), mode="bilinear", align_corners=False)
    detail = ((fine - again).abs() >= CHANGED).float()
    drawn = torch.randn(fine.shape, generator=random)
    return (fine + drawn * detail > noise.threshold).float()
