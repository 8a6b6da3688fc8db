"""SBU-Shadow: shadows in photographs."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.evaluation.datasets.base import Counts, Shots, register_dataset
from napari_catsam.evaluation.datasets.paired import PairedDataset, SplitFolders
from napari_catsam.evaluation.datasets.pairs import Folders
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["SbuDataset"]


@register_dataset("sbu")
class SbuDataset(PairedDataset):
    """SBU-Shadow in its own split.

    Objects are 8-connected, of more than 10 pixels and more than a thousandth of the largest, where
    the mask is not 0. Masks are PNG, images JPEG.

    How many training images the archive holds is told differently (4085 and 4089 are both found in
    papers), so only the test images are counted against a number.
    """

    source = Source(
        "SBU-Shadow",
        "https://www3.cs.stonybrook.edu/~cvl/projects/shadow_noisy_label/index.html",
        "research",
        (
            "SBU-shadow/SBUTrain4KRecoveredSmall/ShadowImages/*.jpg, ShadowMasks/*.png",
            "SBU-shadow/SBU-Test/ShadowImages/*.jpg, ShadowMasks/*.png",
        ),
    )
    tops = ("SBU-shadow",)
    folders: ClassVar[SplitFolders] = {
        "train": (
            Folders(
                "SBUTrain4KRecoveredSmall/ShadowImages",
                "SBUTrain4KRecoveredSmall/ShadowMasks",
                mask_suffixes=(".png",),
            ),
        ),
        "test": (
            Folders("SBU-Test/ShadowImages", "SBU-Test/ShadowMasks", mask_suffixes=(".png",)),
        ),
    }
    rule = ObjectRule(connectivity=8, smallest_area=11, threshold=0, smallest_share=0.001)
    other_metrics = ("balanced_error_rate", "iou_image", "iou_boundary")
    class_names = ("shadow",)
    published: ClassVar[Counts] = {"test": 638}
    shots: ClassVar[Shots] = {
        1: ("lssd1109",),
        16: (
            *("lssd3356", "lssd1409", "lssd1090", "lssd3732"),
            *("lssd2011", "lssd1901", "lssd1821", "lssd1512"),
            *("lssd3713", "lssd1376", "lssd3493", "lssd3729"),
            *("lssd610", "lssd3008", "lssd1319", "lssd1109"),
        ),
    }
