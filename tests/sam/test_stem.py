"""The convolutional stem: what it makes of an image before the transformer sees it."""

from __future__ import annotations

import torch

from napari_catsam.sam.stem import CONTRAST_FLOOR, ConvStem, ResidualBlock, local_contrast


def draw_disc(side: int = 128) -> torch.Tensor:
    """A bright disc on noise, (1, 3, side, side)."""
    place = torch.arange(side) - side / 2
    disc = (place[:, None] ** 2 + place[None] ** 2 < (side / 6) ** 2).float()
    noise = torch.rand(side, side, generator=torch.Generator().manual_seed(0))
    return (4 * disc + noise).expand(1, 3, -1, -1).contiguous()


def test_contrast_does_not_depend_on_brightness_and_gain() -> None:
    image = draw_disc()
    expected = local_contrast(image)
    torch.testing.assert_close(local_contrast(0.5 * image - 2.0), expected, atol=0.1, rtol=0.0)
    assert expected.abs().max() > 1.5


def test_contrast_has_a_channel_for_each_span() -> None:
    assert local_contrast(draw_disc(64)).shape == (1, 2, 64, 64)


def test_a_flat_image_has_no_contrast() -> None:
    torch.testing.assert_close(
        local_contrast(torch.full((1, 3, 64, 64), 1.7)),
        torch.zeros(1, 2, 64, 64),
        atol=0.05,
        rtol=0.0,
    )


def test_differences_below_the_floor_stay_small() -> None:
    image = 1.0 + 0.1 * CONTRAST_FLOOR * torch.randn(1, 3, 64, 64)
    assert local_contrast(image).abs().max() < 0.5


def test_padding_does_not_count_as_surroundings() -> None:
    image = draw_disc()
    padded = torch.nn.functional.pad(image, (0, 64, 0, 0))
    contrast = local_contrast(padded)
    assert (contrast[..., 128:] == 0).all()
    # Only the interpolation of the last column of means differs, by what it interpolates with.
    torch.testing.assert_close(
        contrast[..., :120], local_contrast(image)[..., :120], atol=0.02, rtol=0.0
    )


def test_a_half_precision_stem_still_sees_the_steps_of_a_dim_image() -> None:
    step = 1 / 58  # one of 256 gray levels in SAM's units
    image = torch.full((1, 3, 64, 64), -2.0)
    image[..., 16:48, 16:48] += 3 * step
    contrast = local_contrast(image)
    assert contrast[0, 0, 32, 32] - contrast[0, 0, 4, 4] > 0.5


def test_a_fresh_residual_block_refines_and_keeps_the_shape() -> None:
    block, x = ResidualBlock(4), torch.randn(2, 4, 8, 8)
    assert block(x).shape == x.shape
    torch.nn.init.zeros_(block.conv2.weight)
    torch.nn.init.zeros_(block.conv2.bias)
    torch.testing.assert_close(block(x), x)


def test_the_stem_computes_in_the_precision_of_its_weights() -> None:
    stem = ConvStem(32).to(torch.bfloat16)
    tokens = stem(draw_disc())
    assert tokens.shape == (1, 8, 8, 32)
    assert tokens.dtype == torch.bfloat16


def test_skips_have_the_sizes_of_the_decoders_upscaling() -> None:
    tokens, skips = ConvStem(64, decoder_width=32).embed(draw_disc(64))
    assert tokens.shape == (1, 4, 4, 64)
    assert skips.eighth.shape == (1, 8, 8, 8)
    assert skips.quarter.shape == (1, 4, 16, 16)


def test_a_border_within_a_token_shows_in_the_skips() -> None:
    stem = ConvStem(64, decoder_width=32)
    image = torch.zeros(1, 3, 64, 64) + 0.1
    image[..., 22:] = 2.0
    quarter = stem.embed(image)[1].quarter[0]
    assert (quarter[:, 8, 4] - quarter[:, 8, 7]).abs().max() > 1e-3
