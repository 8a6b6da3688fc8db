"""Outlines of objects along the edges of their pixels, with holes, and back.

Points are ``(row, column)`` with (0, 0) at the outer corner of the first pixel, so corners of pixels
are whole numbers and centres lie half way between them: never on an outline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["fill_rings", "trace_rings"]

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Turns:
    """Where outlines turn, each joined to the next along its row and along its column.

    A point at which only opposite pixels belong to the object has two turns.

    Attributes
    ----------
    points : ndarray, (N, 2), int64
    parts : list of int
        Which part of the object.
    along_row, along_column : list of int
        The turn at the other end of the straight line.
    """

    points: Indices
    parts: list[int]
    along_row: list[int]
    along_column: list[int]


def trace_rings(mask: npt.NDArray[np.bool_]) -> list[list[Indices]]:
    """Trace the outline of an object and of its holes, exactly.

    Pixels that touch at a corner only are parts of their own. No ring meets itself, and rings of a
    part meet in points only, as polygons must.

    Parameters
    ----------
    mask : ndarray, (H, W), bool
        May touch the border.

    Returns
    -------
    list of list of ndarray, (N, 2), int64
        For each part its outer ring, then those of its holes; only points at which the outline turns,
        the first not again at the end. An outer ring has a positive area as (row, column) go, a
        hole's a negative one.
    """
    from scipy import ndimage

    parts, count = ndimage.label(mask)  # pixels are joined by their sides
    turns = _find_turns(np.pad(parts, 1))
    rings: list[list[tuple[int, Indices]]] = [[] for _ in range(count)]
    for whole in _walk(turns.along_row, turns.along_column):
        for ring in _split(whole, turns.points):
            points = turns.points[ring]
            rings[turns.parts[ring[0]] - 1].append((_signed_area(points), points))
    return [list(_order(found)) for found in rings]


def fill_rings(rings: Sequence[npt.NDArray[Any]], size: tuple[int, int]) -> tuple[Indices, Indices]:
    """Return the pixels whose centres lie inside a polygon.

    Parameters
    ----------
    rings : sequence of ndarray, (N, 2)
        Of any number of corners and either direction, closed or not; what lies in an even number of
        them, such as in a hole, is outside. What lies outside the image is cut off.
    size : (int, int)
        (H, W) of the image.

    Returns
    -------
    rows, columns : ndarray, (pixels,), int64
    """
    height, width = size
    starts = np.concatenate([np.asarray(ring, np.float64) for ring in rings])
    ends = np.concatenate([np.roll(np.asarray(ring, np.float64), -1, axis=0) for ring in rings])
    # A line crosses those rows whose centre is at its upper end or between its ends: two lines that
    # meet on a centre cross it once together.
    low, high = np.minimum(starts[:, 0], ends[:, 0]), np.maximum(starts[:, 0], ends[:, 0])
    first, last = (np.ceil(end - 0.5).clip(0, height).astype(np.int64) for end in (low, high))
    line, rows = _expand(first, last)
    rise, run = (ends - starts)[line].T
    crossed = starts[line, 1] + (rows + 0.5 - starts[line, 0]) / rise * run
    columns = np.ceil(crossed - 0.5).clip(0, width).astype(np.int64)
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    run_of, inside = _expand(columns[0::2], columns[1::2])
    return rows[0::2][run_of], inside


def _expand(starts: Indices, ends: Indices) -> tuple[Indices, Indices]:
    """Return all numbers of some ranges, and before them the range that each is of."""
    counts = ends - starts
    which = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) + (starts - before)[which]


def _find_turns(parts: npt.NDArray[Any]) -> _Turns:
    """Find the turns of all outlines of parts, (H + 2, W + 2), with 0 around them."""

    def look(down: int, right: int) -> npt.NDArray[Any]:
        """Return the pixel on that side of each point."""
        rows, columns = parts.shape
        return parts[down : rows - 1 + down, right : columns - 1 + right]

    found = []
    for down, right in np.ndindex(2, 2):
        pixel, opposite = look(down, right), look(1 - down, 1 - right)
        is_inside = pixel > 0
        is_turn = (is_inside != (look(down, 1 - right) > 0)) & (
            is_inside != (look(1 - down, right) > 0)
        )
        # Two opposite pixels of the object have a turn each, and so the pixels beside have none.
        is_turn &= is_inside | (opposite > 0)
        rows, columns = np.nonzero(is_turn)
        own = np.where(is_inside, pixel, opposite)[is_turn]
        sides = np.full_like(rows, down), np.full_like(rows, right)
        found.append(np.column_stack((rows, columns, own, *sides)))
    table = np.concatenate(found).astype(np.int64)
    rows, columns, own, goes_down, goes_right = table.T
    # Where there are two turns in a point, one ends a line and the other begins the next.
    return _Turns(
        table[:, :2],
        own.tolist(),
        _pair(np.lexsort((goes_right, columns, rows))),
        _pair(np.lexsort((goes_down, rows, columns))),
    )


def _pair(order: Indices) -> list[int]:
    """Return the other turn of each: in their order, every two are the ends of a line."""
    partners = np.empty_like(order)
    partners[order[0::2]], partners[order[1::2]] = order[1::2], order[0::2]
    return list(map(int, partners))


def _walk(along_row: list[int], along_column: list[int]) -> Iterator[list[int]]:
    """Yield closed outlines as their turns."""
    is_done = bytearray(len(along_row))
    for start in range(len(along_row)):
        ring: list[int] = []
        turn = start
        while not is_done[turn]:
            other = along_row[turn]
            is_done[turn] = is_done[other] = True
            ring += (turn, other)
            turn = along_column[other]
        if ring:
            yield ring


def _split(ring: list[int], points: Indices) -> Iterator[list[int]]:
    """Cut an outline that meets itself in a point into some that do not: a part and its holes."""
    path: list[int] = []
    places: dict[tuple[int, int], int] = {}
    for turn, (row, column) in zip(ring, points[ring].tolist(), strict=True):
        first = places.get((row, column))
        if first is not None:
            loop = path[first:]
            for row_of, column_of in points[loop].tolist():
                del places[row_of, column_of]
            del path[first:]
            yield loop
        places[row, column] = len(path)
        path.append(turn)
    yield path


def _order(rings: list[tuple[int, Indices]]) -> Iterator[Indices]:
    """Yield the outer ring, which is the largest, and then the holes, the other way round."""
    for number, (area, ring) in enumerate(sorted(rings, key=lambda item: -abs(item[0]))):
        yield ring if (area > 0) == (number == 0) else ring[::-1]


def _signed_area(ring: Indices) -> int:
    """Return twice the area, positive where going from rows to columns."""
    rows, columns = ring.T
    return int(rows @ np.roll(columns, -1) - np.roll(rows, -1) @ columns)
