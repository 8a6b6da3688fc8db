"""From what is drawn in Shapes and Points layers to the prompts of one image plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes

from napari_catsam.plugin.layers.outlines import (
    clip_box,
    draw_ellipse,
    fill_outline,
    is_closed,
    sample_path,
    spread_clicks,
)
from napari_catsam.plugin.layers.planes import Plane, data_to_world, world_to_data
from napari_catsam.types import Prompts

__all__ = ["PromptSet", "read_prompts"]

FloatArray = npt.NDArray[np.float64]

SIGN_COLUMNS = ("label", "sign")
"""Names of the feature of a Points layer that says which points are negative."""

NEGATIVE = ("0", "0.0", "-1", "-1.0", "false", "negative", "neg")

PADDING = -1
"""Label of a point that only fills up a row."""

LINE_CLICKS = 3


@dataclass(frozen=True, eq=False)
class PromptSet:
    """What is drawn on one plane, in its pixels; each box, outline, point and stroke is one object.

    Attributes
    ----------
    boxes : ndarray, (N, 4)
        ``[r0, c0, r1, c1]``; ``r1`` and ``c1`` are one past the last pixel.
    outlines : tuple of ndarray, (K, 2)
        Polygons, ellipses, turned rectangles and closed paths as ``(row, column)`` vertices.
    points : ndarray, (N, 2)
        Positive points, one object each.
    negatives : ndarray, (N, 2)
        Points that belong to none of the objects given by points and strokes.
    strokes : tuple of ndarray, (K, 2)
        Clicks along lines and open paths, all of them in the object.
    left_out : int
        Shapes and points that lie outside of the image or enclose nothing.
    """

    boxes: FloatArray = field(default_factory=lambda: np.empty((0, 4)))
    outlines: tuple[FloatArray, ...] = ()
    points: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    negatives: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    strokes: tuple[FloatArray, ...] = ()
    left_out: int = 0

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.boxes) + len(self.outlines) + len(self.points) + len(self.strokes)

    def batches(self, size: tuple[int, int], count: int) -> Iterator[Prompts]:
        """Yield prompts of at most ``count`` objects: boxes, outlines, points, then strokes.

        Parameters
        ----------
        size : (int, int)
            (H, W) of the plane.
        count : int
            Objects at a time; outlines become masks of the size of the plane.
        """
        for rows in _chunks(len(self.boxes), count):
            yield Prompts(boxes=self.boxes[rows])
        for rows in _chunks(len(self.outlines), count):
            masks = np.stack([fill_outline(outline, size) for outline in self.outlines[rows]])
            boxes = np.stack([clip_box(outline, size) for outline in self.outlines[rows]])
            yield Prompts(boxes=boxes, masks=masks)
        for rows in _chunks(len(self.points), count):
            yield _with_negatives(list(self.points[rows, None]), self.negatives)
        for rows in _chunks(len(self.strokes), count):
            yield _with_negatives(self.strokes[rows], self.negatives)


def read_prompts(
    viewer: ViewerModel,
    image: Image,
    plane: Plane,
    shapes: Shapes | None = None,
    points: Points | None = None,
) -> PromptSet:
    """Read what is drawn on a plane, whatever the transforms of the layers.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    image : Image
        The layer that ``plane`` is of.
    plane : Plane
        Shapes and points on other planes are not read.
    shapes, points : layer, optional
        What to read. A path whose ends nearly meet is an outline; another one, and a line, stands
        for some clicks along it.

    Returns
    -------
    PromptSet
    """
    boxes, outlines, strokes, outside = [], [], [], 0
    for kind, vertices in _drawn_shapes(viewer, image, plane, shapes):
        box, clicks = clip_box(vertices, plane.size), _read_stroke(kind, vertices)
        if clicks is not None and _is_inside(clicks, plane).all():
            strokes.append(clicks)
        elif clicks is not None or not (box[2:] > box[:2]).all():
            outside += 1
        elif kind == "rectangle" and _is_upright(vertices):
            boxes.append(box)
        else:
            outlines.append(draw_ellipse(vertices) if kind == "ellipse" else vertices)
    places, negative, strays = _drawn_points(viewer, image, plane, points)
    return PromptSet(
        np.array(boxes).reshape(-1, 4),
        tuple(outlines),
        places[~negative],
        places[negative],
        tuple(strokes),
        outside + strays,
    )


def _drawn_shapes(
    viewer: ViewerModel, image: Image, plane: Plane, shapes: Shapes | None
) -> Iterator[tuple[str, FloatArray]]:
    """Yield (kind, vertices (K, 2) in pixels) of the shapes on the plane."""
    if shapes is None or not len(shapes.data):
        return
    lengths = [len(vertices) for vertices in shapes.data]
    mapped = _to_image(viewer, image, shapes, np.concatenate(shapes.data))
    for kind, vertices in zip(
        shapes.shape_type, np.split(mapped, np.cumsum(lengths)[:-1]), strict=True
    ):
        if _on_plane(vertices, plane).all():
            yield kind, vertices[:, plane.axes]


def _read_stroke(kind: str, vertices: FloatArray) -> FloatArray | None:
    """Return the clicks that a line or an open path stands for; None for what encloses something."""
    if kind == "line":
        return spread_clicks(vertices, LINE_CLICKS)
    return sample_path(vertices) if kind == "path" and not is_closed(vertices) else None


def _drawn_points(
    viewer: ViewerModel, image: Image, plane: Plane, points: Points | None
) -> tuple[FloatArray, npt.NDArray[np.bool_], int]:
    """Return points (N, 2) on the plane, which are negative, and how many lie outside of it."""
    if points is None or not len(points.data):
        return np.empty((0, 2)), np.empty(0, bool), 0
    mapped = _to_image(viewer, image, points, points.data)
    here = _on_plane(mapped, plane)
    flat, negative = mapped[here][:, plane.axes], _read_negative(points)[here]
    inside = _is_inside(flat, plane)
    return flat[inside], negative[inside], int((~inside).sum())


def _to_image(
    viewer: ViewerModel, image: Image, layer: Layer, coordinates: npt.ArrayLike
) -> FloatArray:
    """Take data coordinates of a layer to the image's; axes it lacks are where the view is."""
    given = np.asarray(coordinates, dtype=float)
    world = np.tile(np.asarray(viewer.dims.point, dtype=float), (len(given), 1))
    units = viewer.dims.units
    world[:, -layer.ndim :] = data_to_world(layer, units)(given)
    return world_to_data(image, units)(world[:, -image.ndim :])


