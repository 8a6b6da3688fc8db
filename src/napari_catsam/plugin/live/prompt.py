"""One gesture on a plane: a click, a box, an outline around the object, or a scribble in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import PromptError
from napari_catsam.plugin.layers.outlines import (
    clip_box,
    draw_ellipse,
    fill_outline,
    is_closed,
    sample_path,
)
from napari_catsam.plugin.layers.planes import Plane

__all__ = ["LivePrompt", "Tool", "make_box", "make_corners", "read_prompt", "trace"]

LEAST_BOX = 2
"""Pixels a side of the smallest box; a smaller one was a click."""

Place = npt.NDArray[np.float64]
"""(row, column), (2,)."""


class Tool(StrEnum):
    """What the left mouse button draws."""

    BOX = "box"
    ELLIPSE = "ellipse"
    LASSO = "lasso"
    POLYGON = "polygon"


@dataclass(frozen=True)
class LivePrompt:
    """One gesture on a plane.

    Attributes
    ----------
    at : tuple of float
        ``(row, column)`` of a click, or ``(r0, c0, r1, c1)`` of a box, in pixels of the plane; of an
        outline its box, of a scribble its first click.
    positive : bool
        Whether clicks are inside of the object; boxes and outlines are always positive.
    path : tuple of (float, float)
        Vertices ``(row, column)`` of an outline or a scribble; empty for a click and a box.
    """

    at: tuple[float, ...]
    positive: bool = True
    path: tuple[tuple[float, float], ...] = ()

    @property
    def is_box(self) -> bool:
        """Whether it is a box, or an outline with its box."""
        return len(self.at) == 4

    @property
    def is_outline(self) -> bool:
        """Whether it goes around the object, and so is a coarse mask of it."""
        return self.is_box and bool(self.path)

    @property
    def clicks(self) -> tuple[tuple[float, float], ...]:
        """``(row, column)`` of the clicks that it is worth: none of a box, several of a scribble."""
        if self.is_box:
            return ()
        if self.path:
            return _as_places(sample_path(self.path))
        return ((self.at[0], self.at[1]),)

    def check_inside(self, plane: Plane) -> None:
        """Raise :class:`PromptError` if a click is outside of the plane."""
        at, size = np.array(self.clicks).reshape(-1, 2), np.array(plane.size)
        if not ((at < -0.5) | (at > size - 0.5)).any():
            return
        if self.path:
            raise PromptError("the scribble leaves the image; draw it inside of the object")
        raise PromptError("the click is outside of the image; click inside of it")

    def to_mask(self, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Return the inside of an outline as a mask of the size (H, W) of the plane."""
        return fill_outline(self.path, size)


def read_prompt(
    places: Sequence[Place], plane: Plane, *, positive: bool, tool: Tool = Tool.BOX
) -> LivePrompt:
    """Make a prompt of places on a plane.

    Parameters
    ----------
    places : sequence of ndarray, (2,)
        ``(row, column)``: one is a click; two corners of a box or an ellipse, or the vertices of a
        freehand path or a polygon. What goes around the object is clipped to the plane.
    plane : Plane
        Where they lie.
    positive : bool
        Whether clicks are inside of the object. A negative freehand path is a scribble whatever its
        form.
    tool : Tool
        What drew them.

    Raises
    ------
    PromptError
        If a box or an outline is outside of the plane, or smaller than :data:`LEAST_BOX`.
    """
    if len(places) == 1:
        return LivePrompt((float(places[0][0]), float(places[0][1])), positive)
    if tool is Tool.LASSO and not (positive and is_closed(places)):
        path = _as_places(places)
        return LivePrompt(_as_places(sample_path(path))[0], positive, path)
    box = tuple(map(float, clip_box(places, plane.size)))
    _check_box(box, make_box(places), tool)
    outline = () if tool is Tool.BOX else _as_places(trace(places, tool))
    prompt = LivePrompt(box, True, outline)
    if outline and not prompt.to_mask(plane.size).any():
        raise PromptError(f"the {tool} encloses no pixel of the image; draw a larger one")
    return prompt


def trace(places: Sequence[Place], tool: Tool) -> npt.NDArray[np.float64]:
    """Return the vertices (K, 2) of what a tool draws with places, open where it is not finished."""
    if tool in (Tool.LASSO, Tool.POLYGON):
        return np.array(places, dtype=float)
    corners = make_corners(make_box(places))
    return corners if tool is Tool.BOX else draw_ellipse(corners)


def make_box(places: Sequence[Place]) -> tuple[float, ...]:
    """Return ``(r0, c0, r1, c1)`` around places; a box counts pixel borders from 0."""
    low, high = np.min(places, axis=0) + 0.5, np.max(places, axis=0) + 0.5
    return (*map(float, low), *map(float, high))


def make_corners(box: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the corners (4, 2) of a box as places, the other way of :func:`make_box`."""
    row0, column0, row1, column1 = np.asarray(box) - 0.5
    return np.array([(row0, column0), (row0, column1), (row1, column1), (row1, column0)])


def _check_box(clipped: tuple[float, ...], drawn: tuple[float, ...], tool: Tool) -> None:
    sides, whole = np.subtract(clipped[2:], clipped[:2]), np.subtract(drawn[2:], drawn[:2])
    if ((sides < LEAST_BOX) & (whole >= LEAST_BOX)).any():
        raise PromptError(f"the {tool} is outside of the image; draw it inside")
    if (sides < LEAST_BOX).any():
        raise PromptError(
            f"the {tool} is smaller than {LEAST_BOX} pixels of the image; draw a larger one"
        )


def _as_places(vertices: npt.ArrayLike | Sequence[Place]) -> tuple[tuple[float, float], ...]:
    return tuple((float(row), float(column)) for row, column in np.asarray(vertices))
