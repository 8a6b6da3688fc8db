"""Masks at the size of an image: only the part where the logits can be positive is resized.

A resized value lies between those that it is made of, so it is positive only beside a positive one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_catsam.geometry import Frame, Resizing, resize_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

__all__ = ["logits_to_masks"]

SMALL_MAP = 128
"""Height plus width up to which PyTorch resizes with another kernel, which rounds otherwise."""

Part = tuple[slice, slice]


def logits_to_masks(frame: Frame, logits: torch.Tensor) -> npt.NDArray[np.bool_]:
    """Bring logits to the size of the image, where what is above zero is the mask.

    The same, bit by bit, as ``frame.logits_to_image(logits) > 0``. On a processor it takes the less
    the smaller the objects are; elsewhere the logits are resized as a whole, all together.

    Parameters
    ----------
    frame : Frame
        How the image lies in the model's input.
    logits : Tensor, (N, h, w), float
        Finite, at the decoder's resolution.

    Returns
    -------
    ndarray, (N, H, W), bool
        Masks.
    """
    if logits.device.type != "cpu":
        return np.asarray((frame.logits_to_image(logits) > 0).cpu())
    masks = np.zeros((len(logits), *frame.size), bool)
    for mask, one in zip(masks, logits.detach(), strict=True):
        _draw(frame, one, mask)
    return masks


def _draw(frame: Frame, logits: torch.Tensor, mask: npt.NDArray[np.bool_]) -> None:
    """Set the pixels of one object, (h, w) logits, in a mask (H, W) that is empty."""
    positive = logits.numpy() > 0
    rows, columns = (np.flatnonzero(positive.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return
    steps = frame.steps((logits.shape[0], logits.shape[1]))
    part = _find_part(rows, columns)
    parts = [part]
    for step in steps:
        part = _find_reached(part, step)
        if any(side.start >= side.stop for side in part):
            return  # beside the image, in the padding
        parts.append(part)
    # A pixel that can be positive is made of others beside it, which may not: the way back says
    # which are needed.
    for number in range(len(steps) - 1, -1, -1):
        parts[number] = _find_needed(parts[number + 1], steps[number])
    values = logits[parts[0]]
    for step, before, after in zip(steps, parts[:-1], parts[1:], strict=True):
        values = _resize_part(values, step, before, after)
    mask[parts[-1]] = values.numpy() > 0


def _find_part(rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Part:
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _find_reached(part: Part, step: Resizing) -> Part:
    """Find all pixels after a step that are made of one in a part before it, and maybe some more."""

    def reach(axis: int) -> slice:
        scale = step.after[axis] / step.before[axis]
        first = math.floor((part[axis].start - 0.5) * scale - 0.5) - 1
        end = math.ceil((part[axis].stop + 0.5) * scale - 0.5) + 1
        return slice(max(0, first), min(step.kept[axis], end))

    return reach(0), reach(1)


def _find_needed(part: Part, step: Resizing) -> Part:
    """Find all pixels before a step of which those in a part after it are made, and maybe some more."""

    def need(axis: int) -> slice:
        scale = step.before[axis] / step.after[axis]
        first = math.floor((part[axis].start + 0.5) * scale - 0.5) - 1
        end = math.floor((part[axis].stop - 0.5) * scale - 0.5) + 3
        return slice(max(0, first), min(step.before[axis], end))

    return need(0), need(1)


def _resize_part(values: torch.Tensor, step: Resizing, before: Part, after: Part) -> torch.Tensor:
    """Resize the values (r, c) of a part of a map; return those of a part of the resized map.

    One axis after the other, each at its full length along that axis alone: the weights of a pixel
    are rounded by its place along it, so that those of a map that is cut would be others.
    """
    (height, width), (new_height, new_width) = step.before, step.after
    rows, columns = values.shape[0], after[1].stop - after[1].start
    costs = rows * new_width + new_height * columns
    small = min(rows + new_width, new_height + columns) <= SMALL_MAP
    if small or costs >= new_height * new_width:
        whole = _put(values, before, (height, width))
        return resize_maps(whole, step.after)[after]
    wide = _put(values, (slice(None), before[1]), (rows, width))
    wide = resize_maps(wide, (rows, new_width))[:, after[1]]
    tall = _put(wide, (before[0], slice(None)), (height, columns))
    return resize_maps(tall, (new_height, columns))[after[0]]


def _put(values: torch.Tensor, part: Part, size: Sequence[int]) -> torch.Tensor:
    """Return zeros of a size, but for a part with these values."""
    if values.shape == tuple(size):
        return values
    whole = values.new_zeros(tuple(size))
    whole[part] = values
    return whole
