"""The losses of a training against a plain loop over the model, as the released code has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.evaluation.datasets.base import Dataset
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.folder import RunFolder
from napari_catsam.evaluation.protocol.processes import Processes
from napari_catsam.evaluation.protocol.run import iterate_run
from napari_catsam.geometry import Frame
from napari_catsam.models.catsam import CatSam, PromptTensors


def loop_plainly(base: CatSam, dataset: Dataset, method: str) -> list[float]:
    """Take three steps on the one shot, with AdamW at the constant first rate."""
    model = base.with_method(method, seed=0)
    (name,) = dataset.list_shots(1)
    sample = dataset.read(name, "train")
    masks = torch.from_numpy(sample.masks == np.unique(sample.masks)[1:, None, None]).float()
    boxes = []
    for mask in masks:
        rows, columns = torch.nonzero(mask, as_tuple=True)
        boxes.append([columns.min(), rows.min(), columns.max(), rows.max()])
    frame = Frame(sample.masks.shape, model.backbone.image_size, "stretch")
    scale = torch.tensor([*frame.scale[::-1]] * 2)
    prompts = PromptTensors(boxes=(torch.tensor(boxes) * scale).round())
    image = torch.from_numpy(sample.image.copy()).permute(2, 0, 1)[None].float()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=1e-4)
    losses = []
    for _ in range(3):
        encoded = model.encode(frame.image_to_input(image))
        logits = model.decode(encoded.features, model.detail(encoded), prompts).logits[:, 0]
        loss = bce_dice_loss(frame.logits_to_image(logits), masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("method", ["cat-a", "cat-t", "hq"])
def test_without_augmentation_the_losses_are_those_of_a_plain_loop(
    base: CatSam, whu: Dataset, tmp_path: Path, method: str
) -> None:
    config = ProtocolConfig(method=method, seed=0, augment="none", prompts=("box",))
    losses = []
    for progress in iterate_run(base, whu, config, RunFolder(tmp_path), Processes(base.device)):
        losses.append(progress.loss)
        if len(losses) == 3:
            break
    assert losses == pytest.approx(loop_plainly(base, whu, method), abs=1e-5)
    assert len(set(losses)) == 3
