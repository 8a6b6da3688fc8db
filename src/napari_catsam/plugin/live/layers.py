"""The layers that show the object being annotated: its prompts, its box and its mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes
from napari.utils.colormaps.standardize_color import transform_color

from napari_catsam.plugin.layers.new_layers import BOX_COLOUR, placement
from napari_catsam.plugin.layers.own import OWN, is_own
from napari_catsam.plugin.layers.planes import Plane, world_to_data
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.mask_layer import MaskLayer
from napari_catsam.plugin.live.prompt import LivePrompt, make_corners

__all__ = ["OWN", "LiveLayers", "is_own", "lift"]

POSITIVE_COLOUR, NEGATIVE_COLOUR = "#3ddc84", "#ff5252"
COLOURS = transform_color([NEGATIVE_COLOUR, POSITIVE_COLOUR])
"""(2, 4), red to alpha, of a negative and of a positive click."""

POINT_SIZE_ON_SCREEN = 12

Arrays = Sequence[npt.NDArray[Any]]
DASH = [(0.0, -0.5), (0.0, 0.5)]


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
        own = {OWN: True}
        common = {"metadata": own, **placement(image)}
        self._mask = MaskLayer(viewer, image, own)
        self.box: Shapes = viewer.add_shapes(
            ndim=image.ndim, name="object box", edge_color=BOX_COLOUR, edge_width=1,
            face_color="transparent", **common,
        )  # fmt: skip
        self.points: Points = viewer.add_points(
            ndim=image.ndim, name="object prompts", border_color="white", size=self._point_size(),
            face_color=POSITIVE_COLOUR, **common,
        )  # fmt: skip
        viewer.layers.selection.active = self.points
        self._clicks_shown: Arrays = []
        self._paths_shown: Arrays = []

    @property
    def mask(self) -> Labels:
        """Shows the mask."""
        return self._mask.layer

    @property
    def present(self) -> bool:
        """Whether all of them, and the image, are still in the viewer."""
        known = list(self._viewer.layers)
        return all(layer in known for layer in (self.image, self.mask, self.box, self.points))

    @property
    def own(self) -> tuple[Layer, ...]:
        """What is to be removed from the viewer in the end."""
        return self.points, self.box, self.mask

    def show(self, live: LiveObject | None) -> None:
        """Show an object, or none; what is shown already is left alone, as drawing it takes time."""
        prompts = () if live is None else live.prompts
        plane = None if live is None else live.plane
        reading = None if live is None else live.reading
        self._show_clicks(
            plane, [(at, prompt.positive) for prompt in prompts for at in prompt.clicks]
        )
        self.show_paths(plane, _list_paths(prompts))
        self._mask.show(plane, None if reading is None else reading.mask)

    def show_paths(self, plane: Plane | None, paths: Sequence[npt.ArrayLike]) -> None:
        """Show paths of vertices (K, 2) of a plane, in place of those shown before."""
        lifted = [] if plane is None else [lift(plane, _stretch(path)) for path in paths]
        if _are_equal(lifted, self._paths_shown):
            return
        self._paths_shown = lifted
        if self.box.selected_data:
            self.box.selected_data = set()
        with self.box.events.data.blocker():
            self.box.data = [(path, "path") for path in lifted]

    def _show_clicks(
        self, plane: Plane | None, clicks: Sequence[tuple[tuple[float, ...], bool]]
    ) -> None:
        places = np.empty((0, self.image.ndim))
        if plane is not None and clicks:
            places = lift(plane, [at for at, _ in clicks])
        signs = np.array([positive for _, positive in clicks], bool)
        if _are_equal([places, signs], self._clicks_shown):
            return
        self._clicks_shown = [places, signs]
        # napari fails to colour points of a hidden layer, whose slice is that of its data before.
        if not self.points.visible:
            self.points.visible = True
        # The prompts lie in the image: what the viewer works out anew when it is told of them, its
        # extent and the ranges of its sliders, stays as it is.
        with self.points.events.data.blocker():
            self.points.data = places
        colours = COLOURS[signs.astype(int)]
        if not np.array_equal(self.points.face_color, colours):
            self.points.face_color = colours

    def to_plane(self, plane: Plane, position: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Take a world position to ``(row, column)`` of a plane of the image."""
        at = world_to_data(self.image, self._viewer.dims.units)(
            np.asarray(position)[-self.image.ndim :]
        )
        found: npt.NDArray[np.float64] = at[list(plane.axes)]
        return found

    def _point_size(self) -> float:
        """Return a size in pixels of data that is readable at the zoom of the moment."""
        return max(1.0, POINT_SIZE_ON_SCREEN / max(float(self._viewer.scene.camera.zoom), 1e-6))


def lift(plane: Plane, places: Any) -> npt.NDArray[np.float64]:
    """Return data coordinates (N, n) of places ``(row, column)`` on a plane."""
    flat = np.asarray(places, dtype=float)
    full = np.zeros((len(flat), len(plane.index)))
    for axis, step in plane.position:
        full[:, axis] = step
    full[:, plane.axes[0]], full[:, plane.axes[1]] = flat.T
    return full


def _stretch(path: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return a path that napari can draw: of a lone place a dash of one pixel."""
    vertices = np.asarray(path, dtype=float)
    return vertices if np.ptp(vertices, axis=0).any() else vertices[0] + np.array(DASH)


def _are_equal(some: Arrays, others: Arrays) -> bool:
    return len(some) == len(others) and all(map(np.array_equal, some, others))


def _list_paths(prompts: Sequence[LivePrompt]) -> list[npt.NDArray[np.float64]]:
    """Return scribbles, and closed around the object what counts: the last box or outline."""
    boxes = [prompt for prompt in prompts if prompt.is_box][-1:]
    rings = [np.array(b.path) if b.path else make_corners(b.at) for b in boxes]
    scribbles = [np.array(p.path) for p in prompts if p.path and not p.is_box]
    return [*(np.concatenate([ring, ring[:1]]) for ring in rings), *scribbles]
