"""Backbones with their trained weights.

The files themselves, where they are and how they get here, are the matter of
:mod:`~napari_catsam.sam.weight_files` and
:mod:`~napari_catsam.sam.downloads`; what is in them, of :mod:`napari_catsam.sam.checkpoints`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from napari_catsam.errors import CheckpointError
from napari_catsam.sam.backbones import Sam, build_sam, get_backbone, seeded_sam
from napari_catsam.sam.checkpoints import extract_sam, read_state_dict, recognise_checkpoint
from napari_catsam.sam.downloads import download_weights
from napari_catsam.sam.weight_files import (
    WEIGHTS,
    WeightsFile,
    check_weights,
    find_weights,
    models_folder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "WEIGHTS",
    "WeightsFile",
    "download_weights",
    "find_weights",
    "hash_state_dict",
    "load_sam",
    "models_folder",
    "sam_from_state_dict",
]


def load_sam(name: str) -> Sam:
    """Build a backbone with its trained weights; nothing is downloaded.

    Parameters
    ----------
    name : str
        A key of :data:`~napari_catsam.sam.backbones.BACKBONES`. The test backbone ``tiny`` has no
        trained weights, its weights are drawn with seed 0.

    Returns
    -------
    segment_anything.modeling.Sam
        On the CPU, float32, in evaluation mode.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingWeightsError
        If its weights are not on this computer.
    CheckpointError
        If the file is not the published one, or does not fit the backbone.
    """
    get_backbone(name)
    if name not in WEIGHTS:
        return seeded_sam(name)
    path = check_weights(name)
    return sam_from_state_dict(name, read_state_dict(path), path)


def sam_from_state_dict(
    name: str, state_dict: Mapping[str, torch.Tensor], source: str | Path = "the checkpoint"
) -> Sam:
    """Build a backbone around the tensors of a checkpoint.

    Parameters
    ----------
    name : str
        A key of :data:`~napari_catsam.sam.backbones.BACKBONES`.
    state_dict : mapping of str to Tensor
        A SAM checkpoint, or a CAT-SAM one, of which SAM's own part is taken. Float32 tensors
        become the parameters without a copy.
    source : str or Path
        How messages call it.

    Returns
    -------
    segment_anything.modeling.Sam
        On the device of the tensors, float32, in evaluation mode.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    CheckpointError
        If the checkpoint is foreign, incomplete or of another backbone.
    """
    get_backbone(name)
    found = recognise_checkpoint(state_dict, source).backbone
    if found != name:
        raise CheckpointError(
            f"{source} is for {found}, not {name}; choose the model {found} or another file"
        )
    # Only the frame is built: the parameters are those of the file, so no memory is needed twice.
    with torch.device("meta"):
        sam = build_sam(name)
    sam.load_state_dict(
        {key: value.float() for key, value in extract_sam(state_dict).items()}, assign=True
    )
    return sam


def hash_state_dict(state_dict: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 over keys, types, shapes and values, in the order of the sorted keys.

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        Tensors on any device.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for key in sorted(state_dict):
        value = state_dict[key].detach().cpu().contiguous()
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
