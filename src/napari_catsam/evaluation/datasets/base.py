"""The data set seam: what a data set says about itself, and the registry of data sets."""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Literal, TypeVar

import numpy.typing as npt

import napari_catsam.evaluation.datasets as package
from napari_catsam.errors import CatsamError, UnknownNameError, UnreadableFileError
from napari_catsam.evaluation.datasets.report import SPLITS, DatasetReport, Source, Split
from napari_catsam.evaluation.datasets.rule import (
    MaskNoise,
    ObjectRule,
    draw_objects,
    find_objects,
)
from napari_catsam.evaluation.folders import Sample
from napari_catsam.types import Progress

__all__ = [
    "METRICS",
    "SPLITS",
    "Counts",
    "Dataset",
    "DatasetReport",
    "MaskNoise",
    "ObjectRule",
    "PromptKind",
    "Shots",
    "Source",
    "Split",
    "describe_dataset",
    "draw_objects",
    "find_objects",
    "list_datasets",
    "open_dataset",
    "register_dataset",
]

PromptKind = Literal["box", "point", "mask"]
Counts = Mapping[Split, int]
Shots = Mapping[int, tuple[str, ...]]
Array = npt.NDArray[Any]

METRICS = ("iou_dataset", "iou_image", "iou_boundary", "balanced_error_rate")
"""What ``metric`` may be: foreground IoU of one confusion matrix over all pixels of the data set,
mean of the images' IoU, mean of their boundary IoU, balanced error rate (for shadows)."""


class Dataset(ABC):
    """Images with masks in a folder, with splits, shots and rules; registered under a name.

    Parameters
    ----------
    root : Path
        The folder that the archive was unpacked in.

    Attributes
    ----------
    name : str
    source : Source
        Where it comes from, its licence and the layout that is expected.
    rule : ObjectRule
    train_prompts, test_prompts : tuple of str
        Kinds of prompts that the paper uses: one of the first is drawn for an image while training,
        each of the second is one way to test.
    mask_noise : MaskNoise
        Of mask prompts while training.
    metric : str
        The main one of the paper, one of ``METRICS``.
    other_metrics : tuple of str
        What is usual on this data set besides.
    class_names : tuple of str
        Names of the values 1, 2, ... of a mask; one name for foreground alone.
    shots : mapping of int to tuple of str
        The released names for few-shot training; empty if none were released.
    published : mapping of str to int
        How many pairs each split has in the archive, where that is known.
    """

    name: ClassVar[str] = ""
    source: Source
    rule: ObjectRule = ObjectRule()
    train_prompts: ClassVar[tuple[PromptKind, ...]] = ("point", "box", "mask")
    test_prompts: ClassVar[tuple[PromptKind, ...]] = ("box",)
    mask_noise: ClassVar[MaskNoise] = MaskNoise()
    metric: ClassVar[str] = "iou_dataset"
    other_metrics: ClassVar[tuple[str, ...]] = ("iou_image", "iou_boundary")
    class_names: tuple[str, ...] = ("foreground",)
    shots: ClassVar[Shots] = {}
    published: ClassVar[Counts] = {}

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    @abstractmethod
    def list_names(self, split: Split) -> tuple[str, ...]:
        """Return the names of a split's images.

        Raises
        ------
        UnreadableFileError
            If a folder is missing or holds no image, or images have no mask; they are named.
        """

    @abstractmethod
    def read_plane(self, name: str, split: Split) -> tuple[Array, Array]:
        """Read an image and its mask before it is split into objects.

        For training, which finds the objects anew in each view by :func:`find_objects`, and for
        metrics that count all foreground, also that of objects too small to be prompted.

        Returns
        -------
        image : ndarray, (H, W, 3)
            uint8 as a rule.
        mask : ndarray, (H, W), integer
            0 is background, else a class or a label, 1 where the rule knows foreground alone.

        Raises
        ------
        UnreadableFileError
            If the split has no image of that name with a mask, or a file cannot be read.
        ShotError
            If the mask has another size than the image.
        """

    @abstractmethod
    def find_names(self, split: Split) -> tuple[str, ...]:
        """Return the names of a split's images that have a mask, whatever else is missing."""

    @abstractmethod
    def list_problems(self) -> tuple[str, ...]:
        """Return one sentence for each thing that is missing, without opening an image."""

    def read(self, name: str, split: Split) -> Sample:
        """Read an image, (H, W, 3), and the objects of its mask, (H, W), int32.

        Objects that the rule leaves out are background in ``masks``.

        Raises
        ------
        UnreadableFileError, ShotError
            As :meth:`read_plane`.
        """
        image, mask = self.read_plane(name, split)
        return Sample(image, find_objects(mask, self.rule), name=name)

    def list_shots(self, count: Literal[1, 16]) -> tuple[str, ...]:
        """Return the names of the training images for few-shot training, as released.

        Raises
        ------
        UnreadableFileError
            If none of that number are known.
        """
        if count not in self.shots:
            known = ", ".join(map(str, self.shots)) or "none"
            raise UnreadableFileError(
                f"no {count} images for few-shot training on {self.name} were released (known: "
                f"{known}); copy those you choose into a folder and use it as the data set 'folder'"
            )
        return self.shots[count]

    def iterate_check(self) -> Generator[Progress, bool | None, DatasetReport]:
        """Read everything and report what is wrong, with progress; ``True`` sent to it stops it."""
        found = {split: self.find_names(split) for split in SPLITS}
        problems = list(self.list_problems())
        todo = [(name, split) for split in SPLITS for name in found[split]]
        start, finished = monotonic(), True
        for step, (name, split) in enumerate(todo, start=1):
            try:
                self.read_plane(name, split)
            except CatsamError as error:
                problems.append(str(error))
            if (yield Progress(step, len(todo), monotonic() - start, stage=name)):
                finished = step == len(todo)
                break
        return DatasetReport(
            name=self.name,
            root=str(self.root),
            source=self.source,
            found={split: len(names) for split, names in found.items()},
            published=self.published,
            missing_shots=_find_missing(self.shots, found["train"]),
            problems=tuple(dict.fromkeys(problems)),
            finished=finished,
        )

    def check(self) -> DatasetReport:
        """Read everything and report what is there and what is wrong; nothing is raised for it."""
        steps = self.iterate_check()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                report: DatasetReport = end.value
                return report


