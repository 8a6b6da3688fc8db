"""Masks that are joined with the clicks they come from.

A small model takes what looks alike elsewhere in the image for a part of the object that was clicked.
Objects of several parts are still possible: by a box, by a click on each part, or by a mask that has
them already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

if TYPE_CHECKING:
    from napari_catsam.models.prompt_tensors import PromptTensors

__all__ = ["join_to_clicks"]

FloatArray = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
"""Pixels that touch at a corner belong to the same part."""

OUTSIDE = -4.0
"""Logit of a part that is left out: sure, but a click there can still bring it back."""


def join_to_clicks(logits: torch.Tensor, prompts: PromptTensors, side: int) -> torch.Tensor:
    """Leave out of the masks of clicks what is not joined with a click.

    Only those parts of a mask count that a positive click lies on, or that the earlier mask has too; where
    there is no such part, all stay. With a box, or without clicks, masks stay as they are.

    Parameters
    ----------
    logits : Tensor, (M, h, w)
        One map an object, or M maps of one object, on any device.
    prompts : PromptTensors
        What they were decoded from, N = M objects or N = 1.
    side : int
        Side of the model's square input in pixels.

    Returns
    -------
    Tensor, (M, h, w)
        On the same device; with the gradient of what stays.
    """
    if prompts.points is None or prompts.labels is None or prompts.boxes is not None:
        return logits
    maps = logits.detach().cpu().numpy()
    low = maps.shape[-1]
    places = ((prompts.points.cpu().flip(-1) + 0.5) * low / side).long().clamp(0, low - 1).numpy()
    labels = prompts.labels.cpu().numpy()
    earlier = None if prompts.masks is None else prompts.masks[:, 0].cpu().numpy()
    outside = np.zeros(maps.shape, dtype=bool)
    for number, values in enumerate(maps):
        row = number if len(labels) > 1 else 0
        clicked = places[row, labels[row] == 1]
        outside[number] = _find_others(values, None if earlier is None else earlier[row], clicked)
    if not outside.any():
        return logits
    return torch.where(torch.from_numpy(outside).to(logits.device), OUTSIDE, logits)


def _find_others(
    values: FloatArray, earlier: FloatArray | None, places: Places
) -> npt.NDArray[np.bool_] | bool:
    """Find, in a mask (h, w), the parts that no place lies on and that are new."""
    parts, count = ndimage.label(values > 0, EIGHT_NEIGHBOURS)
    if count < 2:
        return False
    kept = np.zeros(count + 1, dtype=bool)
    kept[parts[tuple(places.T)]] = True
    if earlier is not None:
        kept[parts[earlier > 0]] = True
    if not kept[1:].any():
        return False
    others: npt.NDArray[np.bool_] = (parts > 0) & ~kept[parts]
    return others
