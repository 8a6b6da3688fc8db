"""How the parts of the dock stand below each other. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

__all__ = ["lay_out_dock"]

LEAST_WIDTH = 270
"""Pixels; below it labels and boxes no longer fit beside each other."""


def lay_out_dock(dock: QWidget, fixed: Sequence[QWidget], scrolled: Sequence[QWidget]) -> None:
    """Put widgets below each other, the first ones above what scrolls."""
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in scrolled:
        column.addWidget(widget)
    column.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidget(inner)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    layout = QVBoxLayout(dock)
    layout.setContentsMargins(4, 4, 4, 4)
    for widget in fixed:
        layout.addWidget(widget)
    layout.addWidget(scroll, 1)
    dock.setMinimumWidth(LEAST_WIDTH)
