"""On which plane an object is, and how to bring it into view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class ObjectPlace:
    """Where an object is.

    Attributes
    ----------
    at : tuple of float
        The middle of its pixels on one plane, in data coordinates, one an axis.
    """

    at: tuple[float, ...]


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
            middle = iter((float(rows.mean()), float(columns.mean())))
            return ObjectPlace(
                tuple(next(middle) if isinstance(part, slice) else float(part) for part in index)
            )
    where = "" if is_in_memory(labels.data) else " on the planes that were looked at"
    raise LabelsError(f"{labels.name!r} has no object {number}{where}")


def show_place(viewer: ViewerModel, layer: Layer, place: ObjectPlace) -> None:
    """Move the sliders and the middle of the view to an object; the zoom stays."""
    dims, world = viewer.dims, data_to_world(layer, viewer.dims.units)(place.at)
    lead = dims.ndim - layer.ndim
    hidden = [axis for axis in range(lead, dims.ndim) if axis not in dims.displayed]
    dims.set_point(hidden, [float(world[axis - lead]) for axis in hidden])
    row, column = (float(world[axis - lead]) for axis in dims.displayed[-2:])
    viewer.scene.camera.center = (0.0, row, column)


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
