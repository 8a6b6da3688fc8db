"""Loading a model: a backbone, or a checkpoint, and an adapter on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from napari_catsam.errors import CatsamError, CheckpointError, UnknownNameError
from napari_catsam.models.adapter import Adapter, apply_adapter, load_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.release import adapter_from_release
from napari_catsam.sam.backbones import get_backbone
from napari_catsam.sam.checkpoints import read_state_dict, recognise_checkpoint
from napari_catsam.sam.weights import load_sam, sam_from_state_dict

__all__ = ["load_model", "pick_device"]


def load_model(
    name: str = "vit_nano",
    adapter: str | Path | Adapter | None = None,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    precision: Literal["auto", "fp32", "bf16"] = "auto",
) -> CatSam:
    """Load a model, ready to predict.

    Parameters
    ----------
    name : str
        A backbone: ``vit_nano`` ships with the package, the others are official weights.
    adapter : path or Adapter, optional
        What to put into it.
    checkpoint : path, optional
        An official SAM file, or an official CAT-SAM release file, in place of the installed weights;
        recognised by its keys.
    device : str
        ``auto`` (CUDA, then Apple's MPS, then the CPU) or a torch device such as ``cuda:1``.
    precision : {"auto", "fp32", "bf16"}
        Of the image encoder; ``auto`` is bf16 where CUDA has it and fp32 elsewhere.

    Returns
    -------
    CatSam
        In evaluation mode.

    Raises
    ------
    UnknownNameError
        If there is no such backbone or precision.
    MissingWeightsError
        If the weights are not on this computer.
    CheckpointError, AdapterError, UnreadableFileError
        If a file is missing, truncated, foreign or does not fit.
    """
    get_backbone(name)
    target = pick_device(device)
    encoder_dtype = _pick_dtype(precision, target)
    model = _load_base(name) if checkpoint is None else _load_checkpoint(name, Path(checkpoint))
    if adapter is not None:
        model = apply_adapter(
            model, adapter if isinstance(adapter, Adapter) else load_adapter(adapter)
        )
    model.encoder_dtype = encoder_dtype
    return model.to(target).eval()


def _load_base(name: str) -> CatSam:
    return CatSam(get_backbone(name), load_sam(name))


def _load_checkpoint(name: str, path: Path) -> CatSam:
    state = read_state_dict(path)
    kind = recognise_checkpoint(state, path)
    if kind.backbone != name:
        raise CheckpointError(
            f"{path} is for {kind.backbone}, the chosen model is {name}; choose {kind.backbone}"
        )
    model = CatSam(get_backbone(name), sam_from_state_dict(name, state, path))
    return (
        model if kind.variant == "sam" else apply_adapter(model, adapter_from_release(state, path))
    )


def pick_device(device: str) -> torch.device:
    """Turn a device name into a device that exists.

    Raises
    ------
    CatsamError
        If torch does not know it or it is not there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.zeros(1, device=device).item()  # "meta" makes tensors, but without values
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise CatsamError(f"device {device!r} cannot be used: {reason}; try cpu") from error
    return torch.device(device)


def _pick_dtype(precision: Any, device: torch.device) -> torch.dtype:
    known = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    if precision not in known:
        raise UnknownNameError("precision", str(precision), ["auto", *known])
    return known[precision]
