"""What was found in the folder of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["SPLITS", "DatasetReport", "Source", "Split"]

Split = Literal["train", "test"]

SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes
    ----------
    title : str
        How people call it.
    page : str
        The address of its page; empty for one's own data.
    licence : str
        In a word, as far as it is stated.
    layout : tuple of str
        The folders that are expected in the folder of the data set.
    """

    title: str
    page: str
    licence: str
    layout: tuple[str, ...]


@dataclass(frozen=True)
class DatasetReport:
    """What was found in the folder of a data set, and what is wrong with it.

    Attributes
    ----------
    name : str
        Of the data set.
    root : str
        The folder.
    source : Source
    found : mapping of str to int
        Images that have a mask, by split.
    published : mapping of str to int
        How many there are in the archive, by split, where that is known.
    missing_shots : mapping of int to tuple of str
        Released names for few-shot training that are not there, by the number of shots.
    problems : tuple of str
        One sentence a file or folder that is missing or wrong; empty if all is sound.
    finished : bool
        Whether everything was read; no if the check was stopped.
    """

    name: str
    root: str
    source: Source
    found: Mapping[Split, int]
    published: Mapping[Split, int] = field(default_factory=dict)
    missing_shots: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    finished: bool = True

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """One sentence a split that has fewer images than the archive, and one a missing shot."""
        fewer = [
            f"{split} has {self.found.get(split, 0)} of the {number} images in the archive; unpack "
            "it again"
            for split, number in self.published.items()
            if self.found.get(split, 0) < number
        ]
        missing = dict.fromkeys(name for names in self.missing_shots.values() for name in names)
        shots = [f"train has no image {name}, which few-shot training takes" for name in missing]
        return (*fewer, *shots)

    @property
    def is_sound(self) -> bool:
        """Whether there is an image in each split and nothing is wrong, be it all or a part."""
        return self.finished and not self.problems and all(self.found.values())

    @property
    def is_complete(self) -> bool:
        """Whether it is sound and as large as the archive."""
        return self.is_sound and not self.shortfalls
