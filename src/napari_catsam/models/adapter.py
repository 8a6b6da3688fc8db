"""Adapters: one safetensors file with exactly the trained parameters, and what they fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from napari_catsam.errors import (
    AdapterError,
    AdapterMismatchError,
    CatsamError,
    UnreadableFileError,
)
from napari_catsam.images import replace_file
from napari_catsam.models.adapter_header import AdapterHeader, ObjectScore, ShotNote
from napari_catsam.sam.weights import hash_state_dict

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

__all__ = [
    "Adapter",
    "AdapterHeader",
    "ObjectScore",
    "ShotNote",
    "apply_adapter",
    "cut_adapter",
    "isolate_base",
    "load_adapter",
]

_KEY = "napari_catsam_adapter"


@dataclass(frozen=True, eq=False)
class Adapter:
    """The trained parameters of one method and a header that says what they fit.

    Attributes
    ----------
    header : AdapterHeader
        What it fits.
    tensors : dict of str to Tensor
        By the names that they have in :class:`~napari_catsam.models.catsam.CatSam`, on the CPU.
    """

    header: AdapterHeader
    tensors: dict[str, torch.Tensor]

    @cached_property
    def sha256(self) -> str:
        """Hash of the tensors."""
        return hash_state_dict(self.tensors)

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def save(self, path: str | Path) -> Path:
        """Write the adapter; a file of that name is replaced only by a complete one.

        Raises
        ------
        UnreadableFileError
            If the file cannot be written.
        """
        content = save(
            {k: v.contiguous() for k, v in self.tensors.items()}, {_KEY: self.header.to_json()}
        )
        return replace_file(path, content)


def load_adapter(path: str | Path) -> Adapter:
    """Read an adapter file; nothing is unpickled.

    Raises
    ------
    UnreadableFileError
        If there is no such file.
    AdapterError
        If it is truncated, or not an adapter.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f"there is no file {path}; check the path of the adapter")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise AdapterError(f"{path} is truncated or no safetensors file: {error}") from error
    if text is None:
        raise AdapterError(
            f"{path} is no adapter of napari-catsam; "
            "cut one out of a released CAT-SAM file with: napari-catsam adapter from-checkpoint"
        )
    return Adapter(AdapterHeader.from_json(text), tensors)


def cut_adapter(model: CatSam, **header: Any) -> Adapter:
    """Copy the trained parameters out of a model.

    Parameters
    ----------
    model : CatSam
        With a method that trains something.
    **header
        Fields of :class:`AdapterHeader` that the model does not know: shots, steps, scores, note.

    Raises
    ------
    AdapterError
        If the method is ``sam``, which trains nothing.
    """
    tensors = {k: v.cpu().clone() for k, v in model.trained_tensors().items()}
    if not tensors:
        raise AdapterError(f"method {model.method!r} trains nothing, so there is no adapter to cut")
    isolated = model.head is not None and model.head.isolated
    known: dict[str, Any] = {
        "backbone_sha256": model.backbone_sha256,
        "resize": model.resize,
        "input_size": model.backbone.image_size,
        "intensity": model.intensity,
        "adds_base": model.head is not None and model.head.adds_base,
        "isolated": isolated,
        "format": 2 if isolated else 1,
    }
    return Adapter(AdapterHeader(model.method, model.backbone.name, **(known | header)), tensors)


def apply_adapter(model: CatSam, adapter: Adapter) -> CatSam:
    """Make a model with an adapter in it; it shares the frozen weights with ``model``.

    Raises
    ------
    AdapterMismatchError
        If the adapter is for another backbone, other weights or another input, or holds other
        parameters than its method has.
    """
    header = adapter.header
    _check_fit(model, header)
    try:
        tuned = model.with_method(header.method)
    except CatsamError as error:
        raise AdapterMismatchError(f"this adapter cannot be used: {error}") from error
    wanted = {k: v.shape for k, v in tuned.trained_tensors().items()}
    found = {k: v.shape for k, v in adapter.tensors.items()}
    if wanted != found:
        keys = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise AdapterMismatchError(
            f"this adapter's parameters do not fit {header.method} on {header.backbone}: "
            f"{len(keys)} differ, the first is {keys[0]}"
        )
    parameters = dict(tuned.named_parameters())
    with torch.no_grad():
        for key, value in adapter.tensors.items():
            parameters[key].copy_(value)
    tuned.resize, tuned.intensity = header.resize, header.intensity
    if tuned.head is not None:
        tuned.head.adds_base = header.adds_base
    if header.isolated:
        isolate_base(tuned)
    return tuned


def isolate_base(model: CatSam) -> None:
    """Keep what is trained out of the attention of what is frozen, in place.

    SAM's own masks are then exactly those of the base model as long as nothing is trained, and the
    head's mask is added to them.
    """
    model.tuner.isolated = True
    if model.head is not None:
        model.head.adds_base = model.head.isolated = True


def _check_fit(model: CatSam, header: AdapterHeader) -> None:
    name = model.backbone.name
    if header.backbone != name:
        raise AdapterMismatchError(
            f"this adapter is for {header.backbone}, the loaded model is {name}; "
            f"choose the model {header.backbone}"
        )
    if header.input_size != model.backbone.image_size:
        raise AdapterMismatchError(
            f"this adapter is for an input of {header.input_size} pixels, "
            f"{name} has {model.backbone.image_size}"
        )
    if header.backbone_sha256 and header.backbone_sha256 != model.backbone_sha256:
        raise AdapterMismatchError(
            f"this adapter was trained on other weights of {name} "
            f"({header.backbone_sha256[:12]}, loaded {model.backbone_sha256[:12]}); "
            "load the weights that it was trained on"
        )
