"""HQSeg-44K: fine masks of single objects, put together from several sets."""

from __future__ import annotations

from typing import ClassVar

from napari_catsam.evaluation.datasets.base import Counts, register_dataset
from napari_catsam.evaluation.datasets.paired import PairedDataset, SplitFolders
from napari_catsam.evaluation.datasets.pairs import Folders
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["HqSeg44kDataset"]

THIN = "thin_object_detection"


def _jpg_and_png(images: str, masks: str, prefix: str) -> Folders:
    return Folders(images, masks, f"{prefix}/", (".jpg",), (".png",))


def _cascade(folder: str, prefix: str) -> Folders:
    path = f"cascade_psp/{folder}"
    return _jpg_and_png(path, path, prefix)


@register_dataset("hqseg44k")
class HqSeg44kDataset(PairedDataset):
    """HQSeg-44K as HQ-SAM put it together: seven folders to train on, four to test.

    Names begin with that of the set, as in ``COIFT/...``. Images are JPEG and masks PNG, in the sets
    of CascadePSP in one folder. The whole foreground of an image is one object.

    Not known: CAT-SAM names the set and its metrics (mean IoU and boundary IoU of the images), but
    its code for it and its few-shot images were not released; that an image is one object is how
    HQ-SAM takes it.
    """

    source = Source(
        "HQSeg-44K",
        "https://huggingface.co/sam-hq-team/sam-hq-training",
        "that of each set; research",
        (
            "DIS5K/DIS-TR/{im,gt}, DIS5K/DIS-VD/{im,gt}",
            "cascade_psp/{DUTS-TE,DUTS-TR,ecssd,fss_all,MSRA_10K}",
            f"{THIN}/ThinObject5K/{{images_train,masks_train,images_test,masks_test}}",
            f"{THIN}/{{COIFT,HRSOD}}/{{images,masks}}",
        ),
    )
    tops = ("data",)
    folders: ClassVar[SplitFolders] = {
        "train": (
            _jpg_and_png("DIS5K/DIS-TR/im", "DIS5K/DIS-TR/gt", "DIS5K-TR"),
            _jpg_and_png(
                f"{THIN}/ThinObject5K/images_train",
                f"{THIN}/ThinObject5K/masks_train",
                "ThinObject5K-TR",
            ),
            _cascade("fss_all", "FSS"),
            _cascade("DUTS-TR", "DUTS-TR"),
            _cascade("DUTS-TE", "DUTS-TE"),
            _cascade("ecssd", "ECSSD"),
            _cascade("MSRA_10K", "MSRA10K"),
        ),
        "test": (
            _jpg_and_png("DIS5K/DIS-VD/im", "DIS5K/DIS-VD/gt", "DIS5K-VD"),
            _jpg_and_png(f"{THIN}/COIFT/images", f"{THIN}/COIFT/masks", "COIFT"),
            _jpg_and_png(f"{THIN}/HRSOD/images", f"{THIN}/HRSOD/masks", "HRSOD"),
            _jpg_and_png(
                f"{THIN}/ThinObject5K/images_test",
                f"{THIN}/ThinObject5K/masks_test",
                "ThinObject5K-TE",
            ),
        ),
    }
    rule = ObjectRule(threshold=128, unit="whole")
    metric = "iou_image"
    other_metrics = ("iou_boundary", "iou_dataset")
    class_names = ("object",)
    published: ClassVar[Counts] = {"train": 44320}
