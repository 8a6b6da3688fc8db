"""Names there and names here are a bijection, for every released variant and backbone."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import pytest
import torch

from napari_catsam.errors import CheckpointError, UnreadableFileError
from napari_catsam.models.adapter import apply_adapter, load_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.loading import load_model
from napari_catsam.models.release import (
    adapter_from_checkpoint,
    adapter_from_release,
    release_name,
    release_state_dict,
)
from napari_catsam.sam.backbones import build_sam, get_backbone
from napari_catsam.types import Intensity

KEYS_FILE = Path(__file__).parent.parent / "parity" / "official_keys.json"
LAYOUTS: dict[str, dict[str, list[int]]] = json.loads(KEYS_FILE.read_text())
RELEASED = [
    (variant, name) for variant in ("cat-a", "cat-t") for name in ("vit_b", "vit_l", "vit_h")
]
TRAINED = dict(
    zip(RELEASED, (1_466_960, 1_848_128, 2_246_480, 1_867_520, 3_325_440, 4_784_128), strict=True)
)
TOKEN = "mask_decoder.hf_token.weight"
TOKEN_ALIAS = "image_encoder.hq_token"


@lru_cache
def build_without_memory(variant: str, name: str) -> CatSam:
    with torch.device("meta"):
        return CatSam(get_backbone(name), build_sam(name), variant)


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny")


@pytest.fixture(params=["cat-a", "cat-t"])
def model(request: pytest.FixtureRequest, base: CatSam) -> CatSam:
    return base.with_method(request.param, seed=4)


# ---------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(("variant", "name"), RELEASED)
def test_the_written_layout_is_the_published_one(variant: str, name: str) -> None:
    state = release_state_dict(build_without_memory(variant, name))
    published = {key: tuple(shape) for key, shape in LAYOUTS[f"{variant}/{name}"].items()}
    assert {key: tuple(value.shape) for key, value in state.items()} == published


@pytest.mark.parametrize(("variant", "name"), RELEASED)
def test_every_trained_parameter_has_one_released_name(variant: str, name: str) -> None:
    trained = build_without_memory(variant, name).trained_tensors()
    names = [release_name(key) for key in trained]
    assert len(set(names)) == len(trained)
    assert set(names) <= set(LAYOUTS[f"{variant}/{name}"])


@pytest.mark.parametrize(("variant", "name"), RELEASED)
def test_a_published_layout_gives_our_parameters_back(variant: str, name: str) -> None:
    published = LAYOUTS[f"{variant}/{name}"]
    state = {key: torch.empty(shape, device="meta") for key, shape in published.items()}
    state[TOKEN_ALIAS] = state[TOKEN] = torch.zeros(published[TOKEN])
    adapter = adapter_from_release(state)
    expected = build_without_memory(variant, name).trained_tensors()
    assert {k: v.shape for k, v in adapter.tensors.items()} == {
        k: v.shape for k, v in expected.items()
    }
    assert (adapter.header.method, adapter.header.backbone) == (variant, name)


@pytest.mark.parametrize(("variant", "name"), RELEASED)
def test_as_many_values_are_trained_as_in_the_released_code(variant: str, name: str) -> None:
    trained = build_without_memory(variant, name).trained_tensors()
    assert sum(value.numel() for value in trained.values()) == TRAINED[variant, name]


def test_both_names_of_a_tensor_share_its_memory(model: CatSam) -> None:
    state = release_state_dict(model)
    assert state[TOKEN].data_ptr() == state[TOKEN_ALIAS].data_ptr()
    key = "image_encoder.patch_embed.proj.weight"
    one, two = (
        state[f"ori_sam.{key}"],
        state["image_encoder.sam_img_encoder.patch_embed.proj.weight"],
    )
    assert one.data_ptr() == two.data_ptr() == model.frozen_tensors()[key].data_ptr()


def test_a_parameter_without_a_released_name_is_refused() -> None:
    with pytest.raises(
        CheckpointError, match=r"parameter tuner.lora.0 has no place in the release"
    ):
        release_name("tuner.lora.0")


@pytest.mark.parametrize("method", ["sam", "hq"])
def test_other_methods_cannot_be_written_in_the_release_layout(base: CatSam, method: str) -> None:
    with pytest.raises(
        CheckpointError, match=f"knows cat-a and cat-t only, this model has {method}"
    ):
        release_state_dict(base.with_method(method))


# ------------------------------------------------------------------------------------- adapters


def test_a_mask_added_to_sams_has_no_place_in_the_release_layout(base: CatSam) -> None:
    model = base.with_method("cat-a")
    assert model.head is not None
    model.head.adds_base = True
    with pytest.raises(CheckpointError, match="adds its mask to SAM's"):
        release_state_dict(model)


def test_an_adapter_comes_back_from_the_release_layout(model: CatSam) -> None:
    adapter = adapter_from_release(release_state_dict(model), "folder/best.pth")
    trained = model.trained_tensors()
    assert adapter.tensors.keys() == trained.keys()
    assert all(torch.equal(adapter.tensors[key], value) for key, value in trained.items())
    header = adapter.header
    assert (header.method, header.backbone, header.input_size) == (model.method, "tiny", 64)
    assert (header.resize, header.intensity) == ("stretch", Intensity())
    assert header.backbone_sha256 == ""
    assert header.note == "cut out of best.pth"


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_adapter_is_cut_out_of_a_file_saved_and_applied(
    base: CatSam, model: CatSam, tmp_path: Path, wrapped: bool
) -> None:
    path = tmp_path / "released.pth"
    state = release_state_dict(model)
    torch.save({"model": state} if wrapped else state, path)
    saved = adapter_from_checkpoint(path).save(tmp_path / "cut.safetensors")
    path.unlink()  # the adapter does not need it any more
    tuned = apply_adapter(base, load_adapter(saved))
    assert tuned.model_id == model.model_id
    assert tuned.resize == "stretch"


def test_half_precision_files_become_float32(model: CatSam) -> None:
    half = {key: value.half() for key, value in release_state_dict(model).items()}
    adapter = adapter_from_release(half)
    assert {value.dtype for value in adapter.tensors.values()} == {torch.float32}


def test_two_different_bridge_tokens_are_refused(model: CatSam) -> None:
    state = release_state_dict(model)
    state[TOKEN_ALIAS] = state[TOKEN] + 1
    with pytest.raises(
        CheckpointError, match=f"two different bridge tokens, {TOKEN_ALIAS} and {TOKEN}"
    ):
        adapter_from_release(state, "x.pth")


def test_plain_sam_holds_no_adapter(base: CatSam, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save(base.frozen_tensors(), path)
    with pytest.raises(CheckpointError, match=r"sam.pth is plain SAM; it holds no adapter"):
        adapter_from_checkpoint(path)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="does not exist"):
        adapter_from_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("wrong", ["missing", "shape"])
def test_a_release_without_all_trained_parts_is_refused(model: CatSam, wrong: str) -> None:
    state = release_state_dict(model)
    bias = state.pop("mask_decoder.hf_mlp.layers.1.bias")
    if wrong == "shape":
        state["mask_decoder.hf_mlp.layers.1.bias"] = bias[:2]
    expected = (
        f"x.pth looks like {model.method} with tiny, but 1 of its trained tensors are missing or of "
        r"another shape, such as 'mask_decoder.hf_mlp.layers.1.bias'"
    )
    with pytest.raises(CheckpointError, match=expected):
        adapter_from_release(state, "x.pth")
