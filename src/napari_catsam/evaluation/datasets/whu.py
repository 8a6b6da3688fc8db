"""WHU buildings: aerial tiles with building masks."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.evaluation.datasets.base import Counts, MaskNoise, Shots, register_dataset
from napari_catsam.evaluation.datasets.paired import PairedDataset, SplitFolders
from napari_catsam.evaluation.datasets.pairs import Folders
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["WhuDataset"]

ARCHIVE = "3. The cropped image tiles and raster labels"


@register_dataset("whu")
class WhuDataset(PairedDataset):
    """WHU building dataset, aerial images of 0.3 m, tiles of 512 x 512.

    As released with CAT-SAM: trained on ``train``, tested on ``val``; the archive's own ``test`` is
    not used. Objects are 4-connected, of more than 20 pixels, where the label is 255; at most 25 of
    a view are trained on. Mask prompts are made noisy on another scale than elsewhere.
    """

    source = Source(
        "WHU buildings",
        "http://gpcv.whu.edu.cn/data/building_dataset.html",
        "not stated",
        (
            f"{ARCHIVE}/train/image/*.tif, {ARCHIVE}/train/label/*.tif",
            f"{ARCHIVE}/val/image/*.tif, {ARCHIVE}/val/label/*.tif",
        ),
    )
    tops = (ARCHIVE,)
    folders: ClassVar[SplitFolders] = {
        "train": (Folders("train/image", "train/label"),),
        "test": (Folders("val/image", "val/label"),),
    }
    rule = ObjectRule(connectivity=4, smallest_area=21, threshold=254, most_objects=25)
    mask_noise = MaskNoise(scale=2, threshold=0.0)
    class_names = ("building",)
    published: ClassVar[Counts] = {"train": 4736, "test": 1036}
    shots: ClassVar[Shots] = {
        1: ("2432",),
        16: (
            *("168", "515", "807", "1176", "1552", "1901", "2432", "2679"),
            *("3130", "3486", "3678", "3939", "4263", "4335", "4640", "4725"),
        ),
    }
