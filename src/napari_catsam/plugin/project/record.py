"""What is kept of the work on one image: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "LIVE",
    "NO_CHANNELS",
    "ChannelsRecord",
    "ImageRecord",
    "LabelsRecord",
    "ModelRecord",
    "PlaneRecord",
    "ProjectRecord",
    "PromptsRecord",
    "VersionRecord",
    "list_ids",
]

LIVE = "live"
"""Kind of the record of the object that was being annotated."""

BLOCK = 2**19
"""Pixels at a time, so that other threads get their turn."""

NEVER = datetime.fromtimestamp(0, UTC)

Placement = Mapping[str, Any]
"""Scale, translate, rotate, shear, affine, units and axis labels of a layer, as lists."""


@dataclass(frozen=True)
class ImageRecord:
    """The image that was worked on.

    Attributes
    ----------
    name, path : str
        Of the layer; the path is empty if the image was not opened from a file.
    shape : tuple of int
        Of the data at full resolution.
    dtype : str
    """

    name: str
    path: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class VersionRecord:
    """One adapter that can be gone back to.

    Attributes
    ----------
    number : int
        From 1 on.
    name : str
        What it is called.
    file : str
        Beside ``project.json``.
    parent : str
        Name of the version that its training went on from; empty if that was the base model.
    note : str
        The user's words.
    """

    number: int
    name: str
    file: str
    parent: str = ""
    note: str = ""


@dataclass(frozen=True)
class ModelRecord:
    """The chosen model.

    Attributes
    ----------
    backbone : str
        Its name.
    variant : str
        ``"base"`` or ``"adapted"``.
    adapter : str
        File of the adapter beside ``project.json``; empty without one.
    versions : tuple of VersionRecord
        All adapters there are.
    """

    backbone: str
    variant: str = "base"
    adapter: str = ""
    versions: tuple[VersionRecord, ...] = ()


@dataclass(frozen=True)
class ChannelsRecord:
    """What the model sees of the image, if that is not the layer as it is shown.

    Attributes
    ----------
    picks : tuple of str, int or None
        For red, green and blue: the name of an image layer, or a position along ``axis``; None
        leaves the colour black. Empty for the layer as it is shown.
    axis : int or None
        The axis of the image's data that the picks are positions of.
    """

    picks: tuple[str | int | None, ...] = ()
    axis: int | None = None


NO_CHANNELS = ChannelsRecord()


@dataclass(frozen=True)
class PlaneRecord:
    """One written plane of a Labels layer.

    Attributes
    ----------
    index : tuple of int
        Its position along all axes but the last two.
    ids : str
        The objects in it, as ``"1..12 15"``.
    checksum : int
        CRC-32 of the pixels, so that what has not changed is not written again.
    """

    index: tuple[int, ...]
    ids: str
    checksum: int

    @property
    def file(self) -> str:
        """Name of the file in the layer's folder."""
        return f"{'-'.join(f'{step:05d}' for step in self.index) or 'plane'}.tif"


@dataclass(frozen=True)
class LabelsRecord:
    """A Labels layer; planes that are not listed are blank.

    Attributes
    ----------
    folder : str
        Where its planes are, beside ``project.json``.
    name : str
        Of the layer.
    shape : tuple of int
    dtype : str
    placement : mapping
        Where the layer lies in the world.
    planes : tuple of PlaneRecord
    removed : bool
        Whether the user deleted the layer.
    features : mapping of str to list
        Columns of the layer's table, with classes and scores; a missing value is None.
    """

    folder: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    placement: Placement
    planes: tuple[PlaneRecord, ...] = ()
    removed: bool = False
    features: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptsRecord:
    """A Shapes or Points layer, or the prompts of the object that was being annotated.

    Attributes
    ----------
    kind : str
        ``"shapes"``, ``"points"`` or :data:`LIVE`.
    name : str
        Of the layer.
    ndim : int
    placement : mapping
        Where the layer lies in the world.
    data : list
        Vertices (K, ndim) a shape or live prompt, or one position (ndim,) a point, in data
        coordinates.
    types : list of str
        ``"rectangle"`` and so on, one a shape or live prompt; empty for points.
    features : mapping of str to list
        One value a shape or point.
    """

    kind: str
    name: str
    ndim: int
    placement: Placement
    data: list[Any] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    features: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectRecord:
    """All that is kept of the work on one image, but the pixels.

    Attributes
    ----------
    image : ImageRecord
    model : ModelRecord
    labels : tuple of LabelsRecord
    prompts : tuple of PromptsRecord
    saved : datetime
        When, in UTC.
    channels : ChannelsRecord
    classes : tuple of str
        All that there were to choose from, also those that no object has.
    object_class : str
        The one that was chosen; empty in projects from before it was kept.
    """

    image: ImageRecord
    model: ModelRecord
    labels: tuple[LabelsRecord, ...] = ()
    prompts: tuple[PromptsRecord, ...] = ()
    saved: datetime = NEVER
    channels: ChannelsRecord = NO_CHANNELS
    classes: tuple[str, ...] = ()
    object_class: str = ""

    @property
    def kept_labels(self) -> tuple[LabelsRecord, ...]:
        """The Labels layers that the user did not delete."""
        return tuple(labels for labels in self.labels if not labels.removed)

    @property
    def live(self) -> tuple[PromptsRecord, ...]:
        """The prompts of the object that was being annotated, if one was."""
        return tuple(prompts for prompts in self.prompts if prompts.kind == LIVE)

    @property
    def drawn_layers(self) -> tuple[PromptsRecord, ...]:
        """The Shapes and Points layers."""
        return tuple(prompts for prompts in self.prompts if prompts.kind != LIVE)

    @property
    def objects(self) -> int:
        """How many objects there are, of all Labels layers."""
        return sum(_count(labels) for labels in self.kept_labels)

    @property
    def drawn(self) -> int:
        """How many shapes and points there are."""
        return sum(len(prompts.data) for prompts in self.prompts)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that could be restored."""
        return not (self.objects or self.drawn or self.model.adapter or self.model.versions)


def list_ids(pixels: npt.NDArray[Any]) -> str:
    """List the labels of a plane in a short form, such as ``"1..12 15"``."""
    top = int(pixels.max(initial=0))
    if pixels.size and int(pixels.min()) >= 0 and top <= 4 * pixels.size:
        present = np.zeros(top + 1, bool)
        for block in np.array_split(pixels.ravel(), pixels.size // BLOCK + 1):
            present[block] = True
        ids = np.flatnonzero(present)
    else:
        ids = np.unique(pixels)
    ids = ids[ids != 0]
    runs = np.split(ids, np.flatnonzero(np.diff(ids.astype(object)) != 1) + 1) if ids.size else []
    return " ".join(str(r[0]) if len(r) == 1 else f"{r[0]}..{r[-1]}" for r in runs)


def _count(labels: LabelsRecord) -> int:
    """Count different objects over all planes, by their runs of numbers."""
    runs = sorted(
        (int(first), int(last or first))
        for plane in labels.planes
        for first, _, last in (run.partition("..") for run in plane.ids.split())
    )
    count, end = 0, runs[0][0] - 1 if runs else 0
    for first, last in runs:
        count += max(0, last - max(first, end + 1) + 1)
        end = max(end, last)
    return count
