"""Where on the ground the pixels of an image lie: the tags of a GeoTIFF, or a world file beside it.

The tags are those of OGC 19-008, "GeoTIFF Standard"; both kinds of coordinates have x before y.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_catsam.errors import LabelsError, UnreadableFileError

__all__ = ["Georeference", "read_georeference"]

Matrix = npt.NDArray[np.float64]

_PIXEL_SCALE, _TIE_POINT, _TRANSFORMATION, _KEY_DIRECTORY = 33550, 33922, 34264, 34735

_MODEL_TYPE, _RASTER_TYPE, _GEOGRAPHIC, _PROJECTED = 1024, 1025, 2048, 3072

_IS_PROJECTED, _IS_GEOGRAPHIC, _PIXEL_IS_POINT = 1, 2, 2

_CODES = range(1024, 32767)
"""What the keys may hold of EPSG's codes; 32767 stands for a system that is spelled out instead."""

_FLATTEST = 1e-9
"""Sine of the angle between rows and columns below which an image is a line."""


@dataclass(frozen=True)
class Georeference:
    """From the pixels of an image to the ground.

    Parameters
    ----------
    affine : sequence of 2 sequences of 3 floats
        ``x = affine[0][0] * row + affine[0][1] * column + affine[0][2]``, and ``y`` by ``affine[1]``.
        ``(row, column)`` is (0, 0) at the outer corner of the first pixel, so its centre is (0.5, 0.5).
    epsg : int, optional
        EPSG code of the coordinate reference system of x and y, where it is known. Longitude comes
        before latitude.

    Raises
    ------
    LabelsError
        If the numbers are not 2 x 3, not finite, or put all pixels on one line.
    """

    affine: Sequence[Sequence[float]]
    epsg: int | None = None

    def __post_init__(self) -> None:
        matrix = np.asarray(self.affine, np.float64)
        if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
            raise LabelsError(f"the affine {self.affine} must be 2 x 3 finite numbers")
        sides = np.linalg.norm(matrix[:, :2], axis=0)
        if abs(np.linalg.det(matrix[:, :2])) <= _FLATTEST * sides.prod():
            raise LabelsError(f"the affine {matrix.tolist()} puts all pixels on one line")
        object.__setattr__(self, "affine", tuple(map(tuple, matrix.tolist())))

    @property
    def pixel_area(self) -> float:
        """Of one pixel, in square units of the ground."""
        return abs(float(np.linalg.det(self._matrix[:, :2])))

    @property
    def pixel_side(self) -> float:
        """The shorter side of a pixel, in units of the ground."""
        return float(np.linalg.norm(self._matrix[:, :2], axis=0).min())

    @property
    def is_mirrored(self) -> bool:
        """Whether the ground lies under the image as in a mirror."""
        # Rows count downwards, so turning them into (x, y) without a mirror has a positive sign.
        return bool(np.linalg.det(self._matrix[:, :2]) < 0)

    def to_ground(self, points: npt.ArrayLike) -> Matrix:
        """Map points (N, 2), ``(row, column)``, to the ground, ``(x, y)``, float64."""
        matrix = self._matrix
        ground: Matrix = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
        return ground

    def to_pixels(self, points: npt.ArrayLike) -> Matrix:
        """Map points (N, 2) of the ground, ``(x, y)``, to ``(row, column)``, float64."""
        matrix = self._matrix
        moved = np.asarray(points, np.float64) - matrix[:, 2]
        pixels: Matrix = moved @ np.linalg.inv(matrix[:, :2]).T
        return pixels

    @property
    def _matrix(self) -> Matrix:
        return np.asarray(self.affine, np.float64)