def _find_missing(shots: Shots, found: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    there = set(found)
    return {
        count: tuple(name for name in names if name not in there) for count, names in shots.items()
    }


_DatasetType = TypeVar("_DatasetType", bound=type[Dataset])
_REGISTRY: dict[str, type[Dataset]] = {}


def register_dataset(name: str) -> Callable[[_DatasetType], _DatasetType]:
    """Register a class as data set ``name``: all that a new data set takes.

    Raises
    ------
    ValueError
        If the name is taken.
    """

    def add(cls: _DatasetType) -> _DatasetType:
        if name in _REGISTRY:
            raise ValueError(f"data set {name!r} is registered twice")
        cls.name = name
        _REGISTRY[name] = cls
        return cls

    return add


def list_datasets() -> list[str]:
    """Return the names of all data sets, sorted; every module of this package is searched."""
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        import_module(module.name)
    return sorted(_REGISTRY)


def describe_dataset(name: str) -> type[Dataset]:
    """Return the class of a data set: its source, rule, prompts and metric, without any data.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    """
    names = list_datasets()
    if name not in names:
        raise UnknownNameError("data set", name, names)
    return _REGISTRY[name]


def open_dataset(name: str, root: str | Path) -> Dataset:
    """Open a data set in a folder; images are read only when they are asked for.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    UnreadableFileError
        If there is no such folder.
    """
    cls, root = describe_dataset(name), Path(root)
    if not root.is_dir():
        raise UnreadableFileError(
            f"there is no folder {root}; give the one that {name} was unpacked in"
        )
    return cls(root)
