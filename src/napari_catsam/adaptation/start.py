"""Fresh trained parts that give about the base model's own masks before the first step.

As released, the HQ head starts from random numbers and needs hundreds of steps to find any object.
Here it starts from what SAM's decoder knows already: the token and hypernetwork of SAM's single mask,
and a last convolution fitted so that the head's mask features are SAM's. Nothing is added to the
architecture, so such an adapter is as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from napari_catsam.adaptation.augment import InputSpec, draw_view
from napari_catsam.adaptation.prompts import simulate_prompts
from napari_catsam.models.encoder import Encoded
from napari_catsam.prediction.predictor import Predictor

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Sample
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.models.decoder import HQHead

__all__ = ["start_from_base"]

VIEWS = 2
"""Views whose features the convolution is fitted to."""

PIXELS = 20_000
"""About so many pixels of a view are used."""

RIDGE = 1e-4
"""Weight of the penalty on large values, relative to the mean square of a feature."""


def start_from_base(model: CatSam, samples: tuple[Sample, ...], objects: int, seed: int) -> None:
    """Set the HQ head of a fresh model so that its masks are about SAM's own, in place.

    Parameters
    ----------
    model : CatSam
        With an HQ head.
    samples : tuple of Sample
        Images on whose features the head is fitted; their masks only say where to look.
    objects : int
        At most so many objects a view.
    seed : int
        Of the views.
    """
    if model.head is None:
        return
    with torch.no_grad():
        _copy_single_mask(model, model.head)
        gram, product = _sum_features(model, model.head, samples, objects, seed)
        _set_last_convolution(model.head, gram, product)


def _copy_single_mask(model: CatSam, head: HQHead) -> None:
    """Take over SAM's first mask token and its hypernetwork, and silence the image's detail."""
    decoder = model.mask_decoder
    head.token.copy_(decoder.mask_tokens.weight[:1])
    source = decoder.output_hypernetworks_mlps[0].layers
    for own, given in zip(head.hypernetwork.layers, source, strict=True):
        own.load_state_dict(given.state_dict())
    for branch in (head.compress_early, head.compress_features):
        last: Any = branch[-1]
        last.weight.zero_()
        last.bias.zero_()


def _sum_features(
    model: CatSam, head: HQHead, samples: tuple[Sample, ...], objects: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum ``x x'`` and ``x u'`` over pixels: x the convolution's input (9 K + 1), u SAM's features."""
    generator = np.random.default_rng([seed, 4])
    spec = InputSpec(model.backbone.image_size, model.backbone.low_resolution, model.resize)
    predictor = Predictor(model)
    kept: list[torch.Tensor] = []
    hook = model.mask_decoder.output_upscaling.register_forward_hook(
        lambda _module, _inputs, output: kept.append(output)
    )
    try:
        for _ in range(VIEWS):
            view = draw_view(samples, objects, spec, generator)
            encoded = Encoded(*model.encode(view.pixels[None].to(model.device)))
            prompts = simulate_prompts(view.masks, generator)
            tensors = predictor.prompts_to_input(prompts, view.frame)
            model.decode(encoded.features, model.detail(encoded), tensors)
    finally:
        hook.remove()
    grams, products = zip(*(_sum_view(head, upscaled) for upscaled in kept), strict=True)
    return torch.stack(grams).sum(0), torch.stack(products).sum(0)


def _sum_view(head: HQHead, upscaled: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum over every few pixels of N objects, in double precision on the CPU."""
    hidden = head.refine_mask_features[:-1](upscaled)
    pixels = upscaled.shape[0] * upscaled.shape[2] * upscaled.shape[3]
    every = max(1, pixels // PIXELS)
    gram, product = torch.zeros(()).double(), torch.zeros(()).double()
    for maps, wanted in zip(hidden, upscaled, strict=True):
        patches = F.unfold(maps[None], 3, padding=1)[0, :, ::every]
        inputs = F.pad(patches, (0, 0, 0, 1), value=1.0)
        gram = gram + (inputs @ inputs.T).double().cpu()
        product = product + (inputs @ wanted.flatten(1)[:, ::every].T).double().cpu()
    return gram, product


def _set_last_convolution(head: HQHead, gram: torch.Tensor, product: torch.Tensor) -> None:
    """Solve the ridge regression for weights and bias."""
    last: Any = head.refine_mask_features[-1]
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    solution = torch.linalg.solve(gram + penalty, product).T.to(last.weight)
    last.weight.copy_(solution[:, :-1].reshape(last.weight.shape))
    last.bias.copy_(solution[:, -1])
