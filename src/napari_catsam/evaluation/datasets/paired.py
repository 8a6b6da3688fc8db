"""Data sets of image files with mask files: all but those that say objects in another way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.datasets.base import SPLITS, Dataset, Split
from napari_catsam.evaluation.datasets.pairs import Folders, Pairs, find_pairs, read_pair

__all__ = ["PairedDataset", "SplitFolders", "join_sentences"]

Array = npt.NDArray[Any]
SplitFolders = Mapping[Split, tuple[Folders, ...]]

NAMED = 5
"""Missing files that an error names; a check names all."""


class PairedDataset(Dataset):
    """Images and masks in folders, matched by their stem.

    Attributes
    ----------
    folders : mapping of str to tuple of Folders
        By split.
    tops : tuple of str
        Folders that archives have at their top: the root may hold one of them, or be it.
    """

    folders: ClassVar[SplitFolders]
    tops: ClassVar[tuple[str, ...]] = ()

    def list_names(self, split: Split) -> tuple[str, ...]:
        """Return the names of a split's images, by folder and sorted.

        Masks without an image are left out.

        Raises
        ------
        UnreadableFileError
            If a folder is missing or holds no image, or images have no mask.
        """
        pairs = self.pairs[split]
        if pairs.missing:
            raise UnreadableFileError(f"{self.top}: {join_sentences(pairs.missing)}")
        return tuple(pairs.found)

    def read_plane(self, name: str, split: Split) -> tuple[Array, Array]:
        """Read an image, (H, W, 3), and its mask, (H, W), before it is split into objects.

        Raises
        ------
        UnreadableFileError
            If there is no image of that name with a mask, or a file cannot be read.
        ShotError
            If the mask has another size than the image.
        """
        pair = self.pairs[split].found.get(name)
        if pair is None:
            raise UnreadableFileError(
                f"{self.top} has no image {name} with a mask for {split}; run napari-catsam data "
                f"check {self.name} {self.root}"
            )
        return read_pair(pair, self.rule)

    def find_names(self, split: Split) -> tuple[str, ...]:
        """Return the names of a split's images that have a mask, whatever else is missing."""
        return tuple(self.pairs[split].found)

    def list_problems(self) -> tuple[str, ...]:
        """Return one sentence for each missing folder and each file without its fellow."""
        return tuple(
            dict.fromkeys(
                sentence
                for split in SPLITS
                for sentence in (*self.pairs[split].missing, *self.pairs[split].unused)
            )
        )

    @cached_property
    def top(self) -> Path:
        """The folder that the others lie in: the root, or the archive's own folder in it."""
        for name in self.tops:
            if (self.root / name).is_dir():
                return self.root / name
        return self.root

    @cached_property
    def pairs(self) -> Mapping[Split, Pairs]:
        """The files of each split, listed once."""
        return {
            split: _join(find_pairs(self.top, folders) for folders in self.folders[split])
            for split in SPLITS
        }


def join_sentences(sentences: tuple[str, ...]) -> str:
    """Put the first few sentences into one, and say how many more there are."""
    more = f"; and {len(sentences) - NAMED} more" if len(sentences) > NAMED else ""
    return "; ".join(sentences[:NAMED]) + more


def _join(parts: Iterable[Pairs]) -> Pairs:
    several = list(parts)
    return Pairs(
        {name: pair for part in several for name, pair in part.found.items()},
        tuple(sentence for part in several for sentence in part.missing),
        tuple(sentence for part in several for sentence in part.unused),
    )
