"""The small model looks at each object a second time, at what an adapter adds too."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
import torch

from napari_catsam import Predictor, Prompts, load_model
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.start import start_trainee
from napari_catsam.models.adapter import apply_adapter, cut_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.decoded import REACH, Correction, Decoded
from napari_catsam.models.prompt_tensors import PromptTensors
from napari_catsam.models.second_look import refine_masks
from napari_catsam.sam.refiner import MaskRefiner, View

SIDE, LOW = 128, 32
BOX = torch.tensor([[20.0, 20, 60, 70]])
CLICK, POSITIVE = torch.tensor([[[40.0, 40]]]), torch.tensor([[1]])
CLICKS, LABELS = torch.tensor([[[40.0, 40], [4, 4]]]), torch.tensor([[1, 0]])


@pytest.fixture(scope="module")
def nano() -> CatSam:
    return load_model("vit_nano", device="cpu")


def make_decoded() -> Decoded:
    logits = torch.full((1, 4, LOW, LOW), -1.0)
    logits[:, :, 6:14, 6:14] = 1
    return Decoded(logits, torch.tensor([[0.1, 0.2, 0.3, 0.4]]))


def add_one() -> MaskRefiner:
    """A refiner that adds 1 to every logit of the crop."""
    refiner = MaskRefiner()
    torch.nn.init.ones_(refiner.leave.bias)
    return refiner


@pytest.mark.parametrize(
    ("prompts", "changed"),
    [
        (PromptTensors(boxes=BOX), [True, False, False, False]),
        (PromptTensors(points=CLICK, labels=POSITIVE), [False, False, False, False]),
        (PromptTensors(points=CLICKS, labels=LABELS), [True, False, False, False]),
        (PromptTensors(boxes=BOX, points=CLICK, labels=POSITIVE), [True, False, False, False]),
        (PromptTensors(masks=torch.ones(1, 1, LOW, LOW)), [True, False, False, False]),
    ],
    ids=["box", "lone click", "clicks", "box and click", "mask"],
)
def test_the_single_mask_is_refined_unless_it_is_of_a_lone_click(
    prompts: PromptTensors, changed: list[bool]
) -> None:
    before = make_decoded()
    after = refine_masks(add_one(), before, torch.zeros(1, 3, SIDE, SIDE), prompts)
    assert (after.logits != before.logits).flatten(2).any(2)[0].tolist() == changed
    assert after.scores.shape == before.scores.shape


def test_parts_without_a_click_do_not_widen_the_crop() -> None:
    before = make_decoded()
    before.logits[:, :, 28:, 28:] = 1  # far from the click
    clicks = PromptTensors(points=CLICKS, labels=LABELS)
    after = refine_masks(add_one(), before, torch.zeros(1, 3, SIDE, SIDE), clicks)
    assert (after.logits[:, 0, 28:, 28:] < 0).all()
    assert torch.equal(after.logits[:, 0, 22:28], before.logits[:, 0, 22:28])


def test_the_refiner_sees_the_mask_with_what_a_head_adds() -> None:
    seen: list[View] = []

    class Watching(MaskRefiner):
        def refine(self, view: View, *rest: Any) -> tuple[torch.Tensor, torch.Tensor]:
            seen.append(view)
            return super().refine(view, *rest)

    nothing, image = make_decoded(), torch.zeros(1, 3, SIDE, SIDE)
    whole = Correction(torch.full((1, LOW, LOW), 3.0))
    for correction in (None, whole):
        after = refine_masks(Watching(), nothing, image, PromptTensors(boxes=BOX), correction)
    added = REACH * math.tanh(3 / REACH)
    torch.testing.assert_close(seen[1].logits, seen[0].logits + added)
    torch.testing.assert_close(after.logits, nothing.logits + added)


@pytest.mark.parametrize("sign", [-1, 1])
def test_what_a_head_adds_is_limited_unless_the_object_is_as_long_as_the_input(sign: int) -> None:
    before, image = make_decoded(), torch.zeros(1, 3, SIDE, SIDE)
    much = Correction(torch.full((1, LOW, LOW), 50.0 * sign))

    def add(prompts: PromptTensors) -> float:
        after = refine_masks(MaskRefiner(), before, image, prompts, much)
        return (after.logits - before.logits)[0, 0].mean().item()

    assert add(PromptTensors(boxes=BOX)) == pytest.approx(sign * REACH)
    middling = add(PromptTensors(boxes=torch.tensor([[0.0, 0, 0.92 * SIDE, 20]])))
    assert REACH < sign * middling < 50
    assert add(PromptTensors(boxes=torch.tensor([[0.0, 0, SIDE, 20]]))) == 50 * sign
    assert add(PromptTensors(points=CLICK, labels=POSITIVE)) == 50 * sign  # not refined


def test_clicks_have_the_length_of_the_object_that_a_head_draws() -> None:
    """Of a tree of vessels the base model finds a piece; the head must be free to draw all of it."""
    before, image = make_decoded(), torch.zeros(1, 3, SIDE, SIDE)
    tree = torch.full((1, LOW, LOW), -9.0)
    tree[:, 10] = tree[:, :, 10] = 9.0
    clicks = PromptTensors(points=CLICKS, labels=LABELS)
    after = refine_masks(MaskRefiner(), before, image, clicks, Correction(tree))
    torch.testing.assert_close(after.logits[0, 1:], before.logits[0, 1:] + tree)


def test_what_a_head_adds_stays_though_no_click_lies_on_it() -> None:
    apart = torch.zeros(1, LOW, LOW)
    apart[:, 28:, 28:] = 5
    clicks = PromptTensors(points=CLICKS, labels=LABELS)
    image = torch.zeros(1, 3, SIDE, SIDE)
    after = refine_masks(MaskRefiner(), make_decoded(), image, clicks, Correction(apart))
    assert (after.logits[:, 0, 28:, 28:] > 0).all()


@pytest.mark.parametrize("trust", [0.0, 0.5, 2.0])
def test_a_head_decides_how_much_of_the_change_is_kept(trust: float) -> None:
    before, image = make_decoded(), torch.zeros(1, 3, SIDE, SIDE)
    correction = Correction(torch.zeros(1, LOW, LOW), torch.tensor([trust]))
    after = refine_masks(add_one(), before, image, PromptTensors(boxes=BOX), correction)
    changed = (after.logits - before.logits)[0, 0].max().item()
    assert changed == pytest.approx(trust, abs=1e-5)


def test_an_adapter_of_the_small_model_learns_how_far_to_trust_the_refiner(nano: CatSam) -> None:
    trainee = start_trainee(nano, TrainConfig(method="hq"))
    image, box = torch.randn(1, 3, 512, 512), PromptTensors(torch.tensor([[30.0, 40, 100, 90]]))

    def decode(model: CatSam) -> torch.Tensor:
        with torch.no_grad():
            encoded = model.encode(image)
        return model.decode(encoded.features, model.detail(encoded), box).logits

    assert trainee.head is not None
    assert trainee.head.trust is not None
    decode(trainee).sum().backward()
    assert trainee.head.trust.weight.grad is not None
    with torch.no_grad():
        trainee.head.trust.bias.fill_(-1.0)
        loaded = apply_adapter(nano, cut_adapter(trainee))
        assert torch.equal(decode(loaded), decode(trainee))
        assert not torch.equal(decode(loaded), decode(nano))


@pytest.mark.parametrize("init", ["identity", "official"])
def test_every_parameter_gets_a_gradient_though_a_lone_click_is_not_refined(
    nano: CatSam, init: Literal["identity", "official"]
) -> None:
    trainee = start_trainee(nano, TrainConfig(method="hq", init=init))
    encoded = trainee.encode(torch.randn(1, 3, 512, 512))
    click = PromptTensors(points=CLICK, labels=POSITIVE)
    trainee.decode(encoded.features, trainee.detail(encoded), click).logits.sum().backward()
    trained = {k: p.grad for k, p in trainee.named_parameters() if p.requires_grad}
    assert [name for name, gradient in trained.items() if gradient is None] == []


def test_many_objects_are_refined_as_one_by_one(nano: CatSam) -> None:
    image = torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    encoded = nano.encode(image)
    boxes = torch.tensor([[30.0, 40, 100, 90], [200, 220, 260, 300]])

    def decode(some: torch.Tensor) -> torch.Tensor:
        return nano.decode(encoded.features, nano.detail(encoded), PromptTensors(some)).logits[:, 0]

    with torch.no_grad():
        torch.testing.assert_close(decode(boxes)[1:], decode(boxes[1:]), atol=1e-3, rtol=1e-4)


def test_the_small_model_keeps_its_input_for_the_second_look(nano: CatSam) -> None:
    image = torch.randn(1, 3, 512, 512)
    with torch.no_grad():
        encoded = nano.encode(image)
    assert encoded.image is image
    assert nano.detail(encoded).select(slice(0, 1)).image is not None
    assert any(part.shape == image.shape for part in nano.detail(encoded).tensors)


@pytest.mark.parametrize("method", ["cat-a", "hq"])
@pytest.mark.parametrize("prompt", ["box", "clicks"])
def test_an_identity_adapter_starts_at_the_refined_masks(
    nano: CatSam, method: str, prompt: str
) -> None:
    trainee = start_trainee(nano, TrainConfig(method=method, init="identity"))
    image = np.random.default_rng(0).integers(0, 255, (64, 80), np.uint8)
    prompts = Prompts(boxes=[[10, 10, 40, 50]])
    if prompt == "clicks":
        prompts = Prompts(points=[[[20.0, 20], [60, 70]]], labels=[[1, 0]])
    logits = []
    for model in (nano, trainee):
        predictor = Predictor(model.eval())
        embedding = predictor.embed(image)
        tensors = predictor.prompts_to_input(prompts, embedding.frame)
        with torch.no_grad():
            logits.append(model.decode(embedding.features, embedding.detail, tensors).logits)
    assert torch.equal(logits[0], logits[1])


def test_a_head_in_the_place_of_sams_masks_is_not_refined(nano: CatSam) -> None:
    trainee = start_trainee(nano, TrainConfig(method="hq", init="official"))
    image = torch.randn(1, 3, 512, 512)
    with torch.no_grad():
        encoded = trainee.encode(image)
        box = PromptTensors(torch.tensor([[30.0, 40, 100, 90]]))
        detail = trainee.detail(encoded)
        refined = trainee.decode(encoded.features, detail, box)
        plain = trainee.decode(encoded.features, detail._replace(image=None), box)
    assert torch.equal(refined.logits, plain.logits)
