"""Label images as TIFF with the size of a pixel, as ImageJ and Fiji have it, or as OME-TIFF."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange.records import AXES, LabelImage
from napari_catsam.exchange.replacement import replace_streamed
from napari_catsam.exchange.units import NO_UNIT, full_name, symbol

__all__ = ["read_label_tiff", "write_label_tiff"]

_IMAGEJ_AXES = "tzcyx"

_IMAGEJ_LIMIT = 2**32 - 2**25
"""Bytes that a TIFF without 64-bit offsets holds, less some room for its tags."""

_READING_ERRORS = (
    OSError, ValueError, LookupError, RuntimeError, TypeError, MemoryError, struct.error, zlib.error,
    tifffile.TiffFileError, ElementTree.ParseError,
)  # fmt: skip


def write_label_tiff(path: str | Path, image: LabelImage) -> Path:
    """Write labels as a compressed TIFF; an existing file is replaced only by a whole one.

    Labels are written as uint8, uint16 or uint32, whichever holds the largest. The first two are
    ImageJ's own format, which keeps scale and units. ImageJ has no uint32, so such labels are
    OME-TIFF, as are files named ``.ome.tif``. Neither keeps the translation or the classes, and axes
    of length 1 get lost.

    Planes are read twice, once for the largest label, and one at a time.

    Parameters
    ----------
    path : str or Path
        Ends in ``.tif`` or ``.tiff``.
    image : LabelImage
        Of 2 to 5 axes.

    Returns
    -------
    Path

    Raises
    ------
    LabelsError
        If labels are negative or above 4294967295.
    UnreadableFileError
        If the file cannot be written; what was there before stays.
    """
    path = Path(path)
    dtype = np.min_scalar_type(max(int(plane.max()) for _, plane in image.planes()))
    is_large = image.plane_count * image.size[0] * image.size[1] * dtype.itemsize > _IMAGEJ_LIMIT
    is_ome = (
        dtype == np.uint32
        or is_large
        or path.name.lower().endswith((".ome.tif", ".ome.tiff"))
        or not _is_in_order(image.axes, _IMAGEJ_AXES)
    )
    style: dict[str, Any] = {"ome": True, "bigtiff": is_large} if is_ome else {"imagej": True}
    with (
        replace_streamed(path) as temporary,
        tifffile.TiffWriter(temporary, **style) as file,
    ):
        file.write(
            (plane.astype(dtype) for _, plane in image.planes()),
            shape=image.shape,
            dtype=dtype,
            compression="zlib",
            photometric="minisblack",
            **(_describe_ome(image) if is_ome else _describe_imagej(image)),
        )
    return path


def read_label_tiff(path: str | Path) -> LabelImage:
    """Read labels from a TIFF, with scale and units where it is of ImageJ or OME.

    Parameters
    ----------
    path : str or Path
        Of any program.

    Returns
    -------
    LabelImage
        All planes, in memory.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read, is a colour image, or holds fractions or negative values.
    """
    path = Path(path)
    log = logging.getLogger("tifffile")
    disabled, log.disabled = log.disabled, True  # what it logs is said in the error
    try:
        with tifffile.TiffFile(path) as file:
            return _read(file)
    except _READING_ERRORS as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UnreadableFileError(f"{path} cannot be read as labels: {reason}") from error
    finally:
        log.disabled = disabled


def _is_in_order(axes: str, order: str) -> bool:
    return "".join(name for name in order if name in axes) == axes


def _by_axis(image: LabelImage) -> Iterator[tuple[str, float, str]]:
    """Yield name, scale and unit of the axes that were given either."""
    for name, scale, unit in zip(image.axes, image.scale, image.units, strict=True):
        if (scale, full_name(unit)) != (1.0, NO_UNIT):
            yield name, scale, unit


def _describe_imagej(image: LabelImage) -> dict[str, Any]:
    scales = {name: scale for name, scale, _ in _by_axis(image)}
    units = {name: _ascii_unit(unit) for name, _, unit in _by_axis(image)}
    metadata: dict[str, Any] = {"axes": image.axes.upper()}
    if "x" in scales:
        metadata["unit"] = units["x"]
    metadata |= {
        f"{name}unit": units[name]
        for name in "tzy"
        if name in units and (name == "t" or units[name] != units.get("x"))
    }
    metadata |= {key: scales[name] for name, key in (("z", "spacing"), ("t", "finterval"))
                 if name in scales}  # fmt: skip
    resolution = tuple(1 / scales.get(name, 1.0) for name in "xy")
    return {"metadata": metadata, "resolution": resolution, "resolutionunit": 1}


def _ascii_unit(unit: str) -> str:
    """Return a unit as ImageJ knows it, without letters that its description cannot hold."""
    short = (symbol(unit) or unit).replace("µ", "u")
    return short if short.isascii() else full_name(unit).encode("ascii", "replace").decode()


def _describe_ome(image: LabelImage) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": image.axes.upper()}
    for name, scale, unit in _by_axis(image):
        if name == "t":
            metadata["TimeIncrement"] = scale
            metadata |= {"TimeIncrementUnit": short} if (short := symbol(unit)) else {}
        elif name != "c":
            key = f"PhysicalSize{name.upper()}"
            metadata[key] = scale
            # OME has no free units; "reference frame" is its word for another one.
            is_none = full_name(unit) == NO_UNIT
            metadata[f"{key}Unit"] = NO_UNIT if is_none else symbol(unit) or "reference frame"
    return {"metadata": metadata}


def _read(file: tifffile.TiffFile) -> LabelImage:
    series = file.series[0]
    axes = series.axes.lower()
    labels = _whole_numbers(series.asarray())
    if "s" in axes:
        raise LabelsError("it is a colour image, labels have one value a pixel")
    if set(axes) <= set(AXES):
        order = "".join(name for name in AXES if name in axes)
        labels = labels.transpose([axes.index(name) for name in order])
    else:  # pages that say nothing of what they are
        order = LabelImage(labels).axes
    found = _read_imagej(file) if file.is_imagej else _read_ome(file) if file.is_ome else {}
    scales, units = zip(*(found.get(name, (1.0, NO_UNIT)) for name in order), strict=True)
    return LabelImage(labels, order, scales, units=units)


def _whole_numbers(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels that were saved as float32, as ImageJ does with large numbers, as uint32."""
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.rint(array)).all() and array.min() >= 0):
            raise LabelsError("it holds fractions or negative values, labels are whole numbers")
        return array.astype(np.uint32)
    if array.min(initial=0) < 0:
        raise LabelsError(f"it holds the label {array.min()}; labels must be 0 or more")
    return array


