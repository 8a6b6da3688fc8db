"""The prior of a box is the soft ellipse inscribed in it."""

from __future__ import annotations

import pytest
import torch

from napari_catsam.sam.box_prior import (
    AMPLITUDE,
    LIMIT_DEPTH,
    box_limit,
    first_guess,
    kept_mask,
    soft_disc_logits,
    soft_ellipse_logits,
)

CANVAS, LOW = 256, 64


def draw(*box: float) -> torch.Tensor:
    return soft_ellipse_logits(torch.tensor([box]), CANVAS, LOW)[0, 0]


def test_one_map_a_box_at_the_decoders_resolution() -> None:
    boxes = torch.tensor([[0.0, 0.0, 100.0, 50.0], [10.0, 20.0, 30.0, 40.0]], dtype=torch.float64)
    logits = soft_ellipse_logits(boxes, CANVAS, LOW)
    assert logits.shape == (2, 1, LOW, LOW)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


def test_it_is_positive_inside_and_negative_outside_of_the_ellipse() -> None:
    r0, c0, r1, c1 = 40.0, 80.0, 120.0, 220.0
    logits = draw(r0, c0, r1, c1)
    place = (torch.arange(LOW) + 0.5) * CANVAS / LOW
    down = (place - (r0 + r1) / 2) / ((r1 - r0) / 2)
    across = (place - (c0 + c1) / 2) / ((c1 - c0) / 2)
    inside = down[:, None] ** 2 + across[None] ** 2 < 1
    assert torch.equal(logits > 0, inside)


def test_rows_come_first() -> None:
    logits = draw(0, 0, 64, 256)  # flat and wide: the upper quarter
    assert (logits[8] > 0).float().mean() > 0.9
    assert not (logits[:, 32] > 0)[16:].any()


def test_it_is_sure_far_from_the_outline_and_never_exceeds_its_amplitude() -> None:
    logits = draw(64, 64, 192, 192)
    assert logits.abs().max() <= AMPLITUDE
    assert logits[32, 32] == pytest.approx(AMPLITUDE, rel=1e-3)
    assert logits[0, 0] == pytest.approx(-AMPLITUDE, rel=1e-3)


def test_it_is_symmetric_about_the_centre_of_the_box() -> None:
    logits = draw(64, 32, 192, 224)
    torch.testing.assert_close(logits, logits.flip(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("box", [(100, 60, 101, 61), (0, 0, 0.5, 0.5), (255, 255, 256, 256)])
def test_the_smallest_box_still_has_its_maximum_where_it_is(box: tuple[float, ...]) -> None:
    logits = draw(*box)
    assert torch.isfinite(logits).all()
    row, column = divmod(int(logits.argmax()), LOW)
    assert row == int(box[0] * LOW / CANVAS)
    assert column == int(box[1] * LOW / CANVAS)


def test_a_box_over_the_edge_keeps_its_shape() -> None:
    whole, cut = draw(100, 100, 200, 200), draw(-48, -48, 52, 52)  # 37 pixels of the map further
    torch.testing.assert_close(cut[:20, :20], whole[37:57, 37:57], atol=1e-4, rtol=0)
    assert (cut > 0).any()


def test_a_positive_click_is_a_disc_and_a_negative_one_a_hole() -> None:
    points = torch.tensor([[[80.0, 40.0], [200.0, 160.0], [0.0, 0.0]]])
    labels = torch.tensor([[1, 0, -1]])
    logits = soft_disc_logits(points, labels, CANVAS, LOW)[0, 0]
    assert logits.shape == (LOW, LOW)
    assert logits[20, 10] > 0.8 * AMPLITUDE
    assert logits[50, 40] < -2 * AMPLITUDE
    assert logits[0, 0].item() == pytest.approx(-AMPLITUDE, abs=1e-3)


CLICKS = torch.tensor([[[80.0, 40.0], [200.0, 160.0]]])
SIGNS = torch.tensor([[1, 0]])
BOX = torch.tensor([[64.0, 64.0, 192.0, 224.0]])


def test_the_first_guess_of_a_box_is_its_ellipse_and_of_clicks_their_discs() -> None:
    torch.testing.assert_close(
        first_guess(BOX, None, None, None, CANVAS, LOW), soft_ellipse_logits(BOX, CANVAS, LOW)
    )
    torch.testing.assert_close(
        first_guess(None, CLICKS, SIGNS, None, CANVAS, LOW),
        soft_disc_logits(CLICKS, SIGNS, CANVAS, LOW),
    )
    assert first_guess(None, None, None, None, CANVAS, LOW) is None


def test_clicks_are_drawn_into_the_ellipse_of_a_box() -> None:
    guess = first_guess(BOX, CLICKS, SIGNS, None, CANVAS, LOW)
    plain = soft_ellipse_logits(BOX, CANVAS, LOW)
    assert guess is not None
    assert plain[0, 0, 20, 10] < 0 < guess[0, 0, 20, 10]
    assert guess[0, 0, 50, 40] < -2 * AMPLITUDE
    torch.testing.assert_close(guess[0, 0, :10, 40:], plain[0, 0, :10, 40:], atol=1e-3, rtol=0)


def test_an_earlier_mask_comes_before_the_box_and_in_the_range_of_the_other_guesses() -> None:
    mask = torch.full((1, 1, LOW, LOW), -30.0)
    mask[..., 10:20, 10:20] = 25.0
    guess = first_guess(BOX, None, None, mask, CANVAS, LOW)
    assert guess is not None
    torch.testing.assert_close(guess, AMPLITUDE * mask.sign(), atol=1e-3, rtol=0)


def test_padding_clicks_are_not_drawn() -> None:
    none = torch.full_like(SIGNS, -1)
    torch.testing.assert_close(
        first_guess(BOX, CLICKS, none, None, CANVAS, LOW), soft_ellipse_logits(BOX, CANVAS, LOW)
    )


def test_the_limit_of_a_box_is_nothing_inside_and_bounded_outside() -> None:
    limit = box_limit(BOX, CANVAS, LOW)[0, 0]
    assert (limit[16:48, 16:56] == 0).all()
    assert limit[0, 0].item() == pytest.approx(-LIMIT_DEPTH, rel=1e-3)
    assert (limit[:12] < -0.9 * LIMIT_DEPTH).all()


def test_the_limit_leaves_a_margin_that_grows_with_the_box() -> None:
    small, large = torch.tensor([[100.0, 100, 120, 120]]), torch.tensor([[8.0, 100, 248, 120]])
    column = 25 + 5 + 1  # the first pixel of the map whose centre lies beyond the right side
    assert box_limit(small, CANVAS, LOW)[0, 0, 27, column] < -6
    assert box_limit(large, CANVAS, LOW)[0, 0, 27, column - 1] == 0


def test_the_kept_mask_changes_at_the_clicks_alone() -> None:
    mask = torch.full((len(CLICKS), 1, LOW, LOW), -50.0)
    kept = kept_mask(CLICKS, SIGNS, mask, CANVAS, LOW)
    assert kept.min() >= -AMPLITUDE
    assert kept.max() <= AMPLITUDE
    raised = kept > -0.9 * AMPLITUDE
    assert raised.any()
    assert raised.float().mean() < 0.2
    none = torch.full_like(SIGNS, -1)
    torch.testing.assert_close(
        kept_mask(CLICKS, none, mask, CANVAS, LOW), kept_mask(None, None, mask, CANVAS, LOW)
    )
