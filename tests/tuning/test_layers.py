"""The high-pass equals the released definition."""

from __future__ import annotations

import pytest
import torch

from napari_catsam.tuning.layers import high_pass


def released_high_pass(image: torch.Tensor, share: float = 0.25) -> torch.Tensor:
    """Filter the full complex spectrum, as the released code defines it (square images)."""
    side = image.shape[-1]
    half, middle = int((side * side * share) ** 0.5 // 2), side // 2
    keep = torch.ones(side, side)
    keep[middle - half : middle + half, middle - half : middle + half] = 0
    spectrum = torch.fft.fftshift(torch.fft.fft2(image, norm="forward"), dim=(-2, -1))
    inverse = torch.fft.ifft2(torch.fft.ifftshift(spectrum * keep, dim=(-2, -1)), norm="forward")
    return inverse.real.abs()


@pytest.mark.parametrize("side", [64, 48, 33])
def test_high_pass_equals_the_full_complex_transform(side: int) -> None:
    image = torch.randn(2, 3, side, side)
    torch.testing.assert_close(high_pass(image), released_high_pass(image), atol=2e-6, rtol=0)


def test_high_pass_of_bfloat16_is_computed_in_float32() -> None:
    assert high_pass(torch.randn(1, 3, 32, 32, dtype=torch.bfloat16)).dtype == torch.float32


def test_high_pass_removes_a_flat_image() -> None:
    assert high_pass(torch.full((1, 3, 64, 64), 7.0)).abs().max() < 1e-5
