"""The pyramid of windows of an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Pyramid", "Window"]

FloatArray = npt.NDArray[np.float64]

MOST_ZOOM = 2
"""Input pixels that an image pixel becomes at most: more would show the model nothing new."""

CUT_SHARE = 0.25
"""A mask is cut off where its pixels on the window's edge are more than this share of the side of a
square of its area; fewer are a speck."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the image that the model sees at once.

    Attributes
    ----------
    level : int
        Of the pyramid; 0 is the whole image.
    corner : (int, int)
        (row, column) of its first pixel.
    size : (int, int)
        (h, w) in image pixels.
    """

    level: int
    corner: tuple[int, int]
    size: tuple[int, int]

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the image."""
        row, column = self.corner
        return slice(row, row + self.size[0]), slice(column, column + self.size[1])

    @property
    def centre(self) -> FloatArray:
        """(row, column) of its middle, in image pixels."""
        return np.add(self.corner, np.divide(self.size, 2))

    def contains(self, points: FloatArray) -> bool:
        """Tell whether all of ``(K, 2)`` image points lie in it; its far edge belongs to it."""
        local = points - self.corner
        return bool(((local >= -0.5) & (local <= self.size)).all())

    def find_overlap(self, other: Window) -> tuple[slice, slice]:
        """Return those of this window's own rows and columns that another window covers too."""
        first = np.maximum(self.corner, other.corner) - self.corner
        last = np.minimum(np.add(self.corner, self.size), np.add(other.corner, other.size))
        last = np.maximum(first, last - self.corner)
        return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))

    def cuts(self, mask: npt.NDArray[np.bool_], image_size: tuple[int, int]) -> bool:
        """Tell whether an object goes on beyond an edge at which the image goes on.

        Parameters
        ----------
        mask : ndarray, (h, w), bool
            Of this window.
        image_size : (int, int)
            (H, W) in pixels.
        """
        length = 0
        for axis in (0, 1):
            edges = np.moveaxis(mask, axis, 0)
            length += int(edges[0].sum()) if self.corner[axis] > 0 else 0
            ends = self.corner[axis] + self.size[axis] < image_size[axis]
            length += int(edges[-1].sum()) if ends else 0
        return length > CUT_SHARE * float(np.sqrt(mask.sum()))


@dataclass(frozen=True)
class Pyramid:
    """Windows of an image, each level with half the side of the one before.

    Level 0 is the whole image. Level k has windows of side L / 2**k, L being the image's longest
    side, half a window apart and clamped to the image. The last level is the one at which an image
    pixel becomes two input pixels.

    Parameters
    ----------
    size : (int, int)
        (H, W) of the image in pixels.
    input_side : int
        Side of the model's input in pixels.
    """

    size: tuple[int, int]
    input_side: int

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """Side of a window of each level in image pixels, rounded up."""
        longest, sides = max(self.size), [max(self.size)]
        while longest * MOST_ZOOM >= self.input_side * 2 ** len(sides):
            sides.append(-(-longest // 2 ** len(sides)))
        return tuple(sides)

    @property
    def whole(self) -> Window:
        """The window of level 0."""
        return Window(0, (0, 0), self.size)

    @property
    def full_level(self) -> int:
        """The coarsest level at which the model sees every pixel of the image."""
        return next(level for level, side in enumerate(self.sides) if side <= self.input_side)

    def find_level(self, side: float) -> int:
        """Return the finest level with windows of at least ``side`` image pixels, or 0."""
        return max(sum(window >= side for window in self.sides) - 1, 0)

    def place(self, level: int, centre: FloatArray) -> Window:
        """Return the window of a level whose middle is nearest to ``(row, column)``."""
        step = max(1, self.sides[level] // 2)
        corner, size = [], []
        for length, position in zip(self.size, centre.tolist(), strict=True):
            side = min(self.sides[level], length)
            starts = np.append(np.arange(0, length - side, step), length - side)
            corner.append(int(starts[np.abs(starts + side / 2 - position).argmin()]))
            size.append(side)
        return Window(level, (corner[0], corner[1]), (size[0], size[1]))

    def find_window(self, level: int, centre: FloatArray, points: FloatArray) -> Window:
        """Return the window around ``centre`` that contains all points, at ``level`` or coarser.

        Parameters
        ----------
        level : int
            The finest level that is tried.
        centre : ndarray, (2,)
            (row, column) in image pixels.
        points : ndarray, (K, 2)
            (row, column) in image pixels.
        """
        windows = (self.place(finer, centre) for finer in range(level, 0, -1))
        return next((window for window in windows if window.contains(points)), self.whole)
