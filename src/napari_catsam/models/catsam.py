"""CAT-SAM: a frozen backbone, a tuning method in it, and how both are loaded."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from napari_catsam.errors import PromptError
from napari_catsam.geometry import flip_xy
from napari_catsam.models.decoded import Decoded, Detail
from napari_catsam.models.decoder import decode_hq, decode_sam
from napari_catsam.models.encoder import Encoded, encode
from napari_catsam.models.head import HQHead
from napari_catsam.models.prompt_tensors import PromptTensors, boxes_to_rows
from napari_catsam.models.second_look import apply_prior, refine_masks
from napari_catsam.sam.attention import fuse_attention
from napari_catsam.sam.box_prior import first_guess
from napari_catsam.sam.seams import plain_seams
from napari_catsam.sam.token_attention import fuse_token_attention
from napari_catsam.sam.weights import hash_state_dict
from napari_catsam.tuning.base import build_tuner
from napari_catsam.types import Intensity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_catsam.sam.backbones import Backbone, Sam

__all__ = ["CatSam", "PromptTensors"]


class CatSam(nn.Module):
    """A frozen SAM with the trained parts of one method.

    Parameters
    ----------
    backbone : Backbone
        The row of the table that ``sam`` was built from.
    sam : Sam
        With its weights; its modules are taken over and frozen.
    method : str
        A name of :func:`napari_catsam.tuning.list_methods`; its parts have fresh weights.
    resize : {"pad", "stretch"}, optional
        How images are brought to the input; the backbone's way when left out.
    intensity : Intensity
        How pixel values become 0..255 when the caller does not say.

    Attributes
    ----------
    image_encoder, prompt_encoder, mask_decoder : Module
        SAM's, frozen, under SAM's names.
    tuner : Tuner
        What the method trains in the image encoder.
    head : HQHead or None
        What it trains in the mask decoder.
    encoder_dtype : torch.dtype
        float32, or bfloat16 to run the image encoder under autocast.
    checkpoint_blocks : bool
        Whether training keeps only each block's input (:func:`~napari_catsam.models.encoder.encode`).
    """

    def __init__(
        self,
        backbone: Backbone,
        sam: Sam,
        method: str = "sam",
        *,
        resize: Any = None,
        intensity: Intensity | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.method = method
        self.resize = resize or backbone.resize
        self.intensity = intensity or Intensity()
        self.encoder_dtype, self.checkpoint_blocks = torch.float32, False
        self.image_encoder: Any = sam.image_encoder
        self.prompt_encoder: Any = _lay_like_embedding(sam.prompt_encoder)
        self.mask_decoder: Any = sam.mask_decoder
        self.requires_grad_(False)
        fuse_attention(self.image_encoder)
        fuse_token_attention(self.mask_decoder.transformer)
        self.tuner = build_tuner(method, backbone)
        self.head = HQHead(backbone) if self.tuner.has_head else None
        self.tuner.attach(self.image_encoder)
        self.register_load_state_dict_post_hook(_forget_derived)  # type: ignore[no-untyped-call]
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        device: torch.device = self.mask_decoder.iou_token.weight.device
        return device

    @cached_property
    def backbone_sha256(self) -> str:
        """Hash of the frozen tensors: what an adapter must have been trained on."""
        return hash_state_dict(self.frozen_tensors())

    @property
    def model_id(self) -> str:
        """Name of backbone, weights, method and trained values; equal only if all of them are."""
        trained = hash_state_dict(self.trained_tensors())
        return f"{self.backbone.name}-{self.backbone_sha256[:12]}/{self.method}-{trained[:12]}"

    def frozen_tensors(self) -> dict[str, torch.Tensor]:
        """Return SAM's tensors under SAM's names."""
        own = ("tuner.", "head.")
        return {k: v for k, v in self.state_dict().items() if not k.startswith(own)}

    def trained_tensors(self) -> dict[str, torch.Tensor]:
        """Return exactly what an adapter holds: every parameter that requires a gradient."""
        return {k: v.detach() for k, v in self.named_parameters() if v.requires_grad}

    def with_method(self, method: str, *, seed: int = 0) -> CatSam:
        """Make another model on the same frozen weights, with fresh trained parts.

        The two share the memory of the frozen weights and nothing else.

        Parameters
        ----------
        method : str
            A name of :func:`napari_catsam.tuning.list_methods`.
        seed : int
            Of the fresh weights; the caller's random state stays as it was.

        Raises
        ------
        UnknownNameError
            If there is no such method.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            other = CatSam(
                self.backbone,
                _share_parameters(self),
                method,
                resize=self.resize,
                intensity=self.intensity,
            )
        other.encoder_dtype = self.encoder_dtype
        if "backbone_sha256" in self.__dict__:
            other.__dict__["backbone_sha256"] = self.backbone_sha256
        return other.to(self.device)

    def encode(self, images: torch.Tensor) -> Encoded:
        """Embed normalised images ``(B, 3, S, S)``; results are float32 whatever the precision."""
        token = self._token()
        with self._autocast():
            vit, again = self.image_encoder, self.checkpoint_blocks
            encoded = encode(vit, self.tuner, images, token, checkpoint_blocks=again)
        return encoded.float()._replace(image=images if self.backbone.refined else None)

    def detail(self, encoded: Encoded) -> Detail:
        """Compute what the decoder takes from a batch of images beside their embedding."""
        own = None
        if self.head is not None:
            own = self.head.detail(encoded.features, encoded.early)
        return Detail(own, encoded.skips, encoded.image)

    def decode(self, features: torch.Tensor, detail: Detail, prompts: PromptTensors) -> Decoded:
        """Decode the objects of one image.

        Parameters
        ----------
        features : Tensor, (1, D, g, g)
            The image embedding.
        detail : Detail
            Of this image, from :meth:`detail`.
        prompts : PromptTensors
            N objects on the model's device.

        Returns
        -------
        Decoded
            SAM's four masks, with those of a head added where it adds them; else K = 1, the head's.
        """
        prompt, correction = self.embed_prompts(prompts), None
        if self.head is None:
            decoded = decode_sam(self.mask_decoder, features, detail, self.dense_position, prompt)
        else:
            decoded, correction = decode_hq(
                self.mask_decoder, self.head, features, detail, self.dense_position, prompt
            )
        if self.backbone.box_prior:
            decoded = apply_prior(decoded, prompts, self.backbone.image_size)
        if detail.image is not None and decoded.logits.shape[1] > 1:  # the masks are SAM's own
            refiner = self.mask_decoder.refiner
            return refine_masks(refiner, decoded, detail.image, prompts, correction)
        return decoded if correction is None else correction.add_to(decoded)

    def embed_prompts(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed prompts by SAM's prompt encoder: sparse (N, T, D) and dense (N, D, g, g)."""
        masks = self._first_guess(prompts) if self.backbone.box_prior else prompts.masks
        points = None
        if prompts.points is not None:
            if prompts.labels is None:
                raise PromptError("points need labels, 1 positive or 0 negative")
            points = (prompts.points, prompts.labels)
        sparse, dense = self.prompt_encoder(points=points, boxes=prompts.boxes, masks=masks)
        return sparse, dense

    def _first_guess(self, prompts: PromptTensors) -> torch.Tensor | None:
        """Mask prompt that a backbone with a box prior was trained with, (N, 1, 4g, 4g)."""
        boxes, points = prompts.boxes, prompts.points
        return first_guess(
            None if boxes is None else boxes_to_rows(boxes),
            None if points is None else flip_xy(points),
            prompts.labels,
            prompts.masks,
            self.backbone.image_size,
            self.backbone.low_resolution,
        )

    @property
    def dense_position(self) -> torch.Tensor:
        """SAM's position encoding of the token grid (1, D, g, g): computed once a model."""
        known: torch.Tensor | None = self.__dict__.get("_dense_position")
        if known is None or known.device != self.device:
            with torch.no_grad():
                known = self.prompt_encoder.get_dense_pe()
            self.__dict__["_dense_position"] = known
        return known

    def _token(self) -> torch.Tensor:
        if self.head is not None:
            return self.head.token
        return torch.zeros(1, self.backbone.decoder_width, device=self.device)

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        enabled = self.encoder_dtype != torch.float32
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled):
            yield


def _forget_derived(model: nn.Module, _: Any) -> None:
    """Drop what was computed from weights that have just been replaced."""
    for name in ("_dense_position", "backbone_sha256"):
        model.__dict__.pop(name, None)


def _share_parameters(model: CatSam) -> Any:
    """Copy SAM's module tree without its tensors, so that another tuner can be attached to it."""
    frozen = _FrozenParts(model.image_encoder, model.prompt_encoder, model.mask_decoder)
    memo: dict[int, Any] = {id(p): p for m in frozen for p in m.parameters()}
    memo |= {id(b): b for m in frozen for b in m.buffers()}
    memo |= plain_seams(model.image_encoder)  # the copy starts without a tuner
    return copy.deepcopy(frozen, memo)


class _FrozenParts(NamedTuple):
    """The three modules of SAM, by the names that :class:`Sam` gives them."""

    image_encoder: Any
    prompt_encoder: Any
    mask_decoder: Any


def _lay_like_embedding(prompt_encoder: Any) -> Any:
    """Let mask prompts come out in the embedding's memory order, which makes adding them 20x faster."""
    prompt_encoder.mask_downscaling.to(memory_format=torch.channels_last)
    return prompt_encoder
