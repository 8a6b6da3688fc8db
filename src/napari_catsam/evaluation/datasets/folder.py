"""One's own images and masks in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.datasets.base import SPLITS, Split, register_dataset
from napari_catsam.evaluation.datasets.listing import read_lists, take_listed
from napari_catsam.evaluation.datasets.paired import PairedDataset
from napari_catsam.evaluation.datasets.pairs import Folders, Pairs, find_pairs
from napari_catsam.evaluation.datasets.report import Source
from napari_catsam.evaluation.datasets.rule import ObjectRule
from napari_catsam.evaluation.folders import read_stems

__all__ = ["FolderDataset"]

NO_SPLIT = (
    "it is not said which images train and which test; write their stems into train.txt and "
    "test.txt, one a line, or put them into the folders train and test"
)


@register_dataset("folder")
class FolderDataset(PairedDataset):
    """Images and masks of the same stem; masks may lie in ``masks`` or in ``labels``.

    Either ``images`` and ``masks`` with the lists ``train.txt`` and ``test.txt``, or both folders
    in each of ``train`` and ``test``. For few-shot training, ``shots-1.txt`` and ``shots-16.txt``
    name images; without them the first of the training images are taken.

    Parameters
    ----------
    root : Path
    lists : mapping of str to sequence of str, optional
        The stems that train and test, in place of the files ``train.txt`` and ``test.txt``.
    rule : ObjectRule, optional
        The default takes the values of a mask as objects, or the 8-connected areas if there is a
        single value besides 0.
    """

    source = Source(
        "A folder of images and masks",
        "",
        "yours",
        (
            "images/, masks/ (or labels/), train.txt, test.txt",
            "or: train/images/, train/masks/, test/images/, test/masks/",
            "shots-1.txt, shots-16.txt (may be missing)",
        ),
    )
    rule = ObjectRule(unit="auto")

    def __init__(
        self,
        root: Path,
        *,
        lists: Mapping[Split, Sequence[str]] | None = None,
        rule: ObjectRule | None = None,
    ) -> None:
        super().__init__(root)
        self.rule = type(self).rule if rule is None else rule
        self._lists = lists

    @cached_property
    def pairs(self) -> Mapping[Split, Pairs]:
        """The files of each split."""
        if self._lists is None and any((self.root / split).is_dir() for split in SPLITS):
            return {split: find_pairs(self.root, self._folders(f"{split}/")) for split in SPLITS}
        every = find_pairs(self.root, self._folders(""))
        if self._lists is not None:
            return take_listed(every, self._lists, {}, "images")
        lists, problems = read_lists(self.root)
        if not lists and not problems:
            problems = dict.fromkeys(SPLITS, NO_SPLIT)
        return take_listed(every, lists, problems, "images")

    def list_shots(self, count: Literal[1, 16]) -> tuple[str, ...]:
        """Return the training images for few-shot training: those listed, or else the first.

        Raises
        ------
        UnreadableFileError
            If the list cannot be read or names other images, or there are fewer.
        """
        names, file = self.list_names("train"), self.root / f"shots-{count}.txt"
        if not file.exists():
            if len(names) < count:
                raise UnreadableFileError(
                    f"{self.root} has {len(names)} images to train on, which is fewer than {count}"
                )
            return names[:count]
        shots = tuple(dict.fromkeys(read_stems(file)))
        absent = [name for name in shots if name not in set(names)]
        if absent or len(shots) != count:
            said = f"it names {', '.join(absent)}" if absent else f"it names {len(shots)}"
            raise UnreadableFileError(
                f"{file} must name {count} of the images to train on; {said}"
                + (", which are not among them" if absent else "")
            )
        return shots

    def _folders(self, parent: str) -> Folders:
        labels = not (self.root / parent / "masks").is_dir()
        name = "labels" if labels and (self.root / parent / "labels").is_dir() else "masks"
        return Folders(f"{parent}images", f"{parent}{name}")
