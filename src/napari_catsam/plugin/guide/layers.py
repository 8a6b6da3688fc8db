"""The layers of the guided first minute: its image, masks to learn from, and a dashed frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels, Shapes

from napari_catsam.plugin.layers.new_layers import BOX_COLOUR, placement
from napari_catsam.plugin.live.layers import OWN
from napari_catsam.plugin.samples import open_stack

__all__ = ["GuideLayers", "open_guide_layers"]

SLICE = 14
"""Of the stack: the one with the most cells."""

LESSONS = 16
"""So many cells of the slice have masks to learn from."""

SLACK = 2.0
"""Pixels between the cell and its frame."""

DASHES = 9
"""Dashes of a side of the frame, gaps counted."""


@dataclass(frozen=True, eq=False)
class GuideLayers:
    """What the guide added; only the frame goes away again.

    Attributes
    ----------
    image : Image
    masks : Labels
        Right masks of some cells of one slice, hidden.
    frame : Shapes
        Around a cell that has none.
    """

    image: Image
    masks: Labels
    frame: Shapes


def open_guide_layers(viewer: ViewerModel) -> GuideLayers:
    """Add the sample, and show the slice of the guide."""
    (data, options, _), (truth, _, _) = open_stack()
    image = viewer.add_image(data, **options)
    viewer.dims.set_current_step(0, SLICE)
    viewer.reset_view()
    example, lessons = _choose_cells(truth[SLICE])
    masks = np.zeros_like(truth)
    masks[SLICE] = np.where(np.isin(truth[SLICE], lessons), truth[SLICE], 0)
    labels = viewer.add_labels(
        masks, name="masks to learn from", visible=False, opacity=1, **placement(image)
    )
    labels.contour = 1
    labels.colormap = {None: "white", 0: "transparent"}
    frame = viewer.add_shapes(
        _dash(truth[SLICE] == example), shape_type="line", ndim=3, name="example",
        edge_color=BOX_COLOUR, edge_width=0.7, metadata={OWN: True}, **placement(image),
    )  # fmt: skip
    return GuideLayers(image, labels, frame)


def _choose_cells(truth: npt.NDArray[np.int32]) -> tuple[int, list[int]]:
    """Return the largest object that is not cut off, and the ones after it."""
    edges = np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1]])
    areas = np.bincount(truth.ravel())
    areas[0] = 0
    areas[np.unique(edges)] = 0
    order = [int(number) for number in np.argsort(-areas, kind="stable") if areas[number]]
    return order[0], order[1 : LESSONS + 1]


def _dash(mask: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float64]]:
    """Return short lines (2, 3) around a mask of the slice."""
    rows, columns = np.nonzero(mask)
    low = np.array([rows.min(), columns.min()]) - SLACK
    high = np.array([rows.max(), columns.max()]) + SLACK
    corners = np.array([low, (low[0], high[1]), high, (high[0], low[1]), low])
    ends = np.linspace(0, 1, DASHES + 1)
    lines = []
    for first, last in pairwise(corners):
        at = first + ends[:, None] * (last - first)
        lines += [np.column_stack([(SLICE, SLICE), at[i : i + 2]]) for i in range(0, DASHES, 2)]
    return lines
