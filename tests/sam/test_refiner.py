"""The refiner corrects a mask in its crop, and a fresh one changes nothing."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from napari_catsam.sam.crops import SIDE, Crops, crops_of_boxes
from napari_catsam.sam.refiner import MaskRefiner, View, view_objects

CANVAS, LOW = 128, 32
BOXES = torch.tensor([[30.0, 40, 70, 90], [10, 10, 40, 40]])
CROPS = crops_of_boxes(BOXES, CANVAS)
SCORES = torch.tensor([0.4, 0.7])


def make_disc(row: float, column: float, radius: float) -> torch.Tensor:
    """(CANVAS, CANVAS): 1 in a disc."""
    place = torch.arange(CANVAS) + 0.5
    return ((place[:, None] - row) ** 2 + (place - column) ** 2 < radius**2).float()


IMAGE = make_disc(50, 65, 18)[None, None].expand(1, 3, -1, -1)
LOGITS = torch.randn(2, LOW, LOW, generator=torch.Generator().manual_seed(0))


def look(crops: Crops = CROPS) -> View:
    return view_objects(IMAGE, LOGITS, crops, BOXES, None, None)


def test_a_fresh_one_changes_nothing() -> None:
    logits, scores = MaskRefiner().refine(look(), CROPS, LOGITS, SCORES)
    assert torch.equal(logits, LOGITS)
    assert torch.equal(scores, SCORES)


def test_a_view_holds_pixels_mask_and_prompt_of_each_object() -> None:
    points, labels = torch.tensor([[[50.0, 65]], [[20, 20]]]), torch.tensor([[1], [0]])
    view = view_objects(IMAGE, LOGITS, CROPS, BOXES, points, labels)
    assert view.pixels.shape == (2, 3, SIDE, SIDE)
    assert view.logits.shape == (2, SIDE, SIDE)
    inside, positive, negative = view.prompt.unbind(1)
    assert (inside[:, SIDE // 2, SIDE // 2] == 1).all()
    assert positive[0].max() > 0.9
    assert not positive[1].any()
    assert negative[1].max() > 0.9
    assert not negative[0].any()


def test_without_a_box_and_clicks_their_channels_are_empty() -> None:
    view = view_objects(IMAGE, LOGITS, CROPS, None, None, None)
    assert not view.prompt.any()


def test_it_only_changes_what_is_in_the_crop() -> None:
    refiner = MaskRefiner()
    torch.nn.init.ones_(refiner.leave.bias)
    logits, _ = refiner.refine(look(), CROPS, LOGITS, SCORES)
    changed = logits != LOGITS
    place = (torch.arange(LOW) + 0.5) * CANVAS / LOW
    for number, (r0, c0, r1, c1) in enumerate(CROPS.frames):
        rows, columns = (place > r0) & (place < r1), (place > c0) & (place < c1)
        assert torch.equal(changed[number], rows[:, None] & columns)


def test_one_object_is_refined_as_among_others() -> None:
    refiner = MaskRefiner()
    torch.nn.init.normal_(refiner.leave.weight)
    both, _ = refiner.refine(look(), CROPS, LOGITS, SCORES)
    alone = Crops(CROPS.frames[1:], CANVAS)
    view = view_objects(IMAGE, LOGITS[1:], alone, BOXES[1:], None, None)
    one, _ = refiner.refine(view, alone, LOGITS[1:], SCORES[1:])
    torch.testing.assert_close(one, both[1:], atol=1e-5, rtol=0)


def test_the_gradient_of_the_mask_goes_past_it() -> None:
    refiner = MaskRefiner()
    torch.nn.init.normal_(refiner.leave.weight)
    logits = LOGITS.clone().requires_grad_()
    refiner.refine(look(), CROPS, logits, SCORES)[0].sum().backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.ones_like(logits))
    assert refiner.leave.weight.grad is None


def add_one() -> MaskRefiner:
    """A refiner that adds 1 to every logit of the crop."""
    refiner = MaskRefiner()
    torch.nn.init.ones_(refiner.leave.bias)
    return refiner


@pytest.mark.parametrize(("length", "kept"), [(0.5, 1.0), (5 / 6, 1.0), (11 / 12, 0.5), (1.0, 0.0)])
def test_less_is_changed_where_the_object_is_as_long_as_the_input(
    length: float, kept: float
) -> None:
    box = torch.tensor([[50.0, 0, 70, length * CANVAS]])
    crops = crops_of_boxes(box, CANVAS)
    view = view_objects(IMAGE, LOGITS[:1], crops, box, None, None)
    logits, _ = add_one().refine(view, crops, LOGITS[:1], SCORES[:1])
    assert (logits - LOGITS[:1]).max().item() == pytest.approx(kept, abs=1e-5)


def test_trust_weighs_the_change_of_each_object_and_gets_its_gradient() -> None:
    trust = torch.tensor([2.0, 0.5], requires_grad=True)
    logits, _ = add_one().refine(look(), CROPS, LOGITS, SCORES, trust)
    assert (logits - LOGITS).flatten(1).amax(1).tolist() == pytest.approx([2.0, 0.5], abs=1e-5)
    logits.sum().backward()
    assert trust.grad is not None
    assert (trust.grad > 0).all()


def test_the_expected_iou_is_of_the_mask_as_it_is_kept() -> None:
    refiner = add_one()
    with torch.no_grad():
        refiner.quality.weight.copy_(torch.tensor([[0.0, 1.0]]))
    view = look()
    _, plain = refiner(view._replace(logits=view.logits + 0.5), SCORES, torch.zeros(2))
    _, half = refiner(view, SCORES, torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(plain, half)


def test_it_learns_a_border_from_the_pixels() -> None:
    torch.manual_seed(0)
    refiner = MaskRefiner((8, 8), (1, 1, 1))
    view = view_objects(IMAGE, LOGITS[:1], Crops(CROPS.frames[:1], CANVAS), BOXES[:1], None, None)
    truth = (view.pixels[:, 0] > 0.5).float()
    optimiser = torch.optim.Adam(refiner.parameters(), 0.01)
    for _ in range(60):
        change, _ = refiner(view, SCORES[:1])
        loss = F.binary_cross_entropy_with_logits(view.logits + change, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    mask, object_ = view.logits + refiner(view, SCORES[:1])[0] > 0, truth > 0
    assert (mask & object_).sum() / (mask | object_).sum() > 0.9
