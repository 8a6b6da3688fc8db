"""Images to try: real ones that come with scikit-image, and a generated volume; no download."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_catsam.plugin.sample_stack import SPACING, make_stack

__all__ = [
    "STACK_NAME",
    "TRUTH_NAME",
    "open_cell",
    "open_coins",
    "open_immunohistochemistry",
    "open_stack",
]

LayerData = tuple[Any, dict[str, Any], str]

STACK_NAME, TRUTH_NAME = "cells", "cells ground truth"

BRIGHTEST = 99.8
"""Percentile of the stack that is shown as white."""


def open_coins() -> list[LayerData]:
    """Return Greek coins from Pompeii: (303, 384), uint8, gray."""
    from skimage.data import coins

    return [(coins(), {"name": "coins"}, "image")]


def open_immunohistochemistry() -> list[LayerData]:
    """Return colonic glands, stained: (512, 512, 3), uint8, RGB."""
    from skimage.data import immunohistochemistry

    return [(immunohistochemistry(), {"name": "immunohistochemistry", "rgb": True}, "image")]


def open_cell() -> list[LayerData]:
    """Return one cell in a hologram, with a dark halo: (660, 550), uint8, gray."""
    from skimage.data import cell

    return [(cell(), {"name": "cell"}, "image")]


def open_stack() -> list[LayerData]:
    """Return a generated volume of cells and vessels, and its ground truth, hidden.

    Returns
    -------
    list of two layers
        ``cells``, (28, 256, 256), uint16, and ``cells ground truth``, int32, one number an object
        on all of its slices. Slices are three times as far apart as pixels.
    """
    stack = make_stack()
    common = {
        "scale": SPACING,
        "units": ("micrometer",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    low, high = float(stack.image.min()), float(np.percentile(stack.image, BRIGHTEST))
    image = {"name": STACK_NAME, "contrast_limits": (low, high), **common}
    truth = {"name": TRUTH_NAME, "visible": False, **common}
    return [(stack.image.copy(), image, "image"), (stack.truth.copy(), truth, "labels")]
