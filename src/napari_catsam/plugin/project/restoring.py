"""From the work of an earlier time to layers, and the knowledge which layers hold it already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points, Shapes

from napari_catsam.plugin.adapt.versions import AdapterVersion
from napari_catsam.plugin.channels.record import make_channel_choice
from napari_catsam.plugin.project.layer_records import (
    make_labels,
    make_prompts,
    read_prompts_record,
)
from napari_catsam.plugin.project.reading import Found, Restored
from napari_catsam.plugin.project.record import ProjectRecord
from napari_catsam.plugin.project.store import ProjectStore
from napari_catsam.plugin.session import Session, Variant

__all__ = [
    "RestoredLayers",
    "find_saved_layers",
    "make_layers",
    "note_saved",
    "read_back",
    "shows_all_prompts",
    "use_channels",
    "use_classes",
    "use_model",
]

_SAVED: WeakKeyDictionary[Labels, tuple[ProjectStore, str]] = WeakKeyDictionary()
"""Where a layer was saved last, so that a widget that is opened again goes on there."""


@dataclass(frozen=True, eq=False)
class RestoredLayers:
    """What was brought back.

    Attributes
    ----------
    restored : Restored
        What was read.
    labels : list of Labels
        One for each of the record's kept Labels layers.
    prompts : list of Shapes and Points
    """

    restored: Restored
    labels: list[Labels]
    prompts: list[Shapes | Points]


def read_back(store: ProjectStore, found: Found) -> tuple[ProjectStore, Restored]:
    """Read earlier work, and go on in its folder; called in the thread for the disk.

    Returns
    -------
    (ProjectStore, Restored)
        The store to go on with: another one if the given one has work of this time in it already.
    """
    if store.folder is not None:
        store = ProjectStore(store.image, _no_sample)
    return store, store.restore(found.folder)


def make_layers(restored: Restored) -> RestoredLayers:
    """Make layers that are in no viewer yet."""
    pairs = zip(restored.record.kept_labels, restored.arrays, strict=True)
    labels = [make_labels(record, array) for record, array in pairs]
    return RestoredLayers(restored, labels, [make_prompts(p) for p in restored.record.drawn_layers])


def use_model(
    restored: Restored,
    session: Session,
    load_adapter: Callable[[str], None],
    load_versions: Callable[[Sequence[AdapterVersion], int | None, Variant], None],
) -> None:
    """Choose the model that was chosen, and bring all versions back.

    A backbone that is not known any more is left out.
    """
    model = restored.record.model
    versions = [
        AdapterVersion(known.number, path, known.name, known.parent, known.note)
        for path, known in restored.versions
    ]
    own = (v.number for v in versions if v.adapter == restored.adapter)
    chosen = next(own, None)
    if versions:
        adapted = model.variant == Variant.ADAPTED
        load_versions(versions, chosen, Variant.ADAPTED if adapted else Variant.BASE)
    if model.backbone not in session.library.backbones():
        return
    session.choose_backbone(model.backbone)
    if model.variant == Variant.ADAPTED and chosen is None and restored.adapter:
        load_adapter(str(restored.adapter))


def use_channels(
    restored: Restored, session: Session, image: Image | None, viewer: ViewerModel
) -> None:
    """Choose the channels that were chosen, where their layers are open."""
    if image is not None:
        session.channels = make_channel_choice(restored.record.channels, image, viewer.layers)


def use_classes(record: ProjectRecord, session: Session) -> None:
    """Let the classes be chosen that could be chosen, and choose the one that was."""
    session.add_classes(record.classes)
    if record.object_class:
        session.choose_class(record.object_class)


def note_saved(layer: Labels, store: ProjectStore, folder: str) -> None:
    """Remember where a layer is saved, as long as it lives."""
    _SAVED[layer] = (store, folder)


def find_saved_layers(viewer: ViewerModel, found: Found) -> dict[Labels, str]:
    """Return the layers of the viewer that hold earlier work, if they hold all of it.

    Returns
    -------
    dict of Labels to str
        Their folders in the project.
    """
    here = {}
    for layer in viewer.layers:
        if isinstance(layer, Labels) and layer in _SAVED:
            store, folder = _SAVED[layer]
            if store.folder == found.folder:
                here[layer] = folder
    wanted = {labels.folder for labels in found.record.kept_labels}
    return here if wanted <= set(here.values()) else {}


def shows_all_prompts(viewer: ViewerModel, found: Found) -> bool:
    """Return whether earlier work is nothing but prompts, and these are in the viewer."""
    record = found.record
    if record.objects or record.model.adapter or record.model.versions:
        return False
    drawn = [read_prompts_record(x) for x in viewer.layers if isinstance(x, (Shapes, Points))]
    return all(prompts in drawn for prompts in record.prompts)


def _no_sample() -> npt.NDArray[Any]:
    """Return no pixels: the place of a store that goes on elsewhere is not asked for."""
    return np.empty(0)
