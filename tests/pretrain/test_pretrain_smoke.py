"""The program that makes ``vit_nano`` draws valid scenes, learns, and writes a file that loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_catsam.sam.backbones import build_sam
from pretrain.evaluate import find_objects, guesses
from pretrain.export import read_asset
from pretrain.network import build_network, encode
from pretrain.prompts import correct, draw_points, shake_boxes
from pretrain.samples import SampleConfig, draw_sample
from pretrain.scenes import draw_scene
from pretrain.shapes import KINDS
from pretrain.state import Plan, Run
from pretrain.train import train


def test_a_scene_is_the_same_for_the_same_seed() -> None:
    first, second = (draw_scene(np.random.default_rng(3), 128) for _ in range(2))
    other = draw_scene(np.random.default_rng(4), 128)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.labels, other.labels)


@pytest.mark.parametrize("kind", [draw for _, draw in KINDS], ids=lambda draw: draw.__name__)
def test_parts_lie_in_the_object_of_the_same_number(kind: object) -> None:
    labels, parts = kind(np.random.default_rng(0), 128)  # type: ignore[operator]
    assert labels.shape == parts.shape == (128, 128)
    assert labels.max() >= 1
    assert np.array_equal(labels[parts > 0], parts[parts > 0])


def test_a_sample_holds_masks_with_their_tight_boxes() -> None:
    sample = draw_sample(np.random.default_rng(0), [], SampleConfig(size=128, objects=5))
    assert sample["image"].shape == (3, 128, 128)
    assert sample["dense"].shape == (5, 32, 32)
    assert torch.isfinite(sample["dense"]).all()
    for mask, box in zip(sample["masks"], sample["boxes"], strict=True):
        rows, columns = torch.nonzero(mask, as_tuple=True)
        tight = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert box.tolist() == [int(side) for side in tight]


def test_a_window_of_the_canvas_is_computed_as_the_model_computes_a_whole_one() -> None:
    sam = build_network().eval()
    image = torch.randn(1, 3, 512, 512)
    with torch.no_grad():
        torch.testing.assert_close(encode(sam, image, (0, 0)).features, sam.image_encoder(image))


def test_a_corrective_click_lies_in_the_error_and_says_which_kind() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.zeros(3, 64, 64, dtype=torch.bool)
    truth[:, 16:48, 16:48] = True
    logits = torch.full((3, 16, 16), -5.0)  # all missed
    logits[1] = 5.0  # all of the image
    logits[2, 4:12, 4:12] = 5.0  # about right
    points, labels = correct(truth, logits, generator)
    rows, columns = points.long().T
    assert labels[:2].tolist() == [1, 0]
    assert truth[0, rows[0], columns[0]]
    assert not truth[1, rows[1], columns[1]]


def test_points_are_drawn_inside_and_boxes_stay_the_right_way_round() -> None:
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(20, 32, 32, generator=generator) < 0.05
    points, some = draw_points(masks, generator)
    rows, columns = points.long().T
    assert masks[torch.arange(20), rows, columns][some].all()
    assert not draw_points(torch.zeros(1, 8, 8), generator)[1].item()
    shaken = shake_boxes(torch.tensor([[4.0, 4.0, 5.0, 5.0]] * 50), 0.5, generator)
    assert (shaken[:, 2:] > shaken[:, :2]).all()


def test_the_ellipse_is_a_better_guess_of_a_disc_than_its_box() -> None:
    rows, columns = np.mgrid[:40, :40]
    labels = ((rows - 20) ** 2 + (columns - 18) ** 2 < 100).astype(np.int32)
    objects = find_objects(labels, 10)
    assert objects is not None
    box, ellipse = guesses(objects.boxes, (40, 40))
    assert (ellipse[0].numpy() & objects.masks[0]).sum() / (
        ellipse[0].numpy() | objects.masks[0]
    ).sum() > 0.95
    assert box.sum() > ellipse.sum()


def test_a_few_steps_change_the_weights_and_the_file_loads_back(tmp_path: Path) -> None:
    plan = Plan(
        tmp_path / "nano.safetensors",
        tmp_path,
        steps=4,
        images=1,
        size=128,
        processes=1,
        warm_up=1,
        scored=1,
    )
    before = Run(plan).sam.state_dict()
    run = train(plan)
    changed = [
        key for key, value in run.sam.state_dict().items() if not torch.equal(value, before[key])
    ]
    loaded = read_asset(build_sam("vit_nano"), plan.out)
    assert run.step == 4
    assert len(changed) > 150
    assert not any(key.startswith("mask_decoder.refiner.") for key in changed)
    assert plan.out.stat().st_size < 25e6
    for key, value in loaded.state_dict().items():
        torch.testing.assert_close(value, run.mean.state_dict()[key], rtol=2e-3, atol=2e-3)


def test_an_interrupted_run_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    plan = Plan(
        tmp_path / "nano.safetensors", tmp_path, steps=2, images=1, size=128, processes=1, scored=1
    )
    train(plan)
    again = Run(plan)
    again.load()
    assert again.step == 2
    assert again.resumed == 1
