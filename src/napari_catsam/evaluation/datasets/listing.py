"""Splits by text files: ``train.txt`` and ``test.txt`` with the stem of one image a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.datasets.base import SPLITS, Split
from napari_catsam.evaluation.datasets.pairs import Pairs
from napari_catsam.evaluation.folders import read_stems

__all__ = ["read_lists", "take_listed"]


def read_lists(root: Path) -> tuple[dict[Split, list[str]], dict[Split, str]]:
    """Read the lists of a folder.

    Returns
    -------
    lists : dict of str to list of str
        Names by split; empty if there is neither list.
    problems : dict of str to str
        One sentence a list that cannot be read, or is missing while the other is there.
    """
    lists: dict[Split, list[str]] = {}
    problems: dict[Split, str] = {}
    if not any((root / f"{split}.txt").exists() for split in SPLITS):
        return lists, problems
    for split in SPLITS:
        if not (root / f"{split}.txt").exists():
            problems[split] = f"there is no list {split}.txt"
            continue
        try:
            lists[split] = read_stems(root / f"{split}.txt")
        except UnreadableFileError as error:
            problems[split] = str(error)
    return lists, problems


def take_listed(
    every: Pairs,
    lists: Mapping[Split, Sequence[str]],
    problems: Mapping[Split, str],
    images: str,
) -> dict[Split, Pairs]:
    """Part what lies in a folder by lists of names.

    Parameters
    ----------
    every : Pairs
        All that was found.
    lists : mapping of str to sequence of str
        Names by split.
    problems : mapping of str to str
        What is wrong with a list, by split.
    images : str
        How sentences call the folder of the images.
    """
    if not every.found:  # there is more to mend than lists
        return dict.fromkeys(SPLITS, Pairs(missing=every.missing or (f"{images} holds no image",)))
    both = sorted(set(lists.get("train", ())) & set(lists.get("test", ())))
    parts: dict[Split, Pairs] = {}
    for split in SPLITS:
        names = sorted(set(lists.get(split, ())))
        wrong = [problems[split]] if split in problems else []
        wrong += [
            f"{split}.txt names {name}, but {images} has no image of that name with a mask"
            for name in names
            if name not in every.found
        ]
        wrong += [f"{name} is to train and to test; take it out of one of the two" for name in both]
        found = {name: every.found[name] for name in names if name in every.found}
        parts[split] = Pairs(found, tuple(wrong), (*every.missing, *every.unused))
    return parts
