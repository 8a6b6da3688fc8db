"""What prompts say about the window of their object, and the prompts in such a window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_catsam.geometry import MASK_PROMPT_LOGIT, boxes_from_masks
from napari_catsam.types import Prompts

if TYPE_CHECKING:
    from napari_catsam.geometry import Frame
    from napari_catsam.prediction.windows import Pyramid, Window

__all__ = ["Target", "cut_prompts", "find_targets"]

FloatArray = npt.NDArray[np.float64]

CONTEXT = 4
"""Sides of an object that fit into its window, at least.

Windows lie half a window apart, so the middle of an object is at most a quarter of a window from
the middle of the nearest one. With four sides an eighth of the window is left around the object.
"""

CLICK_CONTEXT = 8
"""Spreads of clicks that fit into a window, at least; clicks lie inside of an object, so it is
larger than their spread."""


@dataclass(frozen=True, eq=False)
class Target:
    """What the prompts of one object say about where and how large it is.

    Attributes
    ----------
    level : int
        The finest level of the pyramid at which it should be decided.
    centre : ndarray, (2,)
        (row, column) around which its window lies.
    points : ndarray, (K, 2)
        (row, column) of all that its window must contain.
    anchor : tuple of float
        Its box or first click: what stays the same when it is refined. Empty without both.
    bounded : bool
        Whether a box says where it ends.
    """

    level: int
    centre: FloatArray
    points: FloatArray
    anchor: tuple[float, ...]
    bounded: bool


def find_targets(
    prompts: Prompts, masks: npt.NDArray[Any] | None, pyramid: Pyramid
) -> list[Target]:
    """Find where the objects are and how large.

    A box says it, else a mask prompt together with the positive clicks, else the spread of two or
    more positive clicks. A lone click says nothing about size and gets the coarsest level at which
    the model sees every pixel; an object with nothing but an empty mask, the whole image.

    Parameters
    ----------
    prompts : Prompts
        N objects, with boxes and points inside of the image. Its masks are not read.
    masks : ndarray, (N, H, W), or None
        Mask prompts at the size of the image, positive inside; None for logits of a window.
    pyramid : Pyramid
        Of the image.

    Returns
    -------
    list of Target
        One an object.
    """
    targets = []
    for row in range(len(prompts)):
        box, points, labels, mask = (
            None if value is None else np.asarray(value)[row]
            for value in (prompts.boxes, prompts.points, prompts.labels, masks)
        )
        if points is None or labels is None:
            points, labels = np.empty((0, 2)), np.empty(0)
        points, labels = points[labels >= 0], labels[labels >= 0]
        if box is not None:
            targets.append(_target_of_box(box, points, pyramid))
        else:
            targets.append(_target_of_clicks(points, labels, mask, pyramid))
    return targets


def _target_of_box(box: FloatArray, clicks: FloatArray, pyramid: Pyramid) -> Target:
    corners = box.reshape(2, 2)
    level = pyramid.find_level(CONTEXT * float(np.ptp(corners, axis=0).max()))
    points = np.concatenate([corners, clicks])
    return Target(level, corners.mean(axis=0), points, tuple(box.tolist()), bounded=True)


def _target_of_clicks(
    clicks: FloatArray, labels: npt.NDArray[Any], mask: npt.NDArray[Any] | None, pyramid: Pyramid
) -> Target:
    spots = clicks[labels == 1] if (labels == 1).any() else clicks
    anchor = tuple(spots[0].tolist()) if len(spots) else ()
    context = CLICK_CONTEXT
    if mask is not None and (mask > 0).any():
        spots = np.concatenate([boxes_from_masks(mask[None] > 0).reshape(2, 2), spots])
        context = CONTEXT
    if not len(spots):
        return Target(0, pyramid.whole.centre, clicks, anchor, bounded=False)
    low, high = spots.min(axis=0), spots.max(axis=0)
    extent = float((high - low).max())
    level = pyramid.find_level(context * extent) if extent > 0 else pyramid.full_level
    points = np.concatenate([spots, clicks])
    return Target(level, (low + high) / 2, points, anchor, bounded=False)


def cut_prompts(
    prompts: Prompts, sources: list[Window | None], window: Window, frame: Frame, low: int
) -> Prompts:
    """Bring prompts from the image to one window of it.

    Parameters
    ----------
    prompts : Prompts
        N objects, in pixels of the image.
    sources : list of Window or None
        Of each object, the window of the logits that are its mask prompt; None for all if mask
        prompts have the size of the image.
    window : Window
        All prompts are in it.
    frame : Frame
        Of the window.
    low : int
        Side of the decoder's logits in pixels.
    """
    corner = np.asarray(window.corner)
    masks = None if prompts.masks is None else np.asarray(prompts.masks)
    if masks is not None:
        masks = np.stack(
            [
                mask[window.slices]
                if source is None
                else _move_logits(mask, source, window, frame, low)
                for mask, source in zip(masks, sources, strict=True)
            ]
        )
    return Prompts(
        None if prompts.boxes is None else np.asarray(prompts.boxes) - np.tile(corner, 2),
        None if prompts.points is None else np.asarray(prompts.points) - corner,
        prompts.labels,
        masks,
    )


def _move_logits(
    logits: npt.NDArray[np.floating], source: Window, window: Window, frame: Frame, low: int
) -> npt.NDArray[np.floating]:
    """Resample logits (low, low) of one window for another, whose frame is given."""
    if source == window:
        return logits
    values = torch.from_numpy(np.asarray(logits[None], dtype=np.float32))
    before = replace(frame, size=source.size).logits_to_image(values)[0]
    # What lay outside of the old window was no part of the mask.
    moved = np.full(window.size, -MASK_PROMPT_LOGIT, np.float32)
    moved[window.find_overlap(source)] = before.numpy()[source.find_overlap(window)]
    return frame.masks_to_input(moved[None], low)[0, 0].numpy()