def read_georeference(path: str | Path) -> Georeference | None:
    """Read where on the ground an image lies.

    A GeoTIFF says so in its tags. For another image, or a TIFF without them, it is read from a world
    file beside it, which has its name and ends in ``.tfw``, ``.pgw``, ``.jgw``, or generally the first
    and the last letter of the image's extension and a ``w``, or in ``.wld``. World files know no
    coordinate reference system.

    Parameters
    ----------
    path : str or Path
        Of an image.

    Returns
    -------
    Georeference or None
        None for an image without one, and for one with ground control points alone.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or its world file does not hold what it should.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f"there is no file {path}; give the file of an image")
    tags = _read_tags(path)
    keys = _read_keys(tags.get(_KEY_DIRECTORY, np.zeros(0)))
    affine = _read_model(tags)
    if affine is None:
        return _read_world_files(path, _find_code(keys))
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:
        affine = _from_centres(affine)
    return _build(affine, _find_code(keys))


def _build(affine: Matrix, epsg: int | None) -> Georeference | None:
    try:
        return Georeference(affine.tolist(), epsg)
    except LabelsError:  # tags that are there and say nothing, such as a scale of 0
        return None


def _from_centres(affine: Matrix) -> Matrix:
    """Return an affine of pixel edges for one that has (0, 0) at the centre of the first pixel."""
    moved = affine.copy()
    moved[:, 2] -= affine[:, :2].sum(axis=1) / 2
    return moved


def _read_tags(path: Path) -> dict[int, Matrix]:
    """Return the numbers of the tags that place an image, by tag; none for what is no TIFF."""
    wanted = (_PIXEL_SCALE, _TIE_POINT, _TRANSFORMATION, _KEY_DIRECTORY)
    try:
        with tifffile.TiffFile(path) as file:
            tags = file.pages.first.tags
            found: dict[int, Any] = {code: tags[code].value for code in wanted if code in tags}
        return {code: np.ravel(np.asarray(value, np.float64)) for code, value in found.items()}
    except (OSError, ValueError, TypeError, LookupError, struct.error, tifffile.TiffFileError):
        return {}


def _read_keys(directory: Matrix) -> dict[int, int]:
    """Return the keys whose value is in the directory itself, as all are that are read here."""
    entries = directory[4 : len(directory) // 4 * 4].astype(int).reshape(-1, 4).tolist()
    return {key: value for key, place, _, value in entries if place == 0}


def _find_code(keys: Mapping[int, int]) -> int | None:
    """Return the EPSG code of the coordinates: of a projection, not of what it is based on."""
    is_projected = keys.get(_MODEL_TYPE, _IS_PROJECTED if _PROJECTED in keys else _IS_GEOGRAPHIC)
    code = keys.get(_PROJECTED if is_projected == _IS_PROJECTED else _GEOGRAPHIC, 0)
    return code if code in _CODES else None


def _read_model(tags: Mapping[int, Matrix]) -> Matrix | None:
    """Return the affine that the tags say, with (0, 0) where they have it."""
    whole, scale, tie = (tags.get(code) for code in (_TRANSFORMATION, _PIXEL_SCALE, _TIE_POINT))
    if whole is not None and len(whole) == 16:
        return whole.reshape(4, 4)[:2][:, [1, 0, 3]]
    if scale is None or tie is None or len(scale) < 2 or len(tie) < 6:
        return None
    column, row, _, x, y = tie[:5].tolist()
    width, height = abs(scale[:2])  # y goes up and rows go down, whatever sign was written
    return np.array([[0.0, width, x - column * width], [-height, 0.0, y + row * height]])


def _read_world_files(path: Path, epsg: int | None) -> Georeference | None:
    for file in _name_world_files(path):
        if file.is_file():
            affine = _from_centres(_read_world_file(file))
            try:
                return Georeference(affine.tolist(), epsg)
            except LabelsError as error:
                raise UnreadableFileError(f"{file} is no world file: {error}") from error
    return None


def _name_world_files(path: Path) -> Iterator[Path]:
    extension = path.suffix.lower().removeprefix(".")
    ends = [f"{extension[0]}{extension[-1]}w", f"{extension}w", "wld"] if extension else ["wld"]
    for end in ends:
        yield path.with_suffix(f".{end}")
        yield path.with_suffix(f".{end.upper()}")


def _read_world_file(file: Path) -> Matrix:
    """Return the affine of a world file, with (0, 0) at the centre of the first pixel."""
    try:
        numbers = [float(word) for word in file.read_text(encoding="utf-8-sig").split()]
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{file} cannot be read as a world file: {error}") from error
    if len(numbers) != 6:
        raise UnreadableFileError(f"{file} has {len(numbers)} numbers; a world file has 6")
    x_by_column, y_by_column, x_by_row, y_by_row, x, y = numbers
    return np.array([[x_by_row, x_by_column, x], [y_by_row, y_by_column, y]])
