"""CAT-SAM-T: one more token, made from the bridge token, in the attention of every block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

from napari_catsam.sam.attention import Bias, as_matrix, attend
from napari_catsam.tuning.base import Tuner, register

if TYPE_CHECKING:
    from napari_catsam.sam.backbones import Backbone


@register("cat-t")
class CatToken(Tuner):
    """The token variant of CAT-SAM (arXiv 2402.03631, section 3.2).

    In block i a small MLP maps the decoder's token to one token that takes part in the attention as
    key and value, of every window in windowed blocks. What it would itself gather is dropped after the
    attention, so it is never computed. It has no position bias.

    Parameters
    ----------
    backbone : Backbone
        Gives C, D and the number of blocks.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        hidden = backbone.decoder_width // 4
        self.projections = nn.ModuleList(
            nn.Sequential(
                nn.Linear(backbone.decoder_width, hidden),
                nn.GELU(),
                nn.Linear(hidden, backbone.width),
            )
            for _ in range(backbone.depth)
        )
        self._attentions: list[Any] = []
        self._slots = [TokenAttend() for _ in range(backbone.depth)]

    def attach(self, vit: Any) -> None:
        """Let every block attend to its slot's token too."""
        # A plain list in a tuple-like holder keeps the frozen attention out of this module's state.
        self._attentions = _Unregistered(block.attn for block in vit.blocks)
        for attention, slot in zip(self._attentions, self._slots, strict=True):
            attention.attend = slot

    def neutralise(self) -> None:
        """Make every token zero, so that its key and value are the projection's bias alone."""
        for projection in self.projections:
            *_, weight, bias = projection.parameters()
            nn.init.zeros_(weight)
            nn.init.zeros_(bias)

    def start(self, image: torch.Tensor, patches: torch.Tensor, token: torch.Tensor) -> None:
        """Compute key and value of every block's token; they do not depend on the image."""
        for slot, attention, project in zip(
            self._slots, self._attentions, self.projections, strict=True
        ):
            hidden = project(token)
            _, key, value = attention.qkv(hidden).reshape(3, attention.num_heads, 1, -1)
            slot.key, slot.value, slot.added = key, value, None
            if self.isolated:
                # Without the bias, so that a token of zero adds nothing.
                own = attention.qkv.weight[2 * attention.qkv.in_features :]
                slot.added = F.linear(hidden, own).reshape(attention.num_heads, 1, -1)

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


class _Unregistered(list[Any]):
    """A list that torch does not take for sub-modules."""


class TokenAttend:
    """Attend to the image's tokens and to one more key and value.

    Attributes
    ----------
    key, value : Tensor, (heads, 1, d), or None
        The extra token of this block; without one this is plain attention.
    added : Tensor, (heads, 1, d), or None
        What the token adds instead of taking part in the softmax.
    """

    def __init__(self) -> None:
        self.key: torch.Tensor | None = None
        self.value: torch.Tensor | None = None
        self.added: torch.Tensor | None = None

    def __call__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: Bias,
    ) -> torch.Tensor:
        """Attend; arguments and result as :func:`napari_catsam.sam.attention.attend`."""
        if self.key is None or self.value is None:
            return attend(query, key, value, bias)
        if self.added is not None:
            return self._add(query, attend(query, key, value, bias), key.shape[2])
        if not torch.is_grad_enabled():
            known = _attend_with_sums(query, key, value, as_matrix(bias))
            if known is not None:
                return self._merge(query, *known)
        return self._attend_joined(query, key, value, bias)

    def _add(self, query: torch.Tensor, out: torch.Tensor, keys: int) -> torch.Tensor:
        """Add the token's value by the share that it would have among keys of score 0.

        Finished attention is not scaled down for it, so a token that adds zero changes no bit.
        """
        token_key, _ = self._token(query)
        score = (query * token_key).sum(-1, keepdim=True) * query.shape[-1] ** -0.5
        share = torch.sigmoid(score.float() - math.log(keys)).to(out.dtype)
        added = torch.zeros_like(token_key) if self.added is None else self.added.to(out.dtype)
        return out + share * added

    def _merge(
        self, query: torch.Tensor, out: torch.Tensor, log_sums: torch.Tensor
    ) -> torch.Tensor:
        """Merge the extra token into finished attention by its share of the softmax's sum.

        ``o' = (1 - w) o + w v0`` with ``w = sigmoid(q.k0 s - lse)``: exact, and the keys stay a
        multiple of what the fused kernels like.
        """
        token_key, token_value = self._token(query)
        score = (query * token_key).sum(-1) * query.shape[-1] ** -0.5
        share = torch.sigmoid(score.float() - log_sums)[..., None].to(out.dtype)
        return torch.lerp(out, token_value.expand_as(out), share)

    def _attend_joined(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: Bias,
    ) -> torch.Tensor:
        """Attend over the token and the image together: the differentiable way."""
        token_key, token_value = self._token(query)
        heads = (query.shape[0], -1, -1, -1)
        key = torch.cat([token_key.expand(heads), key], dim=2)
        value = torch.cat([token_value.expand(heads), value], dim=2)
        return attend(query, key, value, F.pad(bias, (1, 0)) if torch.is_tensor(bias) else bias)

    def _token(self, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.key is None or self.value is None:
            raise RuntimeError("the token of this block was not computed; call start() first")
        return self.key[None].to(query.dtype), self.value[None].to(query.dtype)


def _attend_with_sums(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Attend and return the log of each row's softmax sum (B, heads, S); None where no kernel does."""
    operators = torch.ops.aten
    if query.device.type == "cpu":
        out, sums = operators._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, False, attn_mask=bias
        )
        return out, sums
    if query.device.type == "cuda":
        out, sums, *_ = operators._scaled_dot_product_efficient_attention(
            query, key, value, bias, True, 0.0, False
        )
        return out, sums[..., : query.shape[2]]
    return None
