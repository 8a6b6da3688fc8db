"""Models load from names and checkpoints; what cannot be loaded is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_catsam.errors import (
    AdapterMismatchError,
    CatsamError,
    CheckpointError,
    MissingWeightsError,
    UnknownNameError,
    UnreadableFileError,
)
from napari_catsam.models.adapter import cut_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.loading import load_model, pick_device
from napari_catsam.models.release import release_state_dict
from napari_catsam.sam.backbones import seeded_sam
from napari_catsam.tuning import list_methods


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny")


def test_a_model_is_loaded_ready_to_predict(base: CatSam) -> None:
    assert not base.training
    assert (base.method, base.resize) == ("sam", "pad")
    assert not any(parameter.requires_grad for parameter in base.parameters())
    assert base.encoder_dtype == torch.float32 or base.device.type == "cuda"


def test_loading_twice_gives_the_same_model(base: CatSam) -> None:
    assert load_model("tiny").model_id == base.model_id


@pytest.mark.parametrize("as_file", [True, False])
def test_an_adapter_is_given_as_a_file_or_as_it_is(
    base: CatSam, tmp_path: Path, as_file: bool
) -> None:
    tuned = base.with_method("cat-t", seed=3)
    adapter = cut_adapter(tuned)
    given = str(adapter.save(tmp_path / "a.safetensors")) if as_file else adapter
    model = load_model("tiny", adapter=given)
    assert model.model_id == tuned.model_id
    assert not model.training


def test_an_official_sam_file_is_loaded_in_place_of_the_weights(
    base: CatSam, tmp_path: Path
) -> None:
    path = tmp_path / "sam.pth"
    other = seeded_sam("tiny", seed=8)
    torch.save(other.state_dict(), path)
    model = load_model("tiny", checkpoint=path)
    assert model.method == "sam"
    assert model.backbone_sha256 != base.backbone_sha256
    assert all(torch.equal(v, other.state_dict()[k]) for k, v in model.frozen_tensors().items())


@pytest.mark.parametrize("method", ["cat-a", "cat-t"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_released_file_is_loaded_with_its_method(
    base: CatSam, tmp_path: Path, method: str, wrapped: bool
) -> None:
    tuned = base.with_method(method, seed=3)
    path = tmp_path / "released.pth"
    state = release_state_dict(tuned)
    torch.save({"model": state} if wrapped else state, str(path))
    model = load_model("tiny", checkpoint=str(path))
    assert model.model_id == tuned.model_id
    assert model.resize == "stretch"


def test_an_adapter_goes_on_top_of_a_checkpoint(base: CatSam, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save(base.frozen_tensors(), path)
    tuned = base.with_method("hq", seed=3)
    model = load_model("tiny", checkpoint=path, adapter=cut_adapter(tuned))
    assert model.model_id == tuned.model_id


def test_an_adapter_of_other_weights_than_the_checkpoints_is_refused(
    base: CatSam, tmp_path: Path
) -> None:
    path = tmp_path / "sam.pth"
    torch.save(seeded_sam("tiny", seed=8).state_dict(), path)
    with pytest.raises(AdapterMismatchError, match="trained on other weights of tiny"):
        load_model("tiny", checkpoint=path, adapter=cut_adapter(base.with_method("hq")))


def test_a_checkpoint_of_another_backbone_is_refused_by_name(base: CatSam, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save(base.frozen_tensors(), path)
    with pytest.raises(
        CheckpointError, match=r"sam.pth is for tiny, the chosen model is vit_b; choose"
    ):
        load_model("vit_b", checkpoint=path)


@pytest.mark.parametrize("kept", [0.2, 0.9])
def test_a_truncated_checkpoint_is_refused(base: CatSam, tmp_path: Path, kept: float) -> None:
    path = tmp_path / "sam.pth"
    torch.save(base.frozen_tensors(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CheckpointError, match=r"truncated|damaged"):
        load_model("tiny", checkpoint=path)


def test_a_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": torch.zeros(8, 3, 7, 7)}, path)
    with pytest.raises(CheckpointError, match="neither a SAM nor a CAT-SAM checkpoint"):
        load_model("tiny", checkpoint=path)


def test_an_incomplete_release_is_refused(base: CatSam, tmp_path: Path) -> None:
    path = tmp_path / "released.pth"
    state = release_state_dict(base.with_method("cat-a"))
    del state["image_encoder.shared_up_proj.bias"]
    torch.save(state, path)
    with pytest.raises(
        CheckpointError, match=r"released.pth looks like cat-a .* 'image_encoder.shared"
    ):
        load_model("tiny", checkpoint=path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"none.pth"):
        load_model("tiny", checkpoint=tmp_path / "none.pth")
    with pytest.raises(UnreadableFileError, match=r"none.safetensors"):
        load_model("tiny", adapter=tmp_path / "none.safetensors")


def test_weights_that_are_not_here_are_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_CATSAM_MODELS", str(tmp_path))
    with pytest.raises(MissingWeightsError, match="models download vit_b"):
        load_model("vit_b")


def test_an_unknown_model_is_refused_with_a_hint() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown model 'vitb', .* did you mean 'vit_b'"):
        load_model("vitb")


@pytest.mark.parametrize("device", ["gpu", "cpu:x", "", "cuda:99", "meta", "hpu", "vulkan"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(
        CatsamError, match=f"device '{device}' cannot be used: .*; try cpu"
    ) as error:
        load_model("tiny", device=device)
    assert "\n" not in str(error.value)


def test_auto_picks_a_device_that_is_there() -> None:
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    assert pick_device("cpu") == torch.device("cpu")


def test_an_unknown_precision_is_refused_before_weights_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_CATSAM_MODELS", str(tmp_path))
    with pytest.raises(
        UnknownNameError, match="unknown precision 'fp16', expected one of auto, fp32"
    ):
        load_model("vit_b", precision="fp16")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_precision_is_that_of_the_encoder_and_embeddings_stay_float32(
    precision: str, dtype: torch.dtype
) -> None:
    model = load_model("tiny", device="cpu", precision=precision)  # type: ignore[arg-type]
    assert model.encoder_dtype == dtype
    with torch.no_grad():
        assert model.encode(torch.randn(1, 3, 64, 64)).features.dtype == torch.float32


@pytest.mark.parametrize("method", list_methods())
def test_other_methods_keep_precision_device_and_the_callers_random_state(method: str) -> None:
    model = load_model("tiny", device="cpu", precision="bf16")
    before = torch.get_rng_state()
    other = model.with_method(method)
    assert torch.equal(torch.get_rng_state(), before)
    assert other.encoder_dtype == torch.bfloat16
    assert other.device == model.device
    assert not other.training


def test_an_unknown_method_is_refused_with_a_hint(base: CatSam) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown method 'cat_a', .* did you mean 'cat-a'"):
        base.with_method("cat_a")


def test_what_was_derived_from_weights_is_forgotten_with_them(base: CatSam) -> None:
    model = base.with_method("cat-a")
    position, digest = model.dense_position.clone(), model.backbone_sha256
    other = seeded_sam("tiny", seed=8).state_dict()
    model.load_state_dict(other | {k: v for k, v in model.state_dict().items() if k not in other})
    assert model.backbone_sha256 != digest
    assert not torch.equal(model.dense_position, position)
