from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.start import start_trainee
from napari_catsam.adaptation.train import adapt
from napari_catsam.errors import TrainingError
from napari_catsam.geometry import boxes_from_masks
from napari_catsam.models.adapter import apply_adapter, cut_adapter, load_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.tuning.base import list_methods
from napari_catsam.types import Prompts
from tests.adaptation.pictures import draw_discs

METHODS = [name for name in list_methods() if name != "sam"]


def logits_of(model: CatSam) -> npt.NDArray[np.float32]:
    shot = draw_discs()
    masks = np.asarray(shot.masks) == np.arange(1, 6)[:, None, None]
    predictor = Predictor(model)
    return predictor.predict(
        predictor.embed(shot.image), Prompts(boxes=boxes_from_masks(masks))
    ).logits


def start(base: CatSam, config: TrainConfig) -> CatSam:
    return start_trainee(base, config)


@pytest.mark.parametrize("method", METHODS)
def test_fresh_masks_are_about_those_of_the_base_model(base: CatSam, method: str) -> None:
    wanted = logits_of(base).ravel()
    config = TrainConfig(method=method, init="base")
    near = np.corrcoef(wanted, logits_of(start(base, config)).ravel())[0, 1]
    released = dataclasses.replace(config, init="official")
    far = np.corrcoef(wanted, logits_of(start(base, released)).ravel())[0, 1]
    assert near > 0.94  # the windows are of 9 tokens, to which VPT adds 10
    assert near > far + 0.2


@pytest.mark.parametrize("method", METHODS)
def test_fresh_masks_are_nearly_those_of_the_small_model(small: CatSam, method: str) -> None:
    fresh = start(small, TrainConfig(method=method, init="base"))
    assert np.corrcoef(logits_of(small).ravel(), logits_of(fresh).ravel())[0, 1] > 0.999


def test_the_start_depends_on_the_seed_alone(base: CatSam) -> None:
    one, two = (start(base, TrainConfig()).trained_tensors() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_an_adapter_is_taken_as_it_is(base: CatSam) -> None:
    model = start(base, TrainConfig(init="official", seed=3))
    again = start(model, TrainConfig()).trained_tensors()
    assert all(torch.equal(value, again[name]) for name, value in model.trained_tensors().items())


@pytest.mark.parametrize("method", METHODS)
def test_a_loaded_adapter_corrects_the_base_mask_as_in_training(
    base: CatSam, method: str, tmp_path: Path
) -> None:
    model = start(base, TrainConfig(method=method, init="base"))
    path = cut_adapter(model).save(tmp_path / "a.safetensors")
    loaded = apply_adapter(base, load_adapter(path))
    assert loaded.head is not None
    assert loaded.head.adds_base
    np.testing.assert_array_equal(logits_of(loaded), logits_of(model))
    assert start_trainee(loaded, TrainConfig(method=method)).head.adds_base  # type: ignore[union-attr]


def test_an_unknown_start_is_one_clear_sentence() -> None:
    with pytest.raises(
        TrainingError, match="init is 'zero', it must be one of base, identity, official"
    ):
        TrainConfig(init="zero")  # type: ignore[arg-type]


@pytest.mark.parametrize("prompts", ["boxes", "click", "mask"])
@pytest.mark.parametrize("method", METHODS)
def test_an_identity_start_gives_exactly_the_base_masks(
    base: CatSam, method: str, prompts: str
) -> None:
    check_identity(base, method, prompts)


@pytest.mark.parametrize("method", METHODS)
def test_an_identity_start_is_exact_on_the_small_model_too(small: CatSam, method: str) -> None:
    check_identity(small, method, "boxes")


def check_identity(base: CatSam, method: str, kind: str) -> None:
    shot = draw_discs()
    masks = np.asarray(shot.masks) == np.arange(1, 6)[:, None, None]
    prompts = {
        "boxes": Prompts(boxes=boxes_from_masks(masks)),
        "click": Prompts(points=[[[20.0, 20.0]]]),
        "mask": Prompts(boxes=boxes_from_masks(masks), masks=masks),
    }[kind]
    found = []
    for model in (base, start(base, TrainConfig(method=method, init="identity"))):
        predictor = Predictor(model)
        found.append(predictor.predict(predictor.embed(shot.image), prompts))
    np.testing.assert_array_equal(found[0].logits, found[1].logits)
    np.testing.assert_array_equal(found[0].scores, found[1].scores)


@pytest.mark.parametrize("method", METHODS)
def test_an_identity_adapter_stays_isolated_in_its_file_and_in_training(
    base: CatSam, method: str, tmp_path: Path
) -> None:
    config = TrainConfig(method=method, init="identity", steps=2, objects_per_step=3)
    adapter = adapt(base, [draw_discs()], config)
    assert (adapter.header.isolated, adapter.header.format) == (True, 2)
    loaded = apply_adapter(base, load_adapter(adapter.save(tmp_path / "a.safetensors")))
    again = start_trainee(loaded, TrainConfig(method=method))
    np.testing.assert_array_equal(logits_of(loaded), logits_of(again))
    assert cut_adapter(loaded).header.isolated
    assert adapt(base, [draw_discs()], dataclasses.replace(config, init="base")).header.format == 1


def test_random_values_are_no_start_to_go_back_to(base: CatSam) -> None:
    """What an official start ends with does not depend on how far others would go back."""
    config = TrainConfig(steps=2, init="official", method="hq", objects_per_step=1)
    near = adapt(base, [draw_discs()], config)
    far = adapt(base, [draw_discs()], dataclasses.replace(config, interpolation=0.1))
    for name, value in near.tensors.items():
        torch.testing.assert_close(far.tensors[name], value, rtol=0, atol=0)
