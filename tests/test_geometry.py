"""Resizing is SAM's (pad) or the released CAT-SAM's (stretch), and comes back to the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch.nn import functional as F

from napari_catsam.errors import PromptError
from napari_catsam.geometry import (
    MASK_PROMPT_LOGIT,
    PIXEL_MEAN,
    PIXEL_STD,
    Frame,
    boxes_from_masks,
    flip_xy,
)
from napari_catsam.sam.backbones import build_sam

SIZES = [(64, 64), (480, 640), (640, 480), (37, 91), (303, 384), (1000, 30), (30, 1000), (3, 2)]
SIDE = 64
LOW = 16


def disc(size: tuple[int, int], share: float = 0.35) -> np.ndarray:
    """Draw an ellipse in the middle that fills ``share`` of each side as its radius."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    down = (rows + 0.5 - size[0] / 2) / (share * size[0])
    across = (columns + 0.5 - size[1] / 2) / (share * size[1])
    return down**2 + across**2 <= 1


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


# ----------------------------------------------------------------------------------------- pad


@pytest.mark.parametrize("side", [64, 512, 1024])
@pytest.mark.parametrize("size", SIZES)
def test_padding_gives_the_size_that_segment_anything_gives(
    size: tuple[int, int], side: int
) -> None:
    assert Frame(size, side).content == ResizeLongestSide.get_preprocess_shape(*size, side)


@pytest.mark.parametrize("size", [(1000, 1), (1, 1000), (1, 1)])
def test_a_thin_image_keeps_at_least_one_pixel(size: tuple[int, int]) -> None:
    content = Frame(size, SIDE).content
    assert max(content) == SIDE
    assert min(content) >= 1


@pytest.mark.parametrize("size", SIZES)
def test_padded_points_and_boxes_are_where_segment_anything_puts_them(
    size: tuple[int, int],
) -> None:
    frame, sam = Frame(size, 1024), ResizeLongestSide(1024)
    points = np.random.default_rng(0).uniform(0, 1, (3, 5, 2)) * size
    expected = sam.apply_coords(points[..., ::-1], size)
    assert np.allclose(frame.points_to_input(points), expected, atol=1e-3)
    boxes = np.concatenate([points[:, 0], points[:, 1]], axis=-1)
    expected = sam.apply_boxes(boxes[:, [1, 0, 3, 2]], size)
    assert np.allclose(frame.boxes_to_input(boxes), expected, atol=1e-3)


@pytest.mark.parametrize("size", [(48, 64), (640, 480), (303, 384), (20, 33)])
def test_padded_pixels_are_close_to_those_of_segment_anything(size: tuple[int, int]) -> None:
    rows, columns = np.mgrid[: size[0], : size[1]]
    waves = np.stack([np.sin(rows / 5), np.cos(columns / 7), np.sin((rows + columns) / 9)], axis=-1)
    image = (127.5 * (1 + waves)).astype(np.uint8)
    expected = ResizeLongestSide(SIDE).apply_image(image).transpose(2, 0, 1)
    frame = Frame(size, SIDE)
    tensor = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32))[None]
    height, width = frame.content
    mean, std = (torch.tensor(v)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD))
    found = frame.image_to_input(tensor)[0, :, :height, :width] * std + mean
    assert np.abs(found.numpy() - expected).max() < 1.6  # it rounds to 8 bits twice


def test_padding_is_zero_after_the_normalisation() -> None:
    pixels = Frame((10, 40), SIDE).image_to_input(torch.full((1, 3, 10, 40), 255.0))
    assert pixels.shape == (1, 3, SIDE, SIDE)
    assert (pixels[..., :16, :] > 1).all()
    assert not pixels[..., 16:, :].any()


def test_an_image_of_the_inputs_size_is_only_normalised() -> None:
    image = torch.rand(2, 3, SIDE, SIDE) * 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD))
    for resize in ("pad", "stretch"):
        pixels = Frame((SIDE, SIDE), SIDE, resize).image_to_input(image)
        torch.testing.assert_close(pixels, (image - mean) / std)


# ------------------------------------------------------------------------------------- stretch


def test_stretching_fills_the_input() -> None:
    frame = Frame((10, 40), SIDE, "stretch")
    assert frame.content == (SIDE, SIDE)
    assert frame.image_to_input(torch.full((1, 3, 10, 40), 255.0)).min() > 1


def test_stretched_points_are_rounded_half_to_even() -> None:
    frame = Frame((128, 128), SIDE, "stretch")  # two image pixels an input pixel
    points = [[1, 3], [5, 7], [9, 2], [126, 127]]
    assert frame.points_to_input(points).tolist() == [[2, 0], [4, 2], [1, 4], [64, 63]]


def test_stretched_boxes_scale_each_axis_and_swap_them() -> None:
    frame = Frame((32, 128), SIDE, "stretch")
    assert frame.boxes_to_input([[1, 10, 20, 101]]).tolist() == [[5, 2, 50, 40]]


def test_padded_points_are_not_rounded() -> None:
    assert Frame((128, 128), SIDE).points_to_input([[1, 3]]).tolist() == [[1.5, 0.5]]


def test_flip_xy_is_its_own_inverse() -> None:
    points = torch.rand(2, 3, 2)
    assert torch.equal(flip_xy(flip_xy(points)), points)
    assert torch.equal(flip_xy(points)[..., 0], points[..., 1])


