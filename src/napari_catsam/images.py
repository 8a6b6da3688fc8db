"""Reading image and mask files, and writing label images; one plane at a time."""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from napari_catsam.errors import UnreadableFileError

__all__ = [
    "IMAGE_SUFFIXES",
    "find_images",
    "read_image",
    "read_labels",
    "replace_file",
    "write_labels",
]

Array = npt.NDArray[Any]
Decoded = tuple[Array, int]
"""The pixels of a file, and how many of the last axes belong to one plane (2, or 3 with colour)."""

IMAGE_SUFFIXES = (".tif", ".tiff", ".npy", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
"""Files that are looked for in folders; a file that is named is tried whatever its suffix."""

_DECODER_ERRORS = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,  # includes NotImplementedError
    SyntaxError,  # Pillow, of a broken PNG
    TypeError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    tifffile.TiffFileError,
    Image.DecompressionBombError,
)
"""What the decoders raise for truncated, foreign and damaged files."""


def read_image(path: str | Path, plane: int | None = None) -> Array:
    """Read one image plane.

    Parameters
    ----------
    path : str or Path
        A TIFF, PNG, JPEG or NPY file, or another that Pillow knows.
    plane : int, optional
        Which plane of a file that holds several, from 0; in a file with more axes the planes are
        counted along the last of them first. A file with one plane needs none and ignores it.

    Returns
    -------
    ndarray, (H, W) or (H, W, C)
        Values as stored; palettes are resolved, transparency of gray images is dropped.

    Raises
    ------
    UnreadableFileError
        If the file is missing, truncated, no image, or holds several planes and none was chosen.
    """
    path = Path(path)
    decode = _ARRAYS.get(path.suffix.lower(), _decode_picture)
    return _choose_plane(path, *_decode(path, decode), plane)


def read_labels(path: str | Path, plane: int | None = None) -> Array:
    """Read a label image or a mask.

    Parameters
    ----------
    path : str or Path
        As :func:`read_image`; of a palette image the indices are taken, not the colours.
    plane : int, optional
        As in :func:`read_image`.

    Returns
    -------
    ndarray, (H, W), bool or integer

    Raises
    ------
    UnreadableFileError
        If the file cannot be read, is a colour image, or holds fractions or negative values.
    """
    path = Path(path)
    decode = _ARRAYS.get(path.suffix.lower(), _decode_indices)
    array = _choose_plane(path, *_decode(path, decode), plane)
    if array.ndim == 3:
        array = _merge_channels(path, array)
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.rint(array)).all()):
            raise UnreadableFileError(
                f"{path} holds fractions, a mask needs whole numbers; save it as a label image"
            )
        array = array.astype(np.int64)
    if array.dtype.kind not in "bui" or array.min(initial=0) < 0:
        raise UnreadableFileError(
            f"{path} holds values that are no labels ({array.dtype}, smallest {array.min()}); "
            "save it with 0 as background and positive whole numbers as objects"
        )
    return array


def write_labels(path: str | Path, labels: npt.ArrayLike) -> Path:
    """Write a label image as a compressed TIFF; an existing file is replaced only by a whole one.

    Parameters
    ----------
    path : str or Path
        Ends in ``.tif`` or ``.tiff``.
    labels : array_like, (H, W), int
        Written as uint16, or as uint32 if a label is larger than 65535.

    Raises
    ------
    UnreadableFileError
        If the file cannot be written.
    """
    path, array = Path(path), np.asarray(labels)
    dtype = np.uint16 if array.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    content = io.BytesIO()
    tifffile.imwrite(content, array.astype(dtype), compression="zlib")
    return replace_file(path, content.getvalue())


def replace_file(path: str | Path, content: bytes) -> Path:
    """Write a file under another name first, so that a file of that name is never half written.

    Raises
    ------
    UnreadableFileError
        If the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid4().hex}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise UnreadableFileError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)  # there is none any more if all went well
    return path


def find_images(folder: str | Path) -> dict[str, Path]:
    """Find the image files directly in a folder.

    Returns
    -------
    dict of str to Path
        By stem, sorted; hidden files are left out.

    Raises
    ------
    UnreadableFileError
        If there is no such folder, it has no image, or two images have the same stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UnreadableFileError(f"there is no folder {folder}; check the path")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise UnreadableFileError(
                f"{found[path.stem].name} and {path.name} in {folder} have the same stem, so masks "
                "cannot be matched by it; rename one"
            )
        found[path.stem] = path
    if not found:
        raise UnreadableFileError(f"{folder} holds no image ({', '.join(IMAGE_SUFFIXES)})")
    return found


