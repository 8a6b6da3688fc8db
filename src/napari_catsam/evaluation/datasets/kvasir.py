"""Kvasir-SEG: polyps in colonoscopy images."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.evaluation.datasets.base import Counts, Shots, register_dataset
from napari_catsam.evaluation.datasets.paired import PairedDataset, SplitFolders
from napari_catsam.evaluation.datasets.pairs import Folders
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["KvasirDataset"]


@register_dataset("kvasir")
class KvasirDataset(PairedDataset):
    """Kvasir-SEG in the split of PraNet, whose two archives CAT-SAM was trained and tested with.

    In the training archive the images whose names are numbers are of another set (CVC-ClinicDB) and
    are left out, as are the other folders of the test archive. Objects are 8-connected, of more
    than 20 pixels and more than a thousandth of the largest, where the mask is 255.

    The archive of Kvasir-SEG itself holds the same images without a split; that of PraNet for it is
    not published as a list, so it is read as data set ``folder`` with lists of one's own.
    """

    source = Source(
        "Kvasir-SEG",
        "https://github.com/DengPingFan/PraNet",
        "research and education",
        (
            "TrainDataset/image/*.png, TrainDataset/masks/*.png",
            "TestDataset/Kvasir/images/*.png, TestDataset/Kvasir/masks/*.png",
        ),
    )
    folders: ClassVar[SplitFolders] = {
        "train": (Folders("TrainDataset/image", "TrainDataset/masks", skip=r"\d+"),),
        "test": (Folders("TestDataset/Kvasir/images", "TestDataset/Kvasir/masks"),),
    }
    rule = ObjectRule(connectivity=8, smallest_area=21, threshold=254, smallest_share=0.001)
    class_names = ("polyp",)
    published: ClassVar[Counts] = {"train": 900, "test": 100}
    shots: ClassVar[Shots] = {
        1: ("cju0roawvklrq0799vmjorwfv",),
        16: (
            "cju7dn24o296i09871qfxb8s2",
            "cju83mki1jv5w0817kubxm31r",
            "cju6vucxvvlda0755j7msqnya",
            "cju43kj2pm34f0850l28ahpni",
            "cju2x7vw87mu30878hye2ca0m",
            "cju5ddda9bkkt0850enzwatb1",
            "cju77vvcwzcm50850lzoykuva",
            "cju3128yi0rpu0988o4oo5n8n",
            "cju8b7aqtr4a00987coba14b7",
            "cjz14qsk2wci60794un9ozwmw",
            "cju0s690hkp960855tjuaqvv0",
            "cju888fr7nveu0818r9uwtiit",
            "cju8b542nr81x0871uxnkm9ih",
            "cju2qtee81yd708787bsjr75d",
            "cju83h9ysjwe808716nt35oah",
            "cju0roawvklrq0799vmjorwfv",
        ),
    }
