"""What several methods and the HQ head are made of."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

from napari_catsam.sam.backbones import PATCH
from napari_catsam.sam.extra_tokens import TokenAttend
from napari_catsam.tuning.base import Tuner

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone

__all__ = ["PerceptronStack", "PromptTuner", "TokenTuner", "high_pass"]


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


PROMPT_TOKENS = 10
"""Learnt tokens a block, T. The authors' code has 5 by default and tunes the number on each data set
(https://github.com/KMnP/vpt, ``MODEL.PROMPT.NUM_TOKENS``); here it is the same for all."""


class TokenTuner(Tuner):
    """The part that methods with extra tokens in the attention of some blocks have in common.

    Parameters
    ----------
    backbone : Backbone
        Gives the number of blocks.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self._attentions: list[Any] = []
        self._slots = [TokenAttend() for _ in range(backbone.depth)]

    def attach(self, vit: Any) -> None:
        """Let every block attend to its slot's tokens too, if it has any."""
        # A list that torch does not search keeps the frozen attention out of this module's state.
        self._attentions = _Unregistered(block.attn for block in vit.blocks)
        for attention, slot in zip(self._attentions, self._slots, strict=True):
            attention.attend = slot

    def give(self, index: int, tokens: torch.Tensor, change: torch.Tensor) -> None:
        """Compute key and value of tokens, for the blocks that follow.

        Parameters
        ----------
        index : int
            Of the block.
        tokens : Tensor, (T, C)
            They take the place of normalised tokens of the image.
        change : Tensor, (T, C)
            What of them is trained, zero after :meth:`neutralise`; what an isolated method adds.
        """
        slot, attention = self._slots[index], self._attentions[index]
        heads = (
            len(tokens),
            -1,
            attention.num_heads,
            attention.qkv.in_features // attention.num_heads,
        )
        _, key, value = attention.qkv(tokens).reshape(heads).permute(1, 2, 0, 3)
        slot.key, slot.value, slot.added = key, value, None
        if self.isolated:
            # Without the bias, so that a change of zero adds nothing.
            own = attention.qkv.weight[2 * attention.qkv.in_features :]
            slot.added = F.linear(change, own).reshape(heads[0], *heads[2:]).transpose(0, 1)

    def finish(self) -> None:
        """Forget the keys and values."""
        for slot in self._slots:
            slot.key = slot.value = slot.added = None

    def kept(self) -> list[tuple[torch.Tensor | None, ...]]:
        """Return the keys and values."""
        return [(slot.key, slot.value, slot.added) for slot in self._slots]

    def resume(self, kept: list[tuple[torch.Tensor | None, ...]]) -> None:
        """Take the keys and values back."""
        for slot, (key, value, added) in zip(self._slots, kept, strict=True):
            slot.key, slot.value, slot.added = key, value, added


class PromptTuner(TokenTuner):
    """Visual prompt tuning (VPT, arXiv 2203.12119): learnt tokens in the first blocks.

    Every block has tokens of its own. They stand where the token of CAT-SAM-T does: keys and values of
    the attention, in every window of windowed blocks, not normalised, without position bias, dropped
    after it. So the two differ in where the tokens come from. In VPT's own code tokens go through
    the whole block; SAM's windows would need a copy of each in every window.

    Parameters
    ----------
    backbone : Backbone
        Gives C and the number of blocks.
    blocks : int
        The first so many blocks have tokens.

    Attributes
    ----------
    tokens : Parameter, (blocks, T, C)
        With T = :data:`PROMPT_TOKENS`.
    """

    def __init__(self, backbone: Backbone, blocks: int) -> None:
        super().__init__(backbone)
        shape = (blocks, PROMPT_TOKENS, backbone.width)
        self.tokens = nn.Parameter(torch.empty(shape))
        # The range of the authors' code: Xavier's, with the fan of a patch of 16 x 16 pixels.
        self._range = math.sqrt(6 / (3 * PATCH**2 + backbone.width))
        nn.init.uniform_(self.tokens, -self._range, self._range)
        self.waves: torch.Tensor
        waves = self._range * _draw_waves(PROMPT_TOKENS, backbone.width)
        self.register_buffer("waves", waves, persistent=False)

    def neutralise(self) -> None:
        """Make the tokens waves, the same in every block.

        They are not zero: equal tokens would have equal gradients, and stay equal for ever.
        """
        with torch.no_grad():
            self.tokens.copy_(self.waves.expand_as(self.tokens))

    def start(self, image: torch.Tensor, patches: torch.Tensor, token: torch.Tensor) -> None:
        """Compute keys and values; they do not depend on the image."""
        for index, tokens in enumerate(self.tokens):
            self.give(index, tokens, tokens - self.waves)


def _draw_waves(count: int, length: int) -> torch.Tensor:
    """Return cosines of 1, 2, ... half periods, orthogonal to each other: (count, length)."""
    place = (torch.arange(length) + 0.5) * (math.pi / length)
    return torch.cos(torch.arange(1, count + 1)[:, None] * place)


class _Unregistered(list[Any]):
    """A list that torch does not take for sub-modules."""
