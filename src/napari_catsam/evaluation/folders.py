"""Labelled images: in memory, or in two folders whose files belong together by their stem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import ShotError, UnreadableFileError
from napari_catsam.evaluation.objects import split_objects
from napari_catsam.images import find_images, read_image, read_labels
from napari_catsam.intensity import check_image

__all__ = ["Sample", "SampleFolder", "read_sample", "read_stems"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One image plane with its labels, to be evaluated; unlike a shot it may hold no object.

    Parameters
    ----------
    image : array_like, (H, W) or (H, W, C)
        Any real dtype.
    masks : array_like, (H, W), integer
        Object labels, 0 is background.
    ignore : array_like, (H, W), bool, optional
        Pixels that do not count.
    name : str
        How results call it.

    Raises
    ------
    ImageError
        If the image is empty, not finite or of the wrong shape.
    ShotError
        If the sizes differ.
    """

    image: npt.ArrayLike
    masks: npt.ArrayLike
    ignore: npt.ArrayLike | None = None
    name: str = ""

    def __post_init__(self) -> None:
        image, masks = check_image(self.image), np.asarray(self.masks)
        for what, array in (("the mask", masks), ("ignore", self.ignore)):
            shape = image.shape[:2] if array is None else np.asarray(array).shape
            if shape != image.shape[:2]:
                name = self.name and f" of {self.name}"
                raise ShotError(
                    f"{what}{name} is {' x '.join(map(str, shape))}, the image is "
                    f"{image.shape[0]} x {image.shape[1]}; they must have the same size"
                )
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "masks", masks)


def read_sample(
    image: str | Path, mask: str | Path, rule: str = "auto", plane: int | None = None
) -> Sample:
    """Read an image and its mask.

    Parameters
    ----------
    image, mask : str or Path
        Files that :func:`~napari_catsam.images.read_image` knows.
    rule : {"auto", "labels", "components"}
        As in :func:`~napari_catsam.evaluation.objects.split_objects`.
    plane : int, optional
        Which plane of files that hold several.

    Raises
    ------
    UnreadableFileError, ImageError, ShotError
        If a file cannot be read, or the two do not fit together.
    """
    pixels, labels = read_image(image, plane), read_labels(mask, plane)
    return Sample(pixels, split_objects(labels, rule), name=Path(image).stem)


def read_stems(path: str | Path) -> list[str]:
    """Read the names of images, without their suffix, from a text file.

    Parameters
    ----------
    path : str or Path
        UTF-8, one name a line; empty lines do not count.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read, or holds no name.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(
            f"{path} cannot be read as a list of images; give a text file with one name a line"
        ) from error
    stems = [line.strip() for line in lines if line.strip()]
    if not stems:
        raise UnreadableFileError(f"{path} names no image; write one name a line, without suffix")
    return stems


class SampleFolder:
    """Image files with the masks of the same stem, read one at a time while iterating.

    Parameters
    ----------
    images, masks : str or Path
        Folders; files are matched by their stem, masks without an image are left out.
    rule : {"auto", "labels", "components"}
        As in :func:`~napari_catsam.evaluation.objects.split_objects`.
    limit : int, optional
        Take only so many images, the first by name.
    plane : int, optional
        Which plane of files that hold several.
    select : str or Path, optional
        A text file with the stem of one image a line; only these are taken.

    Raises
    ------
    UnreadableFileError
        If a folder is missing or empty, or images have no mask, or the text file cannot be read or
        asks for images that are not there; all of them are named.
    """

    def __init__(
        self,
        images: str | Path,
        masks: str | Path,
        *,
        rule: str = "auto",
        limit: int | None = None,
        plane: int | None = None,
        select: str | Path | None = None,
    ) -> None:
        image_files, mask_files = find_images(images), find_images(masks)
        if select is not None:
            image_files = _select(image_files, images, select)
        stems = list(image_files)[:limit]
        missing = [image_files[stem].name for stem in stems if stem not in mask_files]
        if missing:
            raise UnreadableFileError(
                f"{masks} holds no mask of the same stem for {', '.join(missing)}; "
                "add the masks or take the images out"
            )
        self.pairs = [(image_files[stem], mask_files[stem]) for stem in stems]
        self._rule, self._plane = rule, plane

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pairs)

    def __iter__(self) -> Iterator[Sample]:
        """Read one pair after the other."""
        for image, mask in self.pairs:
            yield read_sample(image, mask, self._rule, self._plane)


def _select(files: dict[str, Path], folder: str | Path, select: str | Path) -> dict[str, Path]:
    """Return the files whose stems a text file names, in the order of the folder."""
    chosen = read_stems(select)
    absent = [stem for stem in chosen if stem not in files]
    if absent:
        raise UnreadableFileError(
            f"{folder} holds no image of the stem {', '.join(absent)}, which {select} names; "
            "add the images or take the lines out"
        )
    wanted = set(chosen)
    return {stem: path for stem, path in files.items() if stem in wanted}
