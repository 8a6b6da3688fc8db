"""Reading weights files, and telling by keys and shapes what is in them."""

from __future__ import annotations

import pickle
import re
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors.torch import load_file

from napari_catsam.errors import CheckpointError, UnreadableFileError
from napari_catsam.sam.backbones import BACKBONES, build_sam

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CheckpointKind",
    "StateDict",
    "extract_sam",
    "read_state_dict",
    "recognise_checkpoint",
    "sam_shapes",
]

StateDict = dict[str, torch.Tensor]
"""Tensors by key, as ``Module.state_dict()`` gives them."""

Variant = Literal["sam", "cat-a", "cat-t"]

_FROZEN = "ori_sam."
"""Prefix of SAM's encoders in the layout of the CAT-SAM release."""

_HQ_HEAD = tuple(
    f"mask_decoder.{part}."
    for part in (
        "hf_token",
        "hf_mlp",
        "compress_vit_feat",
        "embedding_encoder",
        "embedding_maskfeature",
    )
)
"""Keys of the release's mask decoder that are not SAM's own."""

_VARIANT_KEYS: dict[str, Variant] = {
    "image_encoder.prompt_generator.": "cat-a",
    "image_encoder.hq_token_proj.": "cat-t",
}


@dataclass(frozen=True)
class CheckpointKind:
    """What a checkpoint holds.

    Attributes
    ----------
    variant : {"sam", "cat-a", "cat-t"}
        Segment Anything alone, or one of the variants in the layout of the CAT-SAM release.
    backbone : str
        The backbone, a key of :data:`~napari_catsam.sam.backbones.BACKBONES`.
    """

    variant: Variant
    backbone: str


def read_state_dict(path: str | Path) -> StateDict:
    """Read the tensors of a weights file onto the CPU, without running any code in it.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` file, or one written by :func:`torch.save`: a plain ``state_dict``, or
        ``{"model": state_dict}`` as in the CAT-SAM release.

    Returns
    -------
    dict of str to Tensor
        In the file's order and data types. The tensors of a large file stay on the disk until used.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it may not be read.
    CheckpointError
        If the file is truncated, of another format, or holds more than tensors.
    """
    path = Path(path)
    _check_readable(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    return _check_tensors(content, path)


def _check_readable(path: Path) -> None:
    if not path.is_file():
        found = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise UnreadableFileError(f"cannot read the checkpoint {path}: it {found}")
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnreadableFileError(
            f"cannot read the checkpoint {path}: {error.strerror or error}"
        ) from error


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except Exception as error:  # the parser's own error type, and a few others, on damaged files
        raise CheckpointError(
            f"cannot read {path}: it is truncated or not a safetensors file; get it again"
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        # Only the zip format of torch >= 1.6 can stay on the disk; the older one is read whole.
        mapped = zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"cannot read {path}: it holds Python objects other than tensors, which are never "
            "unpickled, or it is damaged; expected a file of torch.save(model.state_dict(), ...)"
        ) from error
    except Exception as error:  # whatever the unpickler meets in foreign bytes, of any type
        raise CheckpointError(
            f"cannot read {path}: it is truncated or not a checkpoint of torch; get it again"
        ) from error


def _check_tensors(content: Any, path: Path) -> StateDict:
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path} holds one {type(content).__name__}, expected a table of tensors by name"
        )
    if not content:
        raise CheckpointError(f"{path} holds no tensors, expected those of SAM or CAT-SAM")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise CheckpointError(
                f"{path} holds a {type(value).__name__} under {key!r}, expected only tensors by "
                "name; save the model's state_dict alone"
            )
    return dict(content)


