"""Procedurally drawn scenes with exact instance masks.

A scene is drawn in three steps: shapes into a label map, paint by lookup from that map, and the faults
of a camera or a microscope on top. Everything comes from one ``numpy.random.Generator``, so a seed gives
the same scene again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pretrain.faults import degrade
from pretrain.paint import paint
from pretrain.shapes import KINDS

Array = np.ndarray


@dataclass(frozen=True)
class Scene:
    """One drawn picture.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8.
    labels
        ``(H, W)`` int32, 0 = background; every object has its own number.
    parts
        ``(H, W)`` int32, 0 = nothing; objects inside objects (nuclei in cells). May be all 0.
    """

    image: Array
    labels: Array
    parts: Array


def draw_scene(rng: np.random.Generator, size: int) -> Scene:
    """One scene of ``size`` x ``size`` pixels.

    Parameters
    ----------
    rng
        The only source of chance.
    size
        Side in pixels, at most 512.

    Returns
    -------
    Scene
        With at least one object.
    """
    while True:
        chance = np.array([weight for weight, _ in KINDS])
        draw = KINDS[int(rng.choice(len(KINDS), p=chance / chance.sum()))][1]
        labels, parts = draw(rng, size)
        if np.count_nonzero(labels) > 64:
            return Scene(degrade(rng, paint(rng, labels, parts)), labels, parts)
