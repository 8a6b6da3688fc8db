"""Procedurally drawn scenes with exact instance masks.

Every family of scenes draws its label maps and paints them by what its kind of image looks like; the
faults of recording come on top. Everything comes from one ``numpy.random.Generator``, so a seed gives
the same scene again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pretrain.aerial import cast_shadows, fields, roads, roofs
from pretrain.anatomy import body_slice, chest_xray
from pretrain.faults import degrade, record
from pretrain.fluorescence import fluorescent_cells, fluorescent_nuclei
from pretrain.generic import one_cue
from pretrain.lesions import polyps, skin_lesions
from pretrain.membranes import dyed_membranes, electron_microscopy
from pretrain.paint import paint
from pretrain.shapes import KINDS
from pretrain.sonar import sonar, ultrasound
from pretrain.stains import bright_field, stained_tissue

Array = np.ndarray
Family = Callable[[np.random.Generator, int], tuple[Array, Array, Array]]


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


def painted_shapes(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Shapes of any kind in any colours, textures and relief."""
    chance = np.array([weight for weight, _ in KINDS])
    draw = KINDS[int(rng.choice(len(KINDS), p=chance / chance.sum()))][1]
    labels, parts = draw(rng, size)
    return degrade(rng, paint(rng, labels, parts)), labels, parts


FAMILIES: tuple[tuple[float, Family], ...] = (
    (0.15, fluorescent_nuclei),
    (0.03, fluorescent_cells),
    (0.08, stained_tissue),
    (0.04, bright_field),
    (0.14, electron_microscopy),
    (0.03, dyed_membranes),
    (0.09, sonar),
    (0.03, ultrasound),
    (0.08, chest_xray),
    (0.07, body_slice),
    (0.04, polyps),
    (0.02, skin_lesions),
    (0.02, roofs),
    (0.02, roads),
    (0.02, fields),
    (0.02, cast_shadows),
    (0.07, one_cue),
    (0.05, painted_shapes),
)
"""Weight and function of every family: image ``(H, W, 3)`` in 0..255, labels and parts."""


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
    chance = np.array([weight for weight, _ in FAMILIES])
    chance /= chance.sum()
    while True:
        image, labels, parts = FAMILIES[int(rng.choice(len(FAMILIES), p=chance))][1](rng, size)
        if np.count_nonzero(labels) > 64:
            return Scene(record(rng, image), labels, parts)