def recognise_checkpoint(
    state_dict: Mapping[str, torch.Tensor], source: str | Path = "the checkpoint"
) -> CheckpointKind:
    """Tell by keys and shapes what a checkpoint holds.

    The part that is Segment Anything's own must fit one backbone exactly. Of the trained part of
    a CAT-SAM checkpoint only the presence is looked at, loading it checks the rest.

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        Tensors on any device; their values are not read.
    source : str or Path
        How messages call it.

    Returns
    -------
    CheckpointKind

    Raises
    ------
    CheckpointError
        If it is neither a SAM nor a CAT-SAM checkpoint, or not one of a known backbone.
    """
    variant = _recognise_variant(state_dict, source)
    sam = extract_sam(state_dict)
    backbone = _recognise_backbone(sam, source)
    _compare(sam, sam_shapes(backbone), f"{source} looks like {variant} with {backbone}, but")
    return CheckpointKind(variant, backbone)


def extract_sam(state_dict: Mapping[str, torch.Tensor]) -> StateDict:
    """Return Segment Anything's own tensors under Segment Anything's keys.

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        A SAM checkpoint, which is returned as it is, or one in the layout of the CAT-SAM release:
        its encoders lie under ``ori_sam.``, its mask decoder has the HQ head mixed in.
    """
    if not any(key.startswith(_FROZEN) for key in state_dict):
        return dict(state_dict)
    encoders = {
        key.removeprefix(_FROZEN): value
        for key, value in state_dict.items()
        if key.startswith(_FROZEN)
    }
    decoder = {
        key: value
        for key, value in state_dict.items()
        if key.startswith("mask_decoder.") and not key.startswith(_HQ_HEAD)
    }
    return encoders | decoder


@lru_cache(maxsize=8)
def sam_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Return key and shape of every tensor of a backbone, without making the tensors.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    """
    with torch.device("meta"):
        sam = build_sam(name)
    return {key: tuple(value.shape) for key, value in sam.state_dict().items()}


def _recognise_variant(state_dict: Mapping[str, torch.Tensor], source: str | Path) -> Variant:
    if any(key.startswith(_FROZEN) for key in state_dict):
        for prefix, variant in _VARIANT_KEYS.items():
            if any(key.startswith(prefix) for key in state_dict):
                return variant
        raise CheckpointError(
            f"{source} is laid out like a CAT-SAM release but is neither cat-a nor cat-t: "
            f"it has no key that starts with {' or '.join(_VARIANT_KEYS)}"
        )
    if "image_encoder.pos_embed" in state_dict:
        return "sam"
    first = next(iter(state_dict), None)
    raise CheckpointError(
        f"{source} is neither a SAM nor a CAT-SAM checkpoint: the first of its {len(state_dict)} "
        f"keys is {first!r}, expected keys such as 'image_encoder.pos_embed'"
    )


def _recognise_backbone(sam: StateDict, source: str | Path) -> str:
    position = sam.get("image_encoder.pos_embed")
    shape = () if position is None else tuple(position.shape)
    blocks = {
        match[1] for key in sam if (match := re.match(r"image_encoder\.blocks\.(\d+)\.", key))
    }
    for row in BACKBONES.values():
        if shape == (1, row.grid, row.grid, row.width) and len(blocks) == row.depth:
            return row.name
    known = ", ".join(
        f"{row.name} {(1, row.grid, row.grid, row.width)} and {row.depth}"
        for row in BACKBONES.values()
        if row.listed
    )
    raise CheckpointError(
        f"{source} has an image encoder of no known backbone: position embedding {shape} and "
        f"{len(blocks)} blocks, expected one of {known}"
    )


def _compare(sam: StateDict, expected: dict[str, tuple[int, ...]], intro: str) -> None:
    """Raise unless keys and shapes are exactly the expected ones; name the first that is not."""
    missing = [key for key in expected if key not in sam]
    if missing:
        raise CheckpointError(f"{intro} {len(missing)} keys are missing, such as {missing[0]!r}")
    extra = [key for key in sam if key not in expected]
    if extra:
        raise CheckpointError(f"{intro} {len(extra)} keys are not SAM's, such as {extra[0]!r}")
    for key, shape in expected.items():
        found = tuple(sam[key].shape)
        if found != shape:
            raise CheckpointError(f"{intro} {key!r} has shape {found}, expected {shape}")
