"""Pictures of a report: curves of the trainings, and masks over their images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_catsam.evaluation.table.published import METHOD_TITLES, order_methods

if TYPE_CHECKING:
    from napari_catsam.evaluation.examples import Example
    from napari_catsam.evaluation.runs import CurveRow
    from napari_catsam.evaluation.table.groups import Group

__all__ = ["draw_curves", "draw_masks"]

COLOURS = dict(
    zip(
        METHOD_TITLES,
        ("#7f7f7f", "#17becf", "#1f77b4", "#9467bd", "#e377c2", "#bcbd22", "#ff7f0e", "#d62728"),
        strict=True,
    )
)
SMOOTHED = 50
"""The loss of an epoch of one image jumps; what is drawn is its mean over this part of the run."""

TINT = np.array([255, 140, 0])


def _make_figure(width: float, height: float) -> Figure:
    """Make an empty figure, in inches, without a window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_curves(groups: Sequence[Group]) -> bytes | None:
    """Draw loss and score of the runs of one data set, a line a run.

    Returns
    -------
    bytes or None
        A PNG; None if no run has curves.
    """
    drawn = {g.method: [run.curves for run in g.runs if run.curves] for g in groups}
    methods = [method for method in order_methods(set(drawn)) if drawn[method]]
    if not methods:
        return None
    rows = [row for method in methods for curves in drawn[method] for row in curves]
    scored = any(np.isfinite(row.score) for row in rows)
    figure = _make_figure(9 if scored else 5.5, 3.2)
    axes = figure.subplots(1, 2 if scored else 1, squeeze=False)[0]
    for method in methods:
        for number, curves in enumerate(drawn[method]):
            style = {"color": COLOURS.get(method), "label": None if number else method}
            _draw_line(axes[0], curves, "loss", style)
            if scored:
                _draw_line(axes[1], curves, "score", style)
    for axis, words in zip(axes, ("loss", "score that values are selected by"), strict=False):
        axis.set(xlabel="epoch", ylabel=words)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    return _to_png(figure)


def _draw_line(axis: Any, curves: Sequence[CurveRow], name: str, style: dict[str, Any]) -> None:
    known = [(row.epoch, getattr(row, name)) for row in curves if np.isfinite(getattr(row, name))]
    if not known:
        return
    epochs, values = np.array(known, dtype=float).T
    width = max(1, len(values) // SMOOTHED) if name == "loss" else 1
    kernel = np.ones(width) / width
    marker = "." if len(values) < SMOOTHED else None
    axis.plot(
        epochs[width - 1 :], np.convolve(values, kernel, "valid"), marker=marker, lw=1, **style
    )


def draw_masks(examples: Sequence[tuple[str, Sequence[tuple[str, Example]]]]) -> bytes:
    """Draw images with their masks: a row an image, its columns image, truth, base and adaptations.

    Parameters
    ----------
    examples : sequence of (name of the image, sequence of (method, Example))
        The first example of each gives image, truth and base.

    Returns
    -------
    bytes
        A PNG.
    """
    columns = 3 + max(len(found) for _, found in examples)
    figure = _make_figure(1.9 * columns, 2.1 * len(examples) + 0.3)
    axes = figure.subplots(len(examples), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, (name, found) in zip(axes, examples, strict=True):
        first = found[0][1]
        panels = [(name, first.image), ("truth", _tint(first.image, first.truth))]
        panels.append(("base", _tint(first.image, first.base)))
        panels += [(method, _tint(one.image, one.adapted)) for method, one in found]
        for axis, (title, picture) in zip(line, panels, strict=False):
            axis.imshow(picture)
            axis.set_title(title if len(title) <= 24 else title[:23] + "…", fontsize=8)
    return _to_png(figure)


def _tint(image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    tinted = np.where(mask[..., None], 0.45 * image + 0.55 * TINT, 0.75 * image)
    return tinted.astype(np.uint8)


def _to_png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, facecolor="white")
    return content.getvalue()
