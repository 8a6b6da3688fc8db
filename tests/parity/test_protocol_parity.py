"""``train`` without augmentation, from box prompts, has the losses of the released code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import coins

from napari_catsam.evaluation.datasets.base import open_dataset
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.folder import RunFolder
from napari_catsam.evaluation.protocol.processes import Processes
from napari_catsam.evaluation.protocol.run import iterate_run
from napari_catsam.models.adapter import apply_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.release import adapter_from_release
from napari_catsam.sam.backbones import get_backbone
from napari_catsam.sam.weights import sam_from_state_dict
from tests.parity.official_checkpoint import state_dict

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


def draw_mask(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Draw the ellipse in each box, and the pixels in which it touches the box's four sides.

    The released losses are those of the ellipses, prompted with these boxes; the few pixels more make
    the boxes the tight ones, which ``train`` finds itself.
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, np.uint8)
    for x0, y0, x1, y1 in boxes.astype(int):
        across = (columns - (x0 + x1) / 2) / ((x1 - x0) / 2)
        down = (rows - (y0 + y1) / 2) / ((y1 - y0) / 2)
        mask[across**2 + down**2 <= 1] = 255
        middle = (y0 + y1) // 2, (x0 + x1) // 2
        mask[middle[0], [x0, x1]] = mask[[y0, y1], middle[1]] = 255
    return mask


def build_data(root: Path, boxes: np.ndarray) -> Path:
    for split in ("train", "test"):
        for folder in ("images", "masks"):
            (root / split / folder).mkdir(parents=True)
        image = coins()
        Image.fromarray(image).save(root / split / "images" / "coins.png")
        mask = draw_mask(boxes, image.shape)
        Image.fromarray(mask).save(root / split / "masks" / "coins.png")
    return root


@pytest.mark.parametrize("method", ["cat-a", "cat-t"])
def test_train_has_the_three_losses_of_the_released_code(method: str, tmp_path: Path) -> None:
    reference = np.load(HERE / f"{method}_vit_b_seed7_coins.npz")
    dataset = open_dataset("folder", build_data(tmp_path / "data", reference["boxes"]))
    released = state_dict(method, "vit_b", 7)
    # A model that has the method already is trained on from its values.
    sam = CatSam(get_backbone("vit_b"), sam_from_state_dict("vit_b", released))
    base = apply_adapter(sam, adapter_from_release(released))
    config = ProtocolConfig(method=method, augment="none", prompts=("box",))
    folder = RunFolder(tmp_path / "run")
    losses = []
    for progress in iterate_run(base, dataset, config, folder, Processes(torch.device("cpu"))):
        losses.append(progress.loss)
        if len(losses) == 3:
            break
    assert losses[0] == pytest.approx(reference["losses"][0], rel=0.01)
    # AdamW's first steps are sign-like: a few per cent.
    assert losses[1:] == pytest.approx(reference["losses"][1:], rel=0.05)
