"""What to annotate next: where two models disagree, and where the masks are expected to be bad."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "ObjectLook",
    "Suggestion",
    "choose_places",
    "find_region",
    "make_grid",
    "name_region",
    "rank_places",
]

REGIONS = 3
"""A single plane is divided into so many parts along each side."""

ROW_NAMES, COLUMN_NAMES = ("top", "", "bottom"), ("left", "", "right")


@dataclass(frozen=True)
class ObjectLook:
    """What models made of one object at one place.

    Attributes
    ----------
    place : int
        Which plane or region, as the caller counts them.
    at : (float, float)
        Row and column of the object on its plane.
    score : float
        The IoU that the model in use expects of its mask, about 0..1.
    agreement : float or None
        IoU of the masks of the base and the adapted model; None where there is only one model.
    """

    place: int
    at: tuple[float, float]
    score: float
    agreement: float | None = None

    @property
    def doubt(self) -> float:
        """0 where nothing is in doubt, 1 where all is: the mean of disagreement and low score."""
        low = 1 - min(max(self.score, 0.0), 1.0)
        return low if self.agreement is None else (low + 1 - self.agreement) / 2


@dataclass(frozen=True)
class Suggestion:
    """A place that is worth annotating.

    Attributes
    ----------
    place : int
        As in :class:`ObjectLook`.
    at : (float, float)
        Row and column of the object that is most in doubt.
    score : float
        Mean over the place's objects.
    agreement : float or None
        Likewise.
    doubt : float
        Mean over the place's objects, by which places are ranked.
    """

    place: int
    at: tuple[float, float]
    score: float
    agreement: float | None
    doubt: float


def rank_places(looks: Sequence[ObjectLook], most: int) -> tuple[Suggestion, ...]:
    """Rank places by the mean doubt over their objects, the most doubtful first.

    Parameters
    ----------
    looks : sequence of ObjectLook
        Of any number of places; a place without one is not suggested.
    most : int
        So many at most; of equal ones those with the lower number.
    """
    groups: dict[int, list[ObjectLook]] = {}
    for look in looks:
        groups.setdefault(look.place, []).append(look)
    ranked = sorted(
        (_sum_up(group) for group in groups.values()), key=lambda s: (-s.doubt, s.place)
    )
    return tuple(ranked[:most])


def _sum_up(group: Sequence[ObjectLook]) -> Suggestion:
    worst = max(group, key=lambda look: look.doubt)
    agreements = [look.agreement for look in group if look.agreement is not None]
    return Suggestion(
        worst.place,
        worst.at,
        float(np.mean([look.score for look in group])),
        float(np.mean(agreements)) if agreements else None,
        float(np.mean([look.doubt for look in group])),
    )


def choose_places(count: int, most: int, left_out: Collection[int] = ()) -> list[int]:
    """Choose about evenly spread numbers.

    Parameters
    ----------
    count : int
        Out of ``0 .. count - 1``.
    most : int
        So many at most.
    left_out : collection of int
        Not these, such as slices that are annotated; with all left out, all are taken.

    Returns
    -------
    list of int
        In rising order.
    """
    free = [number for number in range(count) if number not in left_out] or list(range(count))
    if len(free) <= most:
        return free
    # The middles of equal parts: the ends of a stack often show nothing.
    return [free[int((part + 0.5) * len(free) / most)] for part in range(most)]


def make_grid(size: tuple[int, int], side: int) -> npt.NDArray[np.float64]:
    """Return points (side * side, 2), ``(row, column)``, in the middles of equal parts of a plane."""
    parts = [(np.arange(side) + 0.5) * length / side - 0.5 for length in size]
    rows, columns = np.meshgrid(*parts, indexing="ij")
    return np.stack([rows.ravel(), columns.ravel()], axis=1)


def find_region(at: tuple[float, float], size: tuple[int, int]) -> int:
    """Return in which of nine parts of a plane (H, W) a place is: 0 top left, 8 bottom right."""
    row, column = (
        min(max(int((place + 0.5) * REGIONS / length), 0), REGIONS - 1)
        for place, length in zip(at, size, strict=True)
    )
    return row * REGIONS + column


def name_region(region: int) -> str:
    """Return "top left", "right", "middle"."""
    row, column = divmod(region, REGIONS)
    return " ".join(filter(None, (ROW_NAMES[row], COLUMN_NAMES[column]))) or "middle"
