"""FLS: marine debris in forward-looking sonar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from napari_catsam.evaluation.datasets.base import Split, register_dataset
from napari_catsam.evaluation.datasets.listing import read_lists, take_listed
from napari_catsam.evaluation.datasets.paired import PairedDataset
from napari_catsam.evaluation.datasets.pairs import Folders, Pairs, find_pairs
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["FlsDataset"]

FOLDER = "md_fls_dataset/data/watertank-segmentation"
TRAINED_SHARE = 0.7


@register_dataset("fls")
class FlsDataset(PairedDataset):
    """Marine debris of eleven classes in a water tank, seen by an ARIS Explorer 3000.

    Not known: the archive has no split, its authors drew theirs by chance, and the code of CAT-SAM
    for this set, its split and its few-shot images were not released. Without ``train.txt`` and
    ``test.txt`` in the root (one stem a line), the first 70 % of the frames by number train and the
    others test: frames are of a film, so neighbours are nearly the same and must not be parted by
    chance. Each connected area of a class is one object; the limits of area are what the released
    code does unless a data set says otherwise.
    """

    source = Source(
        "FLS marine debris",
        "https://github.com/mvaldenegro/marine-debris-fls-datasets",
        "not stated",
        (f"{FOLDER}/Images/*.png, {FOLDER}/Masks/*.png", "train.txt, test.txt (may be missing)"),
    )
    tops = (FOLDER, "watertank-segmentation")
    rule = ObjectRule(connectivity=8, smallest_area=21, smallest_share=0.001, unit="values")
    class_names = (
        *("bottle", "can", "chain", "drink carton", "hook", "propeller"),
        *("shampoo bottle", "standing bottle", "tire", "valve", "wall"),
    )

    @cached_property
    def pairs(self) -> Mapping[Split, Pairs]:
        """The files of each split: as the lists say, or by the number of the frame."""
        every = find_pairs(self.top, Folders("Images", "Masks"))
        lists, problems = read_lists(self.root)
        if lists or problems:
            return take_listed(every, lists, problems, "Images")
        names = sorted(every.found, key=_frame)
        first = round(TRAINED_SHARE * len(names))
        parts: dict[Split, list[str]] = {"train": names[:first], "test": names[first:]}
        return take_listed(every, parts, {}, "Images")


def _frame(name: str) -> tuple[int, str]:
    number = re.search(r"(\d+)$", name)
    return (int(number[1]) if number else -1, name)
