"""The picture of one curve, drawn by matplotlib. It knows neither Qt nor napari."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curve", "CurveStyle", "draw_curve", "find_range"]

POINTS_PER_INCH = 72
"""Of matplotlib: with as many pixels an inch, its sizes are in pixels."""

FAINT = 0.3
"""How much of the ink the frame has."""

ROOM = 0.08
"""Of the range, above and below the curve."""

LEFT, RIGHT, TOP, BOTTOM = 3.3, 0.6, 0.5, 1.7
"""Around the axes, in heights of the text: the left and lower ones hold the numbers."""

LEAST_PART = 0.05
"""Of the values themselves that their range has, so that the numbers beside it differ."""

LAST_NUMBER = 0.8
"""Of the width; further right stands the word for the numbers below."""


@dataclass(frozen=True)
class Curve:
    """What is drawn.

    Attributes
    ----------
    points : tuple of (float, float)
        Step and value, by step; finite.
    end : float
        The step at the right border, at least 1.
    line : float or None
        A value to compare with, drawn dashed.
    """

    points: tuple[tuple[float, float], ...] = ()
    end: float = 1.0
    line: float | None = None


@dataclass(frozen=True)
class CurveStyle:
    """How it is drawn.

    Attributes
    ----------
    colour, ink : str
        Of the curve, and of everything else, as ``#rrggbb``.
    text : float
        Height of the numbers, in pixels.
    least_span : float
        The range of values is never smaller, so that noise does not fill the picture.
    tail : float
        Part of the values, at either end, that may lie outside of the picture, so that a few do not
        make all others one flat line.
    """

    colour: str
    ink: str
    text: float
    least_span: float = 0.0
    tail: float = 0.0


def find_range(
    values: Sequence[float], least: float = 0.0, tail: float = 0.0
) -> tuple[float, float]:
    """Return the lowest and highest value to draw, at least ``least`` apart, with room around.

    Of many values the ``tail`` at either end is left out; of few, none.
    """
    low = float(np.quantile(values, tail, method="lower"))
    high = float(np.quantile(values, 1 - tail, method="higher"))
    middle = (low + high) / 2
    span = max(high - low, least, LEAST_PART * abs(middle), 1e-9)
    half = span * (0.5 + ROOM)
    return middle - half, middle + half


def draw_curve(
    curve: Curve, style: CurveStyle, size: tuple[int, int], ratio: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Draw a curve over its steps, on a transparent ground.

    Parameters
    ----------
    curve : Curve
        What is drawn.
    style : CurveStyle
        How.
    size : (int, int)
        Width and height, in the pixels that the style is in.
    ratio : float
        Pixels of the screen for one of those.

    Returns
    -------
    numpy.ndarray
        ``(height * ratio, width * ratio, 4)`` uint8, RGBA, alpha not multiplied in.
    """
    # Half a second, for those who never train.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = (max(1, side) for side in size)
    figure = Figure(
        (width / POINTS_PER_INCH, height / POINTS_PER_INCH), POINTS_PER_INCH * ratio, frameon=False
    )
    canvas = FigureCanvasAgg(figure)
    left, bottom = LEFT * style.text / width, BOTTOM * style.text / height
    right, top = 1 - RIGHT * style.text / width, 1 - TOP * style.text / height
    with rc_context({"text.usetex": False}):  # LaTeX would take seconds, or fail
        if right > left and top > bottom:  # there is room for it
            axes = figure.add_axes((left, bottom, right - left, top - bottom), frameon=True)
            axes.patch.set_visible(False)
            limits = _draw_frame(axes, curve, style)
            _draw_values(axes, curve, style, limits)
        canvas.draw()
    return np.array(canvas.buffer_rgba())


def _draw_values(axes: Axes, curve: Curve, style: CurveStyle, limits: tuple[float, float]) -> None:
    if curve.line is not None:
        axes.axhline(curve.line, color=style.ink, linewidth=1, linestyle=(0, (4, 3)))
    if curve.points:
        axes.plot(*zip(*curve.points, strict=True), color=style.colour, linewidth=1.6)
        step, value = curve.points[-1]
        seen = min(max(value, limits[0]), limits[1])
        axes.plot(step, seen, "o", markersize=4, color=style.colour, clip_on=False)


def _draw_frame(axes: Axes, curve: Curve, style: CurveStyle) -> tuple[float, float]:
    """Draw all around the curve; return the lowest and highest value that is seen."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0, curve.end)
    steps = MaxNLocator(5, integer=True).tick_values(0, curve.end)
    axes.set_xticks([step for step in steps if 0 <= step <= LAST_NUMBER * curve.end])
    axes.annotate(
        "step", (1, 0), (0, -0.4 * style.text), "axes fraction", "offset points",
        horizontalalignment="right", verticalalignment="top", color=style.ink, fontsize=style.text,
    )  # fmt: skip
    values = [value for _, value in curve.points]
    values += [] if curve.line is None else [curve.line]
    limits = find_range(values or [0.5], style.least_span, style.tail)
    axes.set_ylim(*limits)
    if values:
        axes.yaxis.set_major_locator(MaxNLocator(3))
    else:
        axes.set_yticks([])
    axes.xaxis.set_major_formatter(_shorten)
    axes.yaxis.set_major_formatter(_shorten)
    axes.tick_params(colors=style.ink, labelsize=style.text, length=2, pad=2, width=0.8)
    for spine in axes.spines.values():
        spine.set(color=style.ink, alpha=FAINT, linewidth=1)
    return limits


def _shorten(value: float, _: Any) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
