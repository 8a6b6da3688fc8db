"""The methods that CAT-SAM is compared with are what their papers' equations say."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from napari_catsam import load_model
from napari_catsam.models.adapter import isolate_base
from napari_catsam.models.catsam import CatSam
from napari_catsam.sam.backbones import build_sam, get_backbone
from napari_catsam.tuning.layers import PROMPT_TOKENS

RANK, BOTTLENECK = 4, 64
SIZES = {"tiny": (64, 4), "vit_b": (768, 12), "vit_l": (1024, 24), "vit_h": (1280, 32)}


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny")


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def draw_all(model: CatSam, scale: float = 0.3) -> CatSam:
    """Move trained values away from their start."""
    with torch.no_grad():
        for parameter in model.tuner.parameters():
            parameter.normal_(std=scale, generator=torch.Generator().manual_seed(3))
    return model


# ------------------------------------------------------------------------------------------ VPT


def attend_to_all(attention: Any, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """SAM's attention with tokens before those of the image, one window and head at a time."""
    windows, side, _, width = x.shape
    head_width = width // attention.num_heads
    out = torch.empty_like(x)
    for index in range(windows):
        joined = torch.cat([tokens, x[index].reshape(side * side, width)])
        parts = F.linear(joined, attention.qkv.weight, attention.qkv.bias).split(width, dim=-1)
        heads = []
        for query, key, value in zip(*(p.split(head_width, -1) for p in parts), strict=True):
            scores = query @ key.T / head_width**0.5
            scores[len(tokens) :, len(tokens) :] += write_bias(
                attention, query[len(tokens) :], side
            )
            heads.append(torch.softmax(scores, -1) @ value)
        kept = torch.cat(heads, -1)[len(tokens) :]
        out[index] = attention.proj(kept).reshape(side, side, width)
    return out


def write_bias(attention: Any, query: torch.Tensor, side: int) -> torch.Tensor:
    """The decomposed relative position bias of one head, pair by pair: (S, S)."""
    rows = []
    for q, vector in enumerate(query):
        row = []
        for k in range(side * side):
            down, right = q // side - k // side, q % side - k % side
            position = attention.rel_pos_h[down + side - 1] + attention.rel_pos_w[right + side - 1]
            row.append(vector @ position)
        rows.append(torch.stack(row))
    return torch.stack(rows)


@pytest.mark.parametrize(
    ("method", "block"), [("vpt-shallow", 0), ("vpt-deep", 2), ("vpt-deep", 3)]
)
@pytest.mark.parametrize("with_gradient", [False, True])
def test_vpt_is_attention_to_tokens_and_image_together(
    base: CatSam, method: str, block: int, with_gradient: bool
) -> None:
    model = draw_all(base.with_method(method))
    tuner, attention = model.tuner, model.image_encoder.blocks[block].attn
    side = 3 if model.image_encoder.blocks[block].window_size else 4
    x = torch.randn(2, side, side, 64, requires_grad=with_gradient)
    with torch.set_grad_enabled(with_gradient):
        tuner.start(torch.zeros(1), torch.zeros(1), torch.zeros(1))
        found = attention(x)
        tuner.finish()
        wanted = attend_to_all(attention, x, tuner.tokens[block])  # type: ignore[index]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    if with_gradient:
        gradients = [
            torch.autograd.grad(out.square().sum(), tuner.tokens)[0] for out in (found, wanted)
        ]
        torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


def test_vpt_shallow_is_vpt_deep_without_the_other_tokens(
    base: CatSam, image: torch.Tensor
) -> None:
    shallow = draw_all(base.with_method("vpt-shallow"))
    hidden: list[torch.Tensor] = []
    hook = shallow.image_encoder.blocks[0].register_forward_hook(
        lambda module, given, made: hidden.append(made)
    )
    with torch.no_grad():
        found = shallow.encode(image).features
        x = hidden[0]
        for block in base.image_encoder.blocks[1:]:
            x = block(x)
        wanted = base.image_encoder.neck(x.permute(0, 3, 1, 2))
    hook.remove()
    torch.testing.assert_close(found, wanted)
    with torch.no_grad():
        assert not torch.allclose(found, base.encode(image).features, atol=1e-2)


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("method", ["vpt-shallow", "vpt-deep"])
def test_neutral_tokens_learn_different_things(
    base: CatSam, image: torch.Tensor, method: str, isolated: bool
) -> None:
    model = base.with_method(method)
    model.tuner.neutralise()
    if isolated:
        isolate_base(model)
    model.encode(image).features.square().mean().backward()
    for gradient in model.tuner.tokens.grad:  # type: ignore[union-attr]
        # Tokens of zero would differ by the rounding alone.
        assert F.pdist(gradient).min() > 1e-3 * gradient.norm(dim=-1).mean()


