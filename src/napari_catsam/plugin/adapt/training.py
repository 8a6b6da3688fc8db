"""Adapting from the widget: begins a run, pauses and ends it, and keeps what comes out.

All of it runs in the main thread; the run itself is a job of the queue.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.utils.notifications import show_info, show_warning
from psygnal import Signal

from napari_catsam.errors import CatsamError, ImageError, ShotError
from napari_catsam.plugin.adapt.preview import TrainingPreview
from napari_catsam.plugin.adapt.shot_source import ShotSource
from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.device.jobs import DeviceQueue, Job
from napari_catsam.plugin.layers.new_layers import check_labels
from napari_catsam.plugin.layers.planes import locate_plane, pixel_size
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.troubles import tell_trouble
from napari_catsam.plugin.wording import describe_progress
from napari_catsam.types import Progress

__all__ = ["Training", "locate_shots"]

CANNOT_ADAPT = "cannot adapt"

PAUSED = "training is paused"


def locate_shots(
    viewer: ViewerModel,
    session: Session,
    image: Image | None,
    masks: Labels | None,
    ignore: Labels | None = None,
) -> ShotSource:
    """Say where shots are to be read from; what is labelled in ``ignore`` is left out of them.

    Raises
    ------
    CatsamError
        If there is no image or there are no labels, or they do not belong together.
    """
    if image is None:
        raise ImageError("open an image")
    if masks is None:
        raise ShotError("there are no masks to learn from; segment an object or draw one")
    check_labels(masks, image)
    if ignore is not None:
        _check_ignored(ignore, masks, image)
    plane = locate_plane(viewer, image, session.channels)
    ignored = None if ignore is None else ignore.data
    return ShotSource(plane, masks.data, pixel_size(image, plane), ignored)


def _check_ignored(ignore: Labels, masks: Labels, image: Image) -> None:
    if ignore is masks:
        raise ShotError(f"{masks.name!r} cannot be learnt from and ignored; choose another layer")
    check_labels(ignore, image)


class Training:
    """The adaptation of one widget; there is one at a time.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are read.
    session : Session
        What is chosen; how far the run is and what came of it is set from here.
    queue : DeviceQueue
        The way to the device.
    engine : Engine
        The device's side.

    Attributes
    ----------
    preview : TrainingPreview
        Its wish says what the model in training is asked now and then.
    budget : float
        Seconds that the run may take, or that the last one might; another one can be chosen meanwhile.
    """

    previewed = Signal(object)
    """The :class:`~napari_catsam.types.Progress` with what it drew."""

    def __init__(
        self, viewer: ViewerModel, session: Session, queue: DeviceQueue, engine: Engine
    ) -> None:
        self._viewer, self._session = viewer, session
        self._queue, self._engine = queue, engine
        self.preview = TrainingPreview(session.library.predictor)
        self.budget = session.budget
        self._job: Job | None = None

    def adapt(
        self, image: Image | None, masks: Labels | None, ignore: Labels | None = None
    ) -> None:
        """Train the chosen method on all masks of a Labels layer; prompts go on meanwhile.

        Training goes on from the session's ``start`` if that fits, else from the base model. Pixels
        that are labelled in ``ignore`` say nothing.
        """
        session = self._session
        if session.adapting:
            return
        try:
            source = locate_shots(self._viewer, session, image, masks, ignore)
        except CatsamError as error:
            tell_trouble(session, CANNOT_ADAPT, error)
            return
        begin = session.start_model
        method = session.method if begin.adapter is None else begin.adapter.header.method
        self.budget = session.budget
        run = partial(
            self._engine.adapt, begin, source, method=method, budget=self.budget,
            recipe=session.recipe, preview=self.preview,
        )  # fmt: skip
        session.training = None
        session.adapting, session.progress = True, -1.0
        session.note = ""
        session.activity = "waiting for the device" if self._queue.busy else "starting"
        self._job = Job(
            run,
            on_progress=self._on_progress,
            on_result=partial(self._on_adapted, begin.adapter),
            on_error=self._on_failed,
            on_cancelled=self._on_cancelled,
        )
        self._queue.submit(self._job)

    def stop(self) -> None:
        """End the adaptation at its next step, with the best so far."""
        if self._job is not None:
            self._queue.finish(self._job)
            self._session.resting = False
            self._session.activity = "finishing with the best so far"

    def cancel(self) -> None:
        """End the adaptation at its next step and keep nothing."""
        if self._job is not None:
            self._queue.cancel(self._job)
            self._session.resting = False
            self._session.activity = "cancelling the training"

    def toggle_pause(self) -> None:
        """Let the adaptation rest after its step, or go on; its clock stands still meanwhile."""
        session = self._session
        if self._job is None:
            return
        if session.resting:
            self._queue.resume(self._job)
            session.resting, session.activity = False, "training goes on"
        else:
            self._queue.pause(self._job)
            session.resting, session.activity = True, PAUSED

    def _on_progress(self, value: str | Progress) -> None:
        session = self._session
        if isinstance(value, Progress) and value.preview is not None:
            self.previewed.emit(value)
            return
        if isinstance(value, Progress):
            # Not by the steps: how many there will be is a guess that changes as they get slower.
            session.progress = min(1.0, value.seconds / self.budget) if self.budget else 1.0
            session.training = value
            value = describe_progress(value)
        session.activity = PAUSED if session.resting else value

    def _on_adapted(self, parent: Any, adapter: Any) -> None:
        session = self._session
        self._end()
        better = session.keep_adapter(adapter, parent)
        tell = show_info if better else show_warning
        tell(session.adaptation_note)
        session.note = self._describe_outcome(adapter, better=better)

    def _describe_outcome(self, adapter: Any, *, better: bool) -> str:
        """Say what is in use now that a training has ended with an adapter."""
        session = self._session
        used = session.model.adapter
        if used is adapter:
            return "the adapted model is in use; the button below compares it with the base model"
        stays = f"{'the base model' if used is None else session.adapter_name} stays in use"
        if better:
            name, backbone = session.versions[-1].name, adapter.header.backbone
            return f"{stays}; {name} helps, but is for {backbone}: choose it in the list to use it"
        return f"{stays}; correct more masks, or give more time"

    def _on_failed(self, error: Exception) -> None:
        self._end()
        tell_trouble(self._session, CANNOT_ADAPT, error)

    def _on_cancelled(self, _: None) -> None:
        self._end()
        self._session.note = "the training was cancelled; nothing of it is kept"

    def _end(self) -> None:
        self._job = None
        session = self._session
        session.adapting, session.resting, session.progress = False, False, None
