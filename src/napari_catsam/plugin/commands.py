"""What the user can ask for: each action reads layers, queues a job, and writes its result.

All of it runs in the main thread; what takes time runs in the queue's worker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes
from napari.utils.notifications import show_warning
from psygnal import Signal

from napari_catsam.errors import CatsamError, ImageError, PromptError
from napari_catsam.plugin.adapt.comparer import Comparer
from napari_catsam.plugin.adapt.suggester import Suggester
from napari_catsam.plugin.adapt.training import Training
from napari_catsam.plugin.adapt.versions import AdapterVersion, add_ending, find_version
from napari_catsam.plugin.channels.choice import AS_SHOWN, ChannelChoice
from napari_catsam.plugin.device.engine import Engine, ModelChoice
from napari_catsam.plugin.device.jobs import DeviceQueue, Job
from napari_catsam.plugin.layers.mask_writing import write_objects
from napari_catsam.plugin.layers.new_layers import ObjectMask, add_labels, check_labels
from napari_catsam.plugin.layers.planes import Plane, locate_plane
from napari_catsam.plugin.layers.prompts import PromptSet, read_prompts
from napari_catsam.plugin.live.commands import LiveCommands
from napari_catsam.plugin.objects.commands import ObjectCommands
from napari_catsam.plugin.objects.ids import ObjectIds
from napari_catsam.plugin.session import Session, Variant
from napari_catsam.plugin.troubles import tell_trouble
from napari_catsam.plugin.wording import Trouble, count_of, describe_written

__all__ = ["Commands", "DrawnPrompts", "read_drawn"]

CANNOT_SEGMENT, CANNOT_ADAPT = "cannot segment", "cannot adapt"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class DrawnPrompts:
    """What is drawn on the plane that the viewer shows."""

    image: Image
    plane: Plane
    prompts: PromptSet


@dataclass(frozen=True, eq=False)
class _Request:
    """What a segmentation was asked with, to find its place when the masks arrive."""

    drawn: DrawnPrompts
    target: Labels | None
    model: ModelChoice
    adapted: bool
    started: float


def read_drawn(
    viewer: ViewerModel,
    image: Image | None,
    shapes: Shapes | None,
    points: Points | None,
    channels: ChannelChoice = AS_SHOWN,
) -> DrawnPrompts:
    """Read what is drawn on the plane that the viewer shows.

    Raises
    ------
    CatsamError
        If there is no image, no plane or no prompt; the message says what to do.
    """
    if image is None:
        raise ImageError("open an image")
    plane = locate_plane(viewer, image, channels)
    prompts = read_prompts(viewer, image, plane, shapes, points)
    if not len(prompts):
        raise PromptError("press Annotate, then draw a box or click an object")
    return DrawnPrompts(image, plane, prompts)


class Commands:
    """Carries out what a widget is asked for, and tells its session.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are read and written.
    session : Session
        What is chosen; its activity, note and progress are set from here.
    queue : DeviceQueue
        The way to the device.

    Attributes
    ----------
    engine : Engine
        The device's side.
    live : LiveCommands
        What can be done with the object that is being annotated.
    objects : ObjectCommands
        What can be done with objects that are there.
    training : Training
        Adapts.
    suggester : Suggester
        Looks for what to annotate next.
    comparer : Comparer
        Asks base and adapted model about the masks that are there.
    """

    labels_written = Signal(object, object)
    """A Labels layer and what was written into it."""

    def __init__(self, viewer: ViewerModel, session: Session, queue: DeviceQueue) -> None:
        self._viewer = viewer
        self._session = session
        self._queue = queue
        self.engine = self._engine = Engine(session.library)
        self._ids = ObjectIds(viewer)
        self.live = LiveCommands(viewer, session, queue, self._engine, self._ids)
        self.objects = ObjectCommands(viewer, session, self.live, self._ids)
        self.training = Training(viewer, session, queue, self._engine)
        self.suggester = Suggester(viewer, session, queue, self._engine)
        self.comparer = Comparer(viewer, session, queue, self._engine)
        self.labels_written.connect(self.objects.report)

    def segment(
        self,
        image: Image | None,
        shapes: Shapes | None,
        points: Points | None,
        target: Labels | None = None,
    ) -> None:
        """Turn everything drawn on the current plane into objects of a Labels layer.

        Parameters
        ----------
        image, shapes, points : layer
            What to segment, and where.
        target : Labels, optional
            Where to write; a new layer when left out.
        """
        session = self._session
        try:
            drawn = read_drawn(self._viewer, image, shapes, points, session.channels)
            if target is not None:
                check_labels(target, drawn.image)
        except CatsamError as error:
            self._fail(CANNOT_SEGMENT, error)
            return
        adapted = session.model.adapter is not None
        request = _Request(drawn, target, session.model, adapted, time.monotonic())
        run = partial(self._engine.segment, request.model, drawn.plane, drawn.prompts)
        session.segmenting = True
        self._submit(run, partial(self._on_segmented, request), CANNOT_SEGMENT, urgent=True)

    def load_adapter(self, path: str) -> None:
        """Read an adapter file and use it, with the backbone that it is for."""
        run = partial(self._engine.load_adapter, Path(path), self._session.base)
        loaded = partial(self._on_adapter_loaded, Path(path).stem)
        self._submit(run, loaded, "cannot load the adapter", urgent=True)

    def load_versions(
        self, versions: Sequence[AdapterVersion], chosen: int | None, variant: Variant
    ) -> None:
        """Read the adapters of an earlier time back.

        Parameters
        ----------
        versions : sequence of AdapterVersion
            With paths in place of adapters.
        chosen : int or None
            Number of the one that was chosen last, if any.
        variant : Variant
            Whether it is used, or the base model.
        """
        run = partial(self._engine.load_adapters, [version.adapter for version in versions])
        loaded = partial(self._on_versions_loaded, versions, chosen, variant)
        self._submit(run, loaded, "cannot load the adapters", urgent=True)

    def save_adapter(self, path: str) -> None:
        """Write the adapter to a file, with the user's note."""
        file, adapter = Path(add_ending(path)), self._session.adapter
        version = find_version(self._session.versions, adapter)
        note = "" if version is None else version.note
        run = partial(self._engine.save_adapter, adapter, file, note)
        self._submit(run, self._on_adapter_saved, "cannot save the adapter", urgent=True)

    def _submit(
        self,
        run: Callable[[], Any],
        on_result: Callable[[Any], None],
        trouble: str,
        *,
        urgent: bool = False,
    ) -> Job:
        job = Job(
            run,
            urgent=urgent,
            on_progress=self._on_progress,
            on_result=on_result,
            on_error=partial(self._fail, trouble),
        )
        self._session.note = ""
        self._session.activity = "waiting for the device" if self._queue.busy else "starting"
        self._queue.submit(job)
        return job

    def _on_progress(self, value: str) -> None:
        self._session.activity = value

    def _on_segmented(self, request: _Request, objects: list[ObjectMask]) -> None:
        drawn, session = request.drawn, self._session
        session.segmenting = False
        if not self._has(drawn.image):
            session.note = f"{drawn.plane.name} was removed meanwhile; its masks were dropped"
            return
        target = request.target
        try:
            if target is None or not self._has(target):
                name = f"{drawn.image.name} {'adapted ' if request.adapted else ''}masks"
                target = add_labels(self._viewer, drawn.image, name)
            written = write_objects(target, drawn.plane, objects, session.write_policy, self._ids)
        except CatsamError as error:
            self._fail("cannot write", error)
            return
        seconds = time.monotonic() - request.started
        session.note = describe_written(
            written, target.name, drawn.prompts.left_out, str(request.model), seconds
        )
        if not written.ids:
            show_warning(session.note)
        self.labels_written.emit(target, written)

    def _on_adapter_loaded(self, name: str, adapter: Any) -> None:
        self._session.open_adapter(adapter, name)
        self._session.note = f"adapter for {adapter.header.backbone} loaded and in use"

    def _on_versions_loaded(
        self,
        known: Sequence[AdapterVersion],
        chosen: int | None,
        variant: Variant,
        adapters: list[Any],
    ) -> None:
        pairs = [pair for pair in zip(known, adapters, strict=True) if pair[1] is not None]
        adapter = next((adapter for version, adapter in pairs if version.number == chosen), None)
        found = [replace(version, adapter=adapter) for version, adapter in pairs]
        self._session.bring_back(found, adapter, variant)
        if len(found) < len(known):
            lost = count_of(len(known) - len(found), "adapter")
            self._session.note = Trouble(f"{lost} of an earlier time cannot be read")

    def _on_adapter_saved(self, path: Path) -> None:
        self._session.note = f"adapter written to {path}"

    def _fail(self, trouble: str, error: Exception) -> None:
        if trouble == CANNOT_SEGMENT:
            self._session.segmenting = False
        tell_trouble(self._session, trouble, error)

    def _has(self, layer: Layer) -> bool:
        return any(layer == known for known in self._viewer.layers)
