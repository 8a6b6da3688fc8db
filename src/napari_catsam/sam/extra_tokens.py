"""Attention to extra tokens beside those of the image, merged into finished attention.

The extra tokens are keys and values alone: what they would themselves gather is dropped after the
attention, so it is never computed. They have no position bias, and join every window.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from napari_catsam.sam.attention import Bias, as_matrix, attend

__all__ = ["TokenAttend"]


class TokenAttend:
    """Attend to the image's tokens and to T more keys and values.

    Attributes
    ----------
    key, value : Tensor, (heads, T, d), or None
        The extra tokens of this block; without any this is plain attention.
    added : Tensor, (heads, T, d), or None
        What the tokens add instead of taking part in the softmax.
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
            out = attend(query, key, value, bias)
            return out + self._share_out(query, self.added, key.shape[2])
        if not torch.is_grad_enabled():
            known = _attend_with_sums(query, key, value, as_matrix(bias))
            if known is not None:
                return self._merge(query, *known)
        return self._attend_joined(query, key, value, bias)

    def _share_out(self, query: torch.Tensor, added: torch.Tensor, keys: int) -> torch.Tensor:
        """Give values by the share that the tokens would have among so many keys of score 0.

        Finished attention is not scaled down for it, so tokens that add zero change no bit.
        """
        scores, _ = self._score(query)
        share, gathered = _gather(scores, math.log(keys), added[None].to(query.dtype))
        return share * gathered

    def _merge(
        self, query: torch.Tensor, out: torch.Tensor, log_sums: torch.Tensor
    ) -> torch.Tensor:
        """Merge the extra tokens into finished attention by their share of the softmax's sum.

        ``o' = (1 - w) o + w o_t`` with ``w = sigmoid(lse_t - lse)``: exact, and the keys stay a
        multiple of what the fused kernels like.
        """
        scores, value = self._score(query)
        share, gathered = _gather(scores, log_sums[..., None], value)
        return torch.lerp(out, gathered.expand_as(out), share.expand_as(out))

    def _attend_joined(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: Bias,
    ) -> torch.Tensor:
        """Attend over the tokens and the image together: the differentiable way."""
        token_key, token_value = self._tokens(query)
        heads = (query.shape[0], -1, -1, -1)
        key = torch.cat([token_key.expand(heads), key], dim=2)
        value = torch.cat([token_value.expand(heads), value], dim=2)
        extra = token_key.shape[2]
        return attend(query, key, value, F.pad(bias, (extra, 0)) if torch.is_tensor(bias) else bias)

    def _score(self, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score the tokens for each query: (B, heads, S, T); and their values (1, heads, T, d)."""
        key, value = self._tokens(query)
        return query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5, value

    def _tokens(self, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.key is None or self.value is None:
            raise RuntimeError("the tokens of this block were not computed; call start() first")
        return self.key[None].to(query.dtype), self.value[None].to(query.dtype)


def _gather(
    scores: torch.Tensor, log_sums: torch.Tensor | float, value: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tokens' share (B, heads, S, 1) beside other keys, and what they give by themselves.

    ``log_sums`` is the log of the other keys' sum of the softmax, (B, heads, S, 1).
    """
    scores = scores.float()
    share = torch.sigmoid(scores.logsumexp(-1, keepdim=True) - log_sums).to(value.dtype)
    if value.shape[2] == 1:  # one token gets all of it
        return share, value
    return share, torch.softmax(scores, dim=-1).to(value.dtype) @ value


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
