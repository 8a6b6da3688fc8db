"""What napari itself offers: sliders, the list of layers, painting."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from napari.layers import Image, Labels

from tests.plugin.monkey.hands import Hands, action

NAMES = ("cells", "nuclei", "object", "cells masks", "mine")
"""Few, so that layers get names that others have, or had."""


class ViewerActions(Hands):
    """What is done with the viewer and its layers."""

    @action(10)
    def move_slider(self) -> str | None:
        dims = self.window.dims
        axis = self.any_of(dims.not_displayed)
        if axis is None:
            return None
        dims.set_current_step(axis, int(self.rng.integers(max(1, dims.nsteps[axis]))))
        return f"{dims.current_step}"

    @action(2)
    def turn(self) -> str:
        dims = self.window.dims
        if dims.ndisplay == 3 or self.rng.random() < 0.3:
            dims.ndisplay = 5 - dims.ndisplay
        elif self.rng.random() < 0.5:
            dims.order = tuple(range(dims.ndim))
        else:
            self.any_of((dims.roll, dims.transpose))()
        self.window.reset_view()
        return f"{dims.order} {dims.ndisplay}"

    @action(5)
    def select_layer(self) -> str:
        active = self.any_of(self.window.layers)
        self.window.layers.selection.active = active
        return f"{active}"

    @action(3)
    def rename(self) -> str:
        layer, name = self.any_of(self.window.layers), self.any_of(NAMES)
        if layer is not None:
            layer.name = name
        return f"{layer}"

    @action(2)
    def reorder(self) -> None:
        count = len(self.window.layers)
        if count > 1:
            self.window.layers.move(*map(int, self.rng.integers(0, count, 2)))

    @action(2)
    def remove_layer(self) -> str:
        layer = self.any_of(self.window.layers)
        if layer is not None:
            self.window.layers.remove(layer)
        return f"{layer}"

    @action(2)
    def add_image(self) -> str:
        like = self.any_of(self.layers(Image))
        if like is not None and self.rng.random() < 0.5:
            return "(enough)"
        shape, kwargs = (30, 40), {}
        if like is not None:
            shape, kwargs = like.data.shape, {"scale": like.scale, "affine": like.affine}
        data = self.rng.integers(0, 255, shape, np.uint8)
        image = self.window.add_image(data, name=self.any_of(NAMES[:2]), **kwargs)
        self.window.reset_view()
        return f"{image}"

    @action(2)
    def add_labels(self) -> str:
        like = self.any_of(self.layers(Image))
        shape = (30, 40) if like is None or self.rng.random() < 0.2 else like.data.shape
        kwargs = {} if like is None or len(shape) != like.ndim else {
            "scale": like.scale, "affine": like.affine}  # fmt: skip
        data = np.zeros(shape, self.any_of((np.int32, np.uint16, np.uint8, np.uint32)))
        data[..., 3:9, 3:9] = int(self.rng.integers(1, 5))
        return f"{self.window.add_labels(data, name=self.any_of(NAMES), **kwargs)}"

    @action(3)
    def hide_or_show(self) -> str:
        layer = self.any_of(self.window.layers)
        if layer is not None:
            layer.visible = not layer.visible
        return f"{layer}"

    @action(3)
    def change_contrast(self) -> None:
        image = self.any_of(self.layers(Image))
        if image is not None:
            low = int(self.rng.integers(0, 100))
            image.contrast_limits = (low, low + int(self.rng.integers(1, 150)))

    @action(4)
    def paint(self) -> str | None:
        """Correct labels by napari's own tools."""
        labels = self.any_of(self.layers(Labels))
        if labels is None or not labels.visible:  # napari fails in some that are hidden
            return None
        number = int(self.rng.integers(0, 6))
        shape = np.array(labels.data.shape)
        if self.rng.random() < 0.5:
            at = tuple(self.rng.integers(0, n, 12) for n in shape)
            labels.data_setitem(at, number)
        else:
            with suppress(ValueError):  # a place of another plane, by napari's own check
                labels.paint(tuple(self.rng.uniform(0, shape - 1)), number)
        self.record.paint(labels, number)
        return f"{number} in {labels}"

    @action(3)
    def paint_by_mouse(self) -> str | None:
        labels = self.any_of(self.layers(Labels))
        if labels is None or not labels.visible:
            return None
        number = labels.selected_label = int(self.rng.integers(1, 6))
        self.window.layers.selection.active = labels
        labels.mode = "paint"
        inside = np.array(labels.data.shape) - 1  # beside them napari fails
        self.drag([self.at(labels, self.rng.uniform(0.2, 0.8, labels.ndim) * inside)] * 2)
        labels.mode = "pan_zoom"
        self.record.paint(labels, number)
        return f"{number} in {labels}"
