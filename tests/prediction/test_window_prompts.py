"""What prompts say about the size of an object, and the same prompts within a window."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_catsam.geometry import Frame
from napari_catsam.prediction.window_prompts import Target, cut_prompts, find_targets
from napari_catsam.prediction.windows import Pyramid, Window
from napari_catsam.types import Prompts

PYRAMID = Pyramid((300, 500), 64)  # windows of 500, 250, 125 and 63 pixels
WINDOW = Window(2, (62, 124), (125, 125))


def find_target(mask: np.ndarray | None = None, **prompts: object) -> Target:
    given = Prompts(**prompts, masks=None if mask is None else mask[None])  # type: ignore[arg-type]
    return find_targets(given, None if mask is None else mask[None], PYRAMID)[0]


def draw(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(PYRAMID.size, bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(("side", "level"), [(10, 3), (15, 3), (20, 2), (40, 1), (80, 0)])
def test_a_box_goes_to_the_finest_window_four_times_as_long(side: int, level: int) -> None:
    target = find_target(boxes=[[100, 200, 104, 200 + side]])
    assert target.level == level
    assert target.centre.tolist() == [102, 200 + side / 2]
    assert target.bounded


def test_a_lone_click_has_the_level_at_which_every_pixel_is_seen() -> None:
    target = find_target(points=[[[100, 200]]])
    assert target.level == PYRAMID.full_level == 3
    assert target.centre.tolist() == [100, 200]
    assert not target.bounded


def test_negative_clicks_are_contained_and_say_nothing_about_size() -> None:
    target = find_target(points=[[[100, 200], [40, 30], [7, 7]]], labels=[[1, 0, -1]])
    assert target.level == 3
    assert target.centre.tolist() == [100, 200]
    assert [40, 30] in target.points.tolist()
    assert [7, 7] not in target.points.tolist()


@pytest.mark.parametrize(("spread", "level"), [(0, 3), (7, 3), (12, 2), (30, 1), (70, 0)])
def test_two_positive_clicks_go_by_their_spread(spread: int, level: int) -> None:
    target = find_target(points=[[[100, 200], [100, 200 + spread]]])
    assert target.level == level
    assert target.centre.tolist() == [100, 200 + spread / 2]


def test_only_negative_clicks_take_the_place_of_positive_ones() -> None:
    target = find_target(points=[[[100, 200]]], labels=[[0]])
    assert target.centre.tolist() == [100, 200]
    assert target.anchor == (100, 200)


@pytest.mark.parametrize(
    "mask",
    [draw(slice(90, 104), slice(200, 210)), np.where(draw(slice(90, 104), slice(200, 210)), 3, -3)],
    ids=["bool", "logits"],
)
def test_a_mask_goes_by_its_extent(mask: np.ndarray) -> None:
    target = find_target(mask if mask.dtype == bool else mask.astype(np.float32))
    assert target.level == 3
    assert target.centre.tolist() == [97, 205]
    assert target.anchor == ()


def test_a_mask_and_a_positive_click_beside_it_go_together() -> None:
    target = find_target(draw(slice(90, 104), slice(200, 210)), points=[[[100, 225]]])
    assert target.level == 2
    assert target.centre.tolist() == [97, 212.5]


def test_a_box_rules_over_mask_and_clicks() -> None:
    alone = find_target(boxes=[[100, 200, 110, 210]])
    other = find_target(
        draw(slice(10, 200), slice(10, 200)),
        boxes=[[100, 200, 110, 210]],
        points=[[[3, 4], [300, 300]]],
    )
    assert (other.level, other.centre.tolist()) == (alone.level, alone.centre.tolist())
    assert other.anchor == alone.anchor == (100, 200, 110, 210)


def test_an_empty_mask_alone_takes_the_whole_image() -> None:
    target = find_target(draw(slice(0, 0), slice(0, 0)))
    assert target.level == 0
    assert PYRAMID.find_window(target.level, target.centre, target.points) == PYRAMID.whole


def test_every_object_has_its_own_target() -> None:
    boxes = np.array([[100, 200, 110, 210], [20, 30, 120, 60], [5, 5, 25, 25.0]])
    targets = find_targets(Prompts(boxes=boxes), None, PYRAMID)
    assert [target.level for target in targets] == [3, 0, 2]
    assert [target.anchor for target in targets] == [tuple(box) for box in boxes]


# ------------------------------------------------------------------------------- in the window


def cut(prompts: Prompts, source: Window | None = None) -> Prompts:
    return cut_prompts(
        prompts, [source] * len(prompts), WINDOW, Frame(WINDOW.size, 64), 16
    )  # fmt: skip


def test_boxes_and_points_count_from_the_corner_of_the_window() -> None:
    found = cut(Prompts(boxes=[[62, 130, 70, 150]], points=[[[64, 140]]], labels=[[0]]))
    assert np.asarray(found.boxes).tolist() == [[0, 6, 8, 26]]
    assert np.asarray(found.points).tolist() == [[[2, 16]]]
    assert np.asarray(found.labels).tolist() == [[0]]


def test_a_mask_of_the_image_is_cut_out() -> None:
    mask = draw(slice(50, 80), slice(130, 300))[None]
    found = np.asarray(cut(Prompts(masks=mask)).masks)
    assert np.array_equal(found, mask[(slice(None), *WINDOW.slices)])


def test_logits_of_the_same_window_stay_as_they_are() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 16, 16)).astype(np.float32)
    found = cut(Prompts(points=[[[70, 140]]] * 2, masks=logits), WINDOW)
    assert np.array_equal(np.asarray(found.masks), logits)


def disc(window: Window, centre: tuple[float, float], radius: float, side: int) -> np.ndarray:
    """Return logits (side, side) of a disc of the image in the frame of a window."""
    scale = side / max(window.size)  # mask pixels an image pixel
    rows, columns = (np.mgrid[:side, :side] + 0.5) / scale
    distance = np.hypot(rows + window.corner[0] - centre[0], columns + window.corner[1] - centre[1])
    return (radius - distance).astype(np.float32)


def to_mask(logits: np.ndarray, window: Window) -> np.ndarray:
    """Return the mask (h, w) of logits (1, side, side) of a window."""
    values = torch.from_numpy(logits.astype(np.float32))
    return Frame(window.size, 64).logits_to_image(values)[0].numpy() > 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "source", [Window(3, (93, 155), (63, 63)), Window(1, (0, 124), (250, 250)), PYRAMID.whole]
)
def test_logits_of_another_window_keep_their_place_in_the_image(
    source: Window, dtype: type
) -> None:
    logits = disc(source, (120, 180), 25, 16)[None].astype(dtype)
    moved = np.asarray(cut(Prompts(points=[[[120, 180]]], masks=logits), source).masks)
    assert moved.shape == (1, 16, 16)
    overlap = WINDOW.find_overlap(source)
    found = to_mask(moved, WINDOW)
    expected = np.zeros_like(found)
    expected[overlap] = to_mask(logits, source)[source.find_overlap(WINDOW)]
    assert expected.sum() > 500
    assert (found & expected).sum() / (found | expected).sum() > 0.85


def test_outside_of_the_old_window_is_no_part_of_the_mask() -> None:
    source = Window(3, (62, 124), (63, 63))
    prompts = Prompts(points=[[[150, 200]]], masks=np.full((1, 16, 16), 5, np.float32))
    moved = np.asarray(cut(prompts, source).masks)[0]
    assert (moved[:7, :7] > 4).all()
    assert (moved[9:] < -7).all()
    assert (moved[:, 9:] < -7).all()
