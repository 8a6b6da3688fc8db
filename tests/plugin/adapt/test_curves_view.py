"""The curves of a training: what is kept of it, and that it is drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest
from qtpy.QtGui import QColor, QImage

from napari_catsam.plugin.adapt.curves import TrainingCurves
from napari_catsam.plugin.adapt.curves_view import Chart, CurvesView, find_range, thin_out
from napari_catsam.types import Progress


def draw(chart: Chart, width: int = 200) -> QImage:
    """Draw a chart, and cut its text off."""
    chart.resize(width, chart.height())
    image = QImage(chart.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    chart.render(image)
    height = chart.fontMetrics().height()
    return image.copy(0, height, width, image.height() - height)


def columns_in_blue(image: QImage) -> set[int]:
    """Return the columns where the curve of the score is."""
    places = [(x, y) for x in range(image.width()) for y in range(image.height())]
    colours = {place: QColor(image.pixel(*place)) for place in places}
    return {x for (x, _), colour in colours.items() if colour.blue() - colour.red() > 60}


def test_losses_and_new_scores_are_kept() -> None:
    curves = TrainingCurves()
    nan = math.nan
    curves.add(Progress(0, 9, 0.1, nan, 0.5, nan))
    curves.add(Progress(1, 9, 0.2, 0.9, 0.5, nan))
    curves.add(Progress(2, 9, 0.3, 0.8, 0.5, 0.6))
    curves.add(Progress(3, 9, 0.4, 0.7, 0.5, 0.6))
    assert curves.losses == [(1, 0.9), (2, 0.8), (3, 0.7)]
    assert curves.scores == [(0, 0.5), (2, 0.6)]
    assert curves.before == 0.5
    assert curves.last_step == 3


def test_nothing_is_known_before_the_first_step() -> None:
    curves = TrainingCurves()
    curves.add(Progress(0, 9, 0.0))
    assert (curves.losses, curves.scores, curves.before, curves.last_step) == ([], [], None, 0)


@pytest.mark.parametrize("most", [1, 7, 100])
def test_few_of_many_points_are_drawn_and_always_the_last(most: int) -> None:
    points = [(float(step), 0.0) for step in range(1000)]
    kept = thin_out(points, most)
    assert len(kept) <= most * 1.2 + 1
    assert (kept[0], kept[-1]) == (points[0], points[-1])


def test_equal_values_have_a_range_too() -> None:
    low, high = find_range([0.5, 0.5], 0.05)
    assert low < 0.5 < high
    assert high - low >= 0.05


def test_the_text_says_the_last_value_and_what_it_was_before(qtbot: Any) -> None:
    view = CurvesView()
    qtbot.addWidget(view)
    view.show_curves([(1, 0.9), (2, 0.45)], [(2, 0.781)], 0.712, 2)
    assert view.loss.text == "loss 0.450"
    assert view.score.text == "held-out IoU 0.712 → 0.781"
    view.show_curves([], [], 0.712, 1)
    assert view.loss.text == "loss"
    assert view.score.text == "held-out IoU 0.712"
    view.show_curves([(1, 0.9)], [(0, 0.712)], 0.712, 1)
    assert view.score.text == "held-out IoU 0.712"
    view.show_curves([(1, 0.9)], [(0, 0.712), (1, 0.712)], 0.712, 1)
    assert view.score.text == "held-out IoU 0.712 → 0.712"


def test_the_curve_of_the_score_begins_with_the_score_before(qtbot: Any) -> None:
    curves, view = TrainingCurves(), CurvesView()
    qtbot.addWidget(view)
    curves.add(Progress(50, 100, 0.1, 0.9, 0.5, 0.6))
    curves.add(Progress(100, 100, 0.2, 0.8, 0.5, 0.7))
    view.show_curves(curves.losses, curves.scores, curves.before, 100)
    assert min(columns_in_blue(draw(view.score))) < 5


def test_a_curve_is_drawn_from_left_to_right(qtbot: Any) -> None:
    view = CurvesView()
    qtbot.addWidget(view)
    empty = columns_in_blue(draw(view.score))
    view.score.show_points([(0, 0.5), (100, 0.7)], 100)
    full = columns_in_blue(draw(view.score))
    view.score.show_points([(0, 0.5), (50, 0.7)], 100)
    half = columns_in_blue(draw(view.score))
    assert not empty
    assert max(full) > 190
    assert 90 < max(half) < 110
