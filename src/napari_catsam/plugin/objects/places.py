"""On which plane an object is, and how to bring it into view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Labels, Layer

from napari_catsam.errors import ImageError, LabelsError
from napari_catsam.plugin.layers.planes import find_displayed_axes
from napari_catsam.plugin.layers.transforms import data_to_world, world_to_data
from napari_catsam.plugin.objects.ids import is_in_memory

__all__ = ["Index", "ObjectPlace", "find_object", "show_place", "shown_index"]

Index = tuple[int | slice, ...]
"""What to take of each axis for a plane: two slices, numbers for the others."""

IN_SIGHT = 0.95
"""Of the way from the middle of the view to its edge; what is farther away is brought to the middle."""


@dataclass(frozen=True)
class ObjectPlace:
    """Where an object is.

    Attributes
    ----------
    at : tuple of float
        The middle of its pixels on one plane, in data coordinates, one an axis.
    reach : float
        From there to its farthest pixel, in pixels.
    """

    at: tuple[float, ...]
    reach: float = 0.0


def shown_index(viewer: ViewerModel, labels: Labels) -> Index:
    """Return which plane of a Labels layer the viewer shows.

    Raises
    ------
    ImageError
        In the 3-D view, or where the view misses the layer.
    """
    axes = find_displayed_axes(viewer, labels)
    point = np.asarray(viewer.dims.point)[-labels.ndim :]
    at = world_to_data(labels, viewer.dims.units)(point)
    index: list[int | slice] = [slice(None)] * labels.ndim
    for axis in (axis for axis in range(labels.ndim) if axis not in axes):
        index[axis] = step = round(float(at[axis]))
        if not 0 <= step < labels.data.shape[axis]:
            raise ImageError(f"the view is beside {labels.name!r}; move the slider")
    return tuple(index)


def find_object(
    viewer: ViewerModel, labels: Labels, number: int, known: Sequence[Index] = ()
) -> ObjectPlace:
    """Find an object: on the plane that is shown, or else where most of it is.

    Parameters
    ----------
    viewer : ViewerModel
        In the 2-D view.
    labels : Labels
        Where the object is.
    number : int
        Its label.
    known : sequence of Index
        Where to look for it if the data are not in memory; the first plane that has it counts.

    Returns
    -------
    ObjectPlace

    Raises
    ------
    ImageError
        In the 3-D view.
    LabelsError
        If there is no such object, or none on the planes that were searched.
    """
    axes = find_displayed_axes(viewer, labels)
    planes = [*_shown(viewer, labels), *known]
    if is_in_memory(labels.data) and not _holds(labels, number, planes[:1]):
        planes = [_largest_plane(labels.data, number, axes)]
    for index in planes:
        rows, columns = np.nonzero(np.asarray(labels.data[index]) == number)
        if number and rows.size:
            row, column = float(rows.mean()), float(columns.mean())
            middle = iter((row, column))
            at = tuple(next(middle) if isinstance(part, slice) else float(part) for part in index)
            return ObjectPlace(at, float(np.hypot(rows - row, columns - column).max()))
    where = "" if is_in_memory(labels.data) else " on the planes that were looked at"
    raise LabelsError(f"{labels.name!r} has no object {number}{where}")


def show_place(viewer: ViewerModel, layer: Layer, place: ObjectPlace) -> None:
    """Move the sliders to an object, and the middle of the view if it is not well in sight.

    The zoom stays, and so does the view where the object lies in the middle part of it.
    """
    dims, to_world = viewer.dims, data_to_world(layer, viewer.dims.units)
    world, lead = to_world(place.at), dims.ndim - layer.ndim
    hidden = [axis for axis in range(lead, dims.ndim) if axis not in dims.displayed]
    dims.set_point(hidden, [float(world[axis - lead]) for axis in hidden])
    shown = [axis - lead for axis in dims.displayed[-2:]]
    corners = [to_world(corner)[shown] for corner in _list_corners(place, shown)]
    if not _are_well_in_sight(viewer, np.array(corners)):
        viewer.scene.camera.center = (0.0, *map(float, world[shown]))


def _list_corners(place: ObjectPlace, axes: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    """Return the corners of the square around an object, in data coordinates."""
    corners = []
    for steps in product((-place.reach, place.reach), repeat=2):
        corner = np.array(place.at)
        corner[list(axes)] += steps
        corners.append(corner)
    return corners


def _are_well_in_sight(viewer: ViewerModel, places: npt.NDArray[np.float64]) -> bool:
    """Return whether world places (N, 2), ``(row, column)``, are in the middle part of the view."""
    camera = viewer.scene.camera
    half = np.array(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    away = np.abs(places - np.array(camera.center[-2:]))
    return bool((away <= IN_SIGHT * half).all())


def _shown(viewer: ViewerModel, labels: Labels) -> list[Index]:
    try:
        return [shown_index(viewer, labels)]
    except ImageError:
        return []


def _holds(labels: Labels, number: int, planes: Sequence[Index]) -> bool:
    return any((np.asarray(labels.data[index]) == number).any() for index in planes)


def _largest_plane(data: npt.NDArray[Any], number: int, axes: tuple[int, int]) -> Index:
    """Return the plane of data in memory that has most pixels of an object."""
    counts = np.count_nonzero(data == number, axis=axes)
    steps = iter(np.unravel_index(int(np.argmax(counts)), counts.shape) if counts.ndim else ())
    return tuple(slice(None) if axis in axes else int(next(steps)) for axis in range(data.ndim))
