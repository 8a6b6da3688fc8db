"""Parts of the dock that are folded away, and come forward when they are needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.folding import Fold, reveal
from napari_catsam.plugin.guide.view import point_out


@pytest.fixture
def fold(qtbot: Any) -> Fold:
    fold = Fold("rarely used", "a tooltip", QLabel("inside"))
    qtbot.addWidget(fold)
    fold.show()
    return fold


def inside(fold: Fold) -> QWidget:
    (label,) = fold.findChildren(QLabel)
    return label


def test_a_click_on_the_header_shows_what_is_inside_and_hides_it_again(fold: Fold) -> None:
    assert not inside(fold).isVisible()
    fold.header.click()
    assert inside(fold).isVisible()
    fold.header.click()
    assert not inside(fold).isVisible()


def test_the_header_shows_whether_it_is_open(fold: Fold) -> None:
    assert (fold.header.text(), fold.header.icon_name) == ("rarely used", "folded")
    fold.unfold()
    assert (fold.header.text(), fold.header.icon_name) == ("rarely used", "unfolded")


def test_what_is_revealed_is_unfolded_and_scrolled_to(qtbot: Any) -> None:
    wanted = QLabel("inside")
    inner, area = QWidget(), QScrollArea()
    column = QVBoxLayout(inner)
    above = QLabel("above")
    above.setFixedHeight(2000)
    column.addWidget(above)
    column.addWidget(Fold("rarely used", "a tooltip", wanted))
    area.setWidget(inner)
    area.setWidgetResizable(True)
    qtbot.addWidget(area)
    area.resize(200, 300)
    area.show()
    qtbot.waitExposed(area)
    reveal(wanted)
    qtbot.waitUntil(lambda: not wanted.visibleRegion().isEmpty())


def test_segment_comes_forward_when_it_can_be_pressed(viewer: Any, widget: Any) -> None:
    viewer.add_image(np.zeros((40, 60)))
    header = widget.segment_view.batch.header
    assert not header.isChecked()
    viewer.add_points([[5, 5]])
    assert header.isChecked()


def test_a_fold_that_the_user_closed_stays_closed(viewer: Any, widget: Any) -> None:
    viewer.add_image(np.zeros((40, 60)))
    points = viewer.add_points([[5, 5]])
    header = widget.segment_view.batch.header
    header.click()
    points.add([[9, 9]])
    viewer.add_image(np.zeros((40, 60)))
    assert not header.isChecked()


def test_the_guide_opens_what_it_leads_to(widget: Any) -> None:
    adapt = widget.adapt_view
    assert not adapt.adapt_button.isVisibleTo(widget)
    point_out(adapt.adapt_button)
    assert adapt.adapt_button.isVisibleTo(widget)
