"""From what is drawn in Shapes and Points layers to the prompts of one image plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes
from skimage.draw import polygon2mask

from napari_catsam.plugin.planes import Plane, data_to_world, world_to_data
from napari_catsam.types import Prompts

__all__ = ["PromptSet", "read_prompts"]

FloatArray = npt.NDArray[np.float64]

SIGN_COLUMNS = ("label", "sign")
"""Names of the feature of a Points layer that says which points are negative."""

NEGATIVE = ("0", "0.0", "-1", "-1.0", "false", "negative", "neg")

ELLIPSE_VERTICES = 48


@dataclass(frozen=True, eq=False)
class PromptSet:
    """What is drawn on one plane, in its pixels; each box, outline and point is one object.

    Attributes
    ----------
    boxes : ndarray, (N, 4)
        ``[r0, c0, r1, c1]``; ``r1`` and ``c1`` are one past the last pixel.
    outlines : tuple of ndarray, (K, 2)
        Polygons, ellipses and turned rectangles as ``(row, column)`` vertices.
    points : ndarray, (N, 2)
        Positive points, one object each.
    negatives : ndarray, (N, 2)
        Points that belong to none of the point objects.
    left_out : int
        Shapes and points that lie outside of the image or enclose nothing.
    """

    boxes: FloatArray = field(default_factory=lambda: np.empty((0, 4)))
    outlines: tuple[FloatArray, ...] = ()
    points: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    negatives: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    left_out: int = 0

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.boxes) + len(self.outlines) + len(self.points)

    def batches(self, size: tuple[int, int], count: int) -> Iterator[Prompts]:
        """Yield prompts of at most ``count`` objects: boxes, then outlines, then points.

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
            masks = np.stack([polygon2mask(size, outline) for outline in self.outlines[rows]])
            boxes = np.stack([_clipped_box(outline, size) for outline in self.outlines[rows]])
            yield Prompts(boxes=boxes, masks=masks)
        for rows in _chunks(len(self.points), count):
            yield _with_negatives(self.points[rows], self.negatives)


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
        What to read.

    Returns
    -------
    PromptSet
    """
    boxes, outlines, outside = [], [], 0
    for kind, vertices in _drawn_shapes(viewer, image, plane, shapes):
        box = _clipped_box(vertices, plane.size)
        if kind == "line" or not (box[2:] > box[:2]).all():
            outside += 1
        elif kind == "rectangle" and _is_upright(vertices):
            boxes.append(box)
        else:
            outlines.append(_ellipse(vertices) if kind == "ellipse" else vertices)
    inside, negative, strays = _drawn_points(viewer, image, plane, points)
    return PromptSet(
        np.array(boxes).reshape(-1, 4),
        tuple(outlines),
        inside[~negative],
        inside[negative],
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


def _drawn_points(
    viewer: ViewerModel, image: Image, plane: Plane, points: Points | None
) -> tuple[FloatArray, npt.NDArray[np.bool_], int]:
    """Return points (N, 2) on the plane, which are negative, and how many lie outside of it."""
    if points is None or not len(points.data):
        return np.empty((0, 2)), np.empty(0, bool), 0
    mapped = _to_image(viewer, image, points, points.data)
    here = _on_plane(mapped, plane)
    flat, negative = mapped[here][:, plane.axes], _read_negative(points)[here]
    inside = ((flat >= -0.5) & (flat <= np.array(plane.size) - 0.5)).all(axis=1)
    return flat[inside], negative[inside], int((~inside).sum())


def _to_image(
    viewer: ViewerModel, image: Image, layer: Layer, coordinates: npt.ArrayLike
) -> FloatArray:
    """Take data coordinates of a layer to the image's; axes it lacks are where the view is."""
    given = np.asarray(coordinates, dtype=float)
    world = np.tile(np.asarray(viewer.dims.point, dtype=float), (len(given), 1))
    world[:, -layer.ndim :] = data_to_world(layer)(given)
    return world_to_data(image)(world[:, -image.ndim :])


def _on_plane(coordinates: FloatArray, plane: Plane) -> npt.NDArray[np.bool_]:
    at = np.array([step for _, step in plane.position], dtype=float)
    hidden = coordinates[:, [axis for axis, _ in plane.position]]
    near: npt.NDArray[np.bool_] = (np.abs(hidden - at) <= 0.5).all(axis=1)
    return near


def _clipped_box(vertices: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the box of vertices, clipped to the image.

    napari's pixel (0, 0) reaches from -0.5 to 0.5; a box counts pixel borders from 0.
    """
    corners = np.concatenate([vertices.min(axis=0), vertices.max(axis=0)]) + 0.5
    clipped: FloatArray = np.clip(corners, 0, (*size, *size))
    return clipped


def _is_upright(vertices: FloatArray) -> bool:
    corners = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
    on_side = np.isclose(vertices[:, None], corners[None], atol=1e-3).any(axis=1)
    return bool(on_side.all())


def _ellipse(corners: FloatArray) -> FloatArray:
    """Return vertices on the ellipse that touches a (turned) rectangle in its sides' middles."""
    centre = corners.mean(axis=0)
    first, second = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, ELLIPSE_VERTICES, endpoint=False)[:, None]
    vertices: FloatArray = centre + np.cos(angle) * first + np.sin(angle) * second
    return vertices


def _read_negative(points: Points) -> npt.NDArray[np.bool_]:
    for name in SIGN_COLUMNS:
        if name in points.features:
            values: Sequence[Any] = list(points.features[name])
            return np.array([str(value).lower() in NEGATIVE for value in values])
    return np.zeros(len(points.data), bool)


def _with_negatives(points: FloatArray, negatives: FloatArray) -> Prompts:
    """Give each point as one object, with all negative points beside it."""
    count = len(points)
    rows = [points[:, None], np.repeat(negatives[None], count, axis=0)]
    labels = np.zeros((count, 1 + len(negatives)), int)
    labels[:, 0] = 1
    return Prompts(points=np.concatenate(rows, axis=1), labels=labels)


def _chunks(total: int, count: int) -> Iterator[slice]:
    return (slice(start, start + count) for start in range(0, total, count))
