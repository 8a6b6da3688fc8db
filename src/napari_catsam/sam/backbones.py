"""The backbones: a table of Segment Anything's sizes, and how each is built.

This is the only file that imports :mod:`segment_anything`; its modules are used unmodified.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import nn

from napari_catsam.errors import UnknownNameError
from napari_catsam.sam.libraries import load_triton_apart
from napari_catsam.sam.refiner import MaskRefiner
from napari_catsam.sam.stem import ConvStem

# Again, since a window may have been opened after the package was imported.
load_triton_apart()

from segment_anything.modeling import (  # noqa: E402
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)

__all__ = ["BACKBONES", "Backbone", "Sam", "build_sam", "get_backbone", "list_backbones"]

PATCH = 16
"""Pixels a side of one token, the same for every backbone."""


@dataclass(frozen=True)
class Backbone:
    """One row of the table of backbones.

    Attributes
    ----------
    name : str
        Public name, as in ``load_model(name)``.
    width : int
        Channels of a token in the image encoder (the paper's C).
    depth : int
        Number of transformer blocks.
    heads : int
        Attention heads of a block.
    global_blocks : tuple of int
        Indices of the blocks that attend over the whole image; the others attend in windows.
    image_size : int
        Side of the square input in pixels.
    window : int
        Side of an attention window in tokens.
    decoder_width : int
        Channels of the image embedding and of the mask decoder (the paper's D).
    decoder_hidden : int
        Hidden width of the decoder's transformer MLP.
    relative_position : bool
        Whether attention has SAM's decomposed relative position bias.
    stem : {"patch", "conv"}
        One 16 x 16 projection as in SAM, or :class:`~napari_catsam.sam.stem.ConvStem`.
    resize : {"pad", "stretch"}
        How an image is brought to the square input when no adapter says otherwise.
    box_prior : bool
        Whether a box also gives the decoder the soft ellipse inscribed in it as mask prompt, and
        clicks without a box soft discs (:mod:`napari_catsam.sam.box_prior`). The official weights
        were never trained with one, so it is false for them.
    refined : bool
        Whether each mask is corrected in a crop around its object
        (:class:`~napari_catsam.sam.refiner.MaskRefiner`, ``mask_decoder.refiner``).
    listed : bool
        Whether users see the backbone in lists; the test backbone is hidden.
    """

    name: str
    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    image_size: int = 1024
    window: int = 14
    decoder_width: int = 256
    decoder_hidden: int = 2048
    relative_position: bool = True
    stem: Literal["patch", "conv"] = "patch"
    resize: Literal["pad", "stretch"] = "pad"
    box_prior: bool = False
    refined: bool = False
    listed: bool = True

    @property
    def grid(self) -> int:
        """Tokens a side of the image embedding (the paper's g)."""
        return self.image_size // PATCH

    @property
    def low_resolution(self) -> int:
        """Side in pixels of the decoder's mask logits, a quarter of the input."""
        return 4 * self.grid


BACKBONES: dict[str, Backbone] = {
    row.name: row
    for row in (
        Backbone("vit_b", 768, 12, 12, (2, 5, 8, 11)),
        Backbone("vit_l", 1024, 24, 16, (5, 11, 17, 23)),
        Backbone("vit_h", 1280, 32, 16, (7, 15, 23, 31)),
        Backbone(
            "vit_nano",
            256,
            6,
            8,
            (1, 3, 5),
            image_size=512,
            window=8,
            relative_position=False,
            stem="conv",
            box_prior=True,
            refined=True,
        ),
        Backbone(
            "tiny",
            64,
            4,
            2,
            (1, 3),
            image_size=64,
            window=3,
            decoder_width=32,
            decoder_hidden=64,
            listed=False,
        ),
    )
}
"""Every backbone by name. Sizes of ``vit_b``, ``vit_l``, ``vit_h``: arXiv 2304.02643, as published."""


def list_backbones() -> list[str]:
    """Return the names of the backbones that a user may choose, smallest first."""
    rows = sorted(BACKBONES.values(), key=lambda row: row.width * row.depth)
    return [row.name for row in rows if row.listed]


def get_backbone(name: str) -> Backbone:
    """Return the row called ``name``.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    """
    if name not in BACKBONES:
        raise UnknownNameError("model", name, list_backbones())
    return BACKBONES[name]


def build_sam(name: str) -> Sam:
    """Build a backbone with fresh weights.

    Parameters
    ----------
    name : str
        A key of :data:`BACKBONES`.

    Returns
    -------
    segment_anything.modeling.Sam
        On the CPU, float32, in evaluation mode, drawn from torch's global random state.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    """
    row = get_backbone(name)
    sam = Sam(
        image_encoder=_build_image_encoder(row),
        prompt_encoder=PromptEncoder(
            embed_dim=row.decoder_width,
            image_embedding_size=(row.grid, row.grid),
            input_image_size=(row.image_size, row.image_size),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=row.decoder_width, mlp_dim=row.decoder_hidden, num_heads=8
            ),
            transformer_dim=row.decoder_width,
            iou_head_depth=3,
            iou_head_hidden_dim=row.decoder_width,
        ),
    )
    if row.refined:
        sam.mask_decoder.refiner = MaskRefiner()
    return sam.eval()


def _build_image_encoder(row: Backbone) -> ImageEncoderViT:
    encoder = ImageEncoderViT(
        img_size=row.image_size,
        patch_size=PATCH,
        embed_dim=row.width,
        depth=row.depth,
        num_heads=row.heads,
        out_chans=row.decoder_width,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=row.relative_position,
        window_size=row.window,
        global_attn_indexes=row.global_blocks,
    )
    if row.stem == "conv":
        encoder.patch_embed = ConvStem(row.width, row.decoder_width)
    return encoder


def seeded_sam(name: str, seed: int = 0) -> Sam:
    """Build a backbone whose random weights depend on ``seed`` alone.

    Zero-initialised positional tables are drawn too, so that tests exercise them. The caller's
    random state stays as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sam = build_sam(name)
        with torch.no_grad():
            for key, parameter in sam.named_parameters():
                if "rel_pos" in key or "pos_embed" in key:
                    parameter.normal_(std=0.1)
    return sam
