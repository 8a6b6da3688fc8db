"""Upscaling in the decoder, with and without what a stem describes finely."""

from __future__ import annotations

import torch

from napari_catsam.sam.backbones import seeded_sam
from napari_catsam.sam.stem import Skips
from napari_catsam.sam.upscaling import upscale

DECODER = seeded_sam("tiny").mask_decoder
IMAGE = torch.randn(2, 32, 4, 4, generator=torch.Generator().manual_seed(0))


def make_skips(scale: float) -> Skips:
    generator = torch.Generator().manual_seed(1)
    sizes = (1, 8, 8, 8), (1, 4, 16, 16)
    return Skips(*(scale * torch.randn(size, generator=generator) for size in sizes))


def test_without_skips_it_is_sams_upscaling() -> None:
    torch.testing.assert_close(upscale(DECODER, IMAGE, None), DECODER.output_upscaling(IMAGE))


def test_skips_of_zero_change_nothing() -> None:
    plain = upscale(DECODER, IMAGE, None)
    torch.testing.assert_close(upscale(DECODER, IMAGE, make_skips(0.0)), plain)


def test_both_skips_change_the_result() -> None:
    plain, nothing, some = upscale(DECODER, IMAGE, None), make_skips(0.0), make_skips(1.0)
    for skips in (Skips(some.eighth, nothing.quarter), Skips(nothing.eighth, some.quarter)):
        assert (upscale(DECODER, IMAGE, skips) - plain).abs().max() > 1e-3
