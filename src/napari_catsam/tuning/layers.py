"""Small layers that methods and the HQ head are made of."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["PerceptronStack", "high_pass"]


class PerceptronStack(nn.Module):
    """Linear layers with ReLU between them, as SAM's hypernetworks.

    Parameters
    ----------
    widths : sequence of int
        Features before, between and after the layers.
    """

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in pairwise(widths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``x`` (..., widths[0]) to (..., widths[-1])."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        out: torch.Tensor = self.layers[-1](x)
        return out


def high_pass(image: torch.Tensor, kept_out: float = 0.25) -> torch.Tensor:
    """Keep the high frequencies of an image, as CAT-SAM-A's hand-crafted feature (paper, section 3.3).

    The centred square of half side ``int(sqrt(H * W * kept_out) // 2)`` of the spectrum is set to 0.
    The released code does so on the full complex spectrum and takes the real part; on real input this
    equals the real transform with the square made symmetric, at a third of the time.

    Parameters
    ----------
    image : Tensor, (B, C, H, W)
        Computed in float32 whatever the dtype: the Fourier transform knows no bfloat16.
    kept_out : float
        Share of the spectrum's area that is removed.

    Returns
    -------
    Tensor, (B, C, H, W), float32
        Absolute value of the filtered image.
    """
    height, width = image.shape[-2:]
    with torch.autocast(image.device.type, enabled=False):
        spectrum = torch.fft.rfft2(image.float())
        keep = _symmetric_keep(height, width, kept_out).to(image.device)
        filtered: torch.Tensor = torch.fft.irfft2(spectrum * keep, s=(height, width))
        return filtered.abs()


@lru_cache(maxsize=8)
def _symmetric_keep(height: int, width: int, kept_out: float) -> torch.Tensor:
    """Weigh the half spectrum (H, W//2+1): mean of the released mask at a frequency and its mirror."""
    half = int((height * width * kept_out) ** 0.5 // 2)
    rows = torch.fft.fftfreq(height, 1 / height)[:, None]
    columns = torch.fft.rfftfreq(width, 1 / width)[None, :]
    return (
        _kept(rows, height, columns, width, half) + _kept(-rows, height, -columns, width, half)
    ) / 2


def _kept(
    rows: torch.Tensor, height: int, columns: torch.Tensor, width: int, half: int
) -> torch.Tensor:
    """Return 0 inside the square ``-half <= frequency < half`` and 1 outside."""
    # Frequencies are periodic; bring them to the range of the released code's shifted spectrum.
    rows = (rows + height // 2) % height - height // 2
    columns = (columns + width // 2) % width - width // 2
    inside = (rows >= -half) & (rows < half) & (columns >= -half) & (columns < half)
    return 1.0 - inside.float()
