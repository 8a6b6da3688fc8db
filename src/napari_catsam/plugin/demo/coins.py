"""The demo's picture: what is compared with, the boxes, and the scores; no napari here.

The picture is ``skimage.data.coins``. The reference was not drawn by hand: it is a threshold on
gray values, edges and a watershed, which finds these coins well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.geometry import boxes_from_masks

__all__ = ["choose_shot", "crop_background", "draw_boxes", "find_coins", "score_labels"]

IntArray = npt.NDArray[np.int32]

DARK, BRIGHT, LEAST_AREA = 30, 150, 400
"""Gray values that are surely background and surely coin, and the smallest coin in pixels."""

SLACK = 3
"""Boxes are drawn up to so many pixels beside the coin, as by hand."""


def find_coins(image: npt.NDArray[np.uint8]) -> IntArray:
    """Find the coins by edges, a threshold and a watershed: the reference of the demo.

    Parameters
    ----------
    image : ndarray, (H, W), uint8
        ``skimage.data.coins()``.

    Returns
    -------
    ndarray, (H, W), int32
        1..N in reading order; coins cut off by the border are left out.
    """
    from scipy.ndimage import binary_fill_holes
    from skimage.filters import sobel
    from skimage.measure import label, regionprops
    from skimage.morphology import disk, opening
    from skimage.segmentation import clear_border, watershed

    markers = np.zeros(image.shape, np.int32)
    markers[image < DARK], markers[image > BRIGHT] = 1, 2
    filled = binary_fill_holes(watershed(sobel(image), markers) == 2)
    regions = regionprops(label(clear_border(opening(filled, disk(3)))))
    coins = np.zeros(image.shape, np.int32)
    large = [region for region in regions if region.area >= LEAST_AREA]
    for number, region in enumerate(sorted(large, key=lambda r: r.bbox), start=1):
        coins[tuple(region.coords.T)] = number
    return coins


def draw_boxes(coins: IntArray, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return boxes (N, 4) around the coins, each side a little off, as by hand."""
    masks = coins == np.arange(1, coins.max() + 1)[:, None, None]
    off = np.random.default_rng(seed).uniform(0, SLACK, (len(masks), 4))
    boxes = boxes_from_masks(masks) + off * [-1, -1, 1, 1]
    return np.clip(boxes, 0, [*coins.shape, *coins.shape])


def score_labels(reference: IntArray, found: npt.NDArray[Any]) -> list[float]:
    """Return the IoU of each reference object with the label that overlaps it most."""
    scores = []
    for number in range(1, int(reference.max()) + 1):
        coin = reference == number
        overlaps = np.bincount(found[coin], minlength=1)
        overlaps[0] = 0
        best = found == overlaps.argmax() if overlaps.any() else np.zeros_like(coin)
        scores.append(float((coin & best).sum() / (coin | best).sum()))
    return scores


def choose_shot(scores: list[float]) -> int:
    """Choose the coin that a user would correct: the worst one."""
    return int(np.argmin(scores))


def crop_background(picture: npt.NDArray[np.uint8], margin: int = 12) -> npt.NDArray[np.uint8]:
    """Cut the black border off a picture (H, W, 3)."""
    bright = picture.max(axis=2) > 0
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    if not rows.size:
        return picture
    first, last = max(rows[0] - margin, 0), rows[-1] + margin
    return picture[first:last, max(columns[0] - margin, 0) : columns[-1] + margin]
