"""JSRT: lungs in chest X-rays."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.evaluation.datasets.base import Counts, register_dataset
from napari_catsam.evaluation.datasets.paired import PairedDataset, SplitFolders
from napari_catsam.evaluation.datasets.pairs import Folders
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["JsrtDataset"]


@register_dataset("jsrt")
class JsrtDataset(PairedDataset):
    """Chest X-rays of the Japanese Society of Radiological Technology with masks of the lungs.

    The archive ``Segmentation01``, in its own split.

    Not known: CAT-SAM names JSRT, but its code for it, its split, its classes and its few-shot
    images were not released. The rule is what the released code does unless a data set says
    otherwise: 8-connected objects of more than 20 pixels and more than a thousandth of the largest,
    where the mask is above 128.
    """

    source = Source(
        "JSRT lungs",
        "http://db.jsrt.or.jp/eng.php",
        "research",
        (
            "Segmentation01/train/org/*.png, Segmentation01/train/label/*.png",
            "Segmentation01/test/org/*.png, Segmentation01/test/label/*.png",
        ),
    )
    tops = ("Segmentation01",)
    folders: ClassVar[SplitFolders] = {
        "train": (Folders("train/org", "train/label"),),
        "test": (Folders("test/org", "test/label"),),
    }
    rule = ObjectRule(connectivity=8, smallest_area=21, threshold=128, smallest_share=0.001)
    class_names = ("lung",)
    published: ClassVar[Counts] = {"train": 199, "test": 48}
