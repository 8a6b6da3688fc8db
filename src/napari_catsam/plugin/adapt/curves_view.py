"""Two curves under each other: the loss, and the score of held-out masks. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import SPACE

__all__ = ["Chart", "CurvesView", "find_range", "thin_out"]

Points = Sequence[tuple[float, float]]

LOSS, SCORE = QColor(230, 140, 40), QColor(60, 150, 240)
"""Told apart from each other by all, and from the grounds of the dark and the light theme."""

HEIGHT = 72
FRAME = 60
"""Of 255, how much of the colour of the text the frame has."""

LEAST_SPAN = 0.05
"""Of a score; so that noise does not fill the picture."""

MARK = 2.0
"""Radius of the mark at the last point, in pixels; it does not stick out of the frame."""

ROOM = 0.08
"""Of the range, above and below the curve."""


def thin_out(points: Points, most: int) -> list[tuple[float, float]]:
    """Return about ``most`` of many points, evenly taken, and always the last one."""
    step = max(1, len(points) // max(1, most))
    kept = list(points[::step])
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def find_range(values: Sequence[float], least: float = 0.0) -> tuple[float, float]:
    """Return the lowest and highest value to draw, at least ``least`` apart, with room around."""
    low, high = min(values), max(values)
    span = max(high - low, least, 1e-9)
    middle = (low + high) / 2
    half = span * (0.5 + ROOM)
    return middle - half, middle + half


class Chart(QWidget):
    """One curve, the name and last value above it, and a dashed line to compare with.

    Parameters
    ----------
    name : str
        What is drawn.
    colour : QColor
        Of the curve.
    least_span : float
        The range of values is never smaller.
    tooltip : str
        What it tells.
    """

    def __init__(self, name: str, colour: QColor, least_span: float, tooltip: str) -> None:
        super().__init__()
        self._name, self._colour, self._least_span = name, colour, least_span
        self._points: list[tuple[float, float]] = []
        self._line: float | None = None
        self._end = 1.0
        self.setToolTip(tooltip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)

    @property
    def text(self) -> str:
        """The name, and the last value, with what it is compared to."""
        values = [] if self._line is None else [self._line]
        if self._points and self._points[-1] != (0, self._line):  # the start is the line's value
            values.append(self._points[-1][1])
        return f"{self._name} {' → '.join(f'{value:.3f}' for value in values)}".strip()

    def sizeHint(self) -> QSize:
        """Return a size that fits the dock."""
        return QSize(2 * HEIGHT, HEIGHT)

    def show_points(self, points: Points, end: float, line: float | None = None) -> None:
        """Show a curve of (step, value), drawn from 0 to the step ``end``, and a dashed line."""
        self._points, self._end, self._line = list(points), max(1.0, end), line
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it in the colours of the theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(self.foregroundRole())
        text_height = self.fontMetrics().height()
        painter.setPen(self._colour)
        cut = self.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(0, self.fontMetrics().ascent(), cut)
        area = QRectF(0.5, text_height + 2.5, self.width() - 1, self.height() - text_height - 3)
        faint = QColor(ink)
        faint.setAlpha(FRAME)
        painter.setPen(faint)
        painter.drawRect(area)
        values = [value for _, value in self._points]
        values += [] if self._line is None else [self._line]
        if values:
            self._draw(painter, area, find_range(values, self._least_span), ink)
        painter.end()

    def _draw(
        self, painter: QPainter, area: QRectF, limits: tuple[float, float], ink: QColor
    ) -> None:
        low, high = limits
        inside = area.adjusted(MARK, 0, -MARK, 0)

        def place(step: float, value: float) -> QPointF:
            x = inside.left() + inside.width() * min(1.0, step / self._end)
            return QPointF(x, area.bottom() - area.height() * (value - low) / (high - low))

        if self._line is not None:
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DashLine))
            painter.drawLine(place(0, self._line), place(self._end, self._line))
        points = [place(*point) for point in thin_out(self._points, self.width())]
        painter.setPen(QPen(self._colour, 1.6))
        painter.drawPolyline(QPolygonF(points))
        if points:
            painter.setBrush(self._colour)
            painter.drawEllipse(points[-1], MARK, MARK)


class CurvesView(QWidget):
    """Loss and score of a training."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = Chart("loss", LOSS, 0.0, "Loss of each training step; lower is better.")
        self.score = Chart(
            "held-out IoU", SCORE, LEAST_SPAN,
            "Mean overlap (IoU) with masks that are not trained on; higher is better.\n"
            "Dashed: the model that the training began with.",
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.loss)
        layout.addWidget(self.score)

    def show_curves(self, losses: Points, scores: Points, before: float | None, end: float) -> None:
        """Show losses and scores, each (step, value), and the score before; ``end`` is the last step."""
        self.loss.show_points(losses, end)
        self.score.show_points(scores, end, before)
