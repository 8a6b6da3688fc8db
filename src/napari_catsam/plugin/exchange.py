"""Labels layers to and from files, as napari's manifest asks for it.

Nothing heavy is imported before a file is written or read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import UnreadableFileError
from napari_catsam.plugin.image_files import find_image_name

if TYPE_CHECKING:
    from napari_catsam.exchange.records import LabelImage

__all__ = [
    "CLASS_COLUMN",
    "IMAGE_NAME",
    "coco_reader",
    "make_label_image",
    "number_rows",
    "save_coco",
    "save_tiff",
    "save_zarr",
    "warn",
    "with_suffix",
    "zarr_reader",
]

Matrix = npt.NDArray[np.float64]
LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | list[str]], list[LayerData]]

CLASS_COLUMN = "class"
"""The column of a Labels layer's features that holds the class of each object."""

IMAGE_NAME = "catsam_image_name"
"""Key of what a layer is made with, for the name of its image where that is known already."""

MOST_IMAGES = 20
"""A COCO file of more images is not opened: each is a layer."""

EDITABLE_BYTES = 2**28
"""Labels of an OME-Zarr up to this size are read at once, so that they can be edited."""

_NOT_GIVEN = ("", "nan", "None", "<NA>")


def save_tiff(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as TIFF.

    Parameters
    ----------
    path : str
        As the user chose it; without an extension it gets ``.tif``.
    data : array or list of array
        Of the layer; of a multiscale one the first level is written.
    meta : dict
        What the layer is made with.

    Returns
    -------
    list of str
        The file.

    Raises
    ------
    UnreadableFileError
        If it cannot be written.
    """
    from napari_catsam.exchange.label_tiff import write_label_tiff

    return _save(with_suffix(path, ".tif", ".tiff"), data, meta, write_label_tiff)


def save_zarr(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as OME-Zarr; see :func:`save_tiff`."""
    from napari_catsam.exchange.label_zarr import write_label_zarr

    return _save(with_suffix(path, ".ome.zarr", ".zarr"), data, meta, write_label_zarr)


def save_coco(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as COCO JSON; see :func:`save_tiff`."""
    from napari_catsam.exchange.coco import write_coco

    return _save(with_suffix(path, ".json"), data, meta, write_coco)


def coco_reader(path: str | list[str]) -> Reader | None:
    """Return what reads a COCO file, or None if it is none."""
    from napari_catsam.exchange.coco_reading import is_coco

    return _read_coco if all(map(is_coco, _list(path))) else None


def zarr_reader(path: str | list[str]) -> Reader | None:
    """Return what reads a label image of OME-Zarr, or None if it is none."""
    from napari_catsam.exchange.label_zarr import is_label_zarr

    return _read_zarr if all(map(is_label_zarr, _list(path))) else None


def with_suffix(path: str, *suffixes: str) -> str:
    """Add the first suffix to a name that has none of them: the save dialog leaves that to us."""
    return path if path.lower().endswith(suffixes) else path + suffixes[0]


def _save(
    path: str, data: Any, meta: dict[str, Any], write: Callable[[str, LabelImage], Path]
) -> list[str]:
    try:
        image, is_exact = make_label_image(path, data, meta)
        written = write(path, image)
    except ValueError as error:  # which napari takes to mean that there is no writer
        raise UnreadableFileError(f"cannot write {path}: {error}") from error
    if not is_exact:
        warn(f"{path} holds the pixel size, but not the rotation, shear or mirroring of the layer")
    return [str(written)]


def make_label_image(path: str, data: Any, meta: Mapping[str, Any]) -> tuple[LabelImage, bool]:
    """Return what is written of a layer, and whether its place is all in scale and translation.

    Raises
    ------
    ValueError
        If it cannot be written, such as labels that are no whole numbers.
    """
    from napari_catsam.exchange.records import LabelImage

    labels = data[0] if meta.get("multiscale") else data
    placement, is_exact = _placement(meta, labels.ndim)
    image = LabelImage(
        labels,
        axes=_axes(meta, labels.ndim),
        units=[str(unit) for unit in meta.get("units") or ()],
        classes=_classes(meta),
        name=meta.get(IMAGE_NAME) or find_image_name(Path(path), data),
        **placement,
    )
    return image, is_exact


def _placement(meta: Mapping[str, Any], ndim: int) -> tuple[dict[str, list[float]], bool]:
    """Return scale and translation in the world, and whether they say all about the layer."""
    scale = np.asarray(meta.get("scale", np.ones(ndim)), float)
    affine = np.asarray(meta.get("affine", np.eye(ndim + 1)), float)
    rotate = np.asarray(meta.get("rotate", np.eye(ndim)), float)
    shear = np.asarray(meta.get("shear", np.eye(ndim)), float)
    translate = np.asarray(meta.get("translate", np.zeros(ndim)), float)
    matrix = affine[:-1, :-1] @ rotate * scale
    is_sheared = bool((shear if shear.ndim == 1 else shear - np.eye(ndim)).any())
    is_exact = not is_sheared and bool(np.allclose(matrix, np.diag(np.abs(np.diag(matrix)))))
    placed = {
        "scale": np.linalg.norm(matrix, axis=0).tolist(),
        "translate": (affine[:-1, :-1] @ translate + affine[:-1, -1]).tolist(),
    }
    return placed, is_exact


def _axes(meta: Mapping[str, Any], ndim: int) -> str:
    """Return the layer's axis names if they are letters that files know, else what they may be."""
    from napari_catsam.exchange.records import AXES
    from napari_catsam.exchange.units import TIMES

    names = "".join(str(name).lower() for name in meta.get("axis_labels", ()))
    if len(names) == ndim and names == "".join(name for name in AXES if name in names):
        return names if names.endswith("yx") else ""
    first, *_ = map(str, meta.get("units") or [""])
    return "tyx" if ndim == 3 and first in TIMES else ""


def _classes(meta: Mapping[str, Any]) -> dict[int, str]:
    """Return the classes in the layer's features: row i is label i, unless a column says which."""
    table = meta.get("features")
    table = meta.get("properties") if table is None or CLASS_COLUMN not in table else table
    if table is None or CLASS_COLUMN not in table:
        return {}
    names = [str(name) for name in table[CLASS_COLUMN]]
    pairs = zip(number_rows(table, len(names)), names, strict=True)
    return {label: name for label, name in pairs if label > 0 and name not in _NOT_GIVEN}


def number_rows(table: Any, rows: int) -> Sequence[int]:
    """Return the label that each row of a layer's features belongs to."""
    return [int(n) for n in table["index"]] if "index" in table else range(rows)


def _read_coco(path: str | list[str]) -> list[LayerData]:
    from napari_catsam.exchange.coco_reading import read_coco

    layers: list[LayerData] = []
    for file in map(Path, _list(path)):
        images = list(islice(read_coco(file), MOST_IMAGES + 1))
        if len(images) > MOST_IMAGES:
            raise UnreadableFileError(
                f"{file} describes more than {MOST_IMAGES} images, and each becomes a layer; read it "
                "in Python with napari_catsam.exchange.read_coco"
            )
        for image in images:
            placed = _placed(image)
            layers += _find_image(file.parent / image.name, image, placed)
            table = _table(image.classes)
            name = f"{Path(image.name).stem} objects"
            layers.append((image.labels, {**placed, **table, "name": name}, "labels"))
    return layers


def _read_zarr(path: str | list[str]) -> list[LayerData]:
    from napari_catsam.exchange.label_zarr import read_label_zarr

    layers: list[LayerData] = []
    for folder in _list(path):
        image = read_label_zarr(folder)
        labels = image.labels
        if labels.nbytes <= EDITABLE_BYTES:
            labels = labels[...]
        name = Path(folder).name.split(".")[0]
        layers.append((labels, {**_placed(image), **_table(image.classes), "name": name}, "labels"))
    return layers


def _placed(image: LabelImage) -> dict[str, Any]:
    """Return the arguments that put a layer in its place."""
    from napari_catsam.exchange.units import LENGTHS, NO_UNIT, TIMES

    known = LENGTHS | TIMES
    return {
        "scale": image.scale,
        "translate": image.translate,
        "units": tuple(unit if unit in known else NO_UNIT for unit in image.units),
        "axis_labels": tuple(image.axes),
    }


def _table(classes: Mapping[int, str]) -> dict[str, Any]:
    """Return the features of a layer, with a first row for the background."""
    from napari_catsam.exchange.records import DEFAULT_CLASS

    if set(classes.values()) <= {DEFAULT_CLASS}:
        return {}
    labels = sorted(classes)
    names = ["", *(classes[label] for label in labels)]
    return {"features": {"index": [0, *labels], CLASS_COLUMN: names}}


def _find_image(file: Path, image: LabelImage, placed: Mapping[str, Any]) -> Iterator[LayerData]:
    """Yield the layer of an image that lies beside its COCO file, if it can be read and fits."""
    if not file.is_file():
        return
    from napari_catsam.images import read_image

    try:
        pixels = read_image(file) if len(image.shape) == 2 else _read_stack(file)
    except (UnreadableFileError, ValueError) as error:
        warn(f"{file.name} is not opened: {error}")
        return
    if pixels.shape[: len(image.shape)] != image.shape or pixels.shape[len(image.shape) :] not in (
        (),
        (3,),
        (4,),
    ):
        warn(f"{file.name} is not opened: it has shape {pixels.shape}, its objects {image.shape}")
        return
    is_rgb = pixels.ndim > len(image.shape)
    yield pixels, {**placed, "name": file.stem, "rgb": is_rgb}, "image"


def _read_stack(file: Path) -> npt.NDArray[Any]:
    from tifffile import imread

    return np.asarray(imread(file))


def warn(message: str) -> None:
    """Show the user a warning; in any thread."""
    from napari.utils.notifications import show_warning

    show_warning(message)


def _list(path: str | list[str]) -> list[str]:
    return [path] if isinstance(path, str) else list(path)
