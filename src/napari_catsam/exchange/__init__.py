"""Labels to and from other programs: TIFF, OME-Zarr, COCO and GeoJSON.

The names below are imported when they are first used: zarr and tifffile take a while to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_catsam.exchange.coco import write_coco
    from napari_catsam.exchange.coco_reading import is_coco, read_coco
    from napari_catsam.exchange.geojson import write_geojson
    from napari_catsam.exchange.geojson_reading import read_geojson
    from napari_catsam.exchange.georeference import Georeference, read_georeference
    from napari_catsam.exchange.label_tiff import read_label_tiff, write_label_tiff
    from napari_catsam.exchange.label_zarr import is_label_zarr, read_label_zarr, write_label_zarr
    from napari_catsam.exchange.records import LabelImage

__all__ = [
    "Georeference",
    "LabelImage",
    "is_coco",
    "is_label_zarr",
    "read_coco",
    "read_geojson",
    "read_georeference",
    "read_label_tiff",
    "read_label_zarr",
    "write_coco",
    "write_geojson",
    "write_label_tiff",
    "write_label_zarr",
]

_HOMES = {
    "Georeference": "georeference",
    "LabelImage": "records",
    "is_coco": "coco_reading",
    "is_label_zarr": "label_zarr",
    "read_coco": "coco_reading",
    "read_geojson": "geojson_reading",
    "read_georeference": "georeference",
    "read_label_tiff": "label_tiff",
    "read_label_zarr": "label_zarr",
    "write_coco": "coco",
    "write_geojson": "geojson",
    "write_label_tiff": "label_tiff",
    "write_label_zarr": "label_zarr",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'napari_catsam.exchange' has no attribute {name!r}")
    value = getattr(import_module(f"napari_catsam.exchange.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | set(globals()))
