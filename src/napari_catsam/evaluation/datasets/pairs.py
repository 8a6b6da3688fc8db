"""Image files with mask files of the same stem: finding them, and reading two that fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import ShotError
from napari_catsam.images import IMAGE_SUFFIXES, read_image, read_labels

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.rule import ObjectRule

__all__ = ["Folders", "Pair", "Pairs", "find_pairs", "fit", "read_mask", "read_pair", "read_rgb"]

Array = npt.NDArray[Any]

LUMINANCE = np.asarray([19595, 38470, 7471], np.uint32)
"""Weights of red, green and blue in a gray value (ITU-R 601-2), in 1/65536."""


@dataclass(frozen=True)
class Folders:
    """A folder of images and one of masks, which may be the same.

    Attributes
    ----------
    images, masks : str
        Below the root.
    prefix : str
        What the names of these images begin with, where a split has several folders.
    image_suffixes, mask_suffixes : tuple of str
        Lower case; other files are no images, or no masks.
    skip : str
        A regular expression; files whose whole stem it matches do not belong to the data set.
    """

    images: str
    masks: str
    prefix: str = ""
    image_suffixes: tuple[str, ...] = IMAGE_SUFFIXES
    mask_suffixes: tuple[str, ...] = IMAGE_SUFFIXES
    skip: str = ""


@dataclass(frozen=True)
class Pair:
    """The files of one image."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class Pairs:
    """What lies in folders.

    Attributes
    ----------
    found : mapping of str to Pair
        By name, sorted.
    missing : tuple of str
        One sentence a folder or mask that is missing, or a stem that two files have: the split
        cannot be used as a whole.
    unused : tuple of str
        One sentence a mask without an image.
    """

    found: Mapping[str, Pair] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def find_pairs(root: Path, folders: Folders) -> Pairs:
    """Find the images of a folder and their masks; what is wrong is said, not raised.

    Parameters
    ----------
    root : Path
        Sentences name files below it.
    folders : Folders
        Where they lie.
    """
    missing: list[str] = []
    image_files = _list_files(root, folders.images, folders.image_suffixes, folders.skip, missing)
    mask_files = _list_files(root, folders.masks, folders.mask_suffixes, folders.skip, missing)
    if missing:
        return Pairs(missing=tuple(dict.fromkeys(missing)))
    if not image_files:
        return Pairs(missing=(f"{folders.images} holds no image",))
    missing = [
        f"the image {folders.images}/{image_files[stem].name} has no mask in {folders.masks}"
        for stem in image_files
        if stem not in mask_files
    ]
    unused = [
        f"the mask {folders.masks}/{mask_files[stem].name} has no image in {folders.images}"
        for stem in mask_files
        if stem not in image_files
    ]
    found = {
        folders.prefix + stem: Pair(image, mask_files[stem])
        for stem, image in image_files.items()
        if stem in mask_files
    }
    return Pairs(found, tuple(missing), tuple(unused))


def read_pair(pair: Pair, rule: ObjectRule) -> tuple[Array, Array]:
    """Read an image and its mask.

    Returns
    -------
    image : ndarray, (H, W, 3)
    mask : ndarray, (H, W), integer

    Raises
    ------
    UnreadableFileError
        If a file cannot be read.
    ShotError
        If the sizes differ.
    """
    image, mask = read_rgb(pair.image), read_mask(pair.mask, rule)
    return fit(image, mask, pair.image, pair.mask)


def fit(image: Array, mask: Array, image_name: object, mask_name: object) -> tuple[Array, Array]:
    """Return an image and its mask if their sizes are the same.

    Raises
    ------
    ShotError
        If not, naming both.
    """
    if image.shape[:2] != mask.shape:
        sizes = [" x ".join(map(str, array.shape[:2])) for array in (mask, image)]
        raise ShotError(
            f"the mask {mask_name} is {sizes[0]}, the image {image_name} is {sizes[1]}; they must "
            "have the same size"
        )
    return image, mask


def read_rgb(path: Path) -> Array:
    """Read an image, gray or in colour, as (H, W, 3).

    Raises
    ------
    UnreadableFileError
        If it cannot be read.
    """
    image = read_image(path)
    if image.ndim == 2:
        image = image[..., None]
    colours = image[..., :3] if image.shape[-1] >= 3 else image[..., :1]
    return np.ascontiguousarray(np.broadcast_to(colours, (*image.shape[:2], 3)))


def read_mask(path: Path, rule: ObjectRule) -> Array:
    """Read a mask and apply the threshold of a rule.

    Returns
    -------
    ndarray, (H, W), integer
        0 is background, the rest 1, or its value where the rule knows values.

    Raises
    ------
    UnreadableFileError
        If it cannot be read, or is in colour where values matter.
    """
    if rule.unit in ("foreground", "whole"):
        return (_read_gray(path) > rule.threshold).astype(np.uint8)
    labels = read_labels(path)
    values = labels.astype(np.uint8) if labels.dtype == np.bool_ else labels
    return np.where(values > rule.threshold, values, values.dtype.type(0))


def _read_gray(path: Path) -> Array:
    image = read_image(path)
    if image.dtype == np.bool_:  # bilevel files mean black and white
        image = image.astype(np.uint8) * 255
    if image.ndim == 2 or image.shape[-1] < 3:
        return image if image.ndim == 2 else image[..., 0]
    if image.dtype != np.uint8:
        return np.asarray(image[..., :3].mean(-1))
    return np.asarray((image[..., :3].astype(np.uint32) @ LUMINANCE + 0x8000) >> 16)


def _list_files(
    root: Path, folder: str, suffixes: tuple[str, ...], skip: str, missing: list[str]
) -> dict[str, Path]:
    """Return the files of a folder by stem, sorted; what is wrong is added to ``missing``."""
    found: dict[str, Path] = {}
    if not (root / folder).is_dir():
        missing.append(f"there is no folder {folder}")
        return found
    for path in sorted((root / folder).iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if skip and re.fullmatch(skip, path.stem):
            continue
        if path.stem in found:
            missing.append(
                f"{found[path.stem].name} and {path.name} in {folder} have the same stem; take one "
                "out"
            )
        found[path.stem] = path
    return found
