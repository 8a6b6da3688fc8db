"""Labels layers to GeoJSON, where the file of their image says where on the ground it lies.

Nothing heavy is imported before a file is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_catsam.errors import UnreadableFileError
from napari_catsam.plugin.exchange import make_label_image, number_rows, warn, with_suffix
from napari_catsam.plugin.image_files import find_georeferenced_files

if TYPE_CHECKING:
    from napari_catsam.exchange.georeference import Georeference

__all__ = ["GEOREFERENCED_FILES", "save_geojson"]

GEOREFERENCED_FILES = "catsam_georeferenced_files"
"""Key of what a layer is made with, for the files that may say where it lies, if known already."""

_SCORE_COLUMN = "score"


def save_geojson(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as GeoJSON.

    Where it lies is read from the file of an image that it lies on. Scale and translation of the
    layer are not used.

    Parameters
    ----------
    path : str
        As the user chose it; without an extension it gets ``.geojson``.
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
        If it cannot be written, or no file says where on the ground the labels lie.
    """
    from napari_catsam.exchange.geojson import write_geojson

    path = with_suffix(path, ".geojson")
    files = meta.get(GEOREFERENCED_FILES)
    try:
        image, _ = make_label_image(path, data, meta)
        georeference = _find_georeference(
            find_georeferenced_files(data) if files is None else files
        )
        written = write_geojson(path, image, georeference, _scores(meta))
    except ValueError as error:  # which napari takes to mean that there is no writer
        raise UnreadableFileError(f"cannot write {path}: {error}") from error
    if georeference is not None and georeference.epsg is None:
        warn(
            f"{path} does not name its coordinate reference system, because the image's file does not; "
            "programs take it for longitude and latitude, so set it where you open the file"
        )
    return [str(written)]


def _find_georeference(files: Iterable[str]) -> Georeference | None:
    """Return the first that a file has, passing over what is no file, such as an address."""
    from napari_catsam.exchange.georeference import read_georeference

    found = (read_georeference(file) for file in files if Path(file).is_file())
    return next((georeference for georeference in found if georeference is not None), None)


def _scores(meta: Mapping[str, Any]) -> dict[int, float]:
    """Return the scores in the layer's features, of the objects that have one."""
    table = meta.get("features")
    if table is None or _SCORE_COLUMN not in table:
        return {}
    scores = zip(number_rows(table, len(table[_SCORE_COLUMN])), table[_SCORE_COLUMN], strict=True)
    return {label: float(score) for label, score in scores if label > 0 and _is_number(score)}


def _is_number(value: Any) -> bool:
    try:
        return float(value) == float(value)  # not NaN
    except (TypeError, ValueError):
        return False
