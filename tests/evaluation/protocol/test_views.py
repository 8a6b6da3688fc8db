from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.evaluation.datasets.base import MaskNoise, ObjectRule
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.draws import Draws, start_draws
from napari_catsam.evaluation.protocol.prompts import prompt_boxes, prompt_masks, prompt_points
from napari_catsam.evaluation.protocol.views import Recipe, TrainingImage, TrainingView, draw_view


def make_recipe(**changed: object) -> Recipe:
    plain = {
        "flips": True,
        "crops": True,
        "prompts": ("point", "box", "mask"),
        "rule": ObjectRule(),
        "noise": MaskNoise(),
        "low_resolution": 256,
    }
    return Recipe(**(plain | changed))


def make_image(side: int = 512) -> TrainingImage:
    """Return an image whose pixels say where they come from, and squares as mask."""
    places = np.arange(side, dtype=np.float32)
    rgb = np.stack([*np.meshgrid(places, places, indexing="ij"), np.zeros((side, side))], axis=-1)
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 1
    mask[side * 5 // 8 : side * 3 // 4, side * 5 // 8 : side * 3 // 4] = 1
    return TrainingImage("squares", rgb.astype(np.float32), mask)


def draw(config: ProtocolConfig, epoch: int, position: int = 0, **recipe: object) -> TrainingView:
    return draw_view(make_image(), make_recipe(**recipe), start_draws(config, epoch, position))


def same(first: TrainingView, second: TrainingView) -> bool:
    if first.kind != second.kind or not np.array_equal(first.rgb, second.rgb):
        return False
    pairs = zip(vars(first.prompts).values(), vars(second.prompts).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs if a is not None)


def test_the_fixed_view_of_one_shot_is_the_one_that_the_released_code_repeats() -> None:
    """Seen there: both flips, 313 x 313 pixels from row 108 and column 137, prompted by a box."""
    view = draw(ProtocolConfig(views="fixed"), epoch=0)
    assert view.rgb.shape == (313, 313, 3)
    assert view.rgb[-1, -1, :2].tolist() == [108, 137]
    assert view.rgb[0, 0, :2].tolist() == [108 + 312, 137 + 312]
    assert view.kind == "box"
    # Without a crop the kind of prompt is another one.
    assert draw(ProtocolConfig(views="fixed"), epoch=0, crops=False).kind == "point"


def test_fixed_views_repeat_one_view_and_one_prompt() -> None:
    config = ProtocolConfig(views="fixed")
    first = draw(config, epoch=0)
    assert all(same(first, draw(config, epoch)) for epoch in range(1, 20))


def test_fresh_views_are_another_view_and_prompt_each_epoch() -> None:
    views = [draw(ProtocolConfig(views="fresh"), epoch) for epoch in range(20)]
    assert len({view.rgb.tobytes() for view in views}) == 20
    assert {view.kind for view in views} == {"point", "box", "mask"}


def test_fixed_views_of_16_shots_have_four_draws_in_all() -> None:
    config = ProtocolConfig(shots="16", views="fixed")
    views = [draw(config, epoch, position) for epoch in (0, 7) for position in range(16)]
    assert len({view.rgb.tobytes() for view in views}) == 4
    fresh = ProtocolConfig(shots="16")
    views = [draw(fresh, epoch, position) for epoch in (0, 7) for position in range(16)]
    assert len({view.rgb.tobytes() for view in views}) == 32


def test_a_view_is_drawn_again_exactly() -> None:
    config = ProtocolConfig(seed=5)
    assert same(draw(config, 3, 2), draw(config, 3, 2))
    assert not same(draw(config, 3, 2), draw(ProtocolConfig(seed=6), 3, 2))


def test_crops_keep_the_aspect_and_are_a_tenth_of_the_image_at_least() -> None:
    image = TrainingImage("wide", np.zeros((60, 120, 3), np.float32), np.ones((60, 120), np.uint8))
    shapes = [
        draw_view(image, make_recipe(), start_draws(ProtocolConfig(), epoch, 0)).rgb.shape
        for epoch in range(100)
    ]
    shares = [height * width / 7200 for height, width, _ in shapes]
    assert 0.09 < min(shares) < 0.2
    assert 0.9 < max(shares) <= 1
    assert all(abs(width / height - 2) < 0.15 for height, width, _ in shapes)


def test_without_augmentation_the_view_is_the_image() -> None:
    view = draw(ProtocolConfig(), 0, flips=False, crops=False, prompts=("box",))
    image = make_image()
    assert np.array_equal(view.rgb, image.rgb)
    assert np.array_equal(view.masks.any(axis=0), image.mask > 0)
    assert view.prompts.boxes.tolist() == [[128, 128, 255, 255], [320, 320, 383, 383]]


def test_a_view_without_an_object_has_an_empty_mask_and_no_prompt() -> None:
    image = TrainingImage("empty", np.zeros((40, 30, 3), np.float32), np.zeros((40, 30), np.uint8))
    view = draw_view(image, make_recipe(crops=False), start_draws(ProtocolConfig(), 0, 0))
    assert view.prompts is None
    assert view.masks.shape == (1, 40, 30)
    assert not view.masks.any()


def test_objects_follow_the_rule_in_each_view() -> None:
    view = draw(ProtocolConfig(), 0, crops=False, rule=ObjectRule(smallest_area=64 * 64 * 2))
    assert len(view.masks) == 1
    view = draw(ProtocolConfig(), 0, crops=False, rule=ObjectRule(most_objects=1))
    assert len(view.masks) == 1


def test_ignored_pixels_go_with_the_image() -> None:
    plain = make_image()
    image = TrainingImage("part", plain.rgb, plain.mask, plain.rgb[..., 0] < 200)
    for epoch in range(5):
        view = draw_view(image, make_recipe(), start_draws(ProtocolConfig(), epoch, 0))
        assert np.array_equal(view.ignored, view.rgb[..., 0] < 200)


def draws() -> Draws:
    return start_draws(ProtocolConfig(), 0, 0)


def test_boxes_go_from_the_first_to_the_last_pixel() -> None:
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 3:9, 5:6] = True
    masks[1, 10:12, 4:15] = True
    boxes = prompt_boxes(masks)
    assert boxes.round(2).tolist() == [[3, 5, 8, 5], [10, 4, 11, 14]]
    assert (boxes[:, 2:] > boxes[:, :2]).all()  # a prompt may not be empty


