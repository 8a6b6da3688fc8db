"""From shots to what is trained on and what is only scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from napari_catsam.adaptation.held_out import Held, find_ignored, plan_held_out
from napari_catsam.adaptation.partial import find_unsaid

if TYPE_CHECKING:
    from napari_catsam.types import Intensity, Shot

__all__ = ["Sample", "Scored", "Split", "split_shots"]

Annotated = Literal["surroundings", "everything"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One image to train on.

    Attributes
    ----------
    rgb : ndarray, (H, W, 3), float32
        In 0..255.
    labels : ndarray, (H, W), int32
        Training objects 1..N, without gaps.
    ignore : ndarray, (H, W), bool
        Pixels that say nothing: the user's, every held-out object or region, and what is far from
        all objects unless everything is annotated.
    boxes : ndarray, (N, 4), float
        Tight box of each object.
    areas : ndarray, (N,), int
        Pixels of each object.
    complete : bool
        Whether a place without an object is known to have none.
    """

    rgb: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    ignore: npt.NDArray[np.bool_]
    boxes: npt.NDArray[np.float64]
    areas: npt.NDArray[np.int64]
    complete: bool = False

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.areas)


@dataclass(frozen=True, eq=False)
class Scored:
    """One image with the objects on which a model is scored.

    Attributes
    ----------
    image : ndarray, (H, W) or (H, W, C)
        As the user gave it.
    labels : ndarray, (H, W), int
        Objects by number; those that are not in ``objects`` do not count.
    objects : tuple of int
        The labels that are scored.
    ignore : ndarray, (H, W), bool
        Pixels that do not count.
    regions : tuple of ndarray, (H, W), bool
        For each object the pixels that count, where a part of it is trained on; else empty.
    name : str
        Of the shot.
    """

    image: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    objects: tuple[int, ...]
    ignore: npt.NDArray[np.bool_]
    regions: tuple[npt.NDArray[np.bool_], ...] = ()
    name: str = ""

    def mask(self, label: int) -> npt.NDArray[np.bool_]:
        """Return the mask of one object, (H, W), without ignored pixels."""
        one: npt.NDArray[np.bool_] = (self.labels == label) & ~self.ignore
        return one

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """One mask an object, (N, H, W), without ignored pixels; made anew at every access."""
        return np.stack([self.mask(label) for label in self.objects])


@dataclass(frozen=True, eq=False)
class Split:
    """What is trained on and what is scored.

    Attributes
    ----------
    train : tuple of Sample
        At least one object in all.
    scored : tuple of Scored
        Held-out objects; the training objects themselves when ``held`` is ``"none"``.
    held : {"images", "objects", "regions", "none"}
        What was held out.
    """

    train: tuple[Sample, ...]
    scored: tuple[Scored, ...]
    held: Held

    def describe(self, scored: Sequence[Scored]) -> str:
        """Say in a few words for the user what scores of some of the images of ``scored`` mean."""
        objects = _count_of(_count_objects(scored), _count_objects(self.scored), "object")
        if self.held == "none":
            return f"scored on the {objects} trained on (too few masks to hold any out)"
        if self.held == "objects":
            return f"scored on {objects} held out"
        if self.held == "regions":
            return f"scored on a part of {objects} held out"
        images = _count_of(len(scored), len(self.scored), "image")
        return f"scored on {objects} in {images} held out"


def _count_objects(scored: Sequence[Scored]) -> int:
    return sum(len(image.objects) for image in scored)


def _count_of(count: int, total: int, what: str) -> str:
    """Say "1 image", "3 images" or "2 of 3 images"."""
    words = f"{total} {what}" if total == 1 else f"{total} {what}s"
    return words if count == total else f"{count} of {words}"


def split_shots(
    shots: Sequence[Shot],
    intensity: Intensity,
    share: float,
    seed: int,
    annotated: Annotated = "surroundings",
) -> Split:
    """Choose what is held out.

    As :func:`~napari_catsam.adaptation.held_out.plan_held_out` says.

    Parameters
    ----------
    shots : sequence of Shot
        At least one.
    intensity : Intensity
        How pixel values become 0..255.
    share : float
        About this share is held out, at least one shot or object; 0 holds out nothing.
    seed : int
        Chooses which.
    annotated : {"surroundings", "everything"}
        What pixels without a label say (:class:`~napari_catsam.adaptation.config.TrainConfig`).

    Returns
    -------
    Split

    Raises
    ------
    ShotError
        If there is no shot, or nothing outside of the ignored pixels.
    """
    plan = plan_held_out(shots, share, seed)
    all_trained = plan.held in ("regions", "none")
    train, scored = [], []
    for shot, labels, out, regions in zip(shots, plan.labels, plan.out, plan.regions, strict=True):
        kept = [label for label in labels if label not in out]
        if kept:
            train.append(_make_sample(shot, kept, sorted(out), regions, intensity, annotated))
        wanted = kept if all_trained else sorted(out)
        if wanted:
            scored.append((_make_scored(shot, wanted, {}), _make_scored(shot, wanted, regions)))
    return _join(train, scored, plan.held)


def _join(train: list[Sample], scored: list[tuple[Scored, Scored]], held: Held) -> Split:
    """Score parts of objects where there are any, else whole objects; each image is given as both."""
    if held == "regions":
        parts = tuple(part for _, part in scored if part.regions)
        return Split(tuple(train), parts, held)
    return Split(tuple(train), tuple(whole for whole, _ in scored), held)


def _make_sample(
    shot: Shot,
    kept: list[int],
    out: list[int],
    regions: dict[int, npt.NDArray[np.bool_]],
    intensity: Intensity,
    annotated: Annotated,
) -> Sample:
    masks = np.asarray(shot.masks)
    known = np.asarray(kept, dtype=masks.dtype)
    labels = np.where(np.isin(masks, known), np.searchsorted(known, masks) + 1, 0).astype(np.int32)
    ignore = np.logical_or.reduce([find_ignored(shot), *regions.values()])
    labels[ignore] = 0
    ignore = ignore | np.isin(masks, out)
    # One pass over the image, however many objects there are.
    found = find_objects(labels, len(kept))
    boxes = np.array([[r.start, c.start, r.stop, c.stop] for r, c in found], dtype=np.float64)
    areas = np.bincount(labels.ravel(), minlength=len(kept) + 1)[1:]
    complete = annotated == "everything"
    if not complete:
        ignore = ignore | find_unsaid(boxes, labels.shape)
    rgb = intensity.apply(np.asarray(shot.image))
    return Sample(rgb, labels, ignore, boxes, areas, complete)


def _make_scored(
    shot: Shot, wanted: list[int], regions: dict[int, npt.NDArray[np.bool_]]
) -> Scored:
    objects = tuple(label for label in wanted if label in regions) if regions else tuple(wanted)
    parts = tuple(regions[label] for label in objects) if regions else ()
    image, masks = np.asarray(shot.image), np.asarray(shot.masks)
    return Scored(image, masks, objects, find_ignored(shot), parts, shot.name)
