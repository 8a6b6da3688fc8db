"""What every tuning method promises, checked for each one in the registry on the tiny backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_catsam import load_adapter, load_model
from napari_catsam.adaptation.memory import copy_to_cpu
from napari_catsam.adaptation.start import start_from_base
from napari_catsam.models.adapter import apply_adapter, cut_adapter, isolate_base
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.tuning import list_methods, register
from napari_catsam.tuning.base import Tuner
from napari_catsam.tuning.layers import PromptTuner

METHODS = list_methods()
TRAINED = [name for name in METHODS if name != "sam"]
BOXES = torch.tensor([[4.0, 6.0, 40.0, 50.0], [10.0, 8.0, 30.0, 24.0]])


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny")


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def decode(model: CatSam, image: torch.Tensor) -> torch.Tensor:
    encoded = model.encode(image)
    return model.decode(encoded.features, model.detail(encoded), PromptTensors(boxes=BOXES)).logits


def train(model: CatSam, image: torch.Tensor, steps: int) -> None:
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        decode(model, image).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("method", TRAINED)
def test_frozen_weights_are_bit_equal_after_three_steps(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    model = base.with_method(method)
    before = {k: v.clone() for k, v in model.frozen_tensors().items()}
    trained = {k: v.clone() for k, v in model.trained_tensors().items()}
    train(model, image, steps=3)
    assert all(torch.equal(before[k], v) for k, v in model.frozen_tensors().items())
    assert any(not torch.equal(trained[k], v) for k, v in model.trained_tensors().items())


@pytest.mark.parametrize("method", TRAINED)
def test_every_trainable_has_a_gradient_by_the_second_step(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    model = base.with_method(method)
    if model.tuner.identity_at_init:  # what begins at zero hides what stands before it for one step
        train(model, image, steps=1)
        model.zero_grad()
    decode(model, image).square().mean().backward()
    gradients = {k: p.grad for k, p in model.named_parameters() if p.requires_grad}
    assert gradients
    assert [k for k, g in gradients.items() if g is None or not g.abs().sum() > 0] == []


@pytest.mark.parametrize("method", TRAINED)
def test_a_saved_adapter_gives_the_same_output(
    base: CatSam, image: torch.Tensor, method: str, tmp_path: Path
) -> None:
    model = base.with_method(method, seed=3)
    train(model, image, steps=1)
    path = cut_adapter(model).save(tmp_path / "adapter.safetensors")
    again = apply_adapter(base, load_adapter(path))
    with torch.no_grad():
        assert torch.equal(decode(model, image), decode(again, image))
    assert again.model_id == model.model_id


@pytest.mark.parametrize("method", METHODS)
def test_the_encoder_is_unchanged_at_the_start_where_declared(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    model = base.with_method(method)
    with torch.no_grad():
        same = torch.equal(model.encode(image).features, base.encode(image).features)
    assert same == model.tuner.identity_at_init


@pytest.mark.parametrize("method", METHODS)
def test_no_tensor_has_two_keys(base: CatSam, method: str) -> None:
    model = base.with_method(method)
    places = [v.data_ptr() for v in model.state_dict().values()]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("method", METHODS)
def test_methods_share_the_frozen_weights_and_nothing_else(base: CatSam, method: str) -> None:
    one, two = base.with_method(method), base.with_method(method)
    frozen = two.frozen_tensors()
    assert all(v.data_ptr() == frozen[k].data_ptr() for k, v in one.frozen_tensors().items())
    trained = two.trained_tensors()
    assert all(v.data_ptr() != trained[k].data_ptr() for k, v in one.trained_tensors().items())


@pytest.mark.parametrize("method", TRAINED)
def test_another_method_starts_without_what_the_last_one_put_in(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    model = base.with_method(method)
    train(model, image, steps=2)
    with torch.no_grad():
        assert torch.equal(decode(model.with_method("sam"), image), decode(base, image))


@pytest.mark.parametrize("method", TRAINED)
def test_a_copy_has_its_own_trained_values(base: CatSam, image: torch.Tensor, method: str) -> None:
    model = base.with_method(method)
    other = copy_to_cpu(model)
    with torch.no_grad():
        before = decode(model, image)
        for parameter in model.trained_tensors().values():
            parameter.normal_()
        assert torch.equal(decode(other, image), before)
        assert not torch.equal(decode(model, image), before)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_off_or_on_give_the_same_masks(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    model = base.with_method(method)
    with torch.no_grad():
        inferred = decode(model, image)
    torch.testing.assert_close(decode(model, image), inferred, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_gives_what_single_images_give(base: CatSam, method: str) -> None:
    model = base.with_method(method)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        both = model.encode(images)
        single = [model.encode(images[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(both.features, torch.cat([s.features for s in single]))
    torch.testing.assert_close(both.early, torch.cat([s.early for s in single]))


@pytest.mark.parametrize("method", METHODS)
def test_bfloat16_encoding_stays_close(base: CatSam, image: torch.Tensor, method: str) -> None:
    model = base.with_method(method)
    with torch.no_grad():
        exact = model.encode(image).features
        model.encoder_dtype = torch.bfloat16
        rough = model.encode(image).features
    assert rough.dtype == torch.float32
    assert (rough - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_a_name_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="'cat-a' is registered twice"):
        register("cat-a")(Tuner)


@pytest.mark.parametrize("method", METHODS)
def test_a_neutral_start_is_near_the_base_and_still_trains_every_parameter(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    fresh, neutral = base.with_method(method), base.with_method(method)
    neutral.tuner.neutralise()
    with torch.no_grad():
        goal = base.encode(image).features
        distances = [(m.encode(image).features - goal).abs().mean() for m in (neutral, fresh)]
    # Learnt tokens take their share of the softmax, whatever they say.
    slack = 1.05 if isinstance(neutral.tuner, PromptTuner) else 1.0
    assert distances[0] <= slack * distances[1]
    before = {k: v.clone() for k, v in neutral.trained_tensors().items()}
    if before:
        train(neutral, image, steps=3)
    after = neutral.trained_tensors()
    assert [k for k in before if torch.equal(before[k], after[k])] == []


@pytest.mark.parametrize("method", TRAINED)
def test_an_isolated_start_is_exactly_the_base_and_still_trains_every_parameter(
    base: CatSam, image: torch.Tensor, method: str
) -> None:
    model = base.with_method(method)
    start_from_base(model, exactly=True)
    with torch.no_grad():
        assert torch.equal(decode(base, image), decode(model, image))
        assert torch.equal(base.encode(image).features, model.encode(image).features)
    before = {k: v.clone() for k, v in model.trained_tensors().items()}
    train(model, image, steps=3)
    after = model.trained_tensors()
    assert [k for k in before if torch.equal(before[k], after[k])] == []


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize("method", TRAINED)
def test_blocks_that_are_computed_twice_give_the_same_gradients(
    base: CatSam, image: torch.Tensor, method: str, exactly: bool
) -> None:
    gradients = []
    for twice in (False, True):
        model = base.with_method(method)
        if exactly:
            isolate_base(model)
        model.checkpoint_blocks = twice
        decode(model, image).square().mean().backward()
        gradients.append({k: p.grad for k, p in model.named_parameters() if p.requires_grad})
        assert model.tuner.kept() in (None, [(None, None, None)] * 4)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_blocks_that_are_computed_twice_keep_less(base: CatSam, image: torch.Tensor) -> None:
    kept = []
    for twice in (False, True):
        model = base.with_method("cat-a")
        model.checkpoint_blocks = twice
        sizes: dict[int, int] = {}

        def note(tensor: torch.Tensor, sizes: dict[int, int] = sizes) -> torch.Tensor:
            sizes[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            features = model.encode(image).features
        kept.append(sum(sizes.values()))
        del features
    assert kept[1] < 0.7 * kept[0]
