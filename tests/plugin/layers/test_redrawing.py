"""Removing the layers of an object one drawing at a time: OpenGL in software crashes otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QApplication


def test_annotating_can_be_ended_and_begun_again(window: Any, docked: Any) -> None:
    window.add_image(np.zeros((60, 80), np.uint8), name="cells")
    for _ in range(3):
        docked.live_view.annotate.click()
        QApplication.processEvents()
        docked.live_view.annotate.click()
        QApplication.processEvents()
    assert [layer.name for layer in window.layers] == ["cells"]


def test_annotating_ends_with_one_of_its_layers_and_begins_again(window: Any, docked: Any) -> None:
    window.add_image(np.zeros((60, 80), np.uint8), name="cells")
    for _ in range(3):
        docked.live_view.annotate.click()
        QApplication.processEvents()
        window.layers.remove(window.layers["object"])
        QApplication.processEvents()
    assert [layer.name for layer in window.layers] == ["cells"]
