"""Reading weights files safely, and recognising them."""

from __future__ import annotations

import json
import os
import pickle
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from napari_catsam.errors import CheckpointError, UnreadableFileError
from napari_catsam.sam.backbones import BACKBONES, seeded_sam
from napari_catsam.sam.checkpoints import (
    CheckpointKind,
    extract_sam,
    read_state_dict,
    recognise_checkpoint,
    sam_shapes,
)
from napari_catsam.sam.weights import sam_from_state_dict

KEYS_FILE = Path(__file__).parent.parent / "parity" / "official_keys.json"
LAYOUTS: dict[str, dict[str, list[int]]] = json.loads(KEYS_FILE.read_text())


def official(layout: str) -> dict[str, torch.Tensor]:
    """Return a state dict of one published layout, such as ``"cat-a/vit_b"``, without memory."""
    return {key: torch.empty(shape, device="meta") for key, shape in LAYOUTS[layout].items()}


def resnet_like() -> dict[str, torch.Tensor]:
    return {"conv1.weight": torch.zeros(8, 3, 7, 7), "fc.bias": torch.zeros(10)}


class RunsCode:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_official_layouts_are_recognised(layout: str) -> None:
    variant, backbone = layout.split("/")
    assert recognise_checkpoint(official(layout)) == CheckpointKind(variant, backbone)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_plain_backbones_are_recognised(name: str) -> None:
    tensors = {key: torch.empty(size, device="meta") for key, size in sam_shapes(name).items()}
    assert recognise_checkpoint(tensors) == CheckpointKind("sam", name)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_the_sam_in_a_release_has_sams_keys_and_shapes(layout: str) -> None:
    sam = extract_sam(official(layout))
    shapes = {key: list(value.shape) for key, value in sam.items()}
    assert shapes == LAYOUTS[f"sam/{layout.split('/')[1]}"]


def test_a_sam_is_built_from_a_release_alone() -> None:
    sam = seeded_sam("tiny").state_dict()
    release = {
        key if key.startswith("mask_decoder.") else f"ori_sam.{key}": value
        for key, value in sam.items()
    }
    release["image_encoder.hq_token_proj.0.adapter.0.weight"] = torch.zeros(8, 32)
    release["mask_decoder.hf_token.weight"] = torch.zeros(1, 32)
    assert recognise_checkpoint(release) == CheckpointKind("cat-t", "tiny")
    built = sam_from_state_dict("tiny", release).state_dict()
    assert all(torch.equal(built[key], sam[key]) for key in sam)


def test_a_checkpoint_for_another_backbone_is_refused_by_name() -> None:
    with pytest.raises(CheckpointError, match=r"^m\.pth is for vit_l, not vit_b;"):
        sam_from_state_dict("vit_b", official("sam/vit_l"), "m.pth")


def test_a_foreign_network_is_refused() -> None:
    with pytest.raises(
        CheckpointError, match=r"neither a SAM nor a CAT-SAM checkpoint.*2 keys is 'conv1\.weight'"
    ):
        recognise_checkpoint(resnet_like())


def test_a_sam_of_unknown_size_is_refused() -> None:
    tensors = official("sam/vit_b")
    del tensors["image_encoder.blocks.11.norm1.weight"]
    cut = {key: value for key, value in tensors.items() if ".blocks.11." not in key}
    with pytest.raises(CheckpointError, match=r"no known backbone.*11 blocks, expected one of"):
        recognise_checkpoint(cut)


def test_a_sam_with_a_missing_key_is_refused() -> None:
    tensors = official("sam/vit_b")
    del tensors["mask_decoder.iou_token.weight"]
    with pytest.raises(
        CheckpointError, match=r"sam with vit_b, but 1 keys are missing.*iou_token\.weight"
    ):
        recognise_checkpoint(tensors)


def test_a_sam_with_parts_of_another_model_is_refused() -> None:
    tensors = official("sam/vit_b") | {"mask_decoder.hf_token.weight": torch.zeros(1, 256)}
    with pytest.raises(CheckpointError, match=r"1 keys are not SAM's.*hf_token"):
        recognise_checkpoint(tensors)


def test_a_sam_with_another_shape_is_refused() -> None:
    tensors = official("sam/vit_b") | {"mask_decoder.iou_token.weight": torch.zeros(1, 99)}
    with pytest.raises(CheckpointError, match=r"shape \(1, 99\), expected \(1, 256\)"):
        recognise_checkpoint(tensors)


def test_a_release_of_unknown_variant_is_refused() -> None:
    tensors = {
        key: value
        for key, value in official("cat-t/vit_b").items()
        if not key.startswith("image_encoder.hq_token_proj.")
    }
    with pytest.raises(CheckpointError, match="neither cat-a nor cat-t"):
        recognise_checkpoint(tensors)


def test_an_empty_table_is_not_recognised() -> None:
    with pytest.raises(CheckpointError, match="neither"):
        recognise_checkpoint({})


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_torch_files_are_read(tmp_path: Path, new_format: bool, wrapped: bool) -> None:
    table = resnet_like()
    path = tmp_path / "file.pth"
    content = {"model": table, "epoch": 3} if wrapped else table
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    read = read_state_dict(path)
    assert list(read) == list(table)
    assert all(torch.equal(read[key], table[key]) for key in table)


def test_safetensors_are_read(tmp_path: Path) -> None:
    table = resnet_like()
    path = tmp_path / "file.safetensors"
    save_file(table, path)
    read = read_state_dict(str(path))
    assert all(torch.equal(read[key], table[key]) for key in table)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"none\.pth: it does not exist"):
        read_state_dict(tmp_path / "none.pth")


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="it is a folder, not a file"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["zip.pth", "legacy.pth", "x.safetensors"])
def test_truncated_files_are_refused(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / kind
    if path.suffix == ".safetensors":
        save_file(resnet_like(), path)
    else:
        torch.save(resnet_like(), path, _use_new_zipfile_serialization=kind == "zip.pth")
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(CheckpointError, match=r"cannot read") as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["notes.pth", "image.png", "notes.safetensors"])
def test_files_of_another_format_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"this is not a checkpoint, whatever its name says\n" * 20)
    with pytest.raises(CheckpointError, match="cannot read"):
        read_state_dict(path)


@pytest.mark.parametrize("wrapped", [True, False])
def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path, wrapped: bool) -> None:
    made = tmp_path / "made"
    path = tmp_path / "file.pth"
    content = {"model": RunsCode(made)} if wrapped else RunsCode(made)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="never unpickled"):
        read_state_dict(path)
    assert not made.exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    path = tmp_path / "file.pth"
    path.write_bytes(pickle.dumps({"a": RunsCode(made)}, protocol=2))
    with pytest.raises(CheckpointError, match="cannot read"):
        read_state_dict(path)
    assert not made.exists()


def test_python_objects_beside_tensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    torch.save({"model": resnet_like(), "arguments": Namespace(rate=1)}, path)
    with pytest.raises(CheckpointError, match="never unpickled"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(3), "holds one Tensor"),
        ([torch.zeros(3)], "holds one list"),
        ({}, "no tensors"),
        ({"model": {}}, "no tensors"),
        ({"a": torch.zeros(3), "epoch": 3}, "holds a int under 'epoch'"),
        ({1: torch.zeros(3)}, "under 1"),
    ],
)
def test_files_without_a_table_of_tensors_are_refused(
    tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "file.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        read_state_dict(path)