def _on_plane(coordinates: FloatArray, plane: Plane) -> npt.NDArray[np.bool_]:
    at = np.array([step for _, step in plane.position], dtype=float)
    hidden = coordinates[:, [axis for axis, _ in plane.position]]
    near: npt.NDArray[np.bool_] = (np.abs(hidden - at) <= 0.5).all(axis=1)
    return near


def _is_inside(places: FloatArray, plane: Plane) -> npt.NDArray[np.bool_]:
    inside = (places >= -0.5) & (places <= np.array(plane.size) - 0.5)
    return np.asarray(inside.all(axis=1))


def _is_upright(vertices: FloatArray) -> bool:
    corners = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
    on_side = np.isclose(vertices[:, None], corners[None], atol=1e-3).any(axis=1)
    return bool(on_side.all())


def _read_negative(points: Points) -> npt.NDArray[np.bool_]:
    for name in SIGN_COLUMNS:
        if name in points.features:
            values: Sequence[Any] = list(points.features[name])
            return np.array([str(value).lower() in NEGATIVE for value in values])
    return np.zeros(len(points.data), bool)


def _with_negatives(clicks: Sequence[FloatArray], negatives: FloatArray) -> Prompts:
    """Give the clicks (K, 2) of each object, with all negative points beside them."""
    most = max(len(places) for places in clicks)
    points = np.zeros((len(clicks), most + len(negatives), 2))
    labels = np.full(points.shape[:2], PADDING)
    for row, places in enumerate(clicks):
        points[row, : len(places)], labels[row, : len(places)] = places, 1
    points[:, most:], labels[:, most:] = negatives, 0
    return Prompts(points=points, labels=labels)


def _chunks(total: int, count: int) -> Iterator[slice]:
    return (slice(start, start + count) for start in range(0, total, count))
