"""Every mask that is written is one step back, wherever the viewer is by then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

BOXES = np.array(
    [
        [[z, row - 0.5, 19.5], [z, row - 0.5, 39.5], [z, row + 9.5, 39.5], [z, row + 9.5, 19.5]]
        for z, row in ((0, 10), (0, 25), (2, 10))
    ]
)


@pytest.fixture
def stack(viewer: Any) -> Any:
    viewer.add_shapes(BOXES, shape_type="rectangle", name="boxes")
    return viewer.add_image(np.zeros((3, 40, 60)), name="cells")


def segment(viewer: Any, widget: Any, wait_idle: Any, step: int) -> Any:
    """Segment the boxes of a plane."""
    viewer.dims.set_current_step(0, step)
    widget.segment()
    wait_idle(widget)
    return viewer.layers["cells masks"]


def test_one_undo_takes_one_segmentation_back_after_changing_slice(
    viewer: Any, widget: Any, stack: Any, wait_idle: Any
) -> None:
    segment(viewer, widget, wait_idle, 0)
    widget.segment_view.target.show_value(viewer.layers["cells masks"])
    labels = segment(viewer, widget, wait_idle, 2)
    both = labels.data.copy()
    assert [plane.max() for plane in both] == [2, 0, 3]
    for step in (1, 0, 2, 1):
        viewer.dims.set_current_step(0, step)
    labels.undo()
    assert [plane.max() for plane in labels.data] == [2, 0, 0]
    viewer.dims.set_current_step(0, 2)
    labels.undo()
    assert not labels.data.any()
    viewer.dims.order = (1, 0, 2)
    labels.redo()
    labels.redo()
    np.testing.assert_array_equal(labels.data, both)


def test_undo_outlasts_the_3d_view_and_another_layer(
    viewer: Any, widget: Any, stack: Any, wait_idle: Any
) -> None:
    labels = segment(viewer, widget, wait_idle, 0)
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    viewer.layers.selection.active = viewer.layers["boxes"]
    labels.visible = False
    viewer.dims.set_current_step(0, 2)
    labels.visible = True
    labels.undo()
    assert not labels.data.any()


def test_ctrl_z_takes_a_mask_back_on_another_slice(
    qtbot: Any, window: Any, docked: Any, wait_idle: Any
) -> None:
    window.add_image(np.zeros((3, 40, 60)), name="cells")
    window.add_shapes(BOXES, shape_type="rectangle", name="boxes")
    labels = segment(window, docked, wait_idle, 0)
    assert labels.data[0].any()
    window.dims.set_current_step(0, 2)
    canvas = window.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not labels.data.any()
