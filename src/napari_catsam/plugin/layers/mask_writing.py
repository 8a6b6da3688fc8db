"""Writes masks into Labels layers, each time in one step of their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.pixel_editing import Indices, set_pixels
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.objects.ids import ObjectIds
from napari_catsam.plugin.objects.picking import PickedObject

__all__ = ["Refined", "WritePolicy", "Written", "replace_object", "write_objects"]

COVERED = 0.5
"""A new mask is left out if objects that keep their pixels hold more than this part of it."""

Pixels = npt.NDArray[Any]


class WritePolicy(StrEnum):
    """What becomes of objects that a new mask lies on."""

    KEEP_OTHERS = "keep others"
    OVERWRITE = "overwrite"


@dataclass(frozen=True)
class Written:
    """What became of new masks.

    Attributes
    ----------
    ids : tuple of int
        The labels of the new objects.
    covered : int
        Masks left out because existing objects hold most of them.
    empty : int
        Masks without a pixel.
    scores : tuple of float
        The IoU that the model expects of each new object.
    changed : tuple of int
        Objects that lost pixels to them.
    erased : tuple of int
        Those of them that have no pixel left on the plane.
    """

    ids: tuple[int, ...]
    covered: int
    empty: int
    scores: tuple[float, ...] = ()
    changed: tuple[int, ...] = ()
    erased: tuple[int, ...] = ()


@dataclass(frozen=True)
class Refined:
    """What became of an object that was there.

    Attributes
    ----------
    id : int
        Its label.
    added, removed : int
        Pixels that it gained and lost.
    score : float
        The IoU that the model expects of its mask.
    changed, erased : tuple of int
        Other objects that lost pixels to it, and those that have none left on the plane.
    """

    id: int
    added: int
    removed: int
    score: float
    changed: tuple[int, ...] = ()
    erased: tuple[int, ...] = ()


def write_objects(
    labels: Labels,
    plane: Plane,
    objects: Sequence[ObjectMask],
    policy: WritePolicy = WritePolicy.KEEP_OTHERS,
    ids: ObjectIds | None = None,
) -> Written:
    """Write masks as new objects, in one step of the layer's history.

    Where new masks overlap, the one with the higher score has the pixel.

    Parameters
    ----------
    labels : Labels
        Of the shape of the plane's image.
    plane : Plane
        Where the masks belong.
    objects : sequence of ObjectMask
        Numbered in this order.
    policy : WritePolicy
        Whether existing objects keep their pixels.
    ids : ObjectIds, optional
        Gives the numbers; without it the layer is searched for the largest.

    Returns
    -------
    Written

    Raises
    ------
    LabelsError
        If the layer's type has no number left for them, or its data cannot be edited.
    """
    existing = _read(labels, plane)
    kept = _free_pixels(_occupied(existing, policy), objects)
    ids = ids or ObjectIds()
    numbers = ids.reserve(labels, plane, existing, len(kept))
    after = existing.copy()
    for number, position in zip(numbers, sorted(kept), strict=True):
        after[kept[position]] = number
    changed, erased = _losses(existing, after)
    _write(labels, plane, existing, after)
    ids.note_plane(labels, plane, after)
    empty = sum(not o.mask.any() for o in objects)
    scores = tuple(objects[position].score for position in sorted(kept))
    return Written(numbers, len(objects) - len(kept) - empty, empty, scores, changed, erased)


def replace_object(
    labels: Labels,
    plane: Plane,
    picked: PickedObject,
    mask: ObjectMask,
    policy: WritePolicy = WritePolicy.KEEP_OTHERS,
) -> Refined:
    """Write a refined mask back under its own number, in one step of the layer's history.

    Pixels that the object has besides those that were picked, such as some painted meanwhile, stay.

    Parameters
    ----------
    labels : Labels
        Of the shape of the plane's image.
    plane : Plane
        Where the object was picked.
    picked : PickedObject
        As it was.
    mask : ObjectMask
        As it is to be.
    policy : WritePolicy
        Whether other objects keep their pixels.

    Returns
    -------
    Refined

    Raises
    ------
    LabelsError
        If nothing would be left of the object, or the layer's data cannot be edited.
    """
    existing = _read(labels, plane)
    after = _refine(existing, picked, mask, policy)
    own, now = existing == picked.id, after == picked.id
    changed, erased = _losses(existing, after, but=picked.id)
    _write(labels, plane, existing, after)
    return Refined(
        picked.id, int((now & ~own).sum()), int((own & ~now).sum()), mask.score, changed, erased
    )


def _read(labels: Labels, plane: Plane) -> Pixels:
    """Return the pixels of a plane, which of data in memory change with them."""
    return np.asarray(labels.data[plane.index])


def _write(labels: Labels, plane: Plane, before: Pixels, after: Pixels) -> None:
    """Write what differs between two states of a plane."""
    rows, columns = np.nonzero(before != after)
    set_pixels(labels, _indices(plane, rows, columns), after[rows, columns])


def _occupied(existing: Pixels, policy: WritePolicy) -> npt.NDArray[np.bool_]:
    """Return which pixels new masks may not have."""
    if policy is WritePolicy.OVERWRITE:
        return np.zeros(existing.shape, bool)
    return np.asarray(existing != 0)


def _refine(
    existing: Pixels, picked: PickedObject, mask: ObjectMask, policy: WritePolicy
) -> Pixels:
    """Return a plane with another mask in place of what was picked of an object."""
    own = existing == picked.id
    wanted, before = np.zeros_like(own), np.zeros_like(own)
    wanted[mask.window] = mask.mask
    before[picked.mask.window] = picked.mask.mask
    wanted &= own | ~_occupied(existing, policy)
    if not wanted.any():
        raise LabelsError(
            f"nothing would be left of object {picked.id}; add a click inside of it, or delete it"
        )
    after = existing.copy()
    after[own & before & ~wanted] = 0
    after[wanted] = picked.id
    return after


def _losses(before: Pixels, after: Pixels, but: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the objects that lost pixels, and those of them that have none left."""
    hit = np.unique(before[(before != after) & (before != 0) & (before != but)])
    left = hit[np.isin(hit, after)] if hit.size else hit
    return tuple(hit.tolist()), tuple(np.setdiff1d(hit, left).tolist())


def _free_pixels(
    occupied: npt.NDArray[np.bool_], objects: Sequence[ObjectMask]
) -> dict[int, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return rows and columns of the objects that are kept, by their position in the list."""
    taken = np.zeros(occupied.shape, bool)
    kept = {}
    for position in sorted(range(len(objects)), key=lambda i: -objects[i].score):
        item = objects[position]
        free = item.mask & ~occupied[item.window]
        if not item.mask.any() or free.sum() < (1 - COVERED) * item.mask.sum():
            continue
        free &= ~taken[item.window]
        if not free.any():
            continue
        taken[item.window] |= free
        rows, columns = np.nonzero(free)
        kept[position] = (rows + item.corner[0], columns + item.corner[1])
    return kept


def _indices(plane: Plane, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Indices:
    """Return one index array an axis of the layer."""
    index = {axis: np.full(rows.shape, step, np.intp) for axis, step in plane.position}
    index |= {plane.axes[0]: rows, plane.axes[1]: columns}
    return tuple(index[axis] for axis in sorted(index))
