"""Where the view lies in a layer: the plane that is looked at, and maps between layers.

All of it uses the layers' public transforms; coordinates are in data pixels, axes in data order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_catsam.errors import ImageError
from napari_catsam.types import Intensity

__all__ = ["Affine", "Plane", "data_to_world", "locate_plane", "pixel_size", "world_to_data"]

FloatArray = npt.NDArray[np.float64]

OUT_OF_PLANE = 1e-6
"""How far, in pixels of data a unit of the view, a plane may lean before it is oblique."""


@dataclass(frozen=True, eq=False)
class Affine:
    """``points @ matrix.T + offset``.

    Attributes
    ----------
    matrix : ndarray, (n, n)
        The linear part.
    offset : ndarray, (n,)
        Where the origin goes.
    """

    matrix: FloatArray
    offset: FloatArray

    def __call__(self, points: npt.ArrayLike) -> FloatArray:
        """Map points ``(..., n)``."""
        mapped: FloatArray = np.asarray(points, dtype=float) @ self.matrix.T + self.offset
        return mapped

    def close_to(self, other: Affine) -> bool:
        """Whether both map alike, up to rounding."""
        return (
            self.matrix.shape == other.matrix.shape
            and np.allclose(self.matrix, other.matrix)
            and np.allclose(self.offset, other.offset)
        )


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
        What the viewer shows is what the model sees.
    name : str
        Of the layer.
    """

    data: Any
    index: tuple[int | slice, ...]
    axes: tuple[int, int]
    size: tuple[int, int]
    intensity: Intensity
    name: str

    def read(self) -> npt.NDArray[Any]:
        """Read the plane, (H, W) or (H, W, C); slow where the data are lazy."""
        return np.asarray(self.data[self.index])

    @property
    def position(self) -> tuple[tuple[int, int], ...]:
        """(axis, index) of each axis that is not displayed."""
        return tuple((axis, i) for axis, i in enumerate(self.index) if isinstance(i, int))


def locate_plane(viewer: ViewerModel, layer: Image) -> Plane:
    """Find the plane of an image layer that the viewer shows.

    Parameters
    ----------
    viewer : ViewerModel
        In the 2-D view.
    layer : Image
        One of its layers.

    Returns
    -------
    Plane

    Raises
    ------
    ImageError
        In the 3-D view, for an oblique plane, or where the view misses the layer.
    """
    dims = viewer.dims
    if dims.ndisplay != 2:
        raise ImageError("the 3D view shows no single plane; switch to the 2D view (Ctrl+Y)")
    axes = sorted(axis - (dims.ndim - layer.ndim) for axis in dims.displayed)
    if axes[0] < 0:
        raise ImageError(
            f"the view shows an axis that {layer.name!r} does not have; roll the axes back (Ctrl+E)"
        )
    hidden = [axis for axis in range(layer.ndim) if axis not in axes]
    if np.abs(world_to_data(layer).matrix[np.ix_(hidden, axes)]).max(initial=0) > OUT_OF_PLANE:
        raise ImageError(
            f"the view cuts {layer.name!r} obliquely; only planes along its axes can be segmented"
        )
    data = level_zero(layer)
    index = _index_of_view(dims.point, layer, data.shape, hidden)
    size = (int(data.shape[axes[0]]), int(data.shape[axes[1]]))
    return Plane(data, index, (axes[0], axes[1]), size, read_intensity(layer), layer.name)


def _index_of_view(
    point: Sequence[float], layer: Image, shape: Sequence[int], hidden: Sequence[int]
) -> tuple[int | slice, ...]:
    at = layer.world_to_data(np.asarray(point))
    index: list[int | slice] = [slice(None)] * layer.ndim
    for axis in hidden:
        index[axis] = step = round(float(at[axis]))
        if not 0 <= step < shape[axis]:
            raise ImageError(
                f"the view is at {step} of axis {axis}, where {layer.name!r} has only 0 to "
                f"{shape[axis] - 1}; move the slider"
            )
    return tuple(index)


def level_zero(layer: Layer) -> Any:
    """Return the data of a layer at full resolution, still lazy if they are."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def read_intensity(layer: Image) -> Intensity:
    """Return the intensity mapping that the viewer shows a layer with."""
    if not layer.rgb:
        low, high = layer.contrast_limits
        return Intensity("limits", float(low), float(high))
    dtype = np.dtype(layer.dtype)
    if dtype == np.uint8:
        return Intensity("as-is")
    # As napari draws RGB: integers over the range of their type, floats over 0..1.
    return Intensity("limits", 0.0, float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0)


def data_to_world(layer: Layer) -> Affine:
    """Return the map from a layer's data pixels to the world's trailing axes."""
    return _probe(layer.data_to_world, layer.ndim)


def world_to_data(layer: Layer) -> Affine:
    """Return the map from the world's trailing axes to a layer's data pixels."""
    return _probe(layer.world_to_data, layer.ndim)


def _probe(transform: Callable[[Any], Any], ndim: int) -> Affine:
    """Read an affine map off its values, so that many points cost one call an axis."""
    offset = np.asarray(transform(np.zeros(ndim)), dtype=float)
    columns = [np.asarray(transform(unit), dtype=float) - offset for unit in np.eye(ndim)]
    return Affine(np.stack(columns, axis=1), offset)


def pixel_size(layer: Layer, plane: Plane) -> tuple[float, float]:
    """Return the (row, column) spacing of a plane's pixels in the world."""
    matrix = data_to_world(layer).matrix
    rows, columns = (float(np.linalg.norm(matrix[:, axis])) for axis in plane.axes)
    return rows, columns
