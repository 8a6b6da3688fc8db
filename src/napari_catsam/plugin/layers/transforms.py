"""Maps between a layer's data pixels and the world, read off the layers' public transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer

__all__ = ["Affine", "data_to_world", "level_zero", "world_to_data"]

FloatArray = npt.NDArray[np.float64]
Units = Sequence[Any]


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


def level_zero(layer: Layer) -> Any:
    """Return the data of a layer at full resolution, still lazy if they are."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def data_to_world(layer: Layer, units: Units | None = None) -> Affine:
    """Return the map from a layer's data pixels to the world's trailing axes.

    Parameters
    ----------
    layer : Layer
        Any.
    units : sequence of pint.Unit, optional
        Of the world, ``viewer.dims.units``: napari draws layers of different units, such as
        millimetres and micrometres, in one of them. The layer's own when left out.
    """
    own = _probe(layer.data_to_world, layer.ndim)
    factor = _convert_units(layer, units)
    return Affine(own.matrix / factor[:, None], own.offset / factor)


def world_to_data(layer: Layer, units: Units | None = None) -> Affine:
    """Return the map from the world's trailing axes to a layer's data pixels.

    Parameters
    ----------
    layer : Layer
        Any.
    units : sequence of pint.Unit, optional
        As in :func:`data_to_world`.
    """
    own = _probe(layer.world_to_data, layer.ndim)
    return Affine(own.matrix * _convert_units(layer, units), own.offset)


def _convert_units(layer: Layer, units: Units | None) -> FloatArray:
    """Return how many units of the layer are one of the world, (n,)."""
    own = tuple(layer.units)
    if units is None or len(units) < len(own):
        return np.ones(len(own))
    pairs = zip(own, tuple(units)[-len(own) :], strict=True)
    return np.array([_ratio(unit, of_world) for unit, of_world in pairs])


def _ratio(unit: Any, of_world: Any) -> float:
    # Pixels are no length: napari draws such layers without converting anything.
    if unit == of_world or not of_world.is_compatible_with(unit):
        return 1.0
    return float((1 * of_world).to(unit).magnitude)


def _probe(transform: Callable[[Any], Any], ndim: int) -> Affine:
    """Read an affine map off its values, so that many points cost one call an axis."""
    offset = np.asarray(transform(np.zeros(ndim)), dtype=float)
    columns = [np.asarray(transform(unit), dtype=float) - offset for unit in np.eye(ndim)]
    return Affine(np.stack(columns, axis=1), offset)