def _decode(path: Path, decode: Callable[[Path], Decoded]) -> Decoded:
    if not path.exists():
        raise UnreadableFileError(f"there is no file {path}; check the path")
    if not path.is_file():
        raise UnreadableFileError(f"{path} is not a file; give the path of an image")
    try:
        with warnings.catch_warnings():  # decoders warn about tags that do not matter here
            warnings.simplefilter("ignore")
            return decode(path)
    except UnreadableFileError:
        raise
    except _DECODER_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableFileError(
            f"{path} cannot be read as an image, it is truncated or of another type: {reason}"
        ) from error


def _decode_npy(path: Path) -> Decoded:
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):  # an archive of several arrays under this name
        raise UnreadableFileError(f"{path} is no single array; save it with numpy.save")
    colour = array.ndim >= 3 and array.shape[-1] in (3, 4)
    return array, min(array.ndim, 3 if colour else 2)


def _decode_tiff(path: Path) -> Decoded:
    log = logging.getLogger("tifffile")
    disabled, log.disabled = log.disabled, True  # what it logs is said in the error
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            array, samples = series.asarray(), series.axes.find("S")
            return (array, 2) if samples < 0 else (np.moveaxis(array, samples, -1), 3)
    except ValueError as error:
        # Without the optional imagecodecs, tifffile has no LZW and no JPEG; Pillow has both.
        if "imagecodecs" not in str(error):
            raise
        return _decode_picture(path)
    finally:
        log.disabled = disabled


_ARRAYS = {".npy": _decode_npy, ".tif": _decode_tiff, ".tiff": _decode_tiff}
"""Files that hold arrays; the others are pictures, in which Pillow may find a palette."""


def _decode_picture(path: Path) -> Decoded:
    return _decode_frames(path, {"P": "RGB", "PA": "RGBA", "LA": "L", "La": "L", "CMYK": "RGB"})


def _decode_indices(path: Path) -> Decoded:
    return _decode_frames(path, {"LA": "L", "La": "L", "PA": "P"})


def _decode_frames(path: Path, converted: dict[str, str]) -> Decoded:
    """Decode by Pillow, bringing some of its modes to others."""
    frames = []
    with Image.open(path) as file:
        for index in range(getattr(file, "n_frames", 1)):
            file.seek(index)
            mode = converted.get(file.mode)
            frames.append(np.asarray(file if mode is None else file.convert(mode)))
    depth = frames[0].ndim
    return (frames[0] if len(frames) == 1 else np.stack(frames)), depth


def _choose_plane(path: Path, array: Array, depth: int, plane: int | None) -> Array:
    if array.ndim < 2:
        raise UnreadableFileError(f"{path} has shape {array.shape}, which is no image plane")
    shape = " x ".join(map(str, array.shape))
    if array.size == 0:
        raise UnreadableFileError(f"{path} is empty (shape {shape}); give an image with pixels")
    planes = array.reshape(-1, *array.shape[array.ndim - depth :])
    if len(planes) == 1:
        return np.asarray(planes[0])
    span = f"{path} holds {len(planes)} planes (shape {shape})"
    if plane is None:
        raise UnreadableFileError(
            f"{span}, one is needed; choose it with --plane 0 to {len(planes) - 1}"
        )
    if not 0 <= plane < len(planes):
        raise UnreadableFileError(
            f"{span}, so there is no plane {plane}; choose 0 to {len(planes) - 1}"
        )
    return np.asarray(planes[plane])


def _merge_channels(path: Path, array: Array) -> Array:
    """Take one channel of a mask that was saved as a gray RGB or RGBA picture."""
    colours = array[..., : 3 if array.shape[-1] >= 3 else 1]
    if (colours != colours[..., :1]).any():
        raise UnreadableFileError(
            f"{path} is a colour image, a mask has one value a pixel; save it as a label image"
        )
    return np.asarray(colours[..., 0])
