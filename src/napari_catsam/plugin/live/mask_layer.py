"""The layer that shows the mask of the object being annotated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane, data_to_world

__all__ = ["LARGEST_PLANE", "MaskLayer"]

MASK_COLOUR = "#35b6ff"

LARGEST_PLANE = 2**24
"""Pixels of the largest plane that the layer covers as a whole; of a larger one it covers the mask
alone, as napari gives the whole layer to the graphics card each time."""

Window = tuple[slice, slice]


@dataclass(frozen=True)
class _Frame:
    """Which part of which plane the layer covers."""

    axes: tuple[int, int]
    position: tuple[tuple[int, int], ...]
    corner: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def around(cls, plane: Plane, mask: ObjectMask) -> _Frame:
        if plane.size[0] * plane.size[1] <= LARGEST_PLANE:
            return cls(plane.axes, plane.position, (0, 0), plane.size)
        rows, columns = mask.mask.shape
        return cls(plane.axes, plane.position, mask.corner, (rows, columns))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an array with one entry along each axis that is not displayed."""
        shape = [1] * (len(self.position) + 2)
        shape[self.axes[0]], shape[self.axes[1]] = self.size
        return tuple(shape)

    def window_of(self, mask: ObjectMask) -> Window:
        """Return the rows and columns of a mask in it."""
        (rows, columns), (row, column) = mask.window, self.corner
        return (
            slice(rows.start - row, rows.stop - row),
            slice(columns.start - column, columns.stop - column),
        )


class MaskLayer:
    """A Labels layer whose pixels are set in place, so that napari has little to work out anew.

    Its shape and its transform stay as long as the masks are of the same plane.

    Parameters
    ----------
    viewer : ViewerModel
        Where it is added.
    image : Image
        What it lies on.
    metadata : dict
        Of the layer.

    Attributes
    ----------
    layer : Labels
        0 but for the mask, which is 1.
    """

    def __init__(self, viewer: ViewerModel, image: Image, metadata: dict[str, bool]) -> None:
        self._matrix = data_to_world(image)
        self.layer: Labels = viewer.add_labels(
            np.zeros((1,) * image.ndim, np.uint8), name="object", opacity=0.5, metadata=metadata,
            colormap={0: "transparent", 1: MASK_COLOUR, None: "transparent"}, units=image.units,
            axis_labels=image.axis_labels, affine=self._place(np.zeros(image.ndim)),
        )  # fmt: skip
        self._frame: _Frame | None = None
        self._shown: ObjectMask | None = None

    def show(self, plane: Plane | None, mask: ObjectMask | None) -> None:
        """Show a mask on a plane, or none; what is shown already is left alone."""
        if plane is None or mask is None or not mask.mask.any():
            mask = None
        if mask is self._shown:
            return
        self._shown = mask
        self.layer.data[...] = 0
        if plane is not None and mask is not None:
            frame = _Frame.around(plane, mask)
            self._cover(frame)
            # The axes that are not displayed have one entry, so this is the plane itself.
            pixels = self.layer.data.reshape(frame.size)
            pixels[frame.window_of(mask)][mask.mask] = 1
        self.layer.refresh(extent=False, thumbnail=False, highlight=False)

    def _cover(self, frame: _Frame) -> None:
        """Let the layer cover another part of the image, empty."""
        if self.layer.data.shape != frame.shape:
            self.layer.data = np.zeros(frame.shape, np.uint8)
        if frame == self._frame:
            return
        self._frame = frame
        corner = np.zeros(len(frame.shape))
        for axis, step in (*frame.position, *zip(frame.axes, frame.corner, strict=True)):
            corner[axis] = step
        self.layer.affine = self._place(corner)

    def _place(self, corner: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the transform of a layer whose first pixel is at ``corner`` (n,) of the image."""
        affine = np.eye(len(corner) + 1)
        affine[:-1, :-1] = self._matrix.matrix
        affine[:-1, -1] = self._matrix(corner)
        return affine
