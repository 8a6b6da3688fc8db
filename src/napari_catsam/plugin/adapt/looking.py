"""Looks at planes of a stack, or regions of a plane, for what to annotate next: the worker's side."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.adaptation.suggestion import (
    ObjectLook,
    Suggestion,
    choose_places,
    find_region,
    make_grid,
    name_region,
    rank_places,
)
from napari_catsam.plugin.adapt.boxes import list_boxes
from napari_catsam.plugin.adapt.comparison import measure_overlap
from napari_catsam.plugin.adapt.outlook import Outlook, Steps
from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.plugin.wording import describe_plane

__all__ = ["Proposal", "look_around"]

MOST_PLANES = 24
"""Of a stack, evenly spread."""

MOST_OBJECTS = 6
"""Of a plane of a stack: the largest of the nearest plane that has labels."""

PLANE_GRID, REGION_GRID = 4, 9
"""Clicks along each side of a plane of a stack without labels, and of a single plane."""

LEAST_SCORE = 0.5
"""At a click where both models expect less there is hardly an object."""

LARGEST_SHARE = 0.4
"""Of a plane; what is larger at a click is the background."""

MOST_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Proposal:
    """A place that is worth annotating.

    Attributes
    ----------
    plane : Plane
        Which one.
    at : (float, float)
        Row and column of the object that is most in doubt.
    text : str
        Where, by how much doubt it is ranked, and of what that comes:
        "z=14, top left · doubt 0.48 (agreement 0.61, expected IoU 0.43)".
    """

    plane: Plane
    at: tuple[float, float]
    text: str


def look_around(
    engine: Engine, outlook: Outlook
) -> Generator[str, bool | None, tuple[Proposal, ...]]:
    """Find what to annotate next.

    Of a stack, at most 24 planes without labels are looked at, evenly spread, each with the boxes
    of the largest objects of the nearest plane that has labels: what is in a stack goes on from
    slice to slice. Without any labels, and on a single plane, a grid of clicks is asked, and kept
    where one of the models expects an object that is not annotated yet.

    Parameters
    ----------
    engine : Engine
        In its worker.
    outlook : Outlook
        Where to look.

    Yields
    ------
    str
        What is done, before each few masks, so that prompts are answered in between.

    Returns
    -------
    tuple of Proposal
        The best first.
    """
    if outlook.hidden:
        return (yield from _look_at_planes(engine, outlook))
    return (yield from _look_at_regions(engine, outlook))


def _look_at_planes(
    engine: Engine, outlook: Outlook
) -> Generator[str, bool | None, tuple[Proposal, ...]]:
    lengths = [outlook.plane.data.shape[axis] for axis in outlook.hidden]
    places: list[Steps] = [*product(*map(range, lengths))]
    labelled = [n for n, steps in enumerate(places) if _has_labels(outlook, steps)]
    chosen = choose_places(len(places), MOST_PLANES, frozenset(labelled))
    looks: list[ObjectLook] = []
    for done, number in enumerate(chosen, 1):
        plane = outlook.at(places[number])
        near = _find_nearest(places, labelled, places[number])
        doing = f"looking at {describe_plane(plane)}, {done} of {len(chosen)}"
        if near is None:
            prompts = PromptSet(points=make_grid(plane.size, PLANE_GRID))
        else:
            labels = outlook.read_labels(outlook.at(near))
            prompts = PromptSet(boxes=list_boxes(labels, MOST_OBJECTS))
        looks += yield from _look(engine, outlook, plane, prompts, number, doing)
    return tuple(
        _propose(found, plane, f"{describe_plane(plane)}, {_name_part(found.at, plane)}")
        for found in rank_places(looks, MOST_SHOWN)
        for plane in [outlook.at(places[found.place])]
    )


def _look_at_regions(
    engine: Engine, outlook: Outlook
) -> Generator[str, bool | None, tuple[Proposal, ...]]:
    plane = outlook.plane
    grid, known = make_grid(plane.size, REGION_GRID), outlook.read_labels(plane)
    rows, columns = grid.round().astype(int).T
    clicks = grid[known[rows, columns] == 0]
    if not len(clicks):
        return ()
    doing = f"looking at {describe_plane(plane)}"
    found = yield from _look(engine, outlook, plane, PromptSet(points=clicks), 0, doing)
    looks = [
        ObjectLook(find_region(look.at, plane.size), look.at, look.score, look.agreement)
        for look in found
        if not known[round(look.at[0]), round(look.at[1])]
    ]
    return tuple(
        _propose(found, plane, name_region(found.place)) for found in rank_places(looks, MOST_SHOWN)
    )


def _propose(found: Suggestion, plane: Plane, where: str) -> Proposal:
    agreed = "" if found.agreement is None else f"agreement {found.agreement:.2f}, "
    reason = f"doubt {found.doubt:.2f} ({agreed}expected IoU {found.score:.2f})"
    return Proposal(plane, found.at, f"{where} · {reason}")


def _name_part(at: tuple[float, float], plane: Plane) -> str:
    return name_region(find_region(at, plane.size))


def _has_labels(outlook: Outlook, steps: Steps) -> bool:
    return bool(outlook.labels is not None and outlook.read_labels(outlook.at(steps)).any())


def _find_nearest(places: Sequence[Steps], labelled: Sequence[int], at: Steps) -> Steps | None:
    """Return where the nearest plane with labels is; None without any."""
    known = [places[number] for number in labelled]
    return min(known, key=lambda steps: np.abs(np.subtract(steps, at)).sum(), default=None)


Pair = tuple[ObjectMask, ObjectMask | None]
"""The mask of the model in use, and that of the base model where it is another one."""


def _look(
    engine: Engine, outlook: Outlook, plane: Plane, prompts: PromptSet, place: int, doing: str
) -> Generator[str, bool | None, list[ObjectLook]]:
    """Ask one or both models; only few masks are in memory, as those of a large plane are large."""
    clicks, looks = len(prompts.points) > 0, list[ObjectLook]()
    base = engine.segment_in_batches(outlook.base, plane, prompts)
    adapted = None
    if outlook.adapted is not None:
        adapted = engine.segment_in_batches(outlook.adapted, plane, prompts)
    while masks := (yield from _next_batch(base, doing)):
        pairs: list[Pair] = [(mask, None) for mask in masks]
        if adapted is not None:
            others = yield from _next_batch(adapted, doing)
            pairs = [*zip(others, masks, strict=True)]
        looks += _compare(pairs, plane, place, clicks=clicks)
    return looks


def _next_batch(
    steps: Iterator[str | list[ObjectMask]], doing: str
) -> Generator[str, bool | None, list[ObjectMask]]:
    """Return the next masks, none after the last; say in words of one's own what is done."""
    for step in steps:
        if not isinstance(step, str):
            return step
        yield doing
    return []


