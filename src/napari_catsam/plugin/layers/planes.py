"""Where the view lies in a layer: the plane that is looked at, and maps between layers.

All of it uses the layers' public transforms; coordinates are in data pixels, axes in data order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_catsam.errors import ImageError
from napari_catsam.plugin.channels.choice import (
    AS_SHOWN,
    Channel,
    ChannelChoice,
    read_channels,
    read_intensity,
)
from napari_catsam.plugin.layers.data_versions import data_version
from napari_catsam.plugin.layers.transforms import Affine, data_to_world, level_zero, world_to_data
from napari_catsam.types import Intensity

__all__ = [
    "Affine",
    "Plane",
    "data_to_world",
    "find_displayed_axes",
    "level_zero",
    "locate_plane",
    "pixel_size",
    "read_intensity",
    "world_to_data",
]

OUT_OF_PLANE = 1e-6
"""How far, in pixels of data a unit of the view, a plane may lean before it is oblique."""


@dataclass(frozen=True, eq=False)
class Plane:
    """One 2-D plane of an image layer, not read yet.

    Attributes
    ----------
    data : array_like
        All of the layer's data (level 0 of a pyramid); a worker reads the plane out of it.
    index : tuple of int or slice
        What to take of each axis; two slices, for rows and columns.
    axes : (int, int)
        The axes of rows and columns.
    size : (int, int)
        (H, W) in pixels.
    intensity : Intensity
        How the library maps what :meth:`read` returns: what the viewer shows is what the model
        sees.
    name : str
        Of the layer.
    channels : tuple of Channel or None
        Empty if ``data`` are read as they are; one if they are mapped when they are read; three
        that become red, green and blue, where None is black.
    labels : tuple of str
        The axes' names, such as "z"; empty where the layer has none of its own.
    version : tuple of int or None
        Other numbers when the data may have changed
        (:func:`~napari_catsam.plugin.layers.data_versions.data_version`), None where nobody can tell.
    """

    data: Any
    index: tuple[int | slice, ...]
    axes: tuple[int, int]
    size: tuple[int, int]
    intensity: Intensity
    name: str
    channels: tuple[Channel | None, ...] = ()
    labels: tuple[str, ...] = ()
    version: tuple[int, ...] | None = None

    def read(self) -> npt.NDArray[Any]:
        """Read the plane, (H, W) or (H, W, C); slow where the data are lazy.

        Raises
        ------
        ImageError
            If values that are mapped here are NaN, infinite or complex.
        """
        if not self.channels:
            return np.asarray(self.data[self.index])
        black = np.zeros(self.size, np.float32)
        read = [black if channel is None else channel.read(self.index) for channel in self.channels]
        return read[0] if len(read) == 1 else np.stack(read, axis=-1)

    def read_labels(self, labels: Any) -> npt.NDArray[Any]:
        """Read the labels (H, W) on the plane, on whichever of the channels along an axis they are.

        Parameters
        ----------
        labels : array_like, int
            Of the shape of the image without colours.
        """
        axis = self.channel_axis
        if axis is None:
            return np.asarray(labels[self.index])
        index = (*self.index[:axis], slice(None), *self.index[axis + 1 :])
        before = sum(isinstance(step, slice) for step in self.index[:axis])
        return np.asarray(np.asarray(labels[index]).max(axis=before))

    def at(self, position: Sequence[tuple[int, int]]) -> Plane:
        """Return the parallel plane at (axis, index) of each axis that is not displayed."""
        steps = dict(position)
        index = tuple(steps.get(axis, step) for axis, step in enumerate(self.index))
        return replace(self, index=index)

    @property
    def channel_axis(self) -> int | None:
        """The axis along which the channels lie, so that all planes along it are one image."""
        axes = (c.axis for c in self.channels if c is not None)
        return next((axis for axis in axes if axis is not None), None)

    @property
    def position(self) -> tuple[tuple[int, int], ...]:
        """(axis, index) of each axis that is not displayed."""
        return tuple((axis, i) for axis, i in enumerate(self.index) if isinstance(i, int))


def locate_plane(viewer: ViewerModel, layer: Image, choice: ChannelChoice = AS_SHOWN) -> Plane:
    """Find the plane of an image layer that the viewer shows.

    Parameters
    ----------
    viewer : ViewerModel
        In the 2-D view.
    layer : Image
        One of its layers.
    choice : ChannelChoice, optional
        What becomes red, green and blue; the layer as it is shown when left out.

    Returns
    -------
    Plane

    Raises
    ------
    ImageError
        In the 3-D view, for an oblique plane or a projection, where the view misses the layer or
        the layer has no pixel, or if a chosen channel is not there.
    """
    if viewer.dims.ndim < layer.ndim:  # as while a viewer closes and its layers are taken out
        raise ImageError(f"{layer.name!r} is not in the viewer any more; choose another image")
    axes = find_displayed_axes(viewer, layer)
    hidden = [axis for axis in range(layer.ndim) if axis not in axes]
    if np.abs(world_to_data(layer).matrix[np.ix_(hidden, axes)]).max(initial=0) > OUT_OF_PLANE:
        raise ImageError(
            f"the view cuts {layer.name!r} obliquely; only planes along its axes can be segmented"
        )
    _check_projection(viewer, layer, hidden)
    data = level_zero(layer)
    if 0 in data.shape:
        raise ImageError(f"{layer.name!r} is empty, {tuple(data.shape)}; open another image")
    index = _index_of_view(viewer, layer, data.shape, hidden)
    size = (int(data.shape[axes[0]]), int(data.shape[axes[1]]))
    channels = read_channels(viewer.layers, layer, choice, axes)
    intensity = Intensity("as-is") if channels else read_intensity(layer)
    known = {other.unique_id: other for other in viewer.layers}
    # In the order of the colours: the same layers in another order are another image.
    read = [layer, *(known[pick] for pick in choice.picks if pick in known)]
    version = tuple(map(data_version, read))
    labels = _axis_labels(layer)
    return Plane(data, index, axes, size, intensity, layer.name, channels, labels, version)


def _axis_labels(layer: Layer) -> tuple[str, ...]:
    """Return the names that a layer's axes were given; napari calls them -3, -2, -1 itself."""
    own = tuple(str(axis) for axis in range(-layer.ndim, 0))
    return () if tuple(layer.axis_labels) == own else tuple(layer.axis_labels)


