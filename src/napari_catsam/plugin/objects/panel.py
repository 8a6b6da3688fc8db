"""Keeps the table of objects in step with the layer that masks are written into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QTimer

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.parts import ChoiceBox
from napari_catsam.plugin.layers.mask_writing import Refined, Written
from napari_catsam.plugin.objects.areas import read_measure
from napari_catsam.plugin.objects.counts import ObjectCounts
from napari_catsam.plugin.objects.features import (
    ObjectFeatures,
    Row,
    drop_rows,
    put_rows,
    read_features,
    write_features,
)
from napari_catsam.plugin.objects.table import Colour, ObjectRow
from napari_catsam.plugin.objects.view import ObjectsView
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import count_of

__all__ = ["ObjectActions", "ObjectsPanel"]

NO_LAYER = "Accept an object, or choose a layer under “into”: its objects are listed here."
NO_OBJECT = "No object yet."

WHILE_COUNTING_MS = 200
"""Between two refreshes while the planes of a stack are counted."""


class ObjectActions(Protocol):
    """What can be done with an object of a Labels layer."""

    def delete(self, labels: Labels, number: int) -> None:
        """Take it out."""

    def jump_to(self, labels: Labels, number: int) -> None:
        """Show it."""

    def refine(self, labels: Labels, number: int) -> None:
        """Let the user correct it."""


class ObjectsPanel:
    """The table of objects of one widget.

    Classes and scores are in the features of the layer. Where an object loses its last pixel, its
    row is taken out of them, and is put back when undo brings the object back.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    session : Session
        Which class is chosen.
    target : ChoiceBox
        Where the layer that masks are written into is chosen.
    actions : ObjectActions
        What can be done with an object.
    connections : Connections
        Where the connections of the widget are kept.

    Attributes
    ----------
    view : ObjectsView
        The table.
    counts : ObjectCounts
        The sizes.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        target: ChoiceBox,
        actions: ObjectActions,
        connections: Connections,
    ) -> None:
        self.view = ObjectsView()
        self.view.table.colour_of = self._find_colour
        self.counts = ObjectCounts(viewer, self.view)
        self._session, self._target, self._actions = session, target, actions
        self._layer_connections = Connections()
        self._counted: frozenset[int] | None = None
        self._dropped: WeakKeyDictionary[Labels, dict[int, Row]] = WeakKeyDictionary()
        # Several events of one edit make one refresh; a layer is chosen after all have heard of it.
        self._soon = QTimer(self.view)
        self._soon.setSingleShot(True)
        self.view.destroyed.connect(self._layer_connections.close)
        self._connect(viewer, connections)
        self.refresh()

    def _connect(self, viewer: ViewerModel, connections: Connections) -> None:
        view, add = self.view, connections.add
        add(self._soon.timeout, self.refresh)
        add(self.counts.changed, self._on_counted)
        add(self._target.chosen, self._on_changed)
        add(self._target.currentIndexChanged, self._on_changed)
        add(self._session.events.object_class, self._on_classes_changed)
        add(self._session.events.classes, self._on_classes_changed)
        add(view.class_chosen, self._session.choose_class)
        add(view.class_edited, self._on_class_edited)
        add(view.selected, self._on_selected)
        add(view.jump_requested, self._on_jump_requested)
        add(view.refine_requested, self._on_refine_requested)
        add(view.delete_requested, self._on_delete_requested)
        events = viewer.layers.events
        add(events.inserted, self._on_changed)
        add(events.reordered, self._on_changed)
        add(events.removed, self._on_removed)
        self._on_classes_changed()

    def record(self, labels: Labels, written: Written | Refined) -> None:
        """Note class and score of objects that were written; a slot for signals that tell so.

        Parameters
        ----------
        labels : Labels
            The layer.
        written : Written or Refined
            New objects get the class that is chosen; one that was refined keeps its own.
        """
        if isinstance(written, Refined):
            known = read_features(labels).get(written.id, ObjectFeatures())
            write_features(labels, {written.id: replace(known, score=written.score)})
        elif written.ids:
            name = self._session.object_class
            pairs = zip(written.ids, written.scores, strict=True)
            write_features(labels, {n: ObjectFeatures(name, score) for n, score in pairs})
            for number in written.ids:  # what had the number before does not come back under it
                self._dropped.get(labels, {}).pop(number, None)
        self._on_changed()

    def close(self) -> None:
        """Let go of the layer, and count nothing more."""
        with suppress(RuntimeError):  # Qt has deleted it before
            self._soon.stop()
        self._follow(None)
        self.counts.close()

    def refresh(self) -> None:
        """Show the objects of the layer that is chosen now."""
        chosen = self._target.value
        labels = chosen if isinstance(chosen, Labels) else None
        if labels is not self.counts.labels:
            self._follow(labels)
        if labels is None:
            self.view.show_rows((), "pixels", NO_LAYER)
            return
        measure = read_measure(labels)
        known, unknown = read_features(labels), ObjectFeatures()
        rows = []
        for number, (pixels, planes) in self.counts.areas.objects.items():
            item = known.get(number, unknown)
            size = pixels * measure.factor
            rows.append(ObjectRow(number, item.name, size, item.score, planes))
        self.view.show_rows(rows, measure.name, self._summarise(labels, len(rows)))
        self.view.show_selected(int(labels.selected_label))

    def _summarise(self, labels: Labels, count: int) -> str:
        if not count and self.counts.complete:
            return NO_OBJECT
        more = "" if self.counts.complete else " · counting"
        if self.counts.partial:
            more += " on the planes that were shown"
        return f"{count_of(count, 'object')} in {labels.name}{more}"

    def _follow(self, labels: Labels | None) -> None:
        self._layer_connections.close()
        self._counted = None
        self.counts.follow(labels)
        if labels is None:
            return
        events, add = labels.events, self._layer_connections.add
        add(events.features, self._on_changed)
        add(events.name, self._on_changed)
        add(events.scale, self._on_changed)
        add(events.affine, self._on_changed)
        add(events.units, self._on_changed)
        add(events.colormap, self._on_changed)
        add(events.selected_label, self._on_label_selected)
        self._session.add_classes(item.name for item in read_features(labels).values())

    # FROM BELOW

    def _on_changed(self, _: object = None) -> None:
        self._soon.start(0)

    def _on_removed(self, event: Any) -> None:
        if event.value is self.counts.labels:
            self._follow(None)  # at once, as the layer may be meant to be freed
        self._soon.start(0)

    def _on_counted(self) -> None:
        labels = self.counts.labels
        if not self.counts.complete:
            if not self._soon.isActive():
                self._soon.start(WHILE_COUNTING_MS)
            return
        if labels is not None:
            now = frozenset(self.counts.areas.objects)
            if self._counted is not None and not self.counts.partial:
                self._keep_rows(labels, gone=self._counted - now, back=now - self._counted)
            self._counted = now
        self.refresh()

    def _keep_rows(self, labels: Labels, gone: frozenset[int], back: frozenset[int]) -> None:
        """Drop the rows of objects that are gone, and put back those of objects that are back."""
        dropped = self._dropped.setdefault(labels, {})
        if gone:
            dropped |= drop_rows(labels, gone)
        rows: Mapping[int, Row] = {n: dropped.pop(n) for n in back if n in dropped}
        if rows:
            put_rows(labels, rows)

    def _on_label_selected(self, event: Any) -> None:
        if self.counts.labels is not None:
            self.view.show_selected(int(self.counts.labels.selected_label))

    def _on_classes_changed(self, _: object = None) -> None:
        self.view.show_classes(self._session.classes, self._session.object_class)

    def _find_colour(self, number: int) -> Colour | None:
        if self.counts.labels is None:
            return None
        colour = self.counts.labels.get_color(number)
        if colour is None:
            return None
        red, green, blue, opacity = map(float, colour)
        return red, green, blue, opacity

    # FROM THE USER

    def _on_class_edited(self, numbers: Sequence[int], name: str) -> None:
        labels = self.counts.labels
        if labels is None or not name:
            return
        self._session.add_classes([name])
        known = read_features(labels)
        objects = {n: replace(known.get(n, ObjectFeatures()), name=name) for n in numbers}
        write_features(labels, objects)

    def _on_selected(self, number: int) -> None:
        if self.counts.labels is not None:
            self.counts.labels.selected_label = number

    def _on_jump_requested(self, number: int) -> None:
        if self.counts.labels is not None:
            self._actions.jump_to(self.counts.labels, number)

    def _on_refine_requested(self, number: int) -> None:
        if self.counts.labels is not None:
            self._actions.refine(self.counts.labels, number)

    def _on_delete_requested(self, numbers: Sequence[int]) -> None:
        labels = self.counts.labels
        if labels is not None:
            for number in numbers:
                self._actions.delete(labels, number)
