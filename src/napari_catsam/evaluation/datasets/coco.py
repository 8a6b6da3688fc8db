"""One's own images with objects in COCO JSON."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import CatsamError, UnreadableFileError
from napari_catsam.evaluation.datasets.base import SPLITS, Dataset, Split, register_dataset
from napari_catsam.evaluation.datasets.paired import join_sentences
from napari_catsam.evaluation.datasets.pairs import fit, read_rgb
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule
from napari_catsam.exchange.coco_reading import read_coco
from napari_catsam.images import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from napari_catsam.exchange.records import LabelImage

__all__ = ["CocoDataset"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _PackedLabels:
    """Labels of one image, as small as they are in the file."""

    content: bytes
    shape: tuple[int, ...]

    @classmethod
    def pack(cls, labels: Array) -> _PackedLabels:
        content = zlib.compress(np.ascontiguousarray(labels, np.uint32).tobytes(), 1)
        return cls(content, labels.shape)

    def unpack(self) -> Array:
        return np.frombuffer(zlib.decompress(self.content), np.uint32).reshape(self.shape)


@dataclass(frozen=True)
class _Split:
    labels: Mapping[str, _PackedLabels]
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@register_dataset("coco")
class CocoDataset(Dataset):
    """Images with objects in COCO JSON, as text or numbers of run lengths or as polygons.

    ``train.json`` and ``test.json`` in the root or in ``annotations``; a ``file_name`` is looked
    for in a folder called as the split, in ``images`` and in the root. Names are file names with
    their suffix. Where objects overlap, a pixel belongs to the one that comes first. For few-shot
    training the first of the training images are taken.
    """

    source = Source(
        "Images with COCO JSON",
        "",
        "yours",
        ("train.json, test.json (or in annotations/)", "train/, test/ (or images/)"),
    )
    rule = ObjectRule(unit="labels")

    def list_names(self, split: Split) -> tuple[str, ...]:
        """Return the file names of a split's images, in the order of the JSON.

        Raises
        ------
        UnreadableFileError
            If the JSON cannot be read, or images that it names are missing.
        """
        part = self._parts[split]
        if part.missing:
            raise UnreadableFileError(f"{self.root}: {join_sentences(part.missing)}")
        return tuple(part.labels)

    def find_names(self, split: Split) -> tuple[str, ...]:
        """Return the names of a split's images that are there."""
        return tuple(name for name in self._parts[split].labels if self._find_image(name, split))

    def list_problems(self) -> tuple[str, ...]:
        """Return one sentence for each missing file, and each image that the JSON does not name."""
        return tuple(
            dict.fromkeys(
                sentence
                for split in SPLITS
                for sentence in (*self._parts[split].missing, *self._parts[split].unused)
            )
        )

    def read_plane(self, name: str, split: Split) -> tuple[Array, Array]:
        """Read an image, (H, W, 3), and its labels, (H, W).

        Raises
        ------
        UnreadableFileError
            If the JSON names no such image, or its file cannot be read.
        ShotError
            If the JSON gives another size than that of the image.
        """
        packed, path = self._parts[split].labels.get(name), self._find_image(name, split)
        if packed is None or path is None:
            raise UnreadableFileError(f"{self.root} has no image {name} with objects for {split}")
        labels = packed.unpack()
        labels = np.where(labels > self.rule.threshold, labels, np.uint32(0))
        return fit(read_rgb(path), labels, path, f"of {name} in the JSON")

    def list_shots(self, count: Literal[1, 16]) -> tuple[str, ...]:
        """Return the first of the training images.

        Raises
        ------
        UnreadableFileError
            If there are fewer.
        """
        names = self.list_names("train")
        if len(names) < count:
            raise UnreadableFileError(
                f"{self.root} has {len(names)} images to train on, which is fewer than {count}"
            )
        return names[:count]

    @cached_property
    def _parts(self) -> Mapping[Split, _Split]:
        parts = {split: self._read_split(split) for split in SPLITS}
        named = {Path(name).name for part in parts.values() for name in part.labels}
        complete = all(part.labels for part in parts.values())
        folders = [folder for folder in ("images", *SPLITS) if (self.root / folder).is_dir()]
        unused = tuple(
            f"the image {folder}/{path.name} is named by no JSON"
            for folder in (folders if complete else ())
            for path in sorted((self.root / folder).iterdir())
            if path.suffix.lower() in IMAGE_SUFFIXES and path.name not in named
        )
        return {split: _Split(part.labels, part.missing, unused) for split, part in parts.items()}

    def _read_split(self, split: Split) -> _Split:
        places = [self.root / f"{split}.json", self.root / "annotations" / f"{split}.json"]
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            return _Split({}, (f"there is no {split}.json, nor annotations/{split}.json",))
        labels: dict[str, _PackedLabels] = {}
        missing = []
        try:
            for entry in read_coco(file):
                labels[entry.name] = _pack(entry)
        except CatsamError as error:
            missing.append(str(error))
        missing += [
            f"the image {name}, which {file.name} names, is neither in {split}, images nor the root"
            for name in labels
            if self._find_image(name, split) is None
        ]
        if not labels and not missing:
            missing.append(f"{file.name} names no image")
        return _Split(labels, tuple(missing))

    def _find_image(self, name: str, split: Split) -> Path | None:
        places = (self.root / split / name, self.root / "images" / name, self.root / name)
        return next((place for place in places if place.is_file()), None)


def _pack(entry: LabelImage) -> _PackedLabels:
    labels = np.asarray(entry.labels)
    if labels.ndim != 2:
        raise UnreadableFileError(
            f"{entry.name} has labels of shape {labels.shape}; expected the planes of a stack as "
            "images of their own"
        )
    return _PackedLabels.pack(labels)
