"""Values check themselves when they are made, and say which value is wrong."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import ImageError, PromptError, ShotError, UnknownNameError
from napari_catsam.intensity import check_image
from napari_catsam.types import Intensity, Masks, Progress, Prompts, Shot

NAN = float("nan")
BOX = [2.0, 3.0, 8.0, 9.0]


def read_sentence(error: pytest.ExceptionInfo[Exception]) -> str:
    """Return a message after checking that a user can read it: one line, no numpy internals."""
    message = str(error.value)
    assert "\n" not in message
    assert 10 < len(message) < 200
    assert "inhomogeneous" not in message
    return message


# ------------------------------------------------------------------------------------- prompts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "no prompt; give boxes, points or masks"),
        ({"labels": [[1]]}, "labels were given without points"),
        ({"boxes": []}, r"boxes have shape \(0,\), expected \(objects, 4\)"),
        ({"boxes": BOX}, r"boxes have shape \(4,\), expected \(objects, 4\)"),
        ({"boxes": [BOX[:3]]}, r"boxes have shape \(1, 3\)"),
        ({"boxes": [BOX, BOX[:2]]}, "boxes: not a regular array"),
        ({"boxes": [["a", 0, 1, 1]]}, "boxes: not a regular array"),
        ({"boxes": [[NAN, 0, 4, 4]]}, "boxes hold NaN or infinite"),
        ({"boxes": [BOX, [8, 3, 2, 9]]}, r"box \[8.0, 3.0, 2.0, 9.0\] is inverted or empty"),
        ({"boxes": [[2, 9, 8, 3]]}, r"box \[2.0, 9.0, 8.0, 3.0\] is inverted"),
        ({"boxes": [[2, 3, 2, 9]]}, r"box \[2.0, 3.0, 2.0, 9.0\] is inverted or empty"),
        ({"points": [[3, 4]]}, r"points have shape \(1, 2\), expected \(objects, points, 2\)"),
        ({"points": [[[3, 4, 5]]]}, r"points have shape \(1, 1, 3\)"),
        ({"points": np.zeros((1, 0, 2))}, r"points have shape \(1, 0, 2\)"),
        ({"points": [[[3, np.inf]]]}, "points hold NaN or infinite"),
        ({"points": [[[3, 4]], [[3, 4], [5, 6]]]}, "points: not a regular array"),
        ({"points": [[[3, 4]]], "labels": [1]}, r"labels have shape \(1,\), expected \(1, 1\)"),
        ({"points": [[[3, 4]]], "labels": [[2]]}, "labels hold 2; they must be 1"),
        ({"points": [[[3, 4]]], "labels": [[0.5]]}, "labels hold 0.5; they must be 1"),
        ({"points": [[[3, 4]]], "labels": [[NAN]]}, "labels hold nan; they must be 1"),
        ({"points": [[[3, 4]]], "labels": [[1], [1, 0]]}, "labels: not a regular array"),
        ({"points": [[[3, 4]]], "labels": [[-1]]}, "object 0 has only padding points"),
        ({"masks": np.zeros((5, 6), bool)}, r"mask prompts have shape \(5, 6\)"),
        ({"masks": np.zeros((0, 5, 6), bool)}, r"mask prompts have shape \(0, 5, 6\)"),
        ({"masks": np.zeros((1, 5, 6), np.uint8)}, "mask prompts have dtype uint8; give bool"),
        ({"masks": np.full((1, 5, 6), NAN)}, "mask prompts hold NaN or infinite"),
        ({"masks": [[[True], [True, False]]]}, "mask prompts: not a regular array"),
        ({"boxes": [BOX, BOX], "points": [[[3, 4]]]}, "number of objects: 2 boxes, 1 points"),
        ({"boxes": [BOX], "masks": np.ones((2, 5, 6), bool)}, "objects: 1 boxes, 2 masks"),
    ],
)
def test_a_wrong_prompt_is_one_clear_sentence(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(PromptError, match=expected) as error:
        Prompts(**given)
    read_sentence(error)


def test_prompts_become_arrays_and_points_are_positive_unless_said_otherwise() -> None:
    prompts = Prompts(boxes=[[2, 3, 8, 9]], points=[[[3, 4], [5, 6]]])
    assert isinstance(prompts.boxes, np.ndarray)
    assert prompts.boxes.dtype == np.float64
    assert np.array_equal(np.asarray(prompts.labels), [[1, 1]])
    assert len(prompts) == 1


def test_padding_points_are_allowed_beside_a_real_point_or_a_box() -> None:
    Prompts(points=[[[3, 4], [0, 0]]], labels=[[0, -1]])
    Prompts(boxes=[BOX], points=[[[0, 0]]], labels=[[-1]])


def test_prompts_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Prompts(boxes=[BOX]).boxes = None  # type: ignore[misc]


def test_selected_rows_keep_all_their_prompts() -> None:
    boxes = [[i, i, i + 2, i + 3] for i in range(4)]
    points = [[[i + 1, i + 1]] for i in range(4)]
    masks = np.arange(4)[:, None, None] == np.zeros((1, 5, 6))
    some = Prompts(boxes=boxes, points=points, labels=[[1], [0], [-1], [1]], masks=masks).select(
        [2, 0]
    )
    assert len(some) == 2
    assert np.array_equal(np.asarray(some.boxes), np.asarray(boxes)[[2, 0]])
    assert np.array_equal(np.asarray(some.points), np.asarray(points)[[2, 0]])
    assert np.array_equal(np.asarray(some.labels), [[-1], [1]])
    assert np.array_equal(np.asarray(some.masks), masks[[2, 0]])


def test_a_bool_index_selects_rows() -> None:
    prompts = Prompts(points=[[[1, 1]], [[2, 2]], [[3, 3]]])
    assert np.array_equal(np.asarray(prompts.select([True, False, True]).points)[:, 0, 0], [1, 3])


# ----------------------------------------------------------------------------------- intensity


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"mode": "gamma"}, "intensity mode 'gamma' is unknown; use auto"),
        ({"mode": "limits", "low": 5, "high": 5}, "limits 5 and 5 must be finite and different"),
        ({"mode": "limits", "low": NAN}, "limits nan and 255.0 must be finite"),
        ({"mode": "limits", "high": np.inf}, "limits 0.0 and inf must be finite"),
        ({"mode": "percentiles", "low": -1, "high": 99}, "percentiles -1 and 99 must be between"),
        ({"mode": "percentiles"}, "percentiles 0.0 and 255.0 must be between 0 and 100"),
    ],
)
def test_a_wrong_intensity_is_one_clear_sentence(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ImageError, match=expected) as error:
        Intensity(**given)
    read_sentence(error)


def make_ramp(dtype: str, channels: int | None) -> np.ndarray:
    """Return a ramp over the rows from the least to the greatest value of its kind."""
    ends = {"uint8": (0, 255), "uint16": (100, 60000), "int16": (-3000, 3000)}
    low, high = ends.get(dtype, (-0.25, 0.75))
    ramp = np.linspace(low, high, 32)[:, None] * np.ones(7)
    if dtype == "bool":
        ramp = ramp > 0.25
    return ramp.astype(dtype) if channels is None else np.stack([ramp.astype(dtype)] * channels, -1)


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "uint16", "int16", "int64", "uint64", "float16", "float32", "float64"],
)
def test_every_dtype_and_channel_count_becomes_rgb_in_0_to_255(
    dtype: str, channels: int | None
) -> None:
    image = make_ramp(dtype, channels) if dtype not in ("int64", "uint64") else np.zeros(1)
    if dtype in ("int64", "uint64"):  # large numbers that float32 alone could not tell apart
        image = make_ramp("uint8", channels).astype(dtype) + 10**12
    rgb = Intensity().apply(image)
    assert rgb.shape == (32, 7, 3)
    assert rgb.dtype == np.float32
    assert rgb[0].max() == 0
    assert rgb[-1, :, 0].min() == 255
    assert (np.diff(rgb[..., 0], axis=0) >= 0).all()
    if dtype != "bool":
        assert 120 < rgb[16, 0, 0] < 140
    if channels == 2:
        assert not rgb[..., 2].any()
    else:
        assert np.array_equal(rgb[..., 0], rgb[..., 2])


def test_eight_bits_are_taken_as_they_are() -> None:
    image = np.array([[10, 20], [30, 200]], np.uint8)
    assert np.array_equal(Intensity().apply(image)[..., 0], image)


def test_as_is_clips_to_0_to_255() -> None:
    rgb = Intensity("as-is").apply(np.array([[-5.0, 100.5, 300.0]]))
    assert rgb[0, :, 0].tolist() == [0, 100.5, 255]


def test_limits_map_and_clip() -> None:
    image = np.array([[900, 1000, 1500, 2000, 2100]], np.uint16)
    assert Intensity("limits", 1000, 2000).apply(image)[0, :, 0].tolist() == [0, 0, 127.5, 255, 255]


def test_inverted_limits_invert() -> None:
    image = np.array([[900, 1000, 1500, 2000, 2100]], np.uint16)
    assert Intensity("limits", 2000, 1000).apply(image)[0, :, 0].tolist() == [255, 255, 127.5, 0, 0]


def test_percentiles_are_those_of_the_image() -> None:
    image = np.arange(101, dtype=np.float32)[None]
    rgb = Intensity("percentiles", 10, 90).apply(image)
    assert np.allclose(rgb[0, [5, 10, 50, 90, 95], 0], [0, 0, 127.5, 255, 255])


@pytest.mark.parametrize("intensity", [Intensity(), Intensity("limits", 2000, 1000)])
def test_the_empty_third_channel_stays_empty(intensity: Intensity) -> None:
    two = np.stack([make_ramp("int16", None), make_ramp("int16", None)[::-1]], axis=-1)
    rgb = intensity.apply(two)
    assert not rgb[..., 2].any()
    assert rgb[..., 0].max() == 255


def test_an_empty_channel_or_alpha_does_not_change_the_contrast() -> None:
    gray = make_ramp("uint16", None) // 4 + 20000
    plain = Intensity().apply(gray)
    two = Intensity().apply(np.stack([gray, gray], axis=-1))
    alpha = Intensity().apply(np.stack([gray] * 3 + [np.full_like(gray, 65535)], axis=-1))
    assert np.array_equal(two[..., 0], plain[..., 0])
    assert np.array_equal(alpha, plain)


@pytest.mark.parametrize("dtype", ["bool", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("value", [0, 1])
def test_a_flat_image_is_flat_and_finite(dtype: str, value: int) -> None:
    rgb = Intensity().apply(np.full((5, 6), value, dtype))
    assert np.isfinite(rgb).all()
    assert np.ptp(rgb) == 0


@pytest.mark.parametrize("value", [1e17, -1e30, 1e300])
def test_a_flat_image_of_huge_values_is_mapped(value: float) -> None:
    assert not Intensity().apply(np.full((5, 6), value)).any()


def test_no_data_values_of_rasters_do_not_overflow() -> None:
    image = np.linspace(0, 1, 4000).reshape(50, 80)
    image[0, 0] = -1.7976931348623157e308
    rgb = Intensity().apply(image)
    assert rgb[0, 0, 0] == 0
    assert rgb[-1, -1, 0] == 255


def test_objects_rarer_than_the_percentile_stay_visible() -> None:
    image = np.zeros((50, 50), np.uint16)
    image[3, 4] = 700
    assert Intensity().apply(image)[3, 4].tolist() == [255, 255, 255]


def test_an_image_is_not_changed_by_its_mapping() -> None:
    image = make_ramp("float32", 3)
    before = image.copy()
    Intensity().apply(image)[:] = 0
    assert np.array_equal(image, before)


# -------------------------------------------------------------------------------------- images


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.zeros((0, 5)), r"image is empty \(shape \(0, 5\)\)"),
        (np.zeros((5, 5, 0)), r"image is empty \(shape \(5, 5, 0\)\)"),
        (np.float32(3), r"image has shape \(\)"),
        (np.zeros(5), r"image has shape \(5,\); give one plane"),
        (np.zeros((3, 5, 5)), r"image has shape \(3, 5, 5\); give one plane"),
        (np.zeros((1, 1, 1, 2, 2, 5, 5)), r"image has shape \(1, 1, 1, 2, 2, 5, 5\)"),
        (np.array([[1.0, NAN]]), "image holds NaN or infinite values"),
        (np.array([[1.0, -np.inf]], np.float16), "image holds NaN or infinite values"),
        (np.zeros((5, 5), complex), "image has dtype complex128; give real numbers"),
        (np.array([["a"]]), "image has dtype <U1; give real numbers"),
        (None, "image has dtype object; give real numbers"),
        ([[1, 2], [3]], "the image: not a regular array"),
    ],
)
def test_a_wrong_image_is_one_clear_sentence(image: Any, expected: str) -> None:
    with pytest.raises(ImageError, match=expected) as error:
        check_image(image)
    read_sentence(error)
    with pytest.raises(ImageError, match=expected):
        Intensity().apply(image)


# --------------------------------------------------------------------------------------- shots

IMAGE = np.zeros((6, 8), np.uint8)
ONE = np.eye(6, 8, dtype=np.int32)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"masks": ONE.astype(float)}, "masks have dtype float64; labels must be integers"),
        ({"masks": ONE.T}, "masks are 8 x 6, the image is 6 x 8"),
        ({"masks": ONE[None]}, "masks are 1 x 6 x 8, the image is 6 x 8"),
        ({"masks": -ONE}, "masks hold the label -1; labels must be 0 or more"),
        ({"masks": 0 * ONE}, "masks hold no object; draw at least one"),
        ({"masks": [[1], [1, 2]]}, "masks: not a regular array"),
        ({"masks": ONE, "ignore": np.zeros((6, 6), bool)}, "ignore is 6 x 6, the masks are 6 x 8"),
    ],
)
def test_a_wrong_shot_is_one_clear_sentence(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ShotError, match=expected) as error:
        Shot(IMAGE, **given)
    read_sentence(error)


def test_a_shot_refuses_a_wrong_image() -> None:
    with pytest.raises(ImageError, match="NaN"):
        Shot(np.full((6, 8), NAN), ONE)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "int64", "uint64"])
def test_labels_of_any_integer_dtype_are_taken(dtype: str) -> None:
    shot = Shot(np.zeros((6, 8, 3)), ONE.astype(dtype), ignore=ONE == 0)
    assert np.array_equal(np.asarray(shot.masks), ONE)
    assert np.issubdtype(np.asarray(shot.masks).dtype, np.integer)


# -------------------------------------------------------------------------------------- others


def test_masks_count_their_objects() -> None:
    masks = Masks(
        np.zeros((3, 4, 5), bool), np.zeros(3, np.float32), np.zeros((3, 2, 2), np.float32)
    )
    assert len(masks) == 3


def test_progress_compares_without_its_preview() -> None:
    assert Progress(1, 2, 0.5, 1.0, 1.0, 1.0, preview=IMAGE) == Progress(1, 2, 0.5, 1.0, 1.0, 1.0)


def test_an_unknown_name_lists_the_known_ones_and_guesses() -> None:
    message = str(UnknownNameError("method", "cat_a", ["cat-a", "cat-t"]))
    assert message == "unknown method 'cat_a', expected one of cat-a, cat-t; did you mean 'cat-a'"
    assert "did you mean" not in str(UnknownNameError("method", "xyz", ["cat-a"]))
