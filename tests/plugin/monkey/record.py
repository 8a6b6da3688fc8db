"""What every Labels layer must hold, worked out from the actions alone, and what must always hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import ErrorNotification, notification_manager

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.commands import read_drawn
from napari_catsam.plugin.layers.mask_writing import WritePolicy
from napari_catsam.plugin.layers.new_layers import fits
from napari_catsam.plugin.live.layers import is_own
from napari_catsam.plugin.project.writer import NOT_SAVED
from tests.plugin.conftest import FakePredictor


@dataclass
class History:
    """The states of one layer, the newest last, and those that undo left."""

    states: list[Any]
    undone: list[Any] = field(default_factory=list)
    largest: int = 0

    @property
    def now(self) -> Any:
        return self.states[-1]

    def change(self, after: Any) -> None:
        if not np.array_equal(after, self.now):
            self.states.append(after)
            self.undone.clear()
            self.largest = max(self.largest, int(after.max(initial=0)))

    def undo(self) -> None:
        if len(self.states) > 1:
            self.undone.append(self.states.pop())

    def redo(self) -> None:
        if self.undone:
            self.states.append(self.undone.pop())


@dataclass
class Asked:
    """A batch that was asked for, and what the fake model answers to it."""

    image: Any
    target: Any
    index: Any
    masks: list[Any]
    scores: list[float]


def _reported(slot: Any) -> Any:
    """Keep what a slot finds wrong, as an exception in it would be the emitter's."""

    @wraps(slot)
    def note(self: Any, labels: Any, written: Any) -> None:
        try:
            slot(self, labels, written)
        except (AssertionError, IndexError, KeyError) as error:
            self.trouble.append(f"{slot.__name__}: {type(error).__name__}: {error}")

    return note