# --------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("resize", ["pad", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (48, 64), (64, 40), (200, 150), (37, 91), (500, 120)])
def test_a_disc_survives_the_way_to_the_model_and_back(size: tuple[int, int], resize: str) -> None:
    frame, mask = Frame(size, 256, resize), disc(size)  # type: ignore[arg-type]
    logits = frame.masks_to_input(mask[None], 64)
    assert logits.shape == (1, 1, 64, 64)
    back = frame.logits_to_image(logits[:, 0])
    assert back.shape == (1, *size)
    assert iou(back[0].numpy() > 0, mask) > 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (2, 3)])
@pytest.mark.parametrize("resize", ["pad", "stretch"])
def test_a_full_mask_of_a_thin_image_comes_back_full(size: tuple[int, int], resize: str) -> None:
    frame = Frame(size, SIDE, resize)  # type: ignore[arg-type]
    logits = frame.masks_to_input(np.ones((1, *size), bool), LOW)
    assert (logits.amax(dim=(2, 3)) > 0).all()
    assert frame.logits_to_image(logits[:, 0]).shape == (1, *size)


def test_bool_masks_become_sure_logits_and_the_outside_a_no() -> None:
    logits = Frame((32, 64), SIDE).masks_to_input(np.ones((2, 32, 64), bool), LOW)
    torch.testing.assert_close(logits[:, :, :8], torch.full((2, 1, 8, LOW), MASK_PROMPT_LOGIT))
    torch.testing.assert_close(logits[:, :, 8:], torch.full((2, 1, 8, LOW), -MASK_PROMPT_LOGIT))


def test_logits_at_the_decoders_resolution_pass_unchanged() -> None:
    logits = np.random.default_rng(0).normal(size=(2, LOW, LOW))
    found = Frame((32, 64), SIDE).masks_to_input(logits, LOW)
    assert np.allclose(found[:, 0], logits)
    assert found.dtype == torch.float32


def test_a_mask_prompt_of_another_size_names_both_sizes() -> None:
    with pytest.raises(PromptError, match="mask prompts are 30 x 64, the image is 32 x 64"):
        Frame((32, 64), SIDE).masks_to_input(np.ones((1, 30, 64), bool), LOW)


def test_a_bool_mask_of_the_decoders_size_is_not_taken_for_logits() -> None:
    with pytest.raises(PromptError, match="16 x 16"):
        Frame((32, 64), SIDE).masks_to_input(np.ones((1, LOW, LOW), bool), LOW)


@pytest.mark.parametrize("size", [(48, 64), (640, 480), (303, 384)])
def test_padded_logits_come_back_as_segment_anything_brings_them(size: tuple[int, int]) -> None:
    logits = torch.randn(2, LOW, LOW)
    frame = Frame(size, SIDE)
    expected = Sam.postprocess_masks(build_sam("tiny"), logits[:, None], frame.content, size)[:, 0]
    torch.testing.assert_close(frame.logits_to_image(logits), expected)


def test_boxes_are_tight_and_end_one_past_the_last_pixel() -> None:
    masks = np.zeros((3, 6, 9), bool)
    masks[0, 2, 3] = True
    masks[1, 1:4, 5:9] = True
    masks[2] = True
    expected = [[2, 3, 3, 4], [1, 5, 4, 9], [0, 0, 6, 9]]
    assert boxes_from_masks(masks).tolist() == expected


def test_no_masks_have_no_boxes() -> None:
    assert boxes_from_masks(np.zeros((0, 6, 9), bool)).shape == (0, 4)


def test_an_empty_mask_has_no_box() -> None:
    masks = np.ones((2, 6, 9), bool)
    masks[1] = False
    with pytest.raises(PromptError, match="mask 1 is empty"):
        boxes_from_masks(masks)


# -------------------------------------------------------------------------------------- inside


@pytest.mark.parametrize("point", [(0, 0), (-0.5, -0.5), (31.4, 63.4), (32, 64), (15.5, 3)])
def test_points_on_the_image_are_accepted(point: tuple[float, float]) -> None:
    Frame((32, 64), SIDE).check_inside([[point]], "the point")


@pytest.mark.parametrize("point", [(-1, 3), (3, -0.6), (32.1, 3), (3, 65), (40, 3)])
def test_a_point_outside_is_named_with_the_size_of_the_image(point: tuple[float, float]) -> None:
    expected = (
        rf"the point \({point[0]:g}, {point[1]:g}\) lies outside of the image, which is 32 rows"
    )
    with pytest.raises(PromptError, match=expected):
        Frame((32, 64), SIDE).check_inside([[(1, 1)], [point]], "the point")


@pytest.mark.parametrize("size", [(64, 64), (64, 40)])
def test_logits_of_an_image_of_the_inputs_size_are_resized_once(size: tuple[int, int]) -> None:
    logits = torch.randn(2, 16, 16)
    found = Frame(size, 64).logits_to_image(logits)
    canvas = F.interpolate(logits[:, None], (64, 64), mode="bilinear", align_corners=False)
    cut = canvas[..., : size[0], : size[1]]
    twice = F.interpolate(cut, size, mode="bilinear", align_corners=False)[:, 0]
    assert torch.equal(found, twice)
