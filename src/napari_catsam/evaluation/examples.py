"""A few masks of a run, to be looked at: small PNG files in its folder.

``examples/NAME/`` holds ``image.png`` (colours), and ``truth.png``, ``base.png`` and ``adapted.png`` (0
and 255): the union of all objects that were asked for, the same by the model without what was trained,
and with it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_catsam.errors import UnreadableFileError
from napari_catsam.images import read_image, replace_file

__all__ = ["EXAMPLES_FOLDER", "Example", "read_examples", "write_examples"]

EXAMPLES_FOLDER = "examples"

LONGEST_SIDE = 512
"""Pixels; larger images are made smaller."""

MASKS = ("truth", "base", "adapted")

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Example:
    """One test image with its masks.

    Attributes
    ----------
    name : str
        Of the image.
    image : ndarray, (H, W, 3), uint8
        RGB.
    truth, base, adapted : ndarray, (H, W), bool
        All objects, as they are, by the model without what was trained, and with it.
    """

    name: str
    image: npt.NDArray[np.uint8]
    truth: BoolArray
    base: BoolArray
    adapted: BoolArray


def write_examples(folder: str | Path, examples: Iterable[Example]) -> None:
    """Write examples into the folder of a run, no larger than 512 pixels a side.

    Raises
    ------
    UnreadableFileError
        If they cannot be written.
    """
    for example in examples:
        place = Path(folder) / EXAMPLES_FOLDER / re.sub(r"[^\w.-]+", "_", example.name)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnreadableFileError(
                f"the folder {place} cannot be made: {error.strerror or error}"
            ) from error
        _write(place / "image.png", example.image, Image.Resampling.LANCZOS)
        for name in MASKS:
            mask = np.where(getattr(example, name), 255, 0).astype(np.uint8)
            _write(place / f"{name}.png", mask, Image.Resampling.NEAREST)


def read_examples(folder: str | Path) -> tuple[Example, ...]:
    """Read the examples of a run from its folder, sorted by name; empty if there are none.

    Raises
    ------
    UnreadableFileError
        If one is incomplete, or a file is something else.
    """
    places = sorted(path for path in (Path(folder) / EXAMPLES_FOLDER).glob("*") if path.is_dir())
    return tuple(_read(place) for place in places)


def _write(path: Path, array: npt.NDArray[np.uint8], filter_: Image.Resampling) -> None:
    picture = Image.fromarray(array)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), filter_)
    content = io.BytesIO()
    picture.save(content, "PNG")
    replace_file(path, content.getvalue())


def _read(place: Path) -> Example:
    image = read_image(place / "image.png")
    masks = [read_image(place / f"{name}.png") for name in MASKS]
    if image.ndim != 3 or any(mask.shape != image.shape[:2] for mask in masks):
        shapes = ", ".join(str(array.shape) for array in (image, *masks))
        raise UnreadableFileError(
            f"image and masks in {place} do not fit together: their shapes are {shapes}"
        )
    return Example(place.name, image[..., :3].astype(np.uint8), *(mask > 0 for mask in masks))
