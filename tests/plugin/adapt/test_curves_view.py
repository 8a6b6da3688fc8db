"""The curves of a training: what is kept of it, and that it is drawn."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
from qtpy.QtGui import QColor, QImage

from napari_catsam.plugin.adapt import curves_view
from napari_catsam.plugin.adapt.curve_drawing import Curve, CurveStyle, draw_curve, find_range
from napari_catsam.plugin.adapt.curves import TrainingCurves
from napari_catsam.plugin.adapt.curves_view import Chart, CurvesView
from napari_catsam.types import Progress

WIDTH = 200
STYLE = CurveStyle("#3c96f0", "#000000", 9.0)


def paint(chart: Chart) -> QImage:
    """Paint the picture of a chart."""
    chart.picture.resize(WIDTH, chart.picture.height())
    image = QImage(chart.picture.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    chart.picture.render(image)
    return image


def columns_in_blue(image: QImage) -> set[int]:
    """Return the columns where the curve of the score is."""
    places = [(x, y) for x in range(image.width()) for y in range(image.height())]
    colours = {place: QColor(image.pixel(*place)) for place in places}
    return {x for (x, _), colour in colours.items() if colour.blue() - colour.red() > 60}


def is_blue(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return where the curve is."""
    red, _, blue, alpha = np.moveaxis(picture.astype(int), -1, 0)
    return (blue - red > 60) & (alpha > 60)


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


@pytest.mark.parametrize("value", [0.0, 0.5, 40.0])
def test_equal_values_have_a_range_too(value: float) -> None:
    low, high = find_range([value, value])
    assert low < value < high
    low, high = find_range([value, value], 0.3)
    assert low < value < high
    assert high - low >= 0.3


def test_of_many_values_a_few_far_ones_are_cut_off_but_of_few_none() -> None:
    values = [*range(100), 5000]
    assert find_range(values, tail=0.02)[1] < 120
    assert find_range(values[-40:], tail=0.02)[1] > 5000
    curve = Curve(tuple(enumerate(map(float, values))), 100)
    style = CurveStyle(STYLE.colour, STYLE.ink, STYLE.text, tail=0.02)
    seen, flat = (
        is_blue(draw_curve(curve, look, (WIDTH, 72)))[:, 40:160].any(1).sum()
        for look in (style, STYLE)
    )
    assert flat < 6 < 20 < seen  # rows that the rise of the first values fills


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
    view.show_curves([(1, 0.9)], [(0, 0.712), (1, 0.8), (2, 0.75)], 0.712, 2)
    assert view.score.text == "held-out IoU 0.712 → 0.750 (best 0.800)"


def test_the_curve_of_the_score_begins_with_the_score_before(qtbot: Any) -> None:
    curves, view = TrainingCurves(), CurvesView()
    qtbot.addWidget(view)
    curves.add(Progress(50, 100, 0.1, 0.9, 0.5, 0.6))
    curves.add(Progress(100, 100, 0.2, 0.8, 0.5, 0.7))
    view.show_curves(curves.losses, curves.scores, curves.before, 100)
    assert min(columns_in_blue(paint(view.score))) < WIDTH / 4


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_curve_is_drawn_from_left_to_right(ratio: float) -> None:
    columns = {}
    for end in (50, 100):
        picture = draw_curve(Curve(((0, 0.5), (end, 0.7)), 100), STYLE, (WIDTH, 72), ratio)
        assert picture.shape == (72 * ratio, WIDTH * ratio, 4)
        columns[end] = np.flatnonzero(is_blue(picture).any(0)) / ratio
    left = columns[100].min()
    assert 20 < left < WIDTH / 4  # beside it are the numbers
    assert columns[50].min() == left
    assert columns[100].max() > 190
    assert columns[50].max() == pytest.approx((left + 194) / 2, abs=5)


def test_a_line_to_compare_with_goes_over_the_whole_width() -> None:
    bare, line = (
        draw_curve(Curve(((0, 0.5), (9, 0.7)), 9, value), STYLE, (WIDTH, 72))
        for value in (None, 0.6)
    )
    columns = np.flatnonzero((bare != line).any((0, 2)))
    assert columns.min() < WIDTH / 4
    assert columns.max() > 0.9 * WIDTH


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (30, 72), (200, 10)])
def test_without_room_nothing_is_drawn(size: tuple[int, int]) -> None:
    assert not draw_curve(Curve(((0, 0.5), (9, 0.7)), 9), STYLE, size)[..., 3].any()


def test_without_points_there_are_axes_alone() -> None:
    picture = draw_curve(Curve(), STYLE, (WIDTH, 72))
    assert picture[..., 3].any()
    assert not is_blue(picture).any()


def test_a_user_who_has_matplotlib_write_with_latex_sees_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = draw_curve(Curve(), STYLE, (WIDTH, 72))
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    np.testing.assert_array_equal(draw_curve(Curve(), STYLE, (WIDTH, 72)), plain)


def test_many_changes_are_drawn_now_and_then(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Curve] = []

    def draw(curve: Curve, *rest: Any) -> Any:
        drawn.append(curve)
        return draw_curve(curve, *rest)

    monkeypatch.setattr(curves_view, "draw_curve", draw)
    chart = Chart("score", "#3c96f0", "")
    qtbot.addWidget(chart)
    with qtbot.waitExposed(chart):
        chart.show()
    for step in range(1, 40):
        chart.show_points([(0, 0.5), (step, 0.6)], step)
        chart.picture.repaint()
    qtbot.waitUntil(lambda: bool(drawn) and drawn[-1].end == 39, timeout=5000)
    assert len(drawn) <= 6  # frames of the window that came into being among them


def test_a_curve_that_is_not_seen_is_not_drawn(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves_view, "draw_curve", None)
    view = CurvesView()
    qtbot.addWidget(view)
    view.show_curves([(1, 0.9)], [(0, 0.7)], 0.7, 1)
    qtbot.wait(20)
