"""Crops show an object at one size, and what is put back lies where it was cut out."""

from __future__ import annotations

import pytest
import torch

from napari_catsam.sam.crops import (
    SIDE,
    Crops,
    crops_of_boxes,
    crops_of_masks,
    cut_out,
    draw_boxes,
    draw_clicks,
)

CANVAS, LOW = 256, 64


def ramp(side: int) -> torch.Tensor:
    """A map (1, 2, side, side) whose values are the row and the column of the canvas."""
    place = (torch.arange(side) + 0.5) * CANVAS / side
    return torch.stack(torch.meshgrid(place, place, indexing="ij"))[None]


def around(*box: float) -> Crops:
    return crops_of_boxes(torch.tensor([box]), CANVAS)


def test_a_box_gets_a_margin_on_each_side() -> None:
    assert around(40, 80, 80, 180).frames.tolist() == [[30, 55, 90, 205]]


def test_a_tiny_box_still_gives_a_crop() -> None:
    assert (around(40, 80, 40, 81).extent >= 8).all()


@pytest.mark.parametrize("side", [LOW, CANVAS])
def test_what_is_cut_out_lies_where_the_crop_says(side: int) -> None:
    crops = around(60, 80, 120, 160)
    cut = cut_out(ramp(side), crops)[0]
    torch.testing.assert_close(
        cut[0], crops.places[0, 0, :, None].expand(SIDE, SIDE), atol=0.1, rtol=0
    )
    torch.testing.assert_close(cut[1], crops.places[1, 0].expand(SIDE, SIDE), atol=0.1, rtol=0)


def test_one_map_for_all_crops_equals_one_map_each() -> None:
    maps = torch.randn(1, 3, CANVAS, CANVAS, generator=torch.Generator().manual_seed(0))
    crops = crops_of_boxes(torch.tensor([[5.0, 9, 50, 30], [-20, 100, 90, 300]]), CANVAS)
    torch.testing.assert_close(cut_out(maps, crops), cut_out(maps.expand(2, -1, -1, -1), crops))


def test_outside_of_the_input_there_is_nothing() -> None:
    cut = cut_out(torch.ones(1, 1, CANVAS, CANVAS), around(-200, 0, -100, 100))
    assert not cut.any()


def test_a_coarse_crop_takes_means() -> None:
    noise = torch.randn(1, 1, CANVAS, CANVAS, generator=torch.Generator().manual_seed(0))
    fine, coarse = (
        cut_out(noise, around(*box)).std() for box in ((100, 100, 120, 120), (20, 20, 230, 230))
    )
    assert coarse < fine / 2


def test_what_is_put_back_is_what_was_cut_out() -> None:
    crops = around(80, 60, 180, 160)
    maps = ramp(LOW)[0, :1] / CANVAS
    back = crops.put_back(cut_out(maps[None], crops)[:, 0], LOW)
    rows, columns = (slice(int(a // 4) + 2, int(b // 4) - 2) for a, b in ((55, 205), (35, 185)))
    torch.testing.assert_close(back[0, rows, columns], maps[0, rows, columns], atol=2e-3, rtol=0)


def test_around_a_crop_nothing_is_put_back() -> None:
    crops = around(80, 60, 180, 160)
    back = crops.put_back(torch.ones(1, SIDE, SIDE), LOW)[0]
    inside = torch.zeros(LOW, LOW, dtype=torch.bool)
    inside[14:51, 9:46] = True  # pixels whose middle lies in 55..205 and 35..185
    torch.testing.assert_close(back, inside.float())


def test_a_mask_and_its_clicks_are_in_the_crop() -> None:
    logits = torch.full((1, LOW, LOW), -1.0)
    logits[0, 10:20, 30:50] = 1
    points, labels = torch.tensor([[[90.0, 130], [200, 10]]]), torch.tensor([[1, 0]])
    (r0, c0, r1, c1) = crops_of_masks(logits, points, labels, CANVAS).frames[0].tolist()
    assert r0 <= 40
    assert r1 >= 91  # the positive click
    assert c0 <= 120
    assert c1 >= 200
    assert c0 > 10  # not the negative one


def test_an_empty_mask_without_clicks_gives_the_whole_input() -> None:
    frame = crops_of_masks(torch.full((1, LOW, LOW), -1.0), None, None, CANVAS).frames[0]
    assert frame[0] <= 0
    assert frame[2] >= CANVAS


def test_a_box_is_drawn_where_it_lies_in_its_crop() -> None:
    box = torch.tensor([[40.0, 80, 80, 180]])
    drawn = draw_boxes(box, around(40, 80, 80, 180))[0]
    assert drawn[SIDE // 2, SIDE // 2] == 1
    assert drawn[0, 0] == 0
    assert drawn.mean() == pytest.approx(1 / 1.5**2, abs=1e-3)


def test_a_click_is_drawn_where_it_lies_in_its_crop() -> None:
    crops = around(40, 80, 80, 180)
    points, clicked = torch.tensor([[[60.0, 130], [45, 90]]]), torch.tensor([[True, False]])
    drawn = draw_clicks(points, clicked, crops)[0]
    row, column = divmod(int(drawn.argmax()), SIDE)
    assert crops.places[0, 0, row].item() == pytest.approx(60.5, abs=1)
    assert crops.places[1, 0, column].item() == pytest.approx(130.5, abs=2)
    assert drawn.max() > 0.9
    assert (drawn > 0.5).float().mean() < 0.05
