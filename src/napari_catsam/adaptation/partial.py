"""What may be learned from a partly annotated image, and what is kept back of an object."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["choose_region", "find_unsaid"]

BoolArray = npt.NDArray[np.bool_]

REACH = 0.5
"""The surroundings of an object are its box, larger by this share of its longer side to all sides."""

LEAST_REACH = 8
"""But by so many pixels at least."""

LEAST_REGION = 1024
"""An object of so many pixels is large enough that a part of it can be held out."""


def find_unsaid(boxes: npt.NDArray[np.float64], size: tuple[int, ...]) -> BoolArray:
    """Find the pixels of which the user said nothing: those far from every annotated object.

    Parameters
    ----------
    boxes : ndarray, (N, 4), float
        Tight boxes of the annotated objects.
    size : (int, int)
        (H, W) of the image.

    Returns
    -------
    ndarray, (H, W), bool
    """
    unsaid = np.ones(size, bool)
    for r0, c0, r1, c1 in boxes.astype(int):
        reach = max(LEAST_REACH, round(REACH * max(r1 - r0, c1 - c0)))
        unsaid[max(0, r0 - reach) : r1 + reach, max(0, c0 - reach) : c1 + reach] = False
    return unsaid


def choose_region(
    mask: BoolArray, share: float, generator: np.random.Generator
) -> BoolArray | None:
    """Choose the part of the image in which an object is held out: an end of its box.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
        The object.
    share : float
        About this share of its pixels lies in the part.
    generator : numpy.random.Generator
        Draws which end.

    Returns
    -------
    ndarray, (H, W), bool, or None
        None if the object is too small, or would not be left in both parts.
    """
    if mask.sum() < LEAST_REGION:
        return None
    last = bool(generator.integers(2))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = mask[box]
    axis = int(np.argmax(inside.shape))
    along = np.cumsum(inside.sum(axis=1 - axis)) / inside.sum()
    cut = int(np.searchsorted(along, 1 - share if last else share)) + 1
    ends = [box[0], box[1]]
    start = ends[axis].start
    ends[axis] = slice(start + cut, ends[axis].stop) if last else slice(start, start + cut)
    region = np.zeros_like(mask)
    region[ends[0], ends[1]] = True
    held = mask & region
    return region if held.any() and (mask & ~region).any() else None
