from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.adaptation.verdict import GAIN_OF_ENDS, Verdict
from napari_catsam.adaptation.verdict import judge as judge_weighted


def judge(before: np.ndarray, after: np.ndarray, *, held_out: bool) -> Verdict:
    """Judge objects of equal weight."""
    return judge_weighted(before, after, np.full(len(before), 1 / len(before)), held_out=held_out)


def test_a_steady_gain_helps() -> None:
    before = np.array([0.2, 0.5, 0.7, 0.9])
    verdict = judge(before, before + np.array([0.1, 0.08, 0.1, 0.05]), held_out=True)
    assert verdict.helps
    assert verdict.gain == pytest.approx(0.0825)
    assert verdict.words.startswith("better than the base model: IoU +0.083, on 4 objects")


def test_the_same_mean_gain_does_not_help_when_it_is_noise() -> None:
    before = np.full(4, 0.5)
    verdict = judge(before, before + np.array([0.45, -0.3, 0.3, -0.12]), held_out=True)
    assert not verdict.helps
    assert verdict.margin > verdict.gain > 0.08
    assert verdict.words.startswith("not better than the base model")


def test_three_that_all_rise_help_though_one_rises_far_more() -> None:
    before = np.full(3, 0.6)
    verdict = judge(before, before + np.array([0.03, 0.04, 0.3]), held_out=True)
    assert verdict.helps
    assert "on 3 objects, which all rose, a gain counts from 0.005 on" in verdict.words


def test_one_that_rises_far_more_is_doubt_where_another_falls() -> None:
    before = np.array([0.8, 0.8, 0.13, 0.87, 0.84])
    after = np.array([0.81, 0.81, 0.55, 0.92, 0.83])
    assert not judge(before, after, held_out=True).helps


def test_one_object_that_rises_alone_proves_nothing() -> None:
    before = np.full(4, 0.5)
    assert not judge(before, before + np.array([0.4, 0.0, -0.01, 0.01]), held_out=True).helps


@pytest.mark.parametrize("count", [3, 4, 8])
def test_noise_of_few_objects_seldom_helps(count: int) -> None:
    draws = [np.random.default_rng(seed).normal(0, 0.1, count) for seed in range(400)]
    kept = sum(judge(np.full(count, 0.5), 0.5 + draw, held_out=True).helps for draw in draws)
    assert kept < 68  # one in six; three objects come to one in eight


def test_hard_and_easy_objects_are_no_noise() -> None:
    """Scores differ a lot between objects, the differences of the pairs do not."""
    before = np.linspace(0.05, 0.85, 9)
    assert judge(before, before + 0.05, held_out=True).helps


def test_one_object_needs_a_fixed_margin_and_is_named() -> None:
    small = judge(np.array([0.5]), np.array([0.525]), held_out=True)
    assert not small.helps
    assert "1 object cannot show the noise of a score" in small.words
    assert judge(np.array([0.5]), np.array([0.54]), held_out=True).helps


@pytest.mark.parametrize("count", [1, 2])
def test_ends_of_few_objects_must_rise_more(count: int) -> None:
    before, weights = np.full(count, 0.5), np.full(count, 1 / count)
    for gain, helps in ((0.04, False), (0.06, True)):
        verdict = judge_weighted(
            before, before + gain, weights, held_out=True, gain_of_few=GAIN_OF_ENDS
        )
        assert verdict.helps is helps
        assert "a gain counts from 0.05" in verdict.words


def test_of_two_objects_both_must_rise() -> None:
    before = np.array([0.19, 0.73])
    one = judge(before, before + np.array([0.25, 0.01]), held_out=True)
    assert not one.helps
    assert "on 2 objects a gain counts from" in one.words
    assert judge(before, before + np.array([0.09, 0.06]), held_out=True).helps


def test_two_that_rise_alike_by_little_are_no_proof() -> None:
    before = np.array([0.5, 0.6])
    assert not judge(before, before + np.array([0.011, 0.012]), held_out=True).helps


def test_a_pair_of_unlike_size_has_no_margin_beyond_reach() -> None:
    before, weights = np.array([0.3, 0.3]), np.array([0.78, 0.22])
    steady = judge_weighted(before, before + np.array([0.2, 0.15]), weights, held_out=True)
    assert steady.helps
    assert not judge_weighted(before, before + np.array([0.2, 0.0]), weights, held_out=True).helps


def test_no_gain_on_the_masks_learnt_from_counts() -> None:
    before = np.full(6, 0.4)
    verdict = judge(before, before + 0.3, held_out=False)
    assert not verdict.helps
    assert verdict.words.startswith("not better than the base model: IoU +0.300, on the masks")
    assert "none could be held out" in verdict.words


def test_a_tiny_gain_is_none_however_steady() -> None:
    before = np.full(30, 0.5)
    assert not judge(before, before + 0.004, held_out=True).helps
    assert judge(before, before + 0.006, held_out=True).helps


def test_noise_alone_seldom_helps() -> None:
    draws = [np.random.default_rng(seed).normal(0, 0.1, (2, 8)) for seed in range(400)]
    kept = sum(judge(0.5 + a, 0.5 + b, held_out=True).helps for a, b in draws)
    assert 15 < kept < 65  # about one in ten, as the quantile says


def test_a_gain_of_a_tree_is_no_loss_because_specks_beside_it_fell() -> None:
    before, weights = np.array([0.12, 0.2, 0.1, 0.1]), np.array([0.85, 0.05, 0.05, 0.05])
    verdict = judge_weighted(before, np.array([0.3, 0, 0, 0]), weights, held_out=True)
    assert verdict.helps
    assert verdict.gain == pytest.approx(0.18 * 0.85 - 0.4 * 0.05)
    assert "4 objects, all but one of them specks beside it," in verdict.words


def test_weights_that_differ_widen_the_margin() -> None:
    before = np.full(6, 0.5)
    after = before + np.array([0.3, 0.2, 0.25, 0.0, 0.15, 0.2])
    even = judge(before, after, held_out=True)
    uneven = np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
    assert judge_weighted(before, after, uneven, held_out=True).margin > even.margin
