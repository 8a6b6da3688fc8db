"""Paths of vertices on a plane: around an object they are its outline, in it they are a scribble."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.draw import polygon2mask

__all__ = ["clip_box", "draw_ellipse", "fill_outline", "is_closed", "sample_path", "spread_clicks"]

FloatArray = npt.NDArray[np.float64]

ELLIPSE_VERTICES = 48

GAP = 0.25
"""A path whose ends are nearer to each other than this part of its length goes around something."""

FEWEST, MOST = 3, 5
"""Clicks that a scribble is worth."""

SPACING = 20.0
"""Pixels of the image between the clicks of a scribble, where that gives neither too few nor too
many."""


def is_closed(path: npt.ArrayLike) -> bool:
    """Return whether a freehand path (K, 2) goes around something: its ends nearly meet."""
    vertices = np.asarray(path, dtype=float)
    length = float(_steps(vertices).sum())
    gap = float(np.linalg.norm(vertices[-1] - vertices[0]))
    return len(vertices) > 2 and gap <= GAP * length


def spread_clicks(path: npt.ArrayLike, count: int) -> FloatArray:
    """Return places (count, 2) along a path (K, 2), each in the middle of an equal part of it.

    The ends are left out: there a stroke is most likely to leave the object.
    """
    vertices = np.asarray(path, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(_steps(vertices))])
    wanted = (np.arange(count) + 0.5) / count * along[-1]
    columns = [np.interp(wanted, along, values) for values in vertices.T]
    return np.stack(columns, axis=1)


def sample_path(path: npt.ArrayLike) -> FloatArray:
    """Return :data:`FEWEST` to :data:`MOST` clicks along a scribble (K, 2), more for a longer one."""
    length = float(_steps(np.asarray(path, dtype=float)).sum())
    return spread_clicks(path, int(np.clip(round(length / SPACING), FEWEST, MOST)))


def draw_ellipse(corners: npt.ArrayLike) -> FloatArray:
    """Return vertices on the ellipse that touches a (turned) rectangle in its sides' middles.

    Parameters
    ----------
    corners : array_like, (4, 2)
        Of the rectangle, in the order in which they follow each other.
    """
    given = np.asarray(corners, dtype=float)
    centre = given.mean(axis=0)
    first, second = (given[1] - given[0]) / 2, (given[3] - given[0]) / 2
    angle = np.linspace(0, 2 * np.pi, ELLIPSE_VERTICES, endpoint=False)[:, None]
    vertices: FloatArray = centre + np.cos(angle) * first + np.sin(angle) * second
    return vertices


def fill_outline(outline: npt.ArrayLike, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the inside of an outline (K, 2) as a mask of the size (H, W) of the plane."""
    mask: npt.NDArray[np.bool_] = polygon2mask(size, np.asarray(outline, dtype=float))
    return mask


def clip_box(vertices: npt.ArrayLike, size: tuple[int, int]) -> FloatArray:
    """Return the box ``[r0, c0, r1, c1]`` of vertices (K, 2), clipped to a plane of size (H, W).

    napari's pixel (0, 0) reaches from -0.5 to 0.5; a box counts pixel borders from 0.
    """
    given = np.asarray(vertices, dtype=float)
    corners = np.concatenate([given.min(axis=0), given.max(axis=0)]) + 0.5
    clipped: FloatArray = np.clip(corners, 0, (*size, *size))
    return clipped


def _steps(vertices: FloatArray) -> FloatArray:
    """Return the lengths (K - 1,) of the parts of a path."""
    lengths: FloatArray = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    return lengths