def find_displayed_axes(viewer: ViewerModel, layer: Layer) -> tuple[int, int]:
    """Return the layer's axes that are rows and columns of the view, in data order.

    Raises
    ------
    ImageError
        If the view is in 3D, or shows an axis that the layer does not have.
    """
    dims = viewer.dims
    if dims.ndisplay != 2:
        raise ImageError("the 3D view shows no single plane; switch to the 2D view (Ctrl+Y)")
    axes = sorted(axis - (dims.ndim - layer.ndim) for axis in dims.displayed)
    if axes[0] < 0:
        raise ImageError(
            f"the view shows an axis that {layer.name!r} does not have; roll the axes back (Ctrl+E)"
        )
    return axes[0], axes[1]


def _check_projection(viewer: ViewerModel, layer: Image, hidden: Sequence[int]) -> None:
    lead = viewer.dims.ndim - layer.ndim
    thick = [axis for axis in hidden if viewer.dims.thickness[lead + axis] > 0]
    if thick and str(layer.projection_mode) != "none":
        raise ImageError(
            f"the view shows the {layer.projection_mode} of several planes of {layer.name!r}; set "
            "its projection mode to none"
        )


def _index_of_view(
    viewer: ViewerModel, layer: Image, shape: Sequence[int], hidden: Sequence[int]
) -> tuple[int | slice, ...]:
    point = np.asarray(viewer.dims.point)[-layer.ndim :]
    at = world_to_data(layer, viewer.dims.units)(point)
    index: list[int | slice] = [slice(None)] * layer.ndim
    for axis in hidden:
        index[axis] = step = round(float(at[axis]))
        if not 0 <= step < shape[axis]:
            raise ImageError(
                f"the view is at {step} of axis {axis}, where {layer.name!r} has only 0 to "
                f"{shape[axis] - 1}; move the slider"
            )
    return tuple(index)


def pixel_size(layer: Layer, plane: Plane) -> tuple[float, float]:
    """Return the (row, column) spacing of a plane's pixels in the world."""
    matrix = data_to_world(layer).matrix
    rows, columns = (float(np.linalg.norm(matrix[:, axis])) for axis in plane.axes)
    return rows, columns
