"""Masks of clicks hang together with the clicks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_catsam.models.decoded import Decoded
from napari_catsam.models.loading import load_model
from napari_catsam.models.parts import join_to_clicks
from napari_catsam.models.prompt_tensors import PromptTensors
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Prompts

SIDE, LOW = 256, 64
LEFT, RIGHT = (slice(10, 20), slice(5, 15)), (slice(40, 50), slice(40, 55))


def draw(*parts: tuple[slice, slice]) -> torch.Tensor:
    """Logits (1, LOW, LOW), 3 in the parts and -5 elsewhere."""
    logits = torch.full((1, LOW, LOW), -5.0)
    for part in parts:
        logits[(0, *part)] = 3.0
    return logits


def click(
    *places: tuple[int, int], labels: list[int] | None = None, **more: torch.Tensor
) -> PromptTensors:
    """Clicks of one object at (row, column) of the logits."""
    points = torch.tensor([places]).float().flip(-1) * SIDE / LOW
    signs = torch.tensor([labels or [1] * len(places)])
    return PromptTensors(points=points, labels=signs, **more)


def join(logits: torch.Tensor, prompts: PromptTensors) -> torch.Tensor:
    return join_to_clicks(logits, prompts, SIDE)


def test_a_part_far_from_the_click_is_left_out_and_the_rest_stays() -> None:
    joined = join(draw(LEFT, RIGHT), click((15, 10)))
    assert torch.equal(joined > 0, draw(LEFT) > 0)
    assert torch.equal(joined[0][LEFT], draw(LEFT, RIGHT)[0][LEFT])


def test_rows_and_columns_are_not_exchanged() -> None:
    first, second = (slice(0, 8), slice(50, 60)), (slice(50, 60), slice(0, 8))
    joined = join(draw(first, second), click((4, 55)))
    assert torch.equal(joined > 0, draw(first) > 0)


def test_every_part_with_a_positive_click_stays() -> None:
    both = draw(LEFT, RIGHT)
    assert torch.equal(join(both, click((15, 10), (45, 45))), both)
    joined = join(both, click((15, 10), (45, 45), labels=[1, 0]))
    assert torch.equal(joined > 0, draw(LEFT) > 0)


def test_parts_that_touch_at_a_corner_hang_together() -> None:
    corner = (slice(20, 30), slice(15, 25))
    both = draw(LEFT, corner)
    assert torch.equal(join(both, click((15, 10))), both)


def test_a_click_beside_the_mask_leaves_it_as_it_is() -> None:
    both = draw(LEFT, RIGHT)
    assert torch.equal(join(both, click((2, 60))), both)


def test_padding_is_no_click() -> None:
    prompts = click((15, 10), (45, 45), labels=[1, -1])
    assert torch.equal(join(draw(LEFT, RIGHT), prompts) > 0, draw(LEFT) > 0)


def test_a_box_may_hold_several_parts() -> None:
    both = draw(LEFT, RIGHT)
    box = torch.tensor([[0.0, 0, SIDE, SIDE]])
    assert torch.equal(join(both, PromptTensors(boxes=box)), both)
    assert torch.equal(join(both, click((15, 10), boxes=box)), both)


def test_parts_that_an_earlier_mask_has_stay() -> None:
    both = draw(LEFT, RIGHT)
    assert torch.equal(join(both, click((15, 10), masks=both[:, None])), both)


def test_each_object_has_its_own_clicks() -> None:
    both = draw(LEFT, RIGHT).expand(2, -1, -1)
    one, two = click((15, 10)), click((45, 45))
    prompts = PromptTensors(
        points=torch.cat([one.points, two.points]), labels=torch.cat([one.labels, two.labels])
    )
    joined = join(both, prompts) > 0
    assert torch.equal(joined, torch.cat([draw(LEFT), draw(RIGHT)]) > 0)


def test_all_readings_of_one_object_are_joined_to_its_click() -> None:
    maps = torch.cat([draw(LEFT, RIGHT), draw(RIGHT, LEFT), draw(LEFT)])
    assert torch.equal(join(maps, click((15, 10))) > 0, draw(LEFT).expand(3, -1, -1) > 0)


def test_what_is_given_stays_as_it_is() -> None:
    both, before = draw(LEFT, RIGHT), draw(LEFT)[:, None]
    kept, kept_before = both.clone(), before.clone()
    join(both, click((15, 10), masks=before))
    assert torch.equal(both, kept)
    assert torch.equal(before, kept_before)


@pytest.mark.parametrize(
    ("name", "method", "parts"),
    [("vit_nano", "sam", 1), ("vit_nano", "cat-a", 2), ("tiny", "sam", 2)],
)
def test_only_the_plain_small_model_joins_masks_to_clicks(
    name: str, method: str, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(name, device="cpu").with_method(method)
    low = model.backbone.low_resolution
    logits = torch.full((1, 4, low, low), -5.0)
    logits[..., : low // 4, : low // 4] = logits[..., low // 2 :, low // 2 :] = 3.0
    decoded = Decoded(logits, torch.ones(1, 4))
    predictor = Predictor(model)
    embedding = predictor.embed(np.zeros((32, 32), np.uint8))
    monkeypatch.setattr(model, "decode", lambda *_: decoded)
    prompts = Prompts(points=[[[3, 3]]])
    for found in (
        predictor.predict(embedding, prompts),
        predictor.predict_readings(embedding, prompts),
    ):
        assert found.masks[0, 2, 2]
        assert found.masks[0, 28, 28] == (parts == 2)
