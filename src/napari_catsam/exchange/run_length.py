"""Run-length encoding as COCO has it: column by column, background first, and its text form.

The definition is that of the COCO masks: T.-Y. Lin et al., "Microsoft COCO: Common Objects in
Context", ECCV 2014, and its data format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import LabelsError

__all__ = ["Region", "compress_counts", "encode_plane", "expand_counts", "find_pixels"]

Indices = npt.NDArray[np.int64]

_BITS = 5
"""Bits of a number that one character of the text form holds; a sixth says that more follow."""


@dataclass(frozen=True, eq=False)
class Region:
    """One object in one plane.

    Attributes
    ----------
    label : int
    counts : ndarray, (runs,), int64
        Lengths of the runs of the plane's pixels, taken column by column: background, object,
        background, ... The first may be 0.
    corner : (int, int)
        Row and column of the first pixel of its box.
    size : (int, int)
        Height and width of its box in pixels.
    area : int
        In pixels.
    """

    label: int
    counts: Indices
    corner: tuple[int, int]
    size: tuple[int, int]
    area: int


@dataclass(frozen=True, eq=False)
class _Runs:
    """Runs of equal non-zero labels, none longer than a column, in the order of their labels.

    Positions are in the plane taken column by column. ``firsts`` are where each object's runs start
    in the list.
    """

    starts: Indices
    ends: Indices
    labels: npt.NDArray[Any]
    firsts: Indices


def encode_plane(labels: npt.NDArray[Any]) -> list[Region]:
    """Encode every object of a plane at once.

    Parameters
    ----------
    labels : ndarray, (H, W), int
        0 is background.

    Returns
    -------
    list of Region
        By rising label.
    """
    height, width = labels.shape
    runs = _find_runs(labels)
    if len(runs.firsts) == 0:
        return []
    lengths = runs.ends - runs.starts
    areas = np.add.reduceat(lengths, runs.firsts)
    rows, columns = runs.starts % height, runs.starts // height
    top = np.minimum.reduceat(rows, runs.firsts)
    bottom = np.maximum.reduceat(rows + lengths, runs.firsts)
    left = np.minimum.reduceat(columns, runs.firsts)
    right = np.maximum.reduceat(columns, runs.firsts) + 1
    counts = _count(runs, height * width)
    table = np.column_stack(
        (runs.labels[runs.firsts], top, left, bottom - top, right - left, areas)
    )
    return [
        Region(label, counts[number], (row, column), (rows_of, columns_of), area)
        for number, (label, row, column, rows_of, columns_of, area) in enumerate(table.tolist())
    ]


def compress_counts(counts: npt.ArrayLike) -> str:
    """Return the text form of run lengths.

    From the fourth on, each count is given as the difference from the one two before; numbers are
    cut into groups of five bits, the lowest first, and each is a character from ``0`` on.

    Parameters
    ----------
    counts : array_like, (runs,), int
        As in :class:`Region`.
    """
    numbers = np.array(counts, np.int64)
    numbers[3:] -= numbers[1:-2].copy()
    characters, is_used = [], []
    rest, going = numbers, np.ones(len(numbers), bool)
    while going.any():
        group = rest & 0x1F
        rest = rest >> _BITS
        is_used.append(going)
        # The highest bit of the last group is the sign.
        going = going & (rest != np.where(group & 0x10, -1, 0))
        characters.append(group + 0x20 * going + ord("0"))
    if not characters:
        return ""
    table, used = np.column_stack(characters), np.column_stack(is_used)
    return bytes(table[used].astype(np.uint8)).decode("ascii")


def expand_counts(text: str) -> Indices:
    """Return the run lengths that a text form stands for.

    Raises
    ------
    LabelsError
        If it is no such text.
    """
    try:
        codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    except UnicodeEncodeError as error:
        raise LabelsError("the run lengths hold characters that encode no number") from error
    if len(codes) == 0:
        return codes
    if codes.min() < 0 or codes.max() > 0x3F or codes[-1] & 0x20:
        raise LabelsError("the run lengths are cut off, or hold characters that encode no number")
    is_last = (codes & 0x20) == 0
    ends = np.flatnonzero(is_last)
    firsts = np.concatenate(([0], ends[:-1] + 1))
    groups = ends - firsts + 1
    if groups.max() > 12:
        raise LabelsError("the run lengths hold a number above 60 bits")
    shifts = _BITS * (np.arange(len(codes)) - np.repeat(firsts, groups))
    numbers = np.add.reduceat((codes & 0x1F) << shifts, firsts)
    is_negative = (codes[ends] & 0x10) != 0
    numbers[is_negative] -= np.int64(1) << (_BITS * groups[is_negative])
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def find_pixels(counts: npt.ArrayLike, size: tuple[int, int]) -> Indices:
    """Return the pixels of an object.

    Parameters
    ----------
    counts : array_like, (runs,), int
        As in :class:`Region`.
    size : (int, int)
        (H, W) of the plane.

    Returns
    -------
    ndarray, (area,), int64
        Positions in the plane taken column by column: ``column * H + row``.

    Raises
    ------
    LabelsError
        If the counts are negative or do not add up to H x W.
    """
    lengths = np.asarray(counts, np.int64)
    total = size[0] * size[1]
    if lengths.ndim != 1 or lengths.min(initial=0) < 0 or lengths.sum() != total:
        raise LabelsError(
            f"the run lengths add up to {lengths.sum()} and the plane has {size[0]} x {size[1]} = "
            f"{total} pixels; the mask is of another image"
        )
    ends = np.cumsum(lengths)[1::2]
    inside = lengths[1::2]
    offsets = np.cumsum(inside) - inside
    pixels: Indices = np.arange(inside.sum()) + np.repeat(ends - inside - offsets, inside)
    return pixels


def _find_runs(labels: npt.NDArray[Any]) -> _Runs:
    height = labels.shape[0]
    pixels = labels.ravel(order="F")
    is_end = np.ones(len(pixels), bool)
    np.not_equal(pixels[1:], pixels[:-1], out=is_end[:-1])
    is_end[height - 1 :: height] = True  # a run ends with its column, for the boxes
    ends = np.flatnonzero(is_end) + 1
    starts = np.concatenate(([0], ends[:-1]))
    values = pixels[starts]
    inside = np.flatnonzero(values)
    inside = inside[np.argsort(values[inside], kind="stable")]
    values = values[inside]
    firsts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))[: len(values)])
    return _Runs(starts[inside], ends[inside], values, firsts)


def _count(runs: _Runs, total: int) -> list[Indices]:
    """Return each object's counts, joining runs that go on in the next column."""
    is_first = np.zeros(len(runs.starts), bool)
    is_first[runs.firsts] = True
    is_joined = np.zeros(len(runs.starts), bool)
    is_joined[1:] = ~is_first[1:] & (runs.starts[1:] == runs.ends[:-1])
    starts = runs.starts[~is_joined]
    ends = runs.ends[~np.append(is_joined[1:], False)]
    firsts = np.flatnonzero(is_first[~is_joined])
    before = np.concatenate(([0], ends[:-1]))
    before[firsts] = 0
    pairs = np.column_stack((starts - before, ends - starts)).ravel()
    lasts = np.append(firsts[1:], len(starts)) - 1
    rests = total - ends[lasts]
    # The background after an object's last run is a count of its own unless there is none.
    counts = np.insert(pairs, 2 * (lasts + 1), rests)
    parts = np.split(counts, (2 * (lasts + 1) + np.arange(1, len(lasts) + 1))[:-1])
    return [part if part[-1] else part[:-1] for part in parts]
