"""Saves the work on each image as it goes on, in a thread of its own, and brings it back.

The main thread only notes what changed and copies it; the thread that writes touches no layer.
"""

from __future__ import annotations

import weakref
from functools import partial
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Points, Shapes
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.device.disk_thread import DiskThread
from napari_catsam.plugin.layers.new_layers import fits
from napari_catsam.plugin.layers.plane_watch import PlaneWatch
from napari_catsam.plugin.live.layers import is_own
from napari_catsam.plugin.project.layer_records import new_folder, read_image_record, sample_reader
from napari_catsam.plugin.project.offers import ProjectOffers
from napari_catsam.plugin.project.open_project import SAVED_FIELDS, OpenProject
from napari_catsam.plugin.project.prompts_watch import PromptsWatch
from napari_catsam.plugin.project.reading import Found, Restored
from napari_catsam.plugin.project.restoring import (
    find_saved_layers,
    make_layers,
    note_saved,
    shows_all_prompts,
    use_classes,
)
from napari_catsam.plugin.project.save_timer import SaveTimer
from napari_catsam.plugin.project.store import ProjectStore
from napari_catsam.plugin.project.writer import ProjectWriter
from napari_catsam.plugin.session import Session

__all__ = ["Autosave"]


class Autosave(QObject):
    """Saves Labels, prompts and the choice of model of each image that a widget works on.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    session : Session
        Which model.
    parent : QObject, optional
        Its owner.

    Attributes
    ----------
    prompts : PromptsWatch
        Knows what is drawn, and the object that was begun.
    saved, failed : signal
        Of :class:`~napari_catsam.plugin.project.writer.ProjectWriter`.
    offered : signal
        Of :class:`~napari_catsam.plugin.project.offers.ProjectOffers`.
    """

    restored = Signal(object)
    """:class:`~napari_catsam.plugin.project.restoring.RestoredLayers`."""

    def __init__(
        self, viewer: ViewerModel, session: Session, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._session = viewer, session
        self._projects: list[OpenProject] = []
        self._current: OpenProject | None = None
        self.prompts = PromptsWatch(session)
        self._disk = DiskThread(self)
        self._writer = ProjectWriter(self._disk, session, self)
        self.saved, self.failed = self._writer.saved, self._writer.failed
        self._offers = ProjectOffers(self._disk, self)
        self._offers.restored.connect(self._on_restored)
        self.offered = self._offers.offered
        self._timer = SaveTimer(self)
        self._timer.due.connect(self.save)
        self._connections = Connections()
        self._connections.add(viewer.layers.events.inserted, self._on_inserted)
        self._connections.add(viewer.layers.events.removed, self._on_removed)
        self._connections.add(self.prompts.changed, self._on_prompts_changed)
        self._connections.add(session.events, self._on_session_changed)
        self._apply_settings()
        # The window may be torn down without a call of close().
        self.destroyed.connect(self._connections.close)

    def follow(self, image: Image | None, shapes: Shapes | None, points: Points | None) -> None:
        """Save the work on an image from now on, and the prompts in these layers with it."""
        current = None
        if image is not None:
            known = (project for project in self._projects if project.image() is image)
            current = next(known, None) or self._open(image)
        prompts = tuple(layer for layer in (shapes, points) if layer is not None)
        if current is self._current and prompts == self.prompts.layers:
            return
        self._gather_prompts()
        changed = current is not self._current
        if changed:
            self._gather_channels()
        if current is not None:
            # What is drawn does not become another image's because that is chosen.
            if self._current is None or prompts != self.prompts.layers:
                current.prompts_stale = True
                self._on_changed()
        self._current = current
        self.prompts.follow(image, prompts)
        if changed:
            self._bind_labels()
            self._offers.follow(current)

    def save(self) -> None:
        """Write what has changed, without waiting for more."""
        self._timer.stop()
        self._gather_prompts()
        self._gather_channels()
        for project in self._projects:
            project.gather(self._viewer)
            project.stale = True  # so that it is told that all is saved, also if it was before
        self._writer.write(self._projects)

    def restore(self) -> None:
        """Bring back what is offered, in new layers."""
        self._offers.restore()

    def discard(self) -> None:
        """Delete what is offered."""
        self._offers.discard()

    def keep_in(self, folder: str) -> None:
        """Keep the work on the chosen image in a folder that the user chose."""
        project = self._current
        if project is not None:
            work = partial(project.store.move, Path(folder))
            self._disk.run(work, partial(self._on_moved, project), self._writer.tell)

    def close(self) -> None:
        """Write what is left, in the background, and listen to nothing any more."""
        self._connections.close()
        self._timer.stop()
        self._gather_prompts()
        self._gather_channels()
        for project in self._projects:
            self._writer.write_all(project)
            self._disk.run_unheard(project.store.close)
        self._projects.clear()
        self._current = None
        self._writer.close()
        self.prompts.close()
        self._disk.close()

    # WHAT IS SAVED

    def _open(self, image: Image) -> OpenProject:
        store = ProjectStore(read_image_record(image), sample_reader(image))
        project = OpenProject(store, weakref.ref(image))
        self._projects.append(project)
        self._disk.run(store.open, partial(self._on_opened, project), self._writer.tell)
        return project

    def _on_opened(self, project: OpenProject, found: tuple[Found, ...]) -> None:
        """Go on where layers of the viewer are saved already, and offer the rest."""
        for item in found:
            layers = find_saved_layers(self._viewer, item)
            if layers and not project.watches:
                adopt = partial(project.store.adopt, item.folder)
                self._disk.run(adopt, _ignore, self._writer.tell)
                for layer, folder in layers.items():
                    self._watch(project, layer, folder, known=False)
                self.prompts.keep(project.image(), item.record)
                use_classes(item.record, self._session)
            elif not shows_all_prompts(self._viewer, item):
                project.offers.append(item)
        project.opened = True
        self._bind_labels()
        self._offers.offer()
        self.save()

    def _bind_labels(self) -> None:
        project = self._current
        image = None if project is None else project.image()
        if project is None or image is None or not project.opened:
            return
        bound = {layer for known in self._projects for layer in known.watches}
        for layer in self._viewer.layers:
            free = isinstance(layer, Labels) and layer not in bound and not is_own(layer)
            if free and fits(layer, image):
                self._watch(project, layer, new_folder(layer.name), known=False)

    def _watch(self, project: OpenProject, layer: Labels, folder: str, *, known: bool) -> None:
        watch = PlaneWatch(self._viewer, layer, folder, known=known, connections=self._connections)
        project.watches[layer] = watch
        self._connections.add(watch.changed, self._on_changed, owner=layer)
        note_saved(layer, project.store, folder)
        if watch.marked:
            self._on_changed()

    def _gather_channels(self) -> None:
        if self._current is not None:
            self._current.note_channels(self._viewer, self._session.channels)

    def _gather_prompts(self) -> None:
        for project in self._projects:
            project.note_prompts(self._viewer, self.prompts)

    # WHAT HAPPENS

    def _on_changed(self) -> None:
        self._timer.start()

    def _on_prompts_changed(self) -> None:
        for project in self._projects:
            # One that was restored beside the current one keeps what was drawn then.
            if project is self._current or project.image() is not self.prompts.image:
                project.prompts_stale = True
        self._on_changed()

    def _apply_settings(self) -> None:
        self._writer.allowed = self._session.settings.autosave
        self._timer.set_pause(self._session.settings.autosave_seconds)

    def _on_session_changed(self, info: Any) -> None:
        if info.signal.name == "settings":
            self._apply_settings()
            self._on_changed()
        if info.signal.name in SAVED_FIELDS and self._current is not None:
            self._current.stale = True
            self._current.adapted |= info.signal.name == "versions"
            self._on_changed()

    def _on_inserted(self, event: Any) -> None:
        self._bind_labels()

    def _on_removed(self, event: Any) -> None:
        """Write at once what is not written yet of a layer, as the viewer may be closing."""
        for project in self._projects:
            if event.value in project.watches or project.stale:
                self._writer.write_all(project)
            if event.value in project.watches:
                project.forget(event.value)
                self._connections.drop(event.value)
                self._on_changed()

    def _on_moved(self, project: OpenProject, _: Path) -> None:
        project.stale, project.opened = True, False
        project.offers.clear()
        self._disk.run(project.store.open, partial(self._on_opened, project), self._writer.tell)

    # BRINGING BACK

    def _on_restored(self, project: OpenProject, store: ProjectStore, restored: Restored) -> None:
        if store is not project.store:
            image = project.image
            project = OpenProject(store, image, prompts=restored.record.drawn_layers, opened=True)
            self._projects.append(project)
        layers = make_layers(restored)
        for layer, record in zip(layers.labels, restored.record.kept_labels, strict=True):
            # Before the viewer has it, so that it is not taken for a new one.
            self._watch(project, layer, record.folder, known=True)
            self._viewer.add_layer(layer)
        for drawn in layers.prompts:
            self._viewer.add_layer(drawn)
        if restored.damaged:
            show_warning(
                f"{len(restored.damaged)} saved planes could not be read and are blank, the first "
                f"of them {restored.damaged[0]}"
            )
        self.restored.emit(layers)
        self.prompts.keep(project.image(), restored.record)
        use_classes(restored.record, self._session)
        self._offers.offer()


def _ignore(_: object) -> None:
    """Do nothing with a value."""
