"""Massachusetts Roads: aerial images with road masks."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.evaluation.datasets.base import Counts, register_dataset
from napari_catsam.evaluation.datasets.paired import PairedDataset, SplitFolders
from napari_catsam.evaluation.datasets.pairs import Folders
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["MassachusettsRoadsDataset"]


@register_dataset("m_roads")
class MassachusettsRoadsDataset(PairedDataset):
    """Massachusetts Roads, 1500 x 1500, in its own split; ``valid`` is not used.

    From the released code of CAT-SAM: it is tested with points, not boxes. Not known: the rest of
    its code for this set and its few-shot images were not released. The rule is what the released
    code does unless a data set says otherwise.
    """

    source = Source(
        "Massachusetts Roads",
        "https://www.cs.toronto.edu/~vmnih/data/",
        "not stated",
        ("train/sat/*.tiff, train/map/*.tif", "test/sat/*.tiff, test/map/*.tif"),
    )
    tops = ("mass_roads",)
    folders: ClassVar[SplitFolders] = {
        "train": (Folders("train/sat", "train/map"),),
        "test": (Folders("test/sat", "test/map"),),
    }
    rule = ObjectRule(connectivity=8, smallest_area=21, threshold=128, smallest_share=0.001)
    test_prompts = ("point",)
    class_names = ("road",)
    published: ClassVar[Counts] = {"train": 1108, "test": 49}
