from __future__ import annotations

import math

import pytest
import torch

from napari_catsam.adaptation.losses import bce_dice_loss


def test_loss_equals_a_value_computed_by_hand() -> None:
    # p = 0.5 and 0.75 on the object, 0.5 and 0.25 off it
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, -math.log(3)]]])
    targets = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    entropy = -(math.log(0.5) + math.log(0.75) + math.log(0.5) + math.log(0.75)) / 4
    dice = 1 - (2 * (0.5 + 0.75) + 1) / (2.0 + 2.0 + 1)
    assert bce_dice_loss(logits, targets).item() == pytest.approx(entropy + dice, abs=1e-6)


def test_dice_is_a_mean_over_objects_and_entropy_over_pixels() -> None:
    logits, targets = torch.randn(2, 4, 4), torch.rand(2, 4, 4).round()
    both = bce_dice_loss(logits, targets)
    single = [bce_dice_loss(logits[i : i + 1], targets[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(both, (single[0] + single[1]) / 2)


def test_ignored_pixels_neither_count_nor_get_a_gradient() -> None:
    logits, targets = torch.randn(1, 4, 4, requires_grad=True), torch.zeros(1, 4, 4)
    targets[:, :2] = 1
    ignore = torch.zeros(4, 4, dtype=torch.bool)
    ignore[:, 3] = True
    loss = bce_dice_loss(logits, targets, ignore)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad[..., 3] == 0).all()
    assert (logits.grad[..., :3] != 0).all()
    torch.testing.assert_close(loss, bce_dice_loss(logits[..., :3], targets[..., :3]))


def test_loss_is_zero_where_everything_is_ignored() -> None:
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert bce_dice_loss(torch.randn(2, 3, 3), torch.ones(2, 3, 3), everything).item() == 0


def test_loss_is_taken_in_single_precision() -> None:
    logits = torch.full((1, 64, 64), 4.0, dtype=torch.bfloat16)
    assert bce_dice_loss(logits, torch.ones(1, 64, 64)).dtype == torch.float32


def test_equal_weights_give_the_loss_of_the_paper() -> None:
    logits, targets = torch.randn(3, 4, 4), torch.rand(3, 4, 4).round()
    ignore = torch.rand(4, 4) < 0.3
    weighed = bce_dice_loss(logits, targets, ignore, torch.full((3,), 1 / 3))
    torch.testing.assert_close(weighed, bce_dice_loss(logits, targets, ignore))


def test_an_object_of_all_the_weight_is_all_of_the_loss() -> None:
    logits, targets = torch.randn(3, 4, 4, requires_grad=True), torch.rand(3, 4, 4).round()
    weighed = bce_dice_loss(logits, targets, weights=torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(weighed, bce_dice_loss(logits[1:2], targets[1:2]))
    weighed.backward()
    assert logits.grad is not None
    assert not logits.grad[[0, 2]].any()
