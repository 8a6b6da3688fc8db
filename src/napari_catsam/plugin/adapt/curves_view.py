"""Two curves under each other: the loss, and the score of held-out masks. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtGui import QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_catsam.plugin.adapt.curve_drawing import Curve, CurveStyle, draw_curve
from napari_catsam.plugin.dock.parts import SPACE

__all__ = ["Chart", "CurvesView"]

Points = Sequence[tuple[float, float]]

LOSS, SCORE = "#e68c28", "#3c96f0"
"""Told apart from each other by all, and from the grounds of the dark and the light theme."""

HEIGHT = 72

LEAST_SPAN = 0.05
"""Of a score; so that noise does not fill the picture."""

TAIL = 0.02
"""Of the losses, at either end: those of a few hard views are many times the others."""

REST = 500
"""Milliseconds between two pictures: each takes the main thread some hundredths of a second."""

SMALLER = 0.8
"""Of the height of the text, that of the numbers at the axes."""


class Picture(QWidget):
    """The picture of a curve; drawn while it is seen, now and then if the curve keeps changing.

    Parameters
    ----------
    colour : str
        Of the curve.
    least_span, tail : float
        See :class:`CurveStyle`.
    """

    def __init__(self, colour: str, least_span: float, tail: float) -> None:
        super().__init__()
        self._colour, self._least_span, self._tail = colour, least_span, tail
        self._curve, self._drawn = Curve(), (object(), object())
        self._image = QImage()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self.update)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)

    def show_curve(self, curve: Curve) -> None:
        """Show another curve, at once or when the last picture was seen for a while."""
        self._curve = curve
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that fits the dock."""
        return QSize(2 * HEIGHT, HEIGHT)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme and the font."""
        super().changeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture; draw it before where that is due."""
        curve, ratio, style = self._curve, self.devicePixelRatioF(), self._style()
        frame = (self.size(), ratio, style)
        another_frame = frame != self._drawn[1]
        if another_frame or (curve != self._drawn[0] and not self._rest.isActive()):
            size = (self.width(), self.height())
            self._image = _as_image(draw_curve(curve, style, size, ratio))
            self._drawn = (curve, frame)
            self._rest.start()
        painter = QPainter(self)
        painter.drawImage(self.rect(), self._image)
        painter.end()

    def _style(self) -> CurveStyle:
        ink = self.palette().color(self.foregroundRole()).name()
        text = SMALLER * self.fontMetrics().ascent()
        return CurveStyle(self._colour, ink, text, self._least_span, self._tail)


class Chart(QWidget):
    """One curve, the name and last value above it, and a dashed line to compare with.

    Parameters
    ----------
    name : str
        What is drawn.
    colour : str
        Of the curve, as ``#rrggbb``.
    tooltip : str
        What it tells.
    least_span, tail : float
        See :class:`CurveStyle`.
    """

    def __init__(
        self, name: str, colour: str, tooltip: str, least_span: float = 0.0, tail: float = 0.0
    ) -> None:
        super().__init__()
        self._name = name
        self._caption, self.picture = QLabel(), Picture(colour, least_span, tail)
        self._caption.setStyleSheet(f"color: {colour}")
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(tooltip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._caption)
        layout.addWidget(self.picture)

    @property
    def text(self) -> str:
        """The name, and the last value, with what it is compared to."""
        return self._caption.text()

    def show_points(self, points: Points, end: float, line: float | None = None) -> None:
        """Show a curve of (step, value), drawn from 0 to the step ``end``, and a dashed line."""
        values = [] if line is None else [line]
        if points and points[-1] != (0, line):  # the start is the line's value
            values.append(points[-1][1])
        words = [self._name, " → ".join(f"{value:.3f}" for value in values)]
        best = max((value for _, value in points), default=0.0)
        if line is not None and len(values) > 1 and best > values[-1]:
            words.append(f"(best {best:.3f})")
        self._caption.setText(" ".join(words).strip())
        self.picture.show_curve(Curve(tuple(points), max(1.0, end), line))


class CurvesView(QWidget):
    """Loss and score of a training."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = Chart(
            "loss", LOSS,
            "Loss of each training step; lower is better. A few far from the others are cut off.",
            tail=TAIL,
        )  # fmt: skip
        self.score = Chart(
            "held-out IoU", SCORE,
            "Mean overlap (IoU) with masks that are not trained on; higher is better.\n"
            "Dashed: the model that the training began with. The best is what is kept.",
            least_span=LEAST_SPAN,
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


def _as_image(pixels: npt.NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    form = QImage.Format.Format_RGBA8888
    return QImage(pixels.tobytes(), width, height, 4 * width, form).copy()
