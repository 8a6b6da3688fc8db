"""Comparing base and adapted model on the masks of a plane, from the widget.

All of it runs in the main thread; the models are asked in a job of the queue.
"""

from __future__ import annotations

from functools import partial

from napari.components import ViewerModel
from napari.layers import Image, Labels
from psygnal import Signal

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.comparison import Comparison, compare_models
from napari_catsam.plugin.adapt.outlook import Outlook, make_outlook
from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.device.jobs import DeviceQueue, Job
from napari_catsam.plugin.layers.data_versions import data_version
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.troubles import tell_trouble

__all__ = ["Comparer"]

CANNOT_COMPARE = "cannot compare"

NOTHING_HERE = "{model} answers now; give a prompt to see what it makes of it"


class Comparer:
    """Asks both models about the masks on the plane that is shown; once at a time.

    Parameters
    ----------
    viewer : ViewerModel
        Which plane is shown.
    session : Session
        Which models.
    queue : DeviceQueue
        The way to the device.
    engine : Engine
        The device's side.

    Attributes
    ----------
    comparison : Comparison or None
        What came of it, until something else is shown.
    image : Image or None
        That it is of.
    """

    changed = Signal()
    """There is another comparison, or none any more."""

    def __init__(
        self, viewer: ViewerModel, session: Session, queue: DeviceQueue, engine: Engine
    ) -> None:
        self._viewer, self._session = viewer, session
        self._queue, self._engine = queue, engine
        self._job: Job | None = None
        self._asked: tuple[object, ...] = ()
        self.comparison: Comparison | None = None
        self.image: Image | None = None

    def compare(self, image: Image | None, masks: Labels | None) -> None:
        """Ask both models, unless what they make of these masks is known already."""
        session = self._session
        try:
            outlook = make_outlook(self._viewer, session, image, masks)
        except CatsamError as error:
            self.forget()
            tell_trouble(session, CANNOT_COMPARE, error)
            return
        asked = _identify(outlook, masks)
        if asked == self._asked:
            return  # known, or on its way
        self.forget()
        if outlook.labels is None or outlook.adapted is None:
            self._tell_nothing()
            return
        self.image, self._asked = image, asked
        session.activity = "waiting for the device" if self._queue.busy else "starting"
        self._job = Job(
            partial(compare_models, self._engine, outlook, outlook.adapted),
            urgent=True,
            on_progress=self._on_progress,
            on_result=self._on_compared,
            on_error=self._on_failed,
        )
        self._queue.submit(self._job)

    def follow_view(self) -> None:
        """Forget a comparison of a plane that is not shown any more."""
        if self.image is None:
            return
        try:
            plane = locate_plane(self._viewer, self.image, self._session.channels)
        except CatsamError:
            self.forget()
            return
        if plane.index != self._asked[0]:
            self.forget()

    def forget(self) -> None:
        """Drop the comparison, also one that is not there yet."""
        if self._job is not None:
            self._queue.cancel(self._job)
        known, self.comparison = self.comparison, None
        self._job, self.image, self._asked = None, None, ()
        if known is not None:
            self.changed.emit()

    def _tell_nothing(self) -> None:
        self._session.note = NOTHING_HERE.format(model=self._session.model)

    def _on_progress(self, value: str) -> None:
        self._session.activity = value

    def _on_compared(self, comparison: Comparison | None) -> None:
        self._job, self.comparison = None, comparison
        if comparison is None:
            self.forget()
            self._tell_nothing()
        else:
            self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self._job = None
        self.forget()
        tell_trouble(self._session, CANNOT_COMPARE, error)


def _identify(outlook: Outlook, masks: Labels | None) -> tuple[object, ...]:
    """Return what is equal only where both models would make the same of it."""
    plane, adapted = outlook.plane, outlook.adapted
    return (
        plane.index, plane.axes, plane.version, outlook.base.key,
        None if adapted is None else adapted.key,
        None if masks is None else data_version(masks),
    )  # fmt: skip
