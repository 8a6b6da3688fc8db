"""The layers that show the object being annotated: its prompts, its box and its mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_catsam.plugin.layers import BOX_COLOUR, ObjectMask, placement
from napari_catsam.plugin.live import LiveObject
from napari_catsam.plugin.planes import Plane, data_to_world, world_to_data

__all__ = ["OWN", "LiveLayers", "is_own"]

OWN = "napari_catsam_live"
"""Key of the layers' metadata by which they are known."""

POSITIVE_COLOUR, NEGATIVE_COLOUR, MASK_COLOUR = "#3ddc84", "#ff5252", "#35b6ff"
POINT_SIZE_ON_SCREEN = 12


def is_own(layer: Layer) -> bool:
    """Whether a layer only shows the object being annotated."""
    return OWN in layer.metadata


class LiveLayers:
    """Three layers on an image, made together and removed together.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are added.
    image : Image
        What they lie on.

    Attributes
    ----------
    points : Points
        The active layer while the user annotates; it gets the mouse and the keys.
    """

    def __init__(self, viewer: ViewerModel, image: Image) -> None:
        self._viewer = viewer
        self.image = image
        self._matrix = data_to_world(image)
        common = {"metadata": {OWN: True}, **placement(image)}
        self.mask: Labels = viewer.add_labels(
            np.zeros((1,) * image.ndim, np.uint8), name="object", opacity=0.5, metadata={OWN: True},
            colormap={0: "transparent", 1: MASK_COLOUR, None: "transparent"}, units=image.units,
            axis_labels=image.axis_labels,
        )  # fmt: skip
        self.box: Shapes = viewer.add_shapes(
            ndim=image.ndim, name="object box", edge_color=BOX_COLOUR, edge_width=1,
            face_color="transparent", **common,
        )  # fmt: skip
        self.points: Points = viewer.add_points(
            ndim=image.ndim, name="object prompts", border_color="white", size=self._point_size(),
            **common,
        )  # fmt: skip
        viewer.layers.selection.active = self.points

    @property
    def present(self) -> bool:
        """Whether all of them, and the image, are still in the viewer."""
        known = list(self._viewer.layers)
        return all(layer in known for layer in (self.image, self.mask, self.box, self.points))

    def remove(self) -> None:
        """Take them out of the viewer, those that are still there."""
        for layer in (self.points, self.box, self.mask):
            if layer in list(self._viewer.layers):
                self._viewer.layers.remove(layer)

    def show(self, live: LiveObject | None) -> None:
        """Show an object, or none."""
        prompts = () if live is None else live.prompts
        clicks = [prompt for prompt in prompts if not prompt.is_box]
        boxes = [prompt.at for prompt in prompts if prompt.is_box]
        self.points.data = (
            np.empty((0, self.image.ndim))
            if live is None or not clicks
            else _lift(live.plane, [click.at for click in clicks])
        )
        if clicks:
            self.points.face_color = [
                POSITIVE_COLOUR if click.positive else NEGATIVE_COLOUR for click in clicks
            ]
        self.show_box(None if live is None or not boxes else live.plane, boxes[-1:] or None)
        reading = None if live is None else live.reading
        if live is None or reading is None or not reading.mask.mask.any():
            self.mask.data = np.zeros((1,) * self.image.ndim, np.uint8)
        else:
            self._show_mask(live.plane, reading.mask)

    def show_box(self, plane: Plane | None, boxes: Any = None) -> None:
        """Show one box ``(r0, c0, r1, c1)`` of a plane, or none."""
        self.box.selected_data = set()
        if plane is None or boxes is None:
            self.box.data = []
            return
        row0, column0, row1, column1 = np.asarray(boxes[0]) - 0.5
        corners = [(row0, column0), (row0, column1), (row1, column1), (row1, column0)]
        self.box.data = [_lift(plane, corners)]

    def to_plane(self, plane: Plane, position: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Take a world position to ``(row, column)`` of a plane of the image."""
        at = world_to_data(self.image)(np.asarray(position)[-self.image.ndim :])
        found: npt.NDArray[np.float64] = at[list(plane.axes)]
        return found

    def _show_mask(self, plane: Plane, found: ObjectMask) -> None:
        """Show the cut mask, moved to its place by the layer's transform."""
        shape = [1] * self.image.ndim
        shape[plane.axes[0]], shape[plane.axes[1]] = found.mask.shape
        self.mask.data = found.mask.astype(np.uint8).reshape(shape)
        corner = _lift(plane, [found.corner])[0]
        affine = np.eye(self.image.ndim + 1)
        affine[:-1, :-1] = self._matrix.matrix
        affine[:-1, -1] = self._matrix(corner)
        self.mask.affine = affine

    def _point_size(self) -> float:
        """Return a size in pixels of data that is readable at the zoom of the moment."""
        return max(1.0, POINT_SIZE_ON_SCREEN / max(float(self._viewer.scene.camera.zoom), 1e-6))


def _lift(plane: Plane, places: Any) -> npt.NDArray[np.float64]:
    """Return data coordinates (N, n) of places ``(row, column)`` on a plane."""
    flat = np.asarray(places, dtype=float)
    full = np.zeros((len(flat), len(plane.index)))
    for axis, step in plane.position:
        full[:, axis] = step
    full[:, plane.axes[0]], full[:, plane.axes[1]] = flat.T
    return full
