"""Prompts as a user gives them, made from masks: boxes drawn by hand, clicks, corrections.

All are in ``(row, column)`` pixels of the view, and depend on nothing but their arguments and the
state of the generator.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter

from napari_catsam.geometry import Frame, boxes_from_masks
from napari_catsam.types import Prompts

__all__ = ["blur_outline", "correct_prompts", "jitter_boxes", "sample_click", "simulate_prompts"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Kind = Literal["box", "click", "box and click", "mask"]

KINDS: tuple[tuple[Kind, float], ...] = (
    ("box", 0.7),
    ("click", 0.1),
    ("box and click", 0.1),
    ("mask", 0.1),
)
"""How often each kind of prompt is asked; boxes most, as users give them most."""

JITTER = 0.1
"""Sides of a box drawn by hand are off by up to this share of its length."""

UNSTEADY = 0.15
"""The outline of a coarse mask is off by this share of the object's size, or of twice its width."""


def simulate_prompts(masks: BoolArray, generator: np.random.Generator) -> Prompts:
    """Prompt for each mask, all in one way.

    Parameters
    ----------
    masks : ndarray, (N, H, W), bool
        None of them empty.
    generator : numpy.random.Generator
        Draws the way and the places.

    Returns
    -------
    Prompts
        N rows: boxes, positive clicks, both, or coarse masks.
    """
    kinds, shares = zip(*KINDS, strict=True)
    kind = kinds[generator.choice(len(kinds), p=shares)]
    if kind == "mask":
        return Prompts(masks=np.stack([blur_outline(mask, generator) for mask in masks]))
    boxes = jitter_boxes(boxes_from_masks(masks), masks.shape[1:], generator)
    clicks = np.stack([sample_click(mask, generator) for mask in masks])[:, None]
    if kind == "box":
        return Prompts(boxes=boxes)
    return Prompts(points=clicks) if kind == "click" else Prompts(boxes=boxes, points=clicks)


def jitter_boxes(
    boxes: FloatArray, size: tuple[int, ...], generator: np.random.Generator, share: float = JITTER
) -> FloatArray:
    """Move every side of tight boxes as an unsteady hand does.

    Parameters
    ----------
    boxes : ndarray, (N, 4), float
        ``[r0, c0, r1, c1]`` in pixels.
    size : (int, int)
        (H, W) of the view; boxes stay inside.
    generator : numpy.random.Generator
        Draws the shifts, even in ``-share..share`` times the box's extent.
    share : float
        Below 0.5, so that no box turns over.

    Returns
    -------
    ndarray, (N, 4), float
    """
    extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = boxes + generator.uniform(-share, share, boxes.shape) * extent
    moved[:, 0::2] = moved[:, 0::2].clip(0, size[0])
    moved[:, 1::2] = moved[:, 1::2].clip(0, size[1])
    return moved


def sample_click(mask: BoolArray, generator: np.random.Generator) -> FloatArray:
    """Draw a pixel of a mask, the likelier the further it is from the border.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
        Not empty.
    generator : numpy.random.Generator
        Draws the pixel.

    Returns
    -------
    ndarray, (2,), float
        ``(row, column)`` of a pixel in the mask.
    """
    r0, c0, r1, c1 = boxes_from_masks(mask[None])[0].astype(int)
    # An object that the view cuts has a border there too: users rarely click at an edge.
    depth = distance_transform_edt(np.pad(mask[r0:r1, c0:c1], 1))[1:-1, 1:-1]
    weight = depth.ravel() / depth.sum()
    place = generator.choice(weight.size, p=weight)
    row, column = divmod(int(place), c1 - c0)
    return np.array([r0 + row, c0 + column], float)


def blur_outline(mask: BoolArray, generator: np.random.Generator) -> BoolArray:
    """Draw a mask again as a hurried hand does: in places too large, in others too small.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
        Not empty.
    generator : numpy.random.Generator
        Draws where.

    Returns
    -------
    ndarray, (H, W), bool
        Not empty.
    """
    size = float(np.sqrt(mask.sum()))
    r0, c0, r1, c1 = boxes_from_masks(mask[None])[0].astype(int)
    margin = int(2 * UNSTEADY * size) + 2
    window = (
        slice(max(0, r0 - margin), min(mask.shape[0], r1 + margin)),
        slice(max(0, c0 - margin), min(mask.shape[1], c1 + margin)),
    )
    inside = mask[window]
    depth = distance_transform_edt(inside) - distance_transform_edt(~inside)
    # A line is drawn again as a line, however long it is.
    reach = UNSTEADY * min(size, 4 * float(depth.max()))
    noise = gaussian_filter(generator.standard_normal(inside.shape), 0.25 * size + 0.5)
    drawn = depth + reach * noise / max(float(noise.std()), 1e-9) > 0
    coarse = np.zeros_like(mask)
    coarse[window] = drawn if drawn.any() else inside
    return coarse


def correct_prompts(
    prompts: Prompts,
    predicted: BoolArray,
    wanted: BoolArray,
    frame: Frame,
    generator: np.random.Generator,
    logits: npt.ArrayLike | None = None,
) -> Prompts:
    """Add to each object one click where its prediction errs.

    Parameters
    ----------
    prompts : Prompts
        What gave the prediction; N rows.
    predicted, wanted : ndarray, (N, h, w), bool
        Masks on the decoder's grid, which lies over the whole input.
    frame : Frame
        How the view lies in the input.
    generator : numpy.random.Generator
        Draws the pixel in the error.
    logits : array_like, (N, h, w), optional
        Of the prediction, given back as the mask to be corrected, as the viewer does; any mask prompt
        of before when left out.

    Returns
    -------
    Prompts
        Positive clicks where the object was missed, negative where it was made up, whichever error
        is larger; padding only for an object that is too small for the grid and has no error.
    """
    clicks = np.zeros((len(wanted), 1, 2))
    labels = np.full((len(wanted), 1), -1)
    for row, (guess, truth) in enumerate(zip(predicted, wanted, strict=True)):
        missed, false = truth & ~guess, guess & ~truth
        positive = missed.sum() >= false.sum()
        error = missed if positive else false
        # Without an error: one more click in the object, as nothing would be a token of its own.
        place = error if error.any() else truth
        if place.any():
            clicks[row, 0] = _grid_to_view(sample_click(place, generator), frame, guess.shape[0])
            labels[row, 0] = int(positive)
    masks = prompts.masks if logits is None else np.asarray(logits)
    if prompts.points is None and (labels < 0).all():
        return prompts
    if prompts.points is not None:
        clicks = np.concatenate([np.asarray(prompts.points), clicks], axis=1)
        labels = np.concatenate([np.asarray(prompts.labels), labels], axis=1)
    return Prompts(boxes=prompts.boxes, points=clicks, labels=labels, masks=masks)


def _grid_to_view(point: FloatArray, frame: Frame, side: int) -> FloatArray:
    """Take ``(row, column)`` of a cell of the decoder's grid to the view pixel in its middle."""
    place = (point + 0.5) * (frame.side / side) / np.asarray(frame.scale) - 0.5
    inside: FloatArray = np.clip(place, 0, np.asarray(frame.size) - 1)
    return inside
