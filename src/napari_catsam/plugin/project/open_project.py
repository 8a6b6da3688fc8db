"""One project while its image is worked on: what waits to be written, in the main thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.plugin.channels.choice import ChannelChoice
from napari_catsam.plugin.channels.record import read_channels_record
from napari_catsam.plugin.layers.plane_watch import PlaneWatch
from napari_catsam.plugin.project.layer_records import Index, read_labels_record
from napari_catsam.plugin.project.prompts_watch import PromptsWatch
from napari_catsam.plugin.project.reading import Change, Found, PlanePixels
from napari_catsam.plugin.project.record import (
    NO_CHANNELS,
    ChannelsRecord,
    LabelsRecord,
    ModelRecord,
    PromptsRecord,
)
from napari_catsam.plugin.project.store import ProjectStore
from napari_catsam.plugin.session import Session

__all__ = ["SAVED_FIELDS", "OpenProject", "read_model"]

SAVED_FIELDS = (
    "backbone", "adapter", "variant", "channels", "versions", "classes", "object_class",
)  # fmt: skip
"""Fields of a session that are saved with the work."""

COPIED_AT_ONCE, READ_AT_ONCE = 2**23, 2**28
"""Bytes a writing that the main thread copies (some milliseconds), and that are written at all."""


def read_model(session: Session) -> ModelRecord:
    """Describe the chosen model."""
    return ModelRecord(session.backbone, str(session.variant))


@dataclass(eq=False)
class OpenProject:
    """What the main thread knows of a project.

    Attributes
    ----------
    store : ProjectStore
        Its files; called in the thread for the disk.
    image : callable
        Returns the image layer, or None once it is gone.
    prompts : tuple of PromptsRecord
        As they were last seen.
    channels : ChannelsRecord
        What the model saw last.
    opened : bool
        Whether the store has been opened, so that there is a place to write to.
    stale, prompts_stale : bool
        Whether something else than pixels has to be written, and whether prompts are to be read.
    adapted : bool
        Whether a version came or was changed while its image was the chosen one.
    watches : dict of Labels to PlaneWatch
        The Labels layers that belong to the image.
    offers : list of Found
        Work of earlier times that the user has not decided on.
    """

    store: ProjectStore
    image: Callable[[], Image | None]
    prompts: tuple[PromptsRecord, ...] = ()
    channels: ChannelsRecord = NO_CHANNELS
    opened: bool = False
    stale: bool = False
    prompts_stale: bool = False
    adapted: bool = False
    watches: dict[Labels, PlaneWatch] = field(default_factory=dict)
    offers: list[Found] = field(default_factory=list)
    _queue: dict[tuple[PlaneWatch, Index], bool] = field(default_factory=dict)
    _labels: dict[str, LabelsRecord] = field(default_factory=dict)
    _gone: list[str] = field(default_factory=list)

    def gather(self, viewer: ViewerModel | None) -> None:
        """Put into the queue what has changed.

        Parameters
        ----------
        viewer : ViewerModel, optional
            Where layers that were removed, but not their image, are taken as deleted.
        """
        for watch in self.watches.values():
            for index, certain in watch.marked.items():
                key = (watch, index)
                self._queue[key] = certain or self._queue.get(key, False)
            watch.marked.clear()
            if watch.known:
                self._describe(read_labels_record(watch.labels, watch.folder))
        image = self.image()
        if viewer is not None and image is not None and image in viewer.layers:
            for folder in self._gone:
                if folder in self._labels:
                    self._describe(replace(self._labels[folder], removed=True))
            self._gone.clear()

    def note_prompts(self, viewer: ViewerModel, prompts: PromptsWatch) -> None:
        """Take what is drawn, if that may be new.

        Without its image the viewer is closing: the prompts are gone, and not by a wish.
        """
        image = self.image()
        if image is not None and self.prompts_stale and image in viewer.layers:
            self.prompts = prompts.read(image, self.prompts)
            self.prompts_stale, self.stale = False, True

    def note_channels(self, viewer: ViewerModel, choice: ChannelChoice) -> None:
        """Take the choice of channels for that of the image, while this is in the viewer."""
        image = self.image()
        if image is not None and image in viewer.layers:
            channels = read_channels_record(choice, viewer.layers)
            self.stale = self.stale or channels != self.channels
            self.channels = channels

    def take(self, session: Session) -> Change | None:
        """Take a part of the queue, and the choices of a session; None if there is nothing to write."""
        if not self.opened or not (self._queue or self.stale):
            return None
        planes: list[PlanePixels] = []
        copied = read = 0
        while self._queue and read < READ_AT_ONCE:
            (watch, index), certain = next(iter(self._queue.items()))
            del self._queue[(watch, index)]
            size = int(np.prod(watch.labels.data.shape[-2:])) * watch.labels.data.dtype.itemsize
            copy = certain and copied + size <= COPIED_AT_ONCE
            planes.append(watch.take(index, copy=copy))
            copied, read = copied + copy * size, read + size
        return self._change(session, planes)

    def take_all(self, session: Session, writing: Sequence[PlanePixels]) -> Change | None:
        """Take the whole queue without copying, as nobody waits for it any more.

        Parameters
        ----------
        session : Session
            As in :meth:`take`.
        writing : sequence of PlanePixels
            What is being written, and would be lost if that failed.
        """
        if not (self._queue or self.stale or writing):
            return None
        planes = [watch.take(index, copy=False) for watch, index in self._queue]
        self._queue.clear()
        return self._change(session, [*writing, *planes])

    def put_back(self, change: Change) -> None:
        """Mark again what could not be written."""
        watches = {watch.folder: watch for watch in self.watches.values()}
        for plane in change.planes:
            if plane.folder in watches:
                watches[plane.folder].marked.setdefault(plane.index, False)
        self.stale = True

    def forget(self, layer: Labels) -> None:
        """Listen to a layer no more that was removed."""
        watch = self.watches.pop(layer)
        self._queue = {key: value for key, value in self._queue.items() if key[0] is not watch}
        self._gone.append(watch.folder)

    def _describe(self, record: LabelsRecord) -> None:
        if self._labels.get(record.folder) != record:
            self._labels[record.folder] = record
            self.stale = True

    def _change(self, session: Session, planes: Sequence[PlanePixels]) -> Change:
        self.stale = False
        return Change(
            read_model(session),
            tuple(self._labels.values()),
            self.prompts,
            tuple(planes),
            session.adapter,
            self.channels,
            session.versions,
            session.classes,
            session.object_class,
            self.adapted,
        )
