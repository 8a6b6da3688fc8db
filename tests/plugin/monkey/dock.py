"""The boxes and buttons of the dock: model, layers, settings, export, and the table of objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from napari.layers import Image, Points, Shapes

from tests.plugin.monkey.hands import Hands, action


class DockActions(Hands):
    """What is done in the dock."""

    # MODEL AND LAYERS OF THE WIDGET

    @action(5)
    def choose_something(self) -> str:
        view, adapt = self.widget.segment_view, self.widget.adapt_view
        name = self.any_of(("backbone", "device", "variant", "image", "shapes", "points", "target",
                            "target", "masks", "method", "source"))  # fmt: skip
        found = {"masks": adapt.masks, "method": adapt.method, "source": view.channels.source}
        return f"{name}: {self.choose(found.get(name) or getattr(view, name))}"

    @action(6)
    def segment(self) -> str:
        button = self.widget.segment_view.segment_button
        enabled = button.isEnabled()
        if enabled:
            self.record.ask()
        button.click()
        return f"{enabled}"

    @action(2)
    def request_prompt_layer(self) -> None:
        view = self.widget.segment_view
        self.any_of((view.shapes_requested, view.points_requested)).emit()

    @action(3)
    def add_batch(self) -> None:
        """Draw batch prompts by program, so that there are some on this plane."""
        image = self.any_of(self.layers(Image))
        if image is None or self.window.dims.ndisplay != 2:  # in 3-D napari adds no rectangle
            return
        at = np.array([self.rng.uniform(0, n, 2) for n in image.extent.data[1][-2:]])
        lead = np.array(self.window.dims.current_step)[-image.ndim : -2]
        corners = [(*lead, at[0][i], at[1][j]) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
        shown = [x for x in self.layers(Shapes, Points) if x.ndim == image.ndim and x.visible]
        layer = next((x for x in shown if isinstance(x, Shapes)), None)
        if layer is not None and np.ptp(at, axis=1).min() > 3:
            layer.add(np.array(corners), shape_type=self.any_of(("rectangle", "polygon")))
        layer = next((x for x in shown if isinstance(x, Points)), None)
        if layer is not None:
            layer.add(np.array(corners[0]))

    @action(2)
    def adapt(self) -> str:
        button = self.any_of((self.widget.adapt_view.adapt_button,) * 2
                             + (self.widget.adapt_view.stop_button,))  # fmt: skip
        button.click()
        return f"{button.text()}: {self.session.adapting}"

    @action(1)
    def change_settings(self) -> None:
        settings = self.session.settings
        accept, clear = self.any_of((("Y", "W"), ("J", "W"), ("W", "Y")))
        self.session.settings = replace(
            settings, key_accept=accept, key_clear=clear,
            embeddings_mb=int(self.rng.integers(16, 512)),
        )  # fmt: skip

    @action(1)
    def export(self) -> str:
        ending = self.any_of((".json", ".tif"))
        path = str(self.folder / f"masks{self.rng.integers(100)}{ending}")
        self.widget.work_view.export_requested.emit(path)
        return ending

    @action(1)
    def restore_or_discard(self) -> str | None:
        bar = self.widget.restore_bar
        if bar.isVisibleTo(self.widget):
            button = self.any_of((bar.restore_button, bar.discard_button))
            button.click()
            return str(button.text())
        return None

    # THE TABLE OF OBJECTS

    @action(2)
    def choose_class(self) -> None:
        self.widget.objects.view.classes.chosen.emit(self.any_of(("cell", "nucleus", "debris")))

    @action(6)
    def use_table(self) -> str | None:
        view = self.widget.objects.view
        if not view.table.rowCount():
            return None
        view.rows.selectRow(int(self.rng.integers(view.table.rowCount())))
        button = self.any_of((view.jump, view.refine, view.refine, view.delete, view.assign))
        labels, numbers = self.widget.objects.counts.labels, view.selection
        enabled = button.isEnabled()
        button.click()
        if button is view.delete and enabled:
            self.record.delete(labels, numbers)
        return f"{button.text()} {numbers} of {labels}"
