"""Write the trained weights as fp16 safetensors with a header that says where they come from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from pretrain.evaluate import Scores

LICENCE = "BSD-3-Clause"


def write_asset(
    sam: Any, out: Path, step: int, seconds: float, seed: int, scores: Scores | None
) -> None:
    """Write ``sam``'s state in half precision to ``out``, whole or not at all.

    ``pixel_mean`` and ``pixel_std`` are constants of SAM and not in its state.
    """
    state = {key: half(value) for key, value in sam.state_dict().items()}
    header = {
        "format": "pt",
        "backbone": "vit_nano",
        "licence": LICENCE,
        "data": "drawn scenes; nuclei_dsb2018 (BBBC038, CC0) without its last 100 images by name",
        "steps": str(step),
        "minutes": str(round(seconds / 60, 1)),
        "seed": str(seed),
    }
    if scores is not None:
        header["scores"] = json.dumps(asdict(scores))
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    save_file(state, part, header)
    part.replace(out)


def half(value: torch.Tensor) -> torch.Tensor:
    """Half precision for every floating tensor."""
    return (
        value.detach().to(torch.float16).contiguous()
        if value.is_floating_point()
        else value.contiguous()
    )


def read_asset(sam: Any, path: Path) -> Any:
    """Load a file of :func:`write_asset` into ``sam``, strictly."""
    sam.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    return sam.eval()


def replace_refiner(path: Path, refiner: Any) -> None:
    """Put the weights of a refiner into a file of :func:`write_asset`, whole or not at all."""
    with safe_open(path, "pt") as file:
        header = dict(file.metadata())
    state = {k: v for k, v in load_file(path).items() if not k.startswith("mask_decoder.refiner.")}
    state |= {
        f"mask_decoder.refiner.{key}": half(value) for key, value in refiner.state_dict().items()
    }
    part = path.with_suffix(".part")
    save_file(state, part, header)
    part.replace(path)