def _compare(
    pairs: Sequence[Pair], plane: Plane, place: int, *, clicks: bool
) -> Iterator[ObjectLook]:
    most = LARGEST_SHARE * plane.size[0] * plane.size[1]
    for mask, other in pairs:
        both = [one for one in (mask, other) if one is not None]
        if not any(one.mask.any() for one in both):
            continue
        large = max(int(one.mask.sum()) for one in both) > most
        if clicks and (large or max(one.score for one in both) < LEAST_SCORE):
            continue
        shown = mask if mask.mask.any() else both[-1]
        agreement = None if other is None else _overlap(mask, other)
        yield ObjectLook(place, _find_middle(shown), mask.score, agreement)


def _overlap(one: ObjectMask, other: ObjectMask) -> float:
    """Return the intersection over union of two cut masks."""
    low = np.maximum(one.corner, other.corner)
    high = np.minimum(
        np.add(one.corner, one.mask.shape), np.add(other.corner, other.mask.shape)
    ).clip(low)
    cut = [
        part.mask[tuple(map(slice, low - part.corner, high - part.corner))] for part in (one, other)
    ]
    common = int((cut[0] & cut[1]).sum()) if cut[0].shape == cut[1].shape else 0
    return measure_overlap(int(one.mask.sum()), int(other.mask.sum()), common)


def _find_middle(found: ObjectMask) -> tuple[float, float]:
    """Return a pixel (row, column) of the mask near its middle, without a list of all its pixels."""
    by_row, by_column = (np.count_nonzero(found.mask, axis=axis) for axis in (1, 0))
    row = _find_nearest_filled(by_row, _mean_place(by_row))
    column = _find_nearest_filled(found.mask[row], _mean_place(by_column))
    return float(row + found.corner[0]), float(column + found.corner[1])


def _mean_place(counts: npt.NDArray[np.intp]) -> float:
    return float(np.average(np.arange(len(counts)), weights=counts))


def _find_nearest_filled(line: npt.NDArray[Any], to: float) -> int:
    places = np.flatnonzero(line)
    return int(places[np.abs(places - to).argmin()])
