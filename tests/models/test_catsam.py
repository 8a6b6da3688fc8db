"""A model is a frozen SAM and the parts of one method; each part changes what it should and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from napari_catsam.errors import PromptError
from napari_catsam.geometry import flip_xy
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.loading import load_model
from napari_catsam.sam.attention import attend
from napari_catsam.sam.backbones import get_backbone, seeded_sam
from napari_catsam.sam.box_prior import (
    box_limit,
    first_guess,
    kept_mask,
    soft_disc_logits,
    soft_ellipse_logits,
)

BOXES = torch.tensor([[4.0, 6.0, 40.0, 50.0], [10.0, 8.0, 30.0, 24.0]])  # x0, y0, x1, y1
POINTS = torch.tensor([[[20.0, 30.0]], [[15.0, 12.0]]])
LABELS = torch.ones(2, 1, dtype=torch.long)


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny", device="cpu")


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def decode(model: CatSam, image: torch.Tensor, prompts: PromptTensors) -> torch.Tensor:
    with torch.no_grad():
        encoded = model.encode(image)
        return model.decode(encoded.features, model.detail(encoded), prompts).logits


# -------------------------------------------------------------------------------------- encoder


def test_the_early_output_is_that_of_the_first_global_block(
    base: CatSam, image: torch.Tensor
) -> None:
    vit = base.image_encoder
    with torch.no_grad():
        x = vit.patch_embed(image) + vit.pos_embed
        for block in vit.blocks[: base.backbone.global_blocks[0] + 1]:
            x = block(x)
        encoded = base.encode(image)
    torch.testing.assert_close(encoded.early, x)
    torch.testing.assert_close(encoded.features, vit(image))


@pytest.mark.parametrize("method", ["cat-a", "cat-t"])
def test_an_image_leaves_nothing_behind_also_when_a_block_fails(
    base: CatSam, image: torch.Tensor, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = base.with_method(method, seed=1)
    with torch.no_grad():
        expected = model.encode(image).features

        def run_out(_: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

        last = model.image_encoder.blocks[-1]
        monkeypatch.setattr(last, "forward", run_out)
        with pytest.raises(torch.OutOfMemoryError):
            model.encode(image)
        monkeypatch.undo()
        if method == "cat-a":
            assert model.tuner._joint is None
        else:
            assert all(slot.key is None for slot in model.tuner._slots)
        assert torch.equal(model.encode(image).features, expected)


def test_the_bridge_token_changes_encoder_and_decoder(base: CatSam, image: torch.Tensor) -> None:
    for method in ("cat-a", "cat-t"):
        model = base.with_method(method, seed=1)
        with torch.no_grad():
            before, features = (
                decode(model, image, PromptTensors(boxes=BOXES)),
                model.encode(image)[0],
            )
            model.head.token.add_(1)
            after, moved = decode(model, image, PromptTensors(boxes=BOXES)), model.encode(image)[0]
        assert not torch.allclose(before, after, atol=1e-4)
        assert not torch.allclose(features, moved, atol=1e-5)


def test_a_model_made_from_a_tuned_one_starts_without_its_tuner(
    base: CatSam, image: torch.Tensor
) -> None:
    tuned = base.with_method("cat-t", seed=1)
    with torch.no_grad():
        expected = tuned.encode(image).features
        plain = tuned.with_method("sam")
        assert torch.equal(plain.encode(image).features, base.encode(image).features)
        assert torch.equal(tuned.encode(image).features, expected)
    assert all(block.attn.attend is attend for block in plain.image_encoder.blocks)


# -------------------------------------------------------------------------------------- prompts


def test_a_box_brings_its_ellipse_where_the_backbone_was_trained_with_it(
    base: CatSam, image: torch.Tensor
) -> None:
    with_prior = CatSam(replace(get_backbone("tiny"), box_prior=True), seeded_sam("tiny"))
    corners = flip_xy(BOXES.reshape(-1, 2, 2)).reshape(-1, 4)
    ellipses = soft_ellipse_logits(corners, 64, 16)
    prompts, explicit = PromptTensors(boxes=BOXES), PromptTensors(boxes=BOXES, masks=ellipses)
    found = decode(with_prior, image, prompts)
    expected = decode(base, image, explicit) + box_limit(corners, 64, 16)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, decode(base, image, prompts), atol=1e-3)


def test_clicks_without_a_box_bring_their_discs(base: CatSam, image: torch.Tensor) -> None:
    with_prior = CatSam(replace(get_backbone("tiny"), box_prior=True), seeded_sam("tiny"))
    discs = soft_disc_logits(flip_xy(POINTS), LABELS, 64, 16)
    found = decode(with_prior, image, PromptTensors(points=POINTS, labels=LABELS))
    explicit = PromptTensors(points=POINTS, labels=LABELS, masks=discs)
    torch.testing.assert_close(found, decode(base, image, explicit), atol=1e-4, rtol=1e-4)


def test_clicks_are_drawn_into_a_mask_prompt_and_its_range_is_that_of_the_guesses(
    base: CatSam, image: torch.Tensor
) -> None:
    with_prior = CatSam(replace(get_backbone("tiny"), box_prior=True), seeded_sam("tiny"))
    masks = 10 * torch.randn(2, 1, 16, 16)
    found = decode(with_prior, image, PromptTensors(points=POINTS, labels=LABELS, masks=masks))
    guess = first_guess(None, flip_xy(POINTS), LABELS, masks, 64, 16)
    explicit = PromptTensors(points=POINTS, labels=LABELS, masks=guess)
    kept = kept_mask(flip_xy(POINTS), LABELS, masks, 64, 16)
    expected = decode(base, image, explicit) + kept
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_points_need_labels(base: CatSam) -> None:
    with pytest.raises(PromptError, match="points need labels"):
        base.embed_prompts(PromptTensors(points=POINTS))


def test_a_lone_click_is_one_point_and_nothing_else() -> None:
    assert PromptTensors(points=POINTS, labels=LABELS).lone_click
    assert not PromptTensors(points=POINTS.repeat(1, 2, 1), labels=LABELS.repeat(1, 2)).lone_click
    assert not PromptTensors(points=POINTS, labels=LABELS, boxes=BOXES).lone_click
    assert not PromptTensors(
        points=POINTS, labels=LABELS, masks=torch.zeros(2, 1, 16, 16)
    ).lone_click
    assert not PromptTensors(boxes=BOXES).lone_click


def test_masks_of_sam_are_four_and_of_the_hq_head_one(base: CatSam, image: torch.Tensor) -> None:
    prompts = PromptTensors(boxes=BOXES)
    assert decode(base, image, prompts).shape == (2, 4, 16, 16)
    assert decode(base.with_method("hq"), image, prompts).shape == (2, 1, 16, 16)


# ------------------------------------------------------------------------------------- identity


def test_the_id_names_backbone_and_method_and_follows_every_value(base: CatSam) -> None:
    model = base.with_method("cat-a", seed=1)
    assert model.model_id.startswith(f"tiny-{base.backbone_sha256[:12]}/cat-a-")
    ids = {base.model_id, model.model_id, base.with_method("cat-a", seed=2).model_id}
    ids.add(CatSam(get_backbone("tiny"), seeded_sam("tiny", seed=3)).model_id)
    with torch.no_grad():
        model.head.token.add_(1)
    ids.add(model.model_id)
    assert len(ids) == 5


def test_the_same_seed_gives_the_same_model(base: CatSam) -> None:
    assert base.with_method("cat-a", seed=4).model_id == base.with_method("cat-a", seed=4).model_id


def test_frozen_and_trained_tensors_are_all_tensors(base: CatSam) -> None:
    model = base.with_method("cat-a")
    frozen, trained = model.frozen_tensors(), model.trained_tensors()
    assert frozen.keys() | trained.keys() == model.state_dict().keys()
    assert not frozen.keys() & trained.keys()
    assert frozen.keys() == seeded_sam("tiny").state_dict().keys()
