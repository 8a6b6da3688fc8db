from __future__ import annotations

import dataclasses

import pytest
import torch

from napari_catsam.adaptation import memory, trainer
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.adaptation.memory import Plan, copy_to_cpu, estimate_bytes, fall_back, plan_step
from napari_catsam.adaptation.step import LossStep
from napari_catsam.adaptation.train import adapt
from napari_catsam.errors import OutOfMemoryError
from napari_catsam.geometry import Frame
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.sam.backbones import build_sam, get_backbone
from napari_catsam.types import Progress
from tests.adaptation.pictures import draw_discs

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
WHOLE = Plan(8, 2, checkpoint_blocks=False)


def needed(plan: Plan, backbone: str = "vit_b", value_bytes: int = 2, loss_side: int = 256) -> int:
    return estimate_bytes(
        get_backbone(backbone), plan, value_bytes=value_bytes, encoder=True, loss_side=loss_side
    )


def test_every_thing_given_up_saves_memory() -> None:
    few, one = dataclasses.replace(WHOLE, objects=4), dataclasses.replace(WHOLE, views=1)
    again = dataclasses.replace(WHOLE, checkpoint_blocks=True)
    assert max(needed(few), needed(one), needed(again)) < needed(WHOLE)
    assert needed(WHOLE) < needed(WHOLE, value_bytes=4)
    assert needed(WHOLE) < needed(WHOLE, "vit_l") < needed(WHOLE, "vit_h")