def _read_imagej(file: tifffile.TiffFile) -> dict[str, tuple[float, str]]:
    """Return scale and unit by axis."""
    metadata = file.imagej_metadata or {}
    unit = full_name(str(metadata.get("unit", "")))
    tags = file.pages.first.tags
    found = {}
    for name, key in (("x", "XResolution"), ("y", "YResolution")):
        pixels, units = tags[key].value if key in tags else (1, 1)
        found[name] = units / pixels if pixels and units else 1.0
    found |= {name: float(metadata.get(key) or 1.0) for name, key in
              (("z", "spacing"), ("t", "finterval"))}  # fmt: skip
    is_timed = "finterval" in metadata
    given = {"t": str(metadata.get("tunit", "second" if is_timed else ""))}
    given |= {name: str(metadata.get(f"{name}unit", unit)) for name in "zyx"}
    return {name: (scale, full_name(given[name])) for name, scale in found.items()}


def _read_ome(file: tifffile.TiffFile) -> dict[str, tuple[float, str]]:
    """Return scale and unit by axis."""
    pixels = ElementTree.fromstring(file.ome_metadata or "").find(".//{*}Pixels")
    if pixels is None:
        return {}
    keys = {name: f"PhysicalSize{name.upper()}" for name in "zyx"} | {"t": "TimeIncrement"}
    usual = {"t": "s"}
    return {
        name: (float(pixels.attrib[key]),
               full_name(pixels.attrib.get(f"{key}Unit", usual.get(name, "µm"))))
        for name, key in keys.items()
        if key in pixels.attrib
    }  # fmt: skip
