"""Boxes and points as they are typed, the objects that they mean, and the label image of these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import PromptError
from napari_catsam.types import Prompts

__all__ = [
    "Click",
    "build_prompts",
    "find_box_of_point",
    "paint_labels",
    "parse_box",
    "parse_point",
]

SIGNS = {"+": 1, "1": 1, "-": 0, "0": 0}


@dataclass(frozen=True)
class Click:
    """A point ``(row, column)`` in pixels with its label, 1 on the object or 0 beside it."""

    row: float
    column: float
    label: int


def parse_box(text: str) -> tuple[float, float, float, float]:
    """Read ``R0 C0 R1 C1``, separated by blanks or commas.

    Raises
    ------
    PromptError
        If it is not four numbers, or the box is inverted or empty.
    """
    try:
        r0, c0, r1, c1 = (float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise PromptError(
            f"--box {text} is not a box; give four numbers, row and column of two corners"
        ) from error
    Prompts(boxes=[[r0, c0, r1, c1]])
    return r0, c0, r1, c1


def parse_point(text: str) -> Click:
    """Read ``R C +`` or ``R C -``, separated by blanks or commas.

    Raises
    ------
    PromptError
        If it is not two numbers and a sign.
    """
    try:
        row, column, sign = text.replace(",", " ").split()
        return Click(float(row), float(column), SIGNS[sign])
    except (ValueError, KeyError) as error:
        raise PromptError(
            f"--point {text} is not a point; give row, column and + (on it) or - (beside it)"
        ) from error


def build_prompts(boxes: list[str], points: list[str]) -> Prompts | None:
    """Make one row of prompts an object.

    Parameters
    ----------
    boxes, points : list of str
        As typed. Each box is an object; a point belongs to the box of :func:`find_box_of_point`.
        Without boxes all points are one object.

    Returns
    -------
    Prompts or None
        None if there is neither box nor point.

    Raises
    ------
    PromptError
        If one of them cannot be read.
    """
    corners = np.array([parse_box(text) for text in boxes]).reshape(-1, 4)
    clicks = [parse_point(text) for text in points]
    if not len(corners) and not clicks:
        return None
    rows: list[list[Click]] = [[] for _ in range(max(1, len(corners)))]
    for click in clicks:
        rows[find_box_of_point(corners, click) if len(corners) else 0].append(click)
    width = max(len(row) for row in rows)
    positions, labels = np.zeros((len(rows), width, 2)), np.full((len(rows), width), -1)
    for index, row in enumerate(rows):
        for place, click in enumerate(row):
            positions[index, place] = click.row, click.column
            labels[index, place] = click.label
    return Prompts(
        boxes=corners if len(corners) else None,
        points=positions if width else None,
        labels=labels if width else None,
    )


def find_box_of_point(boxes: npt.NDArray[np.float64], click: Click) -> int:
    """Return the index of the smallest box around a point, or of the nearest box if there is none.

    Parameters
    ----------
    boxes : ndarray, (N, 4)
        ``[r0, c0, r1, c1]`` in pixels, N > 0.
    click : Click
        The point.
    """
    point = np.array([click.row, click.column])
    outside = np.maximum(0, np.maximum(boxes[:, :2] - point, point - boxes[:, 2:]))
    distance = np.hypot(outside[:, 0], outside[:, 1])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return int(np.lexsort((area, distance))[0])


def paint_labels(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    """Paint masks (N, H, W) into one label image (H, W); earlier objects stay on top."""
    labels = np.zeros(masks.shape[1:], np.uint32)
    for number in range(len(masks), 0, -1):
        labels[masks[number - 1]] = number
    return labels
