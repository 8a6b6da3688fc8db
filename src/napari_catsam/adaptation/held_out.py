"""What is held out of a few masks, to score on: decided from the masks alone, without the images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from napari_catsam.adaptation.partial import choose_region
from napari_catsam.adaptation.weights import count_effective, weigh_objects
from napari_catsam.errors import ShotError

if TYPE_CHECKING:
    from napari_catsam.types import Shot

__all__ = ["SHARE", "Held", "HeldOut", "find_ignored", "plan_held_out"]

LEAST_SHOTS, LEAST_OBJECTS = 3, 4
"""From so many shots on whole shots are held out, from so many objects on single objects."""

LEAST_EFFECTIVE = 3.0
"""Single objects are held out only if they are of like size: they must count as so many equal ones."""

ENOUGH_EFFECTIVE = 4.0
"""More shots than the share are held out, up to half of them, if their objects then count as so many equal
ones: the gain of three says little beside its own noise. If they do not, more shots are trained on."""

SHARE = 0.2
"""About this share is held out, unless a run is asked for another."""

Held = Literal["images", "objects", "regions", "none"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What of some shots is trained on and what is only scored; an entry a shot.

    Attributes
    ----------
    held : {"images", "objects", "regions", "none"}
        What kind of things are held out.
    labels : tuple of list of int
        The labels that can be used.
    out : tuple of set of int
        Those of them that are held out whole.
    regions : tuple of dict of int to ndarray, (H, W), bool
        Where a part of an object is held out.
    """

    held: Held
    labels: tuple[list[int], ...]
    out: tuple[set[int], ...]
    regions: tuple[dict[int, npt.NDArray[np.bool_]], ...]

    @property
    def objects(self) -> int:
        """How many objects there are."""
        return sum(map(len, self.labels))

    @property
    def scored(self) -> int:
        """How many of them are held out, whole or in part."""
        return sum(map(len, self.out)) + sum(map(len, self.regions))


def plan_held_out(shots: Sequence[Shot], share: float = SHARE, seed: int = 0) -> HeldOut:
    """Choose what is held out.

    Whole shots if there are three, those with objects of the usual size first, and up to half of them if
    that makes four objects of like size; else objects if there are four of like size and never the
    largest of them; else an end of each large object.

    Parameters
    ----------
    shots : sequence of Shot
        At least one; the images are not looked at.
    share : float
        About this share is held out, at least one shot or object, and more shots where it takes more to
        tell a gain from noise; 0 holds out nothing.
    seed : int
        Chooses among shots or objects that are alike.

    Raises
    ------
    ShotError
        If there is no shot, or nothing outside of the ignored pixels.
    """
    if not shots:
        raise ShotError("no shots were given; draw at least one mask")
    labels = tuple(_usable_labels(shot) for shot in shots)
    generator = np.random.default_rng([seed, 0])
    held_keys, held = _hold_out(_measure_areas(shots, labels), len(shots), share, generator)
    out = tuple({label for i, label in held_keys if i == index} for index in range(len(shots)))
    if held != "none":
        return HeldOut(held, labels, out, tuple({} for _ in shots))
    regions = tuple(
        _choose_regions(shot, known, share, generator)
        for shot, known in zip(shots, labels, strict=True)
    )
    return HeldOut("regions" if any(regions) else "none", labels, out, regions)


def find_ignored(shot: Shot) -> npt.NDArray[np.bool_]:
    """Return the pixels (H, W) of a shot that say nothing."""
    if shot.ignore is None:
        return np.zeros(np.asarray(shot.masks).shape, bool)
    return np.asarray(shot.ignore, dtype=bool)


def _choose_regions(
    shot: Shot, labels: list[int], share: float, generator: np.random.Generator
) -> dict[int, npt.NDArray[np.bool_]]:
    """Choose an end of each object that is large enough, such that something of each is left."""
    if share <= 0:
        return {}
    seen = np.where(find_ignored(shot), 0, np.asarray(shot.masks))
    regions: dict[int, npt.NDArray[np.bool_]] = {}
    hidden = np.zeros(seen.shape, bool)
    for label in labels:
        region = choose_region(seen == label, share, generator)
        if region is not None and np.isin(labels, seen[~(hidden | region)]).all():
            regions[label] = region
            hidden |= region
    return regions


def _usable_labels(shot: Shot) -> list[int]:
    """Return the labels that have a pixel outside of the ignored ones; at least one."""
    masks, ignore = np.asarray(shot.masks), shot.ignore
    seen = masks if ignore is None else masks[~np.asarray(ignore)]
    labels = [int(label) for label in np.unique(seen) if label != 0]
    if not labels:
        where = f" of {shot.name}" if shot.name else ""
        raise ShotError(f"every mask{where} lies in ignored pixels; draw one outside of them")
    return labels


def _measure_areas(
    shots: Sequence[Shot], labels: tuple[list[int], ...]
) -> dict[tuple[int, int], int]:
    """Return the pixels of each (shot, label), without ignored ones."""
    areas = {}
    for index, (shot, known) in enumerate(zip(shots, labels, strict=True)):
        found, counts = np.unique(np.asarray(shot.masks)[~find_ignored(shot)], return_counts=True)
        pixels = dict(zip(found.tolist(), counts.tolist(), strict=True))
        areas.update({(index, label): pixels[label] for label in known})
    return areas


def _hold_out(
    areas: dict[tuple[int, int], int], shots: int, share: float, generator: np.random.Generator
) -> tuple[set[tuple[int, int]], Held]:
    """Return the (shot, label) pairs that are held out, and what kind of things they are."""
    keys = list(areas)
    if share > 0 and shots >= LEAST_SHOTS:
        chosen = _choose_shots(areas, shots, share, generator)
        return {key for key in keys if key[0] in chosen}, "images"
    weights = weigh_objects(np.array(list(areas.values())))
    if share > 0 and len(keys) >= LEAST_OBJECTS and count_effective(weights) >= LEAST_EFFECTIVE:
        others = np.delete(np.arange(len(keys)), np.argmax(weights))
        drawn = generator.permutation(others)[: _count_held(len(keys), share)]
        return {keys[index] for index in drawn}, "objects"
    return set(), "none"


def _choose_shots(
    areas: dict[tuple[int, int], int], shots: int, share: float, generator: np.random.Generator
) -> set[int]:
    """Choose the shots that are held out whole: the share, or more if that tells a gain from noise.

    Those come first whose objects are about as large as in the median shot: from one with small objects
    alone nothing is known of the large ones, and the only one with a large object is for learning.
    """
    known = [np.array([n for (shot, _), n in areas.items() if shot == i]) for i in range(shots)]
    sizes = [_typical_size(some) for some in known]
    median = sorted(sizes)[shots // 2]
    unlike = [abs(math.log(size / median)) for size in sizes]
    order = sorted(generator.permutation(shots).tolist(), key=lambda shot: unlike[shot])
    least = _count_held(shots, share)
    for count in range(least, shots // 2 + 1):
        held = np.concatenate([known[shot] for shot in order[:count]])
        if count_effective(weigh_objects(held)) >= ENOUGH_EFFECTIVE:
            return set(order[:count])
    return set(order[:least])


def _typical_size(areas: npt.NDArray[np.int64]) -> float:
    """Return the mean root of the pixels of some objects, weighed as they count."""
    return float(weigh_objects(areas) @ np.sqrt(areas))


def _count_held(count: int, share: float) -> int:
    """Return about ``share`` of ``count`` things: at least one, and never all."""
    return min(max(1, round(share * count)), count - 1)
