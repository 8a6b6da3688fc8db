"""SAM's two-way transformer with one more token that looks on: it sees all, and nothing sees it.

SAM's tokens and the image go through the same operations on the same shapes as without the token, so
that their values are equal to the last bit. The modules and weights are SAM's (arXiv 2304.02643,
appendix A), the order of the operations is that of ``segment_anything``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

__all__ = ["attend_with_onlooker"]


def attend_with_onlooker(
    transformer: Any,
    image: torch.Tensor,
    position: torch.Tensor,
    tokens: torch.Tensor,
    onlooker: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Run the transformer of the mask decoder.

    Parameters
    ----------
    transformer : TwoWayTransformer
        SAM's, frozen.
    image, position : Tensor, (N, D, g, g)
        The image embedding with the dense prompt, and its position encoding.
    tokens : Tensor, (N, T, D)
        SAM's output tokens and the sparse prompt.
    onlooker : Tensor, (N, 1, D)
        The token that nothing sees.

    Returns
    -------
    Tensor, (N, T, D)
        SAM's tokens.
    Tensor, (N, 1, D)
        The onlooker.
    Tensor, (N, g*g, D)
        The image.
    """
    keys = image.flatten(2).permute(0, 2, 1)
    place = position.flatten(2).permute(0, 2, 1)
    own, extra = tokens, onlooker
    for layer in transformer.layers:
        own, extra, keys = _run_layer(layer, (own, extra), keys, (tokens, onlooker), place)
    attended = _attend_image(
        transformer.final_attn_token_to_image, own + tokens, extra + onlooker, keys + place, keys
    )
    own = transformer.norm_final_attn(own + attended[0])
    extra = transformer.norm_final_attn(extra + attended[1])
    return own, extra, keys


def _run_layer(
    layer: Any,
    pair: tuple[torch.Tensor, torch.Tensor],
    keys: torch.Tensor,
    pair_place: tuple[torch.Tensor, torch.Tensor],
    place: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Run one two-way block; the pair is SAM's tokens and the onlooker."""
    (own, extra), (own_place, extra_place) = _attend_tokens(layer, pair, pair_place), pair_place
    attended = _attend_image(
        layer.cross_attn_token_to_image, own + own_place, extra + extra_place, keys + place, keys
    )
    own, extra = layer.norm2(own + attended[0]), layer.norm2(extra + attended[1])
    own, extra = (layer.norm3(x + layer.mlp(x)) for x in (own, extra))
    seen = layer.cross_attn_image_to_token(q=keys + place, k=own + own_place, v=own)
    return own, extra, layer.norm4(keys + seen)


def _attend_tokens(
    layer: Any,
    pair: tuple[torch.Tensor, torch.Tensor],
    pair_place: tuple[torch.Tensor, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Let SAM's tokens attend to each other, and the onlooker to all of them and itself."""
    own, extra = pair
    if layer.skip_first_layer_pe:
        all_tokens = torch.cat([own, extra], dim=1)
        own, extra = (
            layer.self_attn(q=own, k=own, v=own),
            layer.self_attn(q=extra, k=all_tokens, v=all_tokens),
        )
    else:
        own_query, extra_query = own + pair_place[0], extra + pair_place[1]
        all_keys = torch.cat([own_query, extra_query], dim=1)
        all_values = torch.cat([own, extra], dim=1)
        own, extra = (
            own + layer.self_attn(q=own_query, k=own_query, v=own),
            extra + layer.self_attn(q=extra_query, k=all_keys, v=all_values),
        )
    return layer.norm1(own), layer.norm1(extra)


def _attend_image(
    attention: Any, own: torch.Tensor, extra: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attend to the image from both, with the image projected once.

    Each is the same call as in :class:`~napari_catsam.sam.token_attention.FusedTokenAttention`: one
    call for both would round SAM's tokens in another way.
    """
    heads = attention.num_heads
    key, value = attention.k_proj(key), attention.v_proj(value)
    own, extra = (_attend(attention.q_proj(x), key, value, heads) for x in (own, extra))
    return attention.out_proj(own), attention.out_proj(extra)


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int
) -> torch.Tensor:
    split = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    return F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
