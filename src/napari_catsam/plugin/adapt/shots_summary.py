"""What the masks in the viewer come to as shots: how many, what is held out, and small pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_catsam.adaptation.held_out import HeldOut, plan_held_out
from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.shot_source import LabelledPlane, ShotSource
from napari_catsam.plugin.wording import count_of
from napari_catsam.types import Shot

__all__ = ["ShotPicture", "ShotsSummary", "draw_picture", "summarise_shots"]

MOST_PICTURES = 6

SIDE = 64
"""Pixels of the longer side of a picture, about."""

MARGIN = 0.15
"""Of the longer side of all objects' box, around it."""

TRAINED, HELD = (60, 220, 120), (255, 160, 40)
"""Colours of outlines, red, green and blue."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ShotPicture:
    """A shot in small.

    Attributes
    ----------
    pixels : ndarray, (h, w, 3), uint8
        The part of the image with the objects, and their outlines.
    text : str
        What it is.
    """

    pixels: Pixels
    text: str


@dataclass(frozen=True, eq=False)
class ShotsSummary:
    """What there is to learn from.

    Attributes
    ----------
    text : str
        In one line, or why there is nothing.
    pictures : tuple of ShotPicture
        Of the first shots.
    """

    text: str
    pictures: tuple[ShotPicture, ...] = ()


def summarise_shots(source: ShotSource) -> ShotsSummary:
    """Count shots, say what would be held out, and draw the first of them; run in a thread."""
    try:
        found = source.find()
        # What is held out does not depend on the image.
        plan = plan_held_out([Shot(one.masks, one.masks, one.ignore, one.name) for one in found])
    except CatsamError:
        return ShotsSummary("no mask to learn from yet")
    pictures = [
        ShotPicture(draw_picture(one, out | set(regions)), _describe_shot(one, labels, out))
        for one, labels, out, regions in zip(
            found[:MOST_PICTURES], plan.labels, plan.out, plan.regions, strict=False
        )
    ]
    return ShotsSummary(_describe(plan, stack=bool(source.plane.position)), tuple(pictures))


def draw_picture(found: LabelledPlane, held: set[int]) -> Pixels:
    """Draw the part of a plane that has objects, with their outlines.

    Parameters
    ----------
    found : LabelledPlane
        Its image is read.
    held : set of int
        Labels that are held out, at least in part: their outlines have another colour.

    Returns
    -------
    ndarray, (h, w, 3), uint8
    """
    rows, columns = (np.flatnonzero(found.masks.any(axis=axis)) for axis in (1, 0))
    box = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    longer = max(box[1] - box[0], box[3] - box[2])
    margin = max(2, round(MARGIN * longer))
    step = max(1, round((longer + 2 * margin) / SIDE))
    window = (
        slice(max(0, box[0] - margin), box[1] + margin, step),
        slice(max(0, box[2] - margin), box[3] + margin, step),
    )
    pixels = found.plane.intensity.apply(found.plane.read()[window])
    picture = np.clip(pixels, 0, 255).astype(np.uint8)
    masks = found.masks[window]
    edge = _find_edges(masks)
    out = np.isin(masks, list(held))
    picture[edge & ~out], picture[edge & out] = TRAINED, HELD
    return picture


def _find_edges(masks: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return the pixels (h, w) of objects beside something else."""
    padded = np.pad(masks, 1, mode="edge")
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    beside: npt.NDArray[np.bool_] = np.logical_or.reduce([side != masks for side in sides])
    beside &= masks != 0
    return beside


def _describe(plan: HeldOut, *, stack: bool) -> str:
    slices = f" on {count_of(len(plan.labels), 'slice')}" if stack else ""
    return f"{count_of(plan.objects, 'mask')}{slices}, {_describe_held(plan)}"


def _describe_held(plan: HeldOut) -> str:
    if plan.held == "images":
        images = count_of(sum(map(bool, plan.out)), "slice")
        return f"{images} with {count_of(plan.scored, 'mask')} held out"
    if plan.held == "objects":
        return f"{plan.scored} held out"
    if plan.held == "regions":
        return f"a part of {plan.scored} held out"
    return "none held out: 4 masks or larger ones tell whether it helps"


def _describe_shot(found: LabelledPlane, labels: list[int], out: set[int]) -> str:
    held = f", {len(out)} held out" if out else ""
    return f"{found.name}: {count_of(len(labels), 'mask')}{held}"