class Record:
    """Follows the layers of a viewer and the signals of a widget."""

    def __init__(self, viewer: Any, widget: Any) -> None:
        self.viewer, self.widget, self.session = viewer, widget, widget.session
        self.histories: dict[Labels, History] = {}
        self.asked: deque[Asked] = deque()
        self.trouble: list[str] = []
        self.into: Any = None
        self.writes = self.checks = 0
        self._finished: Any = None
        self._note_into()
        for layer in viewer.layers:
            self._follow(layer)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        self.session.events.live.connect(self._on_live)
        self.session.events.note.connect(self._on_note)
        widget.commands.live.accepted.connect(self._on_accepted)
        widget.commands.live.refined.connect(self._on_refined)
        widget.commands.labels_written.connect(self._on_segmented)
        notification_manager.notification_ready.connect(self._on_notified)

    def close(self) -> None:
        notification_manager.notification_ready.disconnect(self._on_notified)
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)

    # WHAT ACTIONS SAY

    def begin(self) -> None:
        """Note what the widget shows before an action."""
        self._note_into()

    def ask(self) -> None:
        """Note what the button Segment asks for now; called before it is pressed."""
        view = self.widget.segment_view
        image, target = view.image.value, view.target.value
        try:
            drawn = read_drawn(
                self.viewer, image, view.shapes.value, view.points.value, self.session.channels
            )
        except CatsamError:
            return
        if target is not None and not fits(target, image):
            return
        masks: list[Any] = []
        for batch in drawn.prompts.batches(drawn.plane.size, 1000):
            masks += list(FakePredictor("").predict(drawn.plane.size, batch).masks)
        scores = [float(s) for b in drawn.prompts.batches(drawn.plane.size, 1000)
                  for s in np.linspace(0.9, 0.8, len(b), dtype=np.float32)]  # fmt: skip
        self.asked.append(Asked(image, target, drawn.plane.index, masks, scores))

    def paint(self, labels: Labels, number: int) -> None:
        """Take over what was painted, which is nothing but one number."""
        before, after = self.histories[labels].now, np.array(labels.data)
        assert (after[after != before] == number).all(), "painting changed other pixels"
        self.histories[labels].change(after)

    def delete(self, labels: Labels, numbers: Sequence[int]) -> None:
        for number in numbers:
            history = self.histories[labels]
            history.change(np.where(history.now == number, 0, history.now))

    def step_back(self) -> None:
        """Take over that at most one layer went back, by exactly one of its changes."""
        changed = [x for x in self.histories if not np.array_equal(x.data, self.histories[x].now)]
        assert len(changed) <= 1, f"undo changed several layers: {changed}"
        for labels in changed:
            self.histories[labels].undo()

    # WHAT MUST HOLD

    def check(self) -> None:
        __tracebackhide__ = True
        assert not self.trouble, self.trouble
        self.checks += 1
        live = [layer.name for layer in self.viewer.layers if is_own(layer)]
        annotating, active = self.session.annotating, self.widget.commands.live.active
        assert annotating == active == self.widget.live_view.annotate.isChecked()
        assert bool(live) == annotating, f"annotating is {annotating}, own layers are {live}"
        for labels, history in self.histories.items():
            if not np.array_equal(labels.data, history.now):
                where = np.argwhere(labels.data != history.now)
                values = [(history.now[tuple(at)], labels.data[tuple(at)]) for at in where[:3]]
                raise AssertionError(
                    f"{labels.name!r} differs from the record in {len(where)} pixels, first at "
                    f"{where[0]}, (expected, found): {values}"
                )

    # FROM THE PROGRAM

    def _note_into(self) -> None:
        self.into = self.widget.segment_view.target.value

    def _follow(self, layer: Any) -> None:
        if isinstance(layer, Labels) and not is_own(layer):
            data = np.array(layer.data)
            self.histories[layer] = History([data], largest=int(data.max(initial=0)))

    def _on_inserted(self, event: Any) -> None:
        self._follow(event.value)

    def _on_removed(self, event: Any) -> None:
        self.histories.pop(event.value, None)
        if event.value is self.into:
            self.into = None

    def _on_live(self, new: Any, old: Any) -> None:
        if new is None:
            self._finished = old

    def _on_note(self, text: str) -> None:
        if text.startswith(NOT_SAVED):
            self.trouble.append(text)

    def _on_notified(self, notification: Any) -> None:
        error = getattr(notification, "exception", None)
        if isinstance(notification, ErrorNotification) and not isinstance(error, CatsamError):
            self.trouble.append(f"{type(error).__name__}: {error}")

    @_reported
    def _on_accepted(self, labels: Labels, written: Any) -> None:
        assert labels is self.into or self.into is None, f"written into {labels}, not {self.into}"
        self.into = labels
        live = self._finished
        mask = np.zeros(live.plane.size, bool)
        mask[live.reading.mask.window] = live.reading.mask.mask
        self._write(labels, live.plane.index, [mask], [1.0], written.ids)

    @_reported
    def _on_refined(self, labels: Labels, refined: Any) -> None:
        live = self._finished
        history = self.histories[labels]
        after = history.now.copy()
        plane = after[live.plane.index]
        own, wanted, before = (np.zeros(plane.shape, bool) for _ in range(3))
        own[...] = plane == refined.id
        wanted[live.reading.mask.window] = live.reading.mask.mask
        before[live.picked.mask.window] = live.picked.mask.mask
        if self.session.write_policy is WritePolicy.KEEP_OTHERS:
            wanted &= own | (plane == 0)
        plane[own & before & ~wanted] = 0
        plane[wanted] = refined.id
        history.change(after)
        self._compare(labels)

    @_reported
    def _on_segmented(self, labels: Labels, written: Any) -> None:
        while self.asked[0].image not in self.viewer.layers:
            self.asked.popleft()
        asked = self.asked.popleft()
        if asked.target is not None and asked.target in self.viewer.layers:
            assert labels is asked.target
        self.into = labels
        self._write(labels, asked.index, asked.masks, asked.scores, written.ids)

    def _write(
        self, labels: Labels, index: Any, masks: Sequence[Any], scores: Any, ids: Sequence[int]
    ) -> None:
        """Work out what becomes of masks: the better score wins, and others keep their pixels."""
        history = self.histories[labels]
        after = history.now.copy()
        plane = after[index]
        taken = np.zeros(plane.shape, bool)
        if self.session.write_policy is WritePolicy.KEEP_OTHERS:
            taken = plane != 0
        occupied, kept = taken.copy(), {}
        for number in sorted(range(len(masks)), key=lambda i: -scores[i]):
            free = masks[number] & ~occupied
            if free.sum() and free.sum() >= masks[number].sum() / 2 and (free & ~taken).any():
                kept[number] = free & ~taken
                taken |= free
        assert len(ids) == len(kept), f"{len(ids)} objects written, {len(kept)} expected"
        assert min(ids, default=2**40) > history.largest, f"{ids} were given before"
        for number, place in zip(ids, sorted(kept), strict=True):
            plane[kept[place]] = number
        history.change(after)
        self.writes += len(ids)
        self._compare(labels)

    def _compare(self, labels: Labels) -> None:
        assert np.array_equal(labels.data, self.histories[labels].now), "another mask was written"
