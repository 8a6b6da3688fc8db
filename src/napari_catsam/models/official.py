"""The API of the released CAT-SAM code, by the same names and in its ``(x, y)`` order.

See https://github.com/weihao1115/cat-sam. What differs: no base SAM file is needed to load a
checkpoint that holds one; an input of exactly 1024 x 1024 pixels is normalised like any other (the
released code skips it); plain nested lists work for coordinates; ``eval()`` and ``train()`` return the
model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from napari_catsam.errors import (
    CheckpointError,
    ImageError,
    MissingWeightsError,
    UnknownNameError,
)
from napari_catsam.geometry import Frame
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.official_inputs import (
    Coordinates,
    ReleasedPrompt,
    list_images,
    list_prompts,
)
from napari_catsam.models.release import adapter_from_release, release_state_dict
from napari_catsam.sam.backbones import build_sam, get_backbone
from napari_catsam.sam.checkpoints import extract_sam
from napari_catsam.sam.weights import load_sam

if TYPE_CHECKING:
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.models.encoder import Encoded

__all__ = ["CATSAMA", "CATSAMT"]


class _Released(nn.Module):
    """What both variants share.

    Parameters
    ----------
    model_type : {"vit_b", "vit_l", "vit_h"}
        The backbone. Its official weights are loaded if they are on this computer; without them the
        model is empty until :meth:`load_state_dict`.
    """

    method: ClassVar[str]

    def __init__(self, model_type: str) -> None:
        super().__init__()
        known = ["vit_b", "vit_l", "vit_h"]
        if model_type not in known:
            raise UnknownNameError("model_type", model_type, known)
        self.catsam, self._loaded = _build(model_type, self.method)
        self._images: list[torch.Tensor] = []
        self._encoded: Encoded | None = None

    def load_state_dict(
        self, state_dict: Mapping[str, torch.Tensor], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load a released ``state_dict`` (``checkpoint["model"]``, or the raw one).

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            In the release layout.
        strict, assign : bool
            For the signature's sake: keys must always match, values are always copied.

        Raises
        ------
        CheckpointError
            If it is foreign, incomplete, or of another variant or backbone.
        """
        adapter = adapter_from_release(state_dict, "the state_dict")
        expected = (self.method, self.catsam.backbone.name)
        found = (adapter.header.method, adapter.header.backbone)
        if found != expected:
            raise CheckpointError(
                f"the state_dict is {found[0]} on {found[1]}, this model is {expected[0]} on "
                f"{expected[1]}; build the other one"
            )
        result = self.catsam.load_state_dict(extract_sam(state_dict) | adapter.tensors)
        self._loaded = True
        self._encoded = None
        return result

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the tensors in the release layout, so that the released code loads them."""
        return release_state_dict(self.catsam)

    def adapter(self) -> Adapter:
        """Return the trained parameters as an adapter."""
        return adapter_from_release(self.state_dict(), "this model")

    @torch.no_grad()
    def set_infer_img(self, img: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
        """Embed one image or several.

        Parameters
        ----------
        img : Tensor or list of Tensor
            ``(H, W)``, ``(1, H, W)`` or ``(3, H, W)`` in 0..255; a batch ``(B, 3, H, W)``; or a list
            of images, whose sizes may differ.

        Returns
        -------
        Tensor, (B, 3, S, S)
            The normalised input.

        Raises
        ------
        ImageError
            If a shape is wrong or a value is not finite.
        MissingWeightsError
            If no weights were loaded.
        """
        images = list_images(img)
        pixels = self._preprocess(images)
        self._encoded, self._images = self.catsam.encode(pixels), images
        return pixels

    @torch.no_grad()
    def infer(
        self,
        point_coords: Coordinates = None,
        box_coords: Coordinates = None,
        return_all_hq_masks: bool = False,
        assemble_all_masks: bool = True,
    ) -> list[torch.Tensor]:
        """Segment the images of :meth:`set_infer_img`.

        Parameters
        ----------
        point_coords : Tensor or list, optional
            Positive points in image pixels: ``(P, 2)`` for one object, ``(N, P, 2)`` for N, or
            ``(B, N, P, 2)``; or a list with one entry an image, None where there is none.
        box_coords : Tensor or list, optional
            ``[x0, y0, x1, y1]``: ``(4,)``, ``(N, 4)`` or ``(B, N, 4)``; or a list as above.
        return_all_hq_masks : bool
            Without effect, as in the released code.
        assemble_all_masks : bool
            Whether to unite the masks of an image.

        Returns
        -------
        list of Tensor, float32, 0 or 1
            One an image: ``(1, 1, H, W)`` united, else ``(N, 1, H, W)``.

        Raises
        ------
        PromptError
            If a shape is wrong or the number of entries is not that of the images.
        ImageError
            If no image was set.
        """
        if self._encoded is None:
            raise ImageError("no image was set; call set_infer_img() before infer()")
        prompts = list_prompts(len(self._images), point_coords, box_coords)
        logits = self._decode(self._encoded, self._images, prompts)
        masks = [(one > 0).float() for one in logits]
        return [one.amax(dim=0, keepdim=True) for one in masks] if assemble_all_masks else masks

    def forward(
        self,
        imgs: torch.Tensor | Sequence[torch.Tensor],
        point_coords: Coordinates = None,
        point_labels: Coordinates = None,
        box_coords: Coordinates = None,
        noisy_masks: Coordinates = None,
    ) -> list[torch.Tensor]:
        """Segment images with gradients, as released training code calls it.

        Parameters
        ----------
        imgs : Tensor or list of Tensor
            As for :meth:`set_infer_img`.
        point_coords, box_coords : Tensor or list, optional
            As for :meth:`infer`.
        point_labels : Tensor or list, optional
            1 positive, 0 negative, -1 padding: ``(P,)``, ``(N, P)`` or a list; positive when left out.
        noisy_masks : Tensor or list, optional
            Mask prompts as logits at the decoder's resolution, 256 x 256: ``(h, w)``, ``(N, h, w)`` or
            ``(N, 1, h, w)`` an image.

        Returns
        -------
        list of Tensor, (N, 1, H, W), float32
            Logits, one an image.

        Raises
        ------
        ImageError, PromptError
            If a shape is wrong or a value is not finite.
        MissingWeightsError
            If no weights were loaded.
        """
        images = list_images(imgs)
        prompts = list_prompts(len(images), point_coords, box_coords, point_labels, noisy_masks)
        return self._decode(self.catsam.encode(self._preprocess(images)), images, prompts)

    def _preprocess(self, images: list[torch.Tensor]) -> torch.Tensor:
        if not self._loaded:
            raise MissingWeightsError(
                f"{type(self).__name__} has no weights; call load_state_dict() with a released "
                f"checkpoint, or run: napari-catsam models download {self.catsam.backbone.name}"
            )
        device = self.catsam.device
        return torch.cat([self._frame(one).image_to_input(one[None].to(device)) for one in images])

    def _frame(self, image: torch.Tensor) -> Frame:
        height, width = image.shape[-2:]
        return Frame((height, width), self.catsam.backbone.image_size, "stretch")

    def _decode(
        self, encoded: Encoded, images: list[torch.Tensor], prompts: list[ReleasedPrompt]
    ) -> list[torch.Tensor]:
        detail = self.catsam.detail(encoded)
        out = []
        for index, (image, prompt) in enumerate(zip(images, prompts, strict=True)):
            frame = self._frame(image)
            one = slice(index, index + 1)
            tensors = prompt.to_input(frame).to(self.catsam.device)
            decoded = self.catsam.decode(encoded.features[one], detail.select(one), tensors)
            out.append(frame.logits_to_image(decoded.logits[:, 0])[:, None])
        return out


class CATSAMA(_Released):
    """CAT-SAM-A by its released name: ``CATSAMA(model_type="vit_l")``."""

    method: ClassVar[str] = "cat-a"


class CATSAMT(_Released):
    """CAT-SAM-T by its released name: ``CATSAMT(model_type="vit_l")``."""

    method: ClassVar[str] = "cat-t"


def _build(model_type: str, method: str) -> tuple[CatSam, bool]:
    """Build with official weights where they are at hand; else with memory that is not yet filled."""
    row = get_backbone(model_type)
    try:
        return CatSam(row, load_sam(model_type), method, resize="stretch"), True
    except MissingWeightsError:
        with torch.device("meta"):
            model = CatSam(row, build_sam(model_type), method, resize="stretch")
        return model.to_empty(device="cpu"), False
