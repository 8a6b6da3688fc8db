"""Writes masks to a file from the dock, in a thread, while the user goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.device.disk_thread import DiskThread
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.dock.work_view import WorkView
from napari_catsam.plugin.exchange import IMAGE_NAME, save_coco, save_tiff, save_zarr
from napari_catsam.plugin.geojson import GEOREFERENCED_FILES, save_geojson
from napari_catsam.plugin.image_files import find_georeferenced_files, find_image_name
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import Trouble

__all__ = ["ExportPanel", "LabelsCopy", "copy_labels"]

COPIED_BYTES = 2**28
"""Masks up to this size are copied before they are written, which takes a blink. Larger ones are
read while they are written: what is changed meanwhile may be in the file or not."""

KEPT = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels", "features",
        "properties", "multiscale")  # fmt: skip
"""What the writers read of what a layer is made with."""

Save = Callable[[str, Any, dict[str, Any]], list[str]]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelsCopy:
    """A Labels layer as a writer of the manifest gets it, without the layer.

    Attributes
    ----------
    data : array_like, int
        What it holds.
    meta : dict
        What it is made with, the name of its image, and the files that may say where it lies.
    """

    data: Any
    meta: dict[str, Any]


def copy_labels(labels: Labels, path: str) -> LabelsCopy:
    """Take what is to be written out of a Labels layer; in the main thread.

    Parameters
    ----------
    labels : Labels
        In the viewer.
    path : str
        Where it will be written: the name of its image is seen from there.

    Returns
    -------
    LabelsCopy
        Of its own, except for data that are lazy or larger than ``COPIED_BYTES``.
    """
    data, state, _ = labels.as_layer_data_tuple()
    meta = {key: copy(state[key]) for key in KEPT if key in state}
    meta[IMAGE_NAME] = find_image_name(Path(path), data)
    meta[GEOREFERENCED_FILES] = find_georeferenced_files(data)
    if isinstance(data, np.ndarray) and data.nbytes <= COPIED_BYTES:
        data = data.copy()
    return LabelsCopy(data, meta)


class ExportPanel:
    """Writes the masks that are worked on where the user says.

    Parameters
    ----------
    session : Session
        Its note tells what came of it.
    view : WorkView
        Where the button is.
    segment_view, adapt_view : QWidget
        Which Labels layer: the one that masks go into, else the one that is learnt from.
    connections : Connections
        Where the connections are kept.
    parent : QObject
        Owner of the thread. It is not that of the autosave, which must not wait.
    """

    def __init__(
        self,
        session: Session,
        view: WorkView,
        segment_view: SegmentView,
        adapt_view: AdaptView,
        connections: Connections,
        parent: QObject,
    ) -> None:
        self._session, self._view = session, view
        self._segment_view, self._adapt_view = segment_view, adapt_view
        self._disk = DiskThread(parent)
        self._waiting = 0
        connections.add(view.export_requested, self.export)

    def export(self, path: str) -> None:
        """Write the masks; the end of the path says in which form."""
        labels = self._segment_view.target.value or self._adapt_view.masks.value
        if not isinstance(labels, Labels):
            self._tell(Trouble("there are no masks to export yet; segment an object or draw one"))
            return
        taken = copy_labels(labels, path)
        self._waiting += 1
        self._view.show_exporting(Path(path).name)
        self._disk.run(
            partial(_choose_save(path), path, taken.data, taken.meta),
            partial(self._on_written, labels.name),
            self._on_failed,
        )

    def close(self) -> None:
        """Tell of nothing more; what was asked for is still written."""
        self._disk.close()

    def _on_written(self, name: str, paths: list[str]) -> None:
        self._end()
        self._tell(f"{name} exported to {', '.join(paths)}")

    def _on_failed(self, error: BaseException) -> None:
        self._end()
        if isinstance(error, CatsamError | OSError):
            text = f"cannot export: {error}"
        else:
            _LOG.error("cannot export", exc_info=error)
            text = f"cannot export: {type(error).__name__}: {error}"
        show_error(text)
        self._tell(Trouble(text))

    def _end(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._view.show_exporting("")

    def _tell(self, text: str) -> None:
        self._session.note = text


def _choose_save(path: str) -> Save:
    if path.lower().endswith(".json"):
        return save_coco
    if path.lower().endswith(".geojson"):
        return save_geojson
    return save_zarr if path.lower().endswith(".zarr") else save_tiff
