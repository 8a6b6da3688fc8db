"""The layout of released CAT-SAM files: names there, and names here.

A released file is the ``state_dict`` of the whole model, raw or under ``"model"``. Every frozen tensor
of SAM's two encoders has two keys in it, and the bridge token has two.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_catsam.errors import CheckpointError
from napari_catsam.models.adapter import Adapter, AdapterHeader
from napari_catsam.models.head import HQHead
from napari_catsam.sam.backbones import get_backbone
from napari_catsam.sam.checkpoints import read_state_dict, recognise_checkpoint
from napari_catsam.tuning.base import build_tuner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_catsam.models.catsam import CatSam
    from napari_catsam.sam.checkpoints import CheckpointKind

__all__ = ["adapter_from_checkpoint", "adapter_from_release", "release_name", "release_state_dict"]

_TOKEN_ALIAS = ("image_encoder.hq_token", "mask_decoder.hf_token.weight")

# Released prefix, our prefix; {n} stands for a number.
_NAMES = (
    ("image_encoder.prompt_generator.embedding_generator.", "tuner.patch_projection."),
    ("image_encoder.prompt_generator.prompt_generator.proj.", "tuner.high_pass_projection."),
    ("image_encoder.prompt_generator.lightweight_mlp_{n}.0.", "tuner.block_projections.{n}."),
    ("image_encoder.prompt_generator.shared_mlp.", "tuner.shared_up."),
    ("image_encoder.hq_token_down_proj.{n}.adapter.0.", "tuner.bridge_down.{n}."),
    ("image_encoder.shared_up_proj.", "tuner.bridge_up."),
    ("image_encoder.hq_token_proj.{n}.adapter.", "tuner.projections.{n}."),
    ("mask_decoder.hf_token.weight", "head.token"),
    ("mask_decoder.hf_mlp.", "head.hypernetwork."),
    ("mask_decoder.compress_vit_feat.", "head.compress_early."),
    ("mask_decoder.embedding_encoder.", "head.compress_features."),
    ("mask_decoder.embedding_maskfeature.", "head.refine_mask_features."),
)
_FROZEN = (
    ("image_encoder.", ("ori_sam.image_encoder.", "image_encoder.sam_img_encoder.")),
    ("prompt_encoder.", ("ori_sam.prompt_encoder.", "prompt_encoder.sam_prompt_encoder.")),
    ("mask_decoder.", ("mask_decoder.",)),
)


def _translate(key: str, source: int) -> str | None:
    """Translate a trained parameter's key from column ``source`` of the table to the other one."""
    for row in _NAMES:
        pattern = re.escape(row[source]).replace(r"\{n\}", r"(\d+)")
        if match := re.match(pattern, key):
            number = match.group(1) if match.groups() else ""
            return row[1 - source].replace("{n}", number) + key[match.end() :]
    return None


def release_name(key: str) -> str:
    """Return the released name of one of our trained parameters.

    Raises
    ------
    CheckpointError
        If the release layout has no place for it.
    """
    name = _translate(key, source=1)
    if name is None:
        raise CheckpointError(
            f"the parameter {key} has no place in the release layout, which knows cat-a and cat-t only"
        )
    return name


def adapter_from_checkpoint(path: str | Path) -> Adapter:
    """Cut the trained parameters out of a released CAT-SAM file.

    Raises
    ------
    UnreadableFileError, CheckpointError
        If the file is missing, truncated, foreign or holds plain SAM.
    """
    return adapter_from_release(read_state_dict(path), path)


def adapter_from_release(
    state_dict: Mapping[str, torch.Tensor], source: str | Path = "the checkpoint"
) -> Adapter:
    """Cut the trained parameters out of a released ``state_dict``.

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        In the release layout.
    source : str or Path
        How messages call it.

    Returns
    -------
    Adapter
        With ``resize="stretch"`` and 8-bit values as they are, as the released code trains. The hash
        of the frozen weights stays empty: the file does not say which they were.

    Raises
    ------
    CheckpointError
        If it is foreign or plain SAM, or the two copies of the bridge token differ.
    """
    kind = recognise_checkpoint(state_dict, source)
    if kind.variant == "sam":
        raise CheckpointError(f"{source} is plain SAM; it holds no adapter")
    tensors = {
        ours: value.float()
        for key, value in state_dict.items()
        if (ours := _translate(key, source=0)) is not None
    }
    _check_trained(tensors, kind, source)
    alias, name = (state_dict.get(key) for key in _TOKEN_ALIAS)
    if alias is not None and name is not None and not torch.equal(alias, name):
        raise CheckpointError(
            f"{source} holds two different bridge tokens, {_TOKEN_ALIAS[0]} and {_TOKEN_ALIAS[1]}; "
            "it was not written by the released code"
        )
    header = AdapterHeader(
        method=kind.variant,
        backbone=kind.backbone,
        resize="stretch",
        input_size=get_backbone(kind.backbone).image_size,
        note=f"cut out of {Path(source).name}",
    )
    return Adapter(header, tensors)


def _check_trained(
    tensors: Mapping[str, torch.Tensor], kind: CheckpointKind, source: str | Path
) -> None:
    """Raise unless names and shapes are exactly those that the variant trains."""
    row = get_backbone(kind.backbone)
    with torch.device("meta"):
        parts = nn.ModuleDict({"tuner": build_tuner(kind.variant, row), "head": HQHead(row)})
    wanted = {key: value.shape for key, value in parts.named_parameters()}
    found = {key: value.shape for key, value in tensors.items()}
    wrong = [key for key in wanted | found if wanted.get(key) != found.get(key)]
    if wrong:
        raise CheckpointError(
            f"{source} looks like {kind.variant} with {kind.backbone}, but {len(wrong)} of its trained "
            f"tensors are missing or of another shape, such as {release_name(wrong[0])!r}"
        )


def release_state_dict(model: CatSam) -> dict[str, torch.Tensor]:
    """Return a model's tensors in the release layout, aliases included (memory is shared).

    Save it with ``torch.save({"model": release_state_dict(model)}, path)`` and the released code
    loads it.

    Raises
    ------
    CheckpointError
        If the method is not ``cat-a`` or ``cat-t``.
    """
    if model.method not in ("cat-a", "cat-t"):
        raise CheckpointError(
            f"the release layout knows cat-a and cat-t only, this model has {model.method}"
        )
    if model.head is not None and model.head.adds_base:
        raise CheckpointError(
            "this adapter adds its mask to SAM's, which the released code does not; "
            'train with init="official" to write the release layout'
        )
    state: dict[str, torch.Tensor] = {}
    for key, value in model.frozen_tensors().items():
        prefix, aliases = next(row for row in _FROZEN if key.startswith(row[0]))
        state |= {alias + key.removeprefix(prefix): value for alias in aliases}
    state |= {release_name(key): value for key, value in model.trained_tensors().items()}
    state[_TOKEN_ALIAS[0]] = state[_TOKEN_ALIAS[1]]
    return state