def test_the_estimate_is_near_what_is_kept_for_the_gradient(small: CatSam) -> None:
    model, sizes = small.with_method("cat-a"), {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    boxes = torch.tensor([[40.0, 40.0, 200.0, 160.0]] * 2)
    frozen = {p.untyped_storage().data_ptr() for p in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        encoded = model.encode(torch.zeros(1, 3, 512, 512))
        decoded = model.decode(encoded.features, model.detail(encoded), PromptTensors(boxes=boxes))
    kept = sum(size for place, size in sizes.items() if place not in frozen)
    del decoded
    plan = Plan(2, 1, checkpoint_blocks=False)
    assert 0.8 * kept < needed(plan, "vit_nano", value_bytes=4, loss_side=128) < 2 * kept


def test_the_loss_at_the_size_of_the_image_is_estimated_too() -> None:
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)  # or its place would be used again, and count once
        return tensor

    alive: list[torch.Tensor] = []
    logits = torch.randn(4, 256, 256, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        large = Frame((1024, 1024), 1024).logits_to_image(logits)
        targets, weights = torch.rand(4, 1024, 1024) > 0.5, torch.full((4,), 0.25)
        loss = bce_dice_loss(large, targets, weights=weights)
    assert loss.requires_grad
    plan = Plan(4, 1, checkpoint_blocks=False)
    more = needed(plan, loss_side=1024) - needed(plan, loss_side=0)
    assert sum(kept.values()) < more < 2 * sum(kept.values())


def test_a_step_that_fits_is_taken_as_asked_for(base: CatSam) -> None:
    model, config = base.with_method("cat-a"), TrainConfig()
    for free in (None, 2**40):
        assert plan_step(model, config, free) == (Plan(4, 1, checkpoint_blocks=False), "")


@pytest.mark.parametrize(("backbone", "gib"), [("vit_b", 6), ("vit_l", 8), ("vit_h", 12)])
def test_each_backbone_has_a_step_that_fits_into_a_common_gpu(
    base: CatSam, backbone: str, gib: int
) -> None:
    """Weights in float32, trained values with their gradients and moments, and the step, by the estimate."""
    with torch.device("meta"):
        model = CatSam(get_backbone(backbone), build_sam(backbone)).with_method("cat-a")
    weights = sum(4 * p.numel() for p in model.parameters())
    trained = sum(12 * p.numel() for p in model.parameters() if p.requires_grad)
    config = TrainConfig(memory=int(0.85 * (gib * 2**30 - weights - trained)))
    model.encoder_dtype = torch.bfloat16
    plan, _ = plan_step(model, config, None)
    assert needed(plan, backbone, loss_side=1024) <= config.memory


def test_what_does_not_fit_is_given_up_in_turn(base: CatSam) -> None:
    model, config = base.with_method("cat-a"), TrainConfig(views_per_step=2, memory=1)
    plan, notice = plan_step(model, config, None)
    assert plan == Plan(1, 1, checkpoint_blocks=True)
    assert notice == "memory is short: 1 object a step, blocks computed twice"
    never = dataclasses.replace(config, checkpoint_blocks=False)
    assert not plan_step(model, never, None)[0].checkpoint_blocks
    assert not plan_step(base.with_method("hq"), config, None)[0].checkpoint_blocks


def test_after_an_error_objects_go_first_and_the_cpu_comes_last() -> None:
    seen, plan = [], Plan(4, 2, checkpoint_blocks=False)
    while (following := fall_back(plan, encoder=True, device=CUDA)) and not plan.on_cpu:
        plan = following
        seen.append((plan.objects, plan.views, plan.checkpoint_blocks, plan.on_cpu))
    assert seen == [
        (2, 2, False, False),
        (1, 2, False, False),
        (1, 1, False, False),
        (1, 1, True, False),
        (1, 1, True, True),
    ]
    assert fall_back(plan, encoder=True, device=CPU) is None


def test_free_memory_of_this_computer_is_known_or_not_but_never_zero() -> None:
    free = memory.free_bytes(CPU)
    assert free is None or free > 2**20


def test_a_copy_on_the_cpu_shares_nothing_and_gives_the_same(base: CatSam) -> None:
    model = base.with_method("cat-t")
    model.encoder_dtype = torch.bfloat16
    other = copy_to_cpu(model)
    assert other.encoder_dtype == torch.float32
    mine = {p.data_ptr() for p in model.parameters()}
    assert not mine & {p.data_ptr() for p in other.parameters()}
    assert other.trained_tensors().keys() == model.trained_tensors().keys()
    image = torch.randn(1, 3, 64, 64)
    model.encoder_dtype = torch.float32
    with torch.no_grad():
        torch.testing.assert_close(other.encode(image).features, model.encode(image).features)
    other.encode(image).features.sum().backward()
    assert all(p.grad is None for p in model.parameters())


def fail_in_backward(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let the allocator fail in the gradient of the first steps, as a full device does."""
    left = [times]

    class Full(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: object, *gradients: torch.Tensor) -> torch.Tensor:
            if left[0]:
                left[0] -= 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return gradients[0]

    class Step(LossStep):
        def loss(self, step: int, objects: int) -> torch.Tensor:
            value: torch.Tensor = Full.apply(super().loss(step, objects))
            return value

    monkeypatch.setattr(trainer, "LossStep", Step)
    return left


def test_a_step_that_runs_out_of_memory_is_taken_again_with_less(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_in_backward(monkeypatch, 2)
    states: list[Progress] = []
    adapter = adapt(base, [draw_discs()], TrainConfig(steps=2), states.append)
    assert adapter.header.steps == 2
    assert states[1].stage == (
        "not enough memory, training with 2 objects a step; "
        "not enough memory, training with 1 object a step"
    )
    assert states[2].stage == "training"


def test_blocks_are_computed_twice_before_the_run_is_given_up(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_in_backward(monkeypatch, 2)
    states: list[Progress] = []
    config = TrainConfig(steps=2, objects_per_step=2, decoder_share=0)
    assert adapt(base, [draw_discs()], config, states.append).header.steps == 2
    assert states[1].stage.endswith("training with 1 object a step, blocks computed twice")
    fail_in_backward(monkeypatch, 3)
    with pytest.raises(OutOfMemoryError, match="training tiny with one object a step"):
        adapt(base, [draw_discs()], config)


def test_a_run_goes_on_when_it_is_moved_to_the_cpu(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is the CPU already; what moves are copies, with optimiser and mean."""
    config = TrainConfig(steps=4, objects_per_step=1, checkpoint_blocks=True, method="cat-t")
    before = {k: v.clone() for k, v in base.state_dict().items()}
    expected: list[float] = []
    adapt(base, [draw_discs()], config, lambda now: expected.append(now.loss))
    run = trainer.Trainer(base, [draw_discs()], config)
    list(run.score_base())
    found = [float("nan")]
    for step in range(4):
        if step == 2:
            run._move_to_cpu()
        run.train_step()
        found.append(run.loss)
    assert found[1:] == pytest.approx(expected[1:], rel=1e-5)
    assert all(torch.equal(before[k], v) for k, v in base.state_dict().items())


def test_a_planned_saving_is_told_once(base: CatSam) -> None:
    states: list[Progress] = []
    config = TrainConfig(steps=2, memory=1)
    adapt(base, [draw_discs()], config, states.append)
    assert states[0].stage.startswith("memory is short: 1 object a step")
    assert states[1].stage == "training the decoder"


@pytest.mark.parametrize(
    "words",
    [
        "DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes",
        "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory",
        "MPS backend out of memory (MPS allocated: 9.04 GB)",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuFFT error: CUFFT_ALLOC_FAILED",
    ],
)
def test_the_words_of_every_device_for_too_little_memory_are_known(words: str) -> None:
    assert memory.is_out_of_memory(RuntimeError(words))
    assert memory.is_out_of_memory(OutOfMemoryError("one object does not fit"))
    assert not memory.is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
