"""The released API by its own names, in (x, y), on the tiny backbone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_catsam import CATSAMA, CATSAMT, Predictor, Prompts
from napari_catsam.errors import (
    CatsamError,
    CheckpointError,
    ImageError,
    MissingWeightsError,
    PromptError,
    UnknownNameError,
)
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.loading import load_model
from napari_catsam.models.release import release_state_dict
from napari_catsam.sam.backbones import BACKBONES
from napari_catsam.sam.checkpoints import sam_shapes
from napari_catsam.types import Intensity

VARIANTS = {"cat-a": CATSAMA, "cat-t": CATSAMT}
SIZE = (40, 72)
BOXES = [[8.0, 4.0, 40.0, 30.0], [20.0, 10.0, 70.0, 38.0]]  # x0, y0, x1, y1
POINTS = [[[20.0, 16.0]], [[40.0, 24.0]], [[60.0, 8.0]]]  # three objects of one point


@pytest.fixture(scope="module", autouse=True)
def tiny_vit_b(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give ``vit_b`` the sizes of ``tiny`` and no weights on this computer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "vit_b", replace(BACKBONES["tiny"], name="vit_b"))
        patch.setenv("NAPARI_CATSAM_MODELS", str(tmp_path_factory.mktemp("empty")))
        sam_shapes.cache_clear()
        yield
    sam_shapes.cache_clear()


def build(variant: str, *, loaded: bool = True) -> Any:
    model = VARIANTS[variant](model_type="vit_b")
    if loaded:
        model.load_state_dict(release_state_dict(load_model("tiny").with_method(variant, seed=6)))
    return model


def predict(model: CatSam, image: torch.Tensor, boxes: list[list[float]]) -> torch.Tensor:
    """Return the logits that the predictor finds for (x, y) boxes, at the size of the image."""
    predictor = Predictor(model)
    embedding = predictor.embed(image.permute(1, 2, 0).numpy(), Intensity("as-is"))
    masks = predictor.predict(embedding, Prompts(boxes=np.array(boxes)[:, [1, 0, 3, 2]]))
    return embedding.frame.logits_to_image(torch.from_numpy(masks.logits))


def make_image(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))) * 255


@pytest.fixture(scope="module", params=sorted(VARIANTS))
def released(request: pytest.FixtureRequest) -> Any:
    return build(request.param)


@pytest.fixture
def model(released: Any) -> Any:
    """Return a released model that has embedded one image."""
    released.set_infer_img(img=make_image(3, *SIZE))
    return released


def same(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return len(one) == len(two) and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


# --------------------------------------------------------------------------------------- images


@pytest.mark.parametrize("shape", [SIZE, (1, *SIZE), (3, *SIZE), (1, 3, *SIZE)])
def test_one_image_gives_one_united_mask(released: Any, shape: tuple[int, ...]) -> None:
    pixels = released.set_infer_img(img=make_image(*shape))
    assert pixels.shape == (1, 3, 64, 64)
    masks = released.infer(box_coords=torch.tensor(BOXES))
    assert [mask.shape for mask in masks] == [(1, 1, *SIZE)]
    assert masks[0].dtype == torch.float32
    assert set(masks[0].unique().tolist()) <= {0.0, 1.0}


def test_gray_images_are_repeated_to_three_channels(released: Any) -> None:
    gray = make_image(*SIZE)
    expected = released.set_infer_img(gray[None].repeat(3, 1, 1))
    assert torch.equal(released.set_infer_img(gray), expected)
    assert torch.equal(released.set_infer_img(gray[None]), expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float64, torch.float16])
def test_images_of_any_dtype_are_taken(released: Any, dtype: torch.dtype) -> None:
    image = make_image(3, *SIZE).round()
    expected = released.set_infer_img(image)
    assert torch.equal(released.set_infer_img(image.to(dtype)), expected)


def test_a_numpy_image_is_one_image(released: Any) -> None:
    image = make_image(3, *SIZE)
    expected = released.set_infer_img(image)
    assert torch.equal(released.set_infer_img(image.numpy()), expected)


def test_the_callers_image_is_not_changed(released: Any) -> None:
    image = make_image(3, *SIZE)
    before = image.clone()
    images = [image, make_image(30, 20)]
    released.set_infer_img(images)
    assert torch.equal(image, before)
    assert images[1].shape == (30, 20)


def test_a_list_of_images_of_different_sizes_gives_what_each_gives_alone(released: Any) -> None:
    images = [make_image(3, *SIZE), make_image(1, 90, 50), make_image(64, 64)]
    prompts = [torch.tensor(BOXES), torch.tensor([[5.0, 5.0, 45.0, 80.0]]), None]
    released.set_infer_img(images)
    together = released.infer(box_coords=prompts)
    assert [tuple(mask.shape[2:]) for mask in together] == [SIZE, (90, 50), (64, 64)]
    for image, prompt, mask in zip(images, prompts, together, strict=True):
        released.set_infer_img(image)
        alone = released.infer(box_coords=[prompt])[0]
        assert (alone != mask).float().mean() < 0.01


def test_a_batch_is_a_list_of_images(released: Any) -> None:
    images, boxes = make_image(2, 3, *SIZE), torch.tensor([BOXES, BOXES[::-1]])
    pixels = released.set_infer_img(img=images)
    assert pixels.shape == (2, 3, 64, 64)
    batch = released.infer(box_coords=boxes, assemble_all_masks=False)
    released.set_infer_img(img=list(images))
    assert same(batch, released.infer(box_coords=list(boxes), assemble_all_masks=False))


# -------------------------------------------------------------------------------------- prompts


@pytest.mark.parametrize(
    ("coordinates", "objects"),
    [
        ({"box_coords": torch.tensor(BOXES[0])}, 1),
        ({"box_coords": torch.tensor(BOXES)}, 2),
        ({"box_coords": torch.tensor([BOXES])}, 2),
        ({"box_coords": [BOXES]}, 2),
        ({"box_coords": [torch.tensor(BOXES)]}, 2),
        ({"box_coords": [np.array(BOXES)]}, 2),
        ({"box_coords": np.array(BOXES)}, 2),
        ({"box_coords": [BOXES[0]]}, 1),
        ({"point_coords": torch.tensor(POINTS[0])}, 1),
        ({"point_coords": torch.tensor(POINTS)}, 3),
        ({"point_coords": torch.tensor([POINTS])}, 3),
        ({"point_coords": [POINTS]}, 3),
        ({"point_coords": [[[20, 16], [30, 20]]]}, 1),
        ({"point_coords": [None], "box_coords": [BOXES]}, 2),
        ({"point_coords": torch.tensor(POINTS[:2]), "box_coords": torch.tensor(BOXES)}, 2),
        ({"point_coords": [[]], "box_coords": [[]]}, 1),
        ({"box_coords": torch.zeros(0, 4)}, 1),
        ({}, 1),
    ],
)
def test_coordinates_of_every_form_give_one_mask_an_object(
    model: Any, coordinates: dict[str, Any], objects: int
) -> None:
    masks = model.infer(**coordinates, assemble_all_masks=False)
    assert [mask.shape for mask in masks] == [(objects, 1, *SIZE)]
    united = model.infer(**coordinates)
    assert torch.equal(united[0], masks[0].amax(dim=0, keepdim=True))


def test_all_forms_of_the_same_boxes_give_the_same_masks(model: Any) -> None:
    forms = [torch.tensor(BOXES), torch.tensor([BOXES]), [BOXES], [torch.tensor(BOXES).double()]]
    masks = [model.infer(box_coords=form, assemble_all_masks=False) for form in forms]
    assert all(same(masks[0], other) for other in masks[1:])


def test_all_forms_of_the_same_points_give_the_same_masks(model: Any) -> None:
    forms = [torch.tensor(POINTS), torch.tensor([POINTS]), [POINTS], [torch.tensor(POINTS)]]
    masks = [model.infer(point_coords=form, assemble_all_masks=False) for form in forms]
    assert all(same(masks[0], other) for other in masks[1:])


def test_some_images_may_have_no_prompt(released: Any) -> None:
    released.set_infer_img([make_image(*SIZE), make_image(30, 20)])
    masks = released.infer(point_coords=[None, POINTS[:1]], box_coords=[BOXES, None])
    assert [mask.shape for mask in masks] == [(1, 1, *SIZE), (1, 1, 30, 20)]


def test_coordinates_are_x_and_y_as_the_predictor_shows(model: Any) -> None:
    image = make_image(3, *SIZE)
    with torch.no_grad():
        logits = model([image], box_coords=[BOXES])[0][:, 0]
    torch.testing.assert_close(logits, predict(model.catsam, image, BOXES), atol=1e-4, rtol=1e-4)
    model.set_infer_img(image)
    masks = model.infer(box_coords=[BOXES], assemble_all_masks=False)[0][:, 0]
    assert torch.equal(masks > 0, logits > 0)


def test_return_all_hq_masks_changes_nothing(model: Any) -> None:
    boxes = torch.tensor(BOXES)
    assert same(
        model.infer(box_coords=boxes, return_all_hq_masks=True), model.infer(box_coords=boxes)
    )


@pytest.mark.parametrize(
    ("coordinates", "expected"),
    [
        ({"box_coords": [BOXES, BOXES]}, "box_coords has 2 entries for 1 images"),
        ({"box_coords": BOXES[0]}, "box_coords has 4 entries for 1 images"),
        ({"point_coords": torch.zeros(2, 3, 1, 2)}, "point_coords has 2 entries for 1 images"),
        ({"point_coords": []}, "point_coords has 0 entries for 1 images"),
        ({"box_coords": torch.zeros(2, 3)}, r"box_coords has an entry of shape \(2, 3\)"),
        ({"point_coords": torch.zeros(2)}, r"point_coords has an entry of shape \(2,\)"),
        ({"point_coords": torch.zeros(2, 3)}, r"point_coords has an entry of shape \(1, 2, 3\)"),
        (
            {"point_coords": [[[[[1.0, 2.0]]]]]},
            r"point_coords has an entry of shape \(1, 1, 1, 2\)",
        ),
        (
            {"box_coords": [[BOXES[0], [1, 2, 3]]]},
            "box_coords has an entry that is no regular array",
        ),
        ({"box_coords": ["abcd"]}, "box_coords has an entry that is no regular array"),
        ({"box_coords": [[[1, 2, 3, None]]]}, "box_coords has an entry that is no regular array"),
        ({"box_coords": [5]}, r"box_coords has an entry of shape \(\)"),
        ({"box_coords": [[[0, 0, float("nan"), 5]]]}, "box_coords holds NaN or infinite"),
    ],
)
def test_coordinates_of_a_wrong_form_are_named(
    model: Any, coordinates: dict[str, Any], expected: str
) -> None:
    with pytest.raises(PromptError, match=expected):
        model.infer(**coordinates)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (torch.zeros(0, 5), r"an image has shape \(1, 0, 5\); give \(H, W\)"),
        (torch.zeros(5), r"an image has shape \(5,\)"),
        (torch.zeros(2, 5, 5), r"an image has shape \(2, 5, 5\)"),
        (torch.zeros(1, 1, 3, 5, 5), r"an image has shape \(1, 1, 3, 5, 5\)"),
        (torch.full((5, 5), float("nan")), "an image holds NaN"),
        ([], "the list of images is empty"),
        ([None], "an image is a NoneType; give a tensor"),
        ([torch.zeros(5, 5), "photo.png"], "an image is a str; give a tensor"),
    ],
)
def test_a_wrong_image_is_refused_and_the_one_before_stays(
    model: Any, image: Any, expected: str
) -> None:
    boxes = torch.tensor(BOXES)
    before = model.infer(box_coords=boxes)
    with pytest.raises(ImageError, match=expected):
        model.set_infer_img(img=image)
    assert same(model.infer(box_coords=boxes), before)


# -------------------------------------------------------------------------------------- weights


def test_infer_needs_an_image() -> None:
    with pytest.raises(ImageError, match=r"call set_infer_img\(\) before infer\(\)"):
        build("cat-a").infer(box_coords=torch.tensor(BOXES))


def test_new_weights_need_the_image_again(released: Any) -> None:
    released.set_infer_img(make_image(*SIZE))
    released.load_state_dict(released.state_dict())
    with pytest.raises(ImageError, match="set_infer_img"):
        released.infer(box_coords=torch.tensor(BOXES))


def test_a_model_without_weights_says_how_to_get_them() -> None:
    model = build("cat-t", loaded=False)
    expected = (
        r"CATSAMT has no weights; call load_state_dict\(\) .*: napari-catsam models download vit_b"
    )
    with pytest.raises(MissingWeightsError, match=expected):
        model.set_infer_img(make_image(*SIZE))
    with pytest.raises(MissingWeightsError, match=expected):
        model([make_image(*SIZE)], box_coords=[BOXES])


def test_a_backbone_that_was_not_released_is_refused() -> None:
    with pytest.raises(
        UnknownNameError, match="unknown model_type 'vit_nano', expected one of vit_b"
    ):
        CATSAMA(model_type="vit_nano")


def test_the_other_variant_is_refused_and_the_weights_stay() -> None:
    model, other = build("cat-a"), build("cat-t")
    before = model.catsam.model_id
    with pytest.raises(
        CheckpointError, match="is cat-t on vit_b, this model is cat-a on vit_b; build"
    ):
        model.load_state_dict(other.state_dict())
    assert model.catsam.model_id == before


def test_plain_sam_and_foreign_tables_are_refused() -> None:
    model = build("cat-a")
    with pytest.raises(CheckpointError, match="is plain SAM"):
        model.load_state_dict(load_model("tiny").frozen_tensors())
    with pytest.raises(CheckpointError, match="neither a SAM nor a CAT-SAM checkpoint"):
        model.load_state_dict({"conv1.weight": torch.zeros(3)})


@pytest.mark.parametrize(
    "key",
    [
        "mask_decoder.hf_token.weight",
        "mask_decoder.iou_token.weight",
        "image_encoder.shared_up_proj.weight",
        "ori_sam.image_encoder.pos_embed",
    ],
)
def test_an_incomplete_state_dict_is_refused_and_changes_nothing(key: str) -> None:
    model = build("cat-a")
    before = model.catsam.model_id
    state = {k: v + 1 for k, v in model.state_dict().items() if k != key}
    with pytest.raises(CatsamError, match="state_dict"):
        model.load_state_dict(state)
    assert model.catsam.model_id == before


def test_a_saved_model_is_loaded_by_both_apis_with_the_same_masks(
    released: Any, tmp_path: Path
) -> None:
    path = tmp_path / "best.pth"
    torch.save({"model": released.state_dict()}, path)
    image = make_image(3, *SIZE)
    again = build(released.method, loaded=False)
    again.load_state_dict(torch.load(path, weights_only=True)["model"])
    for model in (released, again):
        model.set_infer_img(image)
    expected = released.infer(box_coords=[BOXES], assemble_all_masks=False)
    assert same(again.infer(box_coords=[BOXES], assemble_all_masks=False), expected)
    logits = predict(load_model("vit_b", checkpoint=path, device="cpu"), image, BOXES)
    assert ((logits > 0) != (expected[0][:, 0] > 0)).float().mean() < 1e-3


def test_a_model_gives_its_adapter(released: Any) -> None:
    adapter = released.adapter()
    assert adapter.header.method == released.method
    assert adapter.tensors.keys() == released.catsam.trained_tensors().keys()


def test_eval_and_train_return_the_model(released: Any) -> None:
    assert released.train() is released
    assert released.eval() is released


def test_forward_gives_logits_with_gradients(released: Any) -> None:
    images = [make_image(*SIZE), make_image(3, 30, 20)]
    logits = released(images, box_coords=[BOXES, [[1.0, 2.0, 15.0, 25.0]]])
    assert [tuple(one.shape) for one in logits] == [(2, 1, *SIZE), (1, 1, 30, 20)]
    sum(one.square().mean() for one in logits).backward()
    trained = [p for p in released.catsam.parameters() if p.requires_grad]
    assert all(p.grad is not None for p in trained)
    for parameter in trained:
        parameter.grad = None


# --------------------------------------------------------------------------------------- forward


def test_forward_without_labels_takes_every_point_as_positive(released: Any) -> None:
    images = [make_image(3, *SIZE)]
    ones = [torch.ones(3, 1)]
    points = [torch.tensor(POINTS)]
    plain = released(images, point_coords=points)
    assert same(released(images, point_coords=points, point_labels=ones), plain)
    negative = released(images, point_coords=points, point_labels=[torch.zeros(3, 1)])
    assert not same(negative, plain)


def test_forward_takes_noisy_masks_beside_other_images_prompts(released: Any) -> None:
    images = [make_image(3, *SIZE), make_image(3, 50, 30)]
    noisy = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(0))
    logits = released(
        images,
        point_coords=[None, None],
        point_labels=[None, None],
        box_coords=[None, torch.tensor([[2.0, 3.0, 20.0, 40.0]])],
        noisy_masks=[noisy, None],
    )
    assert [one.shape for one in logits] == [(2, 1, *SIZE), (1, 1, 50, 30)]
    alone = released(images[:1], noisy_masks=[noisy[:, None]])
    torch.testing.assert_close(alone[0], logits[0], atol=1e-5, rtol=1e-5)


def test_forward_without_prompts_gives_one_mask(released: Any) -> None:
    assert [one.shape for one in released([make_image(3, *SIZE)])] == [(1, 1, *SIZE)]


def test_labels_of_another_number_than_their_points_are_refused(released: Any) -> None:
    with pytest.raises(PromptError, match=r"point_labels .* \(2, 1\), its points have \(3, 1\)"):
        released([make_image(3, *SIZE)], torch.tensor(POINTS), torch.ones(2, 1))
