"""The one place that makes layers: Labels to write into, layers to draw prompts in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_catsam.errors import CatsamError, ShotError
from napari_catsam.plugin.layers.planes import data_to_world, level_zero

__all__ = [
    "ObjectMask",
    "add_labels",
    "add_points",
    "add_shapes",
    "check_labels",
    "fits",
    "placement",
]

BOX_COLOUR = "#ffb000"
POINT_COLOUR = "#3ddc84"


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

    @classmethod
    def cut(cls, mask: npt.NDArray[np.bool_], score: float) -> ObjectMask:
        """Return an object's mask (H, W) cut to its box, a copy."""
        rows = np.flatnonzero(mask.any(axis=1))
        if not rows.size:
            return cls((0, 0), np.zeros((0, 0), bool), score)
        band = mask[rows[0] : rows[-1] + 1]
        columns = np.flatnonzero(band.any(axis=0))
        window = band[:, columns[0] : columns[-1] + 1]
        return cls((int(rows[0]), int(columns[0])), window.copy(), score)

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the mask lies in the plane."""
        (row, column), (height, width) = self.corner, self.mask.shape
        return slice(row, row + height), slice(column, column + width)


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
    if not data_to_world(labels, image.units).close_to(data_to_world(image)):
        raise ShotError(
            f"{labels.name!r} does not lie on {image.name!r} (scale, translation or rotation "
            "differ); choose labels that do, or a new layer"
        )


def fits(labels: Labels, image: Image) -> bool:
    """Return whether masks of an image can be written into a Labels layer."""
    try:
        check_labels(labels, image)
    except CatsamError:
        return False
    return True


def placement(layer: Layer) -> dict[str, Any]:
    """Return the arguments that put another layer where this one is.

    Parameters
    ----------
    layer : Layer
        Whose transforms, units and axis names are copied.
    """
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(layer, name) for name in names}
