"""What geometry alone reaches."""

from __future__ import annotations

from math import isnan, pi

import numpy as np
import pytest

from napari_catsam.evaluation.baselines import inscribe_ellipse, measure_baselines


def test_an_ellipse_touches_all_four_sides_and_is_symmetric() -> None:
    ellipse = inscribe_ellipse(20, 31)
    assert ellipse[0].any() and ellipse[-1].any()  # noqa: PT018  (one thing: the four sides)
    assert ellipse[:, 0].any() and ellipse[:, -1].any()  # noqa: PT018
    assert np.array_equal(ellipse, ellipse[::-1, ::-1])
    assert not ellipse[0, 0]


def test_the_smallest_ellipses_are_whole() -> None:
    assert inscribe_ellipse(1, 1).tolist() == [[True]]
    assert inscribe_ellipse(2, 2).all()
    assert inscribe_ellipse(1, 5).tolist() == [[True] * 5]


def test_a_rectangle_is_its_box_and_an_ellipse_its_ellipse() -> None:
    truth = np.zeros((60, 80), bool)
    truth[10:50, 20:60] = True
    baselines = measure_baselines(truth)
    assert baselines.box == 1
    assert baselines.ellipse == pytest.approx(pi / 4, abs=0.01)
    truth[10:50, 20:60] = inscribe_ellipse(40, 40)
    baselines = measure_baselines(truth)
    assert baselines.box == pytest.approx(pi / 4, abs=0.01)
    assert baselines.ellipse == 1


def test_pixels_that_are_not_valid_do_not_count() -> None:
    truth = np.zeros((10, 12), bool)
    truth[2, 3:9] = truth[2:8, 3] = True
    valid = np.ones_like(truth)
    valid[3:8, 4:9] = False
    assert measure_baselines(truth).box == pytest.approx(11 / 36)
    assert measure_baselines(truth, valid).box == 1
    assert isnan(measure_baselines(truth, np.zeros_like(valid)).box)