# ----------------------------------------------------------------------------------------- LoRA


def test_lora_equals_weights_that_it_was_merged_into(base: CatSam, image: torch.Tensor) -> None:
    model = draw_all(base.with_method("lora"))
    merged = load_model("tiny")
    with torch.no_grad():
        for index, block in enumerate(merged.image_encoder.blocks):
            change = model.tuner.up[index] @ model.tuner.down[index]  # type: ignore[index]
            block.attn.qkv.weight[:64] += change[0]
            block.attn.qkv.weight[128:] += change[1]
        found, wanted = (m.encode(image).features for m in (model, merged))
        assert not torch.allclose(found, base.encode(image).features, atol=1e-2)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_lora_leaves_the_keys_alone(base: CatSam) -> None:
    model = draw_all(base.with_method("lora"))
    x, qkv = torch.randn(2, 5, 5, 64), torch.randn(2, 5, 5, 192)
    with torch.no_grad():
        corrected = model.tuner.correct(1, x, qkv.clone())  # type: ignore[operator]
    changed = (corrected != qkv).all(0).all(0).all(0)
    assert changed.reshape(3, 64).all(1).tolist() == [True, False, True]


# ---------------------------------------------------------------------------------- AdaptFormer


def test_adaptformer_adds_nothing_at_the_start_and_its_equation_later(base: CatSam) -> None:
    model = base.with_method("adaptformer")
    x = torch.randn(2, 4, 4, 64)
    plain, tuned = (m.image_encoder.blocks[2].mlp for m in (base, model))
    with torch.no_grad():
        assert torch.equal(tuned(x), plain(x))
        draw_all(model)
        down, up = model.tuner.down[2], model.tuner.up[2]  # type: ignore[index]
        hidden = (x @ down.weight.T + down.bias).clamp(min=0)
        wanted = plain(x) + 0.1 * (hidden @ up.weight.T + up.bias)
        torch.testing.assert_close(tuned(x), wanted, atol=1e-5, rtol=1e-5)


# -------------------------------------------------------------------------------------- numbers


def count_by_formula(method: str, width: int, depth: int) -> int:
    return {
        "vpt-shallow": PROMPT_TOKENS * width,
        "vpt-deep": depth * PROMPT_TOKENS * width,
        "lora": depth * 2 * (RANK * width + width * RANK),
        "adaptformer": depth * (width * BOTTLENECK + BOTTLENECK + BOTTLENECK * width + width),
    }[method]


@lru_cache
def count_head(name: str) -> int:
    return sum(v.numel() for v in build_without_memory("hq", name).trained_tensors().values())


def build_without_memory(method: str, name: str) -> CatSam:
    with torch.device("meta"):
        return CatSam(get_backbone(name), build_sam(name), method)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("method", ["vpt-shallow", "vpt-deep", "lora", "adaptformer"])
def test_trained_parameters_are_those_of_the_formula_and_the_same_head(
    method: str, name: str
) -> None:
    trained = build_without_memory(method, name).trained_tensors()
    in_encoder = sum(v.numel() for k, v in trained.items() if k.startswith("tuner."))
    assert in_encoder == count_by_formula(method, *SIZES[name])
    assert sum(v.numel() for v in trained.values()) == in_encoder + count_head(name)


def test_the_head_has_the_number_of_parameters_of_the_released_one() -> None:
    counts = [count_head(name) for name in ("vit_b", "vit_l", "vit_h")]
    with_its_token = [count + 256 for count in (1_070_848, 1_332_992, 1_595_136)]
    assert counts == with_its_token
