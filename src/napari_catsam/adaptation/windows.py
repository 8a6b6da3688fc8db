"""Where a view is cut out of a training image, and which objects it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Sample

__all__ = ["choose_empty_box", "choose_objects", "choose_window", "weigh_samples"]

LEAST_AREA = 0.25
"""A crop covers from this share of the image up to all of it."""

ZOOMED, LEAST_ZOOMED_AREA = 0.2, 0.06
"""This share of the crops may be closer to the object, down to this share of the image."""

LEAST_VISIBLE = 0.5
"""An object that a crop cuts is asked for only if this share of it is left."""

TRIES = 8
"""So many places are tried for a box without an object."""


def weigh_samples(samples: tuple[Sample, ...]) -> npt.NDArray[np.float64]:
    """Weigh images by the root of their objects, so that a crowded one does not drown the others."""
    roots = np.sqrt([len(sample) for sample in samples])
    share: npt.NDArray[np.float64] = roots / roots.sum()
    return share


def choose_window(
    box: npt.NDArray[np.float64],
    area: int,
    size: tuple[int, ...],
    side: int,
    generator: np.random.Generator,
) -> tuple[int, int, int, int]:
    """Choose a crop around an object.

    Parameters
    ----------
    box : ndarray, (4,)
        Tight box of the object.
    area : int
        Its pixels.
    size : (int, int)
        (H, W) of the image.
    side : int
        Of the model's input: the crop is small enough that the object does not vanish in it.
    generator : numpy.random.Generator
        Draws size and place.

    Returns
    -------
    (int, int, int, int)
        Top, left, height and width; the box lies inside.
    """
    least = LEAST_ZOOMED_AREA if generator.random() < ZOOMED else LEAST_AREA
    share = np.sqrt(generator.uniform(least, 1.0))
    # Two input pixels across are left of an object of this area.
    limit = side * np.sqrt(area) / 2
    shrink = min(1.0, limit / (share * max(size)))
    window = []
    for axis in (0, 1):
        low, high, whole = int(box[axis]), int(box[axis + 2]), size[axis]
        margin = (high - low) * 5 // 4
        length = min(whole, max(round(share * shrink * whole), margin, 1))
        start = int(generator.integers(max(0, high - length), min(low, whole - length) + 1))
        window.append((start, length))
    (top, height), (left, width) = window
    return top, left, height, width


def choose_empty_box(
    sample: Sample, generator: np.random.Generator
) -> npt.NDArray[np.float64] | None:
    """Choose a box of an object's size in which there is known to be no object.

    Parameters
    ----------
    sample : Sample
        The image.
    generator : numpy.random.Generator
        Draws size and place.

    Returns
    -------
    ndarray, (4,), float, or None
        ``[r0, c0, r1, c1]``; None if no place was found, or none can be known.
    """
    if not sample.complete:
        return None
    box = sample.boxes[generator.integers(len(sample))]
    height, width = (int(n) for n in box[2:] - box[:2])
    rows, columns = sample.labels.shape
    for _ in range(TRIES):
        top = int(generator.integers(rows - height + 1))
        left = int(generator.integers(columns - width + 1))
        place = slice(top, top + height), slice(left, left + width)
        if not (sample.labels[place].any() or sample.ignore[place].any()):
            return np.array([top, left, top + height, left + width], float)
    return None


def choose_objects(
    labels: npt.NDArray[np.int32],
    areas: npt.NDArray[np.int64],
    target: int,
    count: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """Choose the objects of a view: the one it was drawn around, and others that are seen well.

    Parameters
    ----------
    labels : ndarray, (H, W), int
        Objects 1..N of the crop, at the image's scale.
    areas : ndarray, (N,), int
        Their pixels in the whole image.
    target : int
        Index of the object that is always taken.
    count : int
        At most so many.
    generator : numpy.random.Generator
        Draws the others.

    Returns
    -------
    ndarray of int
        Indices, the target first.
    """
    seen = np.bincount(labels.ravel(), minlength=len(areas) + 1)[1:]
    others = np.flatnonzero(seen >= np.maximum(1, LEAST_VISIBLE * areas))
    others = generator.permutation(others[others != target])[: count - 1]
    return np.concatenate([[target], others]).astype(np.intp)
