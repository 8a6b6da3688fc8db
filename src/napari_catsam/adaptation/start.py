"""Fresh trained parts, and how they begin.

As released, the HQ head starts from random numbers and needs hundreds of steps to find any object.
Here its mask is added to SAM's own, as HQ-SAM does (arXiv 2306.01567), and starts at zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_catsam.errors import TrainingError
from napari_catsam.models.adapter import isolate_base

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.models.catsam import CatSam

__all__ = ["copy_values", "start_from_base", "start_trainee"]


def start_trainee(model: CatSam, config: TrainConfig) -> CatSam:
    """Make the model that is trained: with fresh parts, or with its own if it has the method.

    Parameters
    ----------
    model : CatSam
        The base; the trainee shares its frozen weights.
    config : TrainConfig
        Gives method, seed and way to begin.

    Raises
    ------
    TrainingError
        If the method trains nothing, or the model has another one already.
    """
    if model.method not in ("sam", config.method):
        raise TrainingError(
            f"the method is {config.method}, but what training goes on from has {model.method}; "
            f"use TrainConfig(method={model.method!r}), or begin with the base model"
        )
    _ = model.backbone_sha256  # hashed here, the trainee takes it over instead of hashing again
    trainee = model.with_method(config.method, seed=config.seed)
    if not trainee.trained_tensors():
        raise TrainingError(f"method {config.method!r} trains nothing; choose cat-a, cat-t or hq")
    if model.method == config.method:
        copy_values(model.trained_tensors(), trainee)
        trainee.tuner.isolated = model.tuner.isolated
        if trainee.head is not None and model.head is not None:
            trainee.head.adds_base = model.head.adds_base
            trainee.head.isolated = model.head.isolated
    elif config.init != "official":
        start_from_base(trainee, exactly=config.init == "identity")
    return trainee


def start_from_base(model: CatSam, *, exactly: bool = False) -> None:
    """Let a fresh HQ head correct SAM's mask, and start with no correction, in place.

    Parameters
    ----------
    model : CatSam
        With fresh trained parts.
    exactly : bool
        Keep the head's token and the encoder's extra tokens out of SAM's attention, so that masks
        equal SAM's to the last bit. Otherwise they take part in it as in the released code, and
        logits differ a little; masks hardly do.
    """
    model.tuner.neutralise()
    if exactly:
        isolate_base(model)
    if model.head is None:
        return
    model.head.adds_base = True
    last: Any = model.head.hypernetwork.layers[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        # A copy of a token that the decoder knows disturbs its attention less than a random one.
        model.head.token.copy_(model.mask_decoder.mask_tokens.weight[:1])


def copy_values(values: dict[str, torch.Tensor], model: CatSam) -> None:
    """Copy tensors into the parameters of the same names."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            parameters[name].copy_(value)