def test_points_lie_on_their_objects_anywhere() -> None:
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 2:8, 2:8] = masks[1, 10:18, 10:18] = True
    random = draws().objects
    points = np.stack([prompt_points(masks, random) for _ in range(50)]).astype(int)
    for number, mask in enumerate(masks):
        assert mask[points[:, number, 0], points[:, number, 1]].all()
    assert len(np.unique(points[:, 0], axis=0)) > 20


def test_mask_prompts_are_wrong_near_the_outline_alone() -> None:
    masks = np.zeros((1, 256, 256), bool)
    masks[0, 64:192, 64:192] = True
    noisy = prompt_masks(masks, 256, MaskNoise(), draws().noise)
    assert noisy.shape == (1, 256, 256)
    assert noisy.dtype == np.float32
    assert set(np.unique(noisy)) == {0, 1}
    wrong = np.argwhere(noisy[0] != masks[0])
    assert 100 < len(wrong)
    depth = np.abs(np.abs(wrong - 127.5).max(axis=1) - 64)
    assert depth.max() < 8


@pytest.mark.parametrize("kind", ["box", "point", "mask"])
def test_each_kind_of_prompt_has_a_row_an_object(kind: str) -> None:
    view = draw(ProtocolConfig(), 0, crops=False, prompts=(kind,))
    assert view.kind == kind
    assert len(view.prompts) == len(view.masks) == 2
