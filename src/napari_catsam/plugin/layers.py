"""The one place that makes and writes layers: Labels to write into, layers to draw prompts in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_catsam.errors import ShotError
from napari_catsam.plugin.planes import Plane, data_to_world, level_zero

__all__ = ["ObjectMask", "Written", "add_labels", "add_points", "add_shapes", "check_labels",
           "next_id", "placement", "write_objects"]  # fmt: skip

BOX_COLOUR = "#ffb000"
POINT_COLOUR = "#3ddc84"

COVERED = 0.5
"""A new mask is left out if existing objects hold more than this part of it."""


@dataclass(frozen=True, eq=False)
class ObjectMask:
    """One object's mask, cut to its box.

    Attributes
    ----------
    corner : (int, int)
        Row and column of the mask's first pixel in the plane.
    mask : ndarray, (h, w), bool
        May be empty, (0, 0).
    score : float
        The IoU that the model expects, about 0..1.
    """

    corner: tuple[int, int]
    mask: npt.NDArray[np.bool_]
    score: float

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the mask lies in the plane."""
        (row, column), (height, width) = self.corner, self.mask.shape
        return slice(row, row + height), slice(column, column + width)


@dataclass(frozen=True)
class Written:
    """What became of masks.

    Attributes
    ----------
    ids : tuple of int
        The labels of the new objects.
    covered : int
        Masks left out because existing objects hold most of them.
    empty : int
        Masks without a pixel.
    """

    ids: tuple[int, ...]
    covered: int
    empty: int


def add_labels(viewer: ViewerModel, image: Image, name: str) -> Labels:
    """Add an empty Labels layer that lies exactly on an image layer.

    Parameters
    ----------
    viewer : ViewerModel
        Where to add it.
    image : Image
        Its shape, transforms, units and axis names are copied.
    name : str
        Of the new layer.
    """
    shape = level_zero(image).shape[: image.ndim]
    return viewer.add_labels(np.zeros(shape, np.int32), name=name, **placement(image))


def add_shapes(viewer: ViewerModel, image: Image | None) -> Shapes:
    """Add a Shapes layer, ready to draw boxes in."""
    layer = viewer.add_shapes(
        ndim=2 if image is None else image.ndim,
        name="boxes",
        edge_color=BOX_COLOUR,
        edge_width=2,
        face_color="transparent",
        **({} if image is None else placement(image)),
    )
    layer.mode = "add_rectangle"
    return layer


def add_points(viewer: ViewerModel, image: Image | None) -> Points:
    """Add a Points layer, ready to click objects in."""
    layer = viewer.add_points(
        ndim=2 if image is None else image.ndim,
        name="points",
        face_color=POINT_COLOUR,
        size=8,
        **({} if image is None else placement(image)),
    )
    layer.mode = "add"
    return layer


def check_labels(labels: Labels, image: Image) -> None:
    """Check that a Labels layer lies pixel on pixel on an image layer.

    Raises
    ------
    ShotError
        If its shape or its transforms differ, or it cannot be edited.
    """
    shape = tuple(level_zero(image).shape[: image.ndim])
    if labels.multiscale:
        raise ShotError(f"{labels.name!r} is multiscale, which napari cannot edit; choose another")
    if tuple(labels.data.shape) != shape:
        raise ShotError(
            f"{labels.name!r} has shape {tuple(labels.data.shape)}, {image.name!r} has {shape}; "
            "choose labels of the same shape, or a new layer"
        )
    if not data_to_world(labels).close_to(data_to_world(image)):
        raise ShotError(
            f"{labels.name!r} does not lie on {image.name!r} (scale, translation or rotation "
            "differ); choose labels that do, or a new layer"
        )


def next_id(labels: Labels) -> int:
    """Return the number after the largest label."""
    return int(np.max(labels.data, initial=0)) + 1


def write_objects(labels: Labels, plane: Plane, objects: Sequence[ObjectMask]) -> Written:
    """Write masks as new objects, in one step of the layer's history.

    Pixels of existing objects stay as they are. Where new masks overlap, the one with the higher
    score has the pixel.

    Parameters
    ----------
    labels : Labels
        Of the shape of the plane's image.
    plane : Plane
        Where the masks belong.
    objects : sequence of ObjectMask
        Numbered in this order.

    Returns
    -------
    Written

    Raises
    ------
    ShotError
        If the layer's type has no number left for them.
    """
    # napari fails, after the pixels have changed, in a hidden layer whose slice is out of date.
    labels.visible = True
    kept = _free_pixels(np.asarray(labels.data[plane.index]), objects)
    first = next_id(labels)
    ids = tuple(range(first, first + len(kept)))
    limit = np.iinfo(labels.data.dtype).max
    if ids and ids[-1] > limit:
        raise ShotError(
            f"{labels.name!r} holds {labels.data.dtype}, up to {limit}, and object {ids[-1]} is "
            "above; choose a new layer"
        )
    with labels.block_history():
        for number, (rows, columns) in zip(ids, (kept[i] for i in sorted(kept)), strict=True):
            labels.data_setitem(_indices(plane, rows, columns), number, refresh=False)
    labels.refresh()
    empty = sum(not o.mask.any() for o in objects)
    return Written(ids, covered=len(objects) - len(kept) - empty, empty=empty)


def _free_pixels(
    existing: npt.NDArray[Any], objects: Sequence[ObjectMask]
) -> dict[int, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return rows and columns of the objects that are kept, by their position in the list."""
    occupied, taken = existing != 0, np.zeros(existing.shape, bool)
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


def _indices(
    plane: Plane, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], ...]:
    """Return one index array an axis of the layer."""
    index = {axis: np.full(rows.shape, step, np.intp) for axis, step in plane.position}
    index |= {plane.axes[0]: rows, plane.axes[1]: columns}
    return tuple(index[axis] for axis in sorted(index))


def placement(layer: Layer) -> dict[str, Any]:
    """Return the arguments that put another layer where this one is.

    Parameters
    ----------
    layer : Layer
        Whose transforms, units and axis names are copied.
    """
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(layer, name) for name in names}
