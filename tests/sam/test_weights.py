"""Finding weights, and backbones with their weights in them."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_catsam.errors import (
    CheckpointError,
    MissingWeightsError,
    UnknownNameError,
    UnreadableFileError,
)
from napari_catsam.sam import weight_files
from napari_catsam.sam.backbones import list_backbones, seeded_sam
from napari_catsam.sam.weight_files import (
    MODELS_VARIABLE,
    WEIGHTS,
    WeightsFile,
    check_weights,
    file_sha256,
    find_weights,
    models_folder,
)
from napari_catsam.sam.weights import (
    hash_state_dict,
    load_sam,
    sam_from_state_dict,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    return tmp_path


def pretend_tiny_is_published(monkeypatch: pytest.MonkeyPatch, path: Path) -> WeightsFile:
    """Enter the file at ``path`` into the table, as the official weights of ``tiny``."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = WeightsFile("tiny", path.name, "http://127.0.0.1:9/", path.stat().st_size, digest)
    monkeypatch.setitem(WEIGHTS, "tiny", row)
    return row


def test_every_listed_backbone_has_a_row() -> None:
    assert sorted(WEIGHTS) == sorted(list_backbones())


def test_rows_with_an_address_say_what_comes_from_it() -> None:
    for row in WEIGHTS.values():
        if not row.embedded:
            assert row.url is not None
            assert row.url.startswith("https://")
            assert row.url.endswith(row.file_name)
            assert row.size is not None
            assert row.size > 10**8
            assert len(row.sha256 or "") == 64


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        WEIGHTS["vit_b"].size = 1  # type: ignore[misc]


def test_models_folder_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    assert models_folder().name == "models"
    assert "napari-catsam" in models_folder().parts


def test_models_folder_is_the_one_that_the_environment_names(folder: Path) -> None:
    assert models_folder() == folder


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, "")
    assert models_folder().name == "models"


def test_missing_weights_name_folder_command_and_variable(folder: Path) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        find_weights("vit_b")
    message = str(caught.value)
    assert "`napari-catsam models download vit_b`" in message
    assert str(folder) in message
    assert MODELS_VARIABLE in message
    assert "\n" not in message


def test_missing_weights_of_the_package_ask_for_a_new_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = replace(WEIGHTS["vit_nano"], file_name="not_there.safetensors")
    monkeypatch.setitem(WEIGHTS, "vit_nano", row)
    with pytest.raises(MissingWeightsError, match="reinstall napari-catsam"):
        load_sam("vit_nano")


def test_weights_are_found_offline_in_the_named_folder(folder: Path) -> None:
    path = folder / WEIGHTS["vit_b"].file_name
    path.write_bytes(b"")
    assert find_weights("vit_b") == path


@pytest.mark.parametrize("function", [find_weights, check_weights, load_sam])
def test_unknown_models_are_refused(function: object) -> None:
    assert callable(function)
    with pytest.raises(UnknownNameError, match=r"unknown model 'vit_bb'.*mean 'vit_b'"):
        function("vit_bb")


def test_a_truncated_official_file_is_not_loaded(folder: Path) -> None:
    (folder / WEIGHTS["vit_b"].file_name).write_bytes(b"PK" * 500)
    with pytest.raises(CheckpointError, match=r"1,000 bytes, expected 375,042,383.*download vit_b"):
        load_sam("vit_b")


def test_a_changed_file_of_the_right_size_is_not_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "tiny.pth"
    torch.save(seeded_sam("tiny").state_dict(), path)
    pretend_tiny_is_published(monkeypatch, path)
    assert load_sam("tiny") is not None
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"sha256 [0-9a-f]{64}, expected"):
        load_sam("tiny")


def test_loaded_weights_are_those_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "tiny.pth"
    expected = seeded_sam("tiny", seed=5)
    torch.save(expected.state_dict(), path)
    pretend_tiny_is_published(monkeypatch, path)
    sam = load_sam("tiny")
    assert hash_state_dict(sam.state_dict()) == hash_state_dict(expected.state_dict())


def test_a_file_of_another_backbone_is_refused_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "tiny.pth"
    torch.save(seeded_sam("vit_nano").state_dict(), path)
    pretend_tiny_is_published(monkeypatch, path)
    with pytest.raises(CheckpointError, match=r"tiny\.pth is for vit_nano, not tiny"):
        load_sam("tiny")


def test_weights_of_the_package_become_float32(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = {key: value.half() for key, value in seeded_sam("vit_nano").state_dict().items()}
    path = folder / "vit_nano.safetensors"
    save_file(half, path)
    monkeypatch.setattr(weight_files, "weights_path", lambda row: path)
    sam = load_sam("vit_nano")
    for key, value in sam.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, half[key].float())


def test_tiny_is_the_same_each_time_and_leaves_the_random_state() -> None:
    before = torch.get_rng_state()
    first, second = load_sam("tiny"), load_sam("tiny")
    assert torch.equal(torch.get_rng_state(), before)
    assert hash_state_dict(first.state_dict()) == hash_state_dict(second.state_dict())


def test_a_sam_around_a_checkpoint_is_ready_to_run() -> None:
    expected = seeded_sam("tiny")
    sam = sam_from_state_dict("tiny", expected.state_dict())
    assert not sam.training
    tensors = [*sam.parameters(), *sam.buffers()]
    assert {value.device.type for value in tensors} == {"cpu"}
    assert torch.equal(sam.pixel_mean, expected.pixel_mean)
    assert torch.equal(sam.pixel_std, expected.pixel_std)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(sam.image_encoder(image), expected.image_encoder(image))


def test_a_sam_around_a_checkpoint_takes_its_tensors_without_a_copy() -> None:
    state_dict = seeded_sam("tiny").state_dict()
    sam = sam_from_state_dict("tiny", state_dict)
    for key, value in sam.state_dict().items():
        assert value.data_ptr() == state_dict[key].data_ptr()


def test_state_dict_hash_sees_values_shapes_types_and_names_but_not_order() -> None:
    table = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    same = hash_state_dict(table)
    assert hash_state_dict(dict(reversed(table.items()))) == same
    for other in (
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.zeros(1)},
        {"a": torch.zeros(2, 3), "c": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.ones(1).half()},
    ):
        assert hash_state_dict(other) != same


def test_state_dict_hash_takes_scalars_and_bfloat16() -> None:
    table = {"a": torch.tensor(1.0), "b": torch.ones(3, dtype=torch.bfloat16)}
    assert len(hash_state_dict(table)) == 64


def test_file_hash_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    assert file_sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"three")
    assert file_sha256(path) == hashlib.sha256(b"three").hexdigest()


def test_file_hash_of_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="No such file"):
        file_sha256(tmp_path / "none")
