"""The adapters of one session, each with a name and the user's note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_catsam.plugin.wording import count_of

__all__ = [
    "AdapterVersion",
    "add_ending",
    "add_versions",
    "describe_version",
    "does_help",
    "find_same",
    "find_verdict",
    "find_version",
    "make_version",
]

ENDING = ".safetensors"


@dataclass(frozen=True, eq=False)
class AdapterVersion:
    """One adapter that can be gone back to.

    Attributes
    ----------
    number : int
        From 1 on; one more than the highest that is there.
    adapter : Adapter
        Trained in this session, or from a file.
    name : str
        What the adapter is called: "v1", or the name of its file.
    parent : str
        Name of the version that its training went on from; empty if that was the base model.
    note : str
        The user's words.
    """

    number: int
    adapter: Any
    name: str
    parent: str = ""
    note: str = ""


def make_version(
    known: Sequence[AdapterVersion], adapter: Any, name: str = "", parent: str = ""
) -> AdapterVersion:
    """Make the version that comes after the known ones; without a name it is called "v2", say."""
    number = max((version.number for version in known), default=0) + 1
    return AdapterVersion(number, adapter, name or f"v{number}", parent)


def add_versions(
    known: Sequence[AdapterVersion], others: Sequence[AdapterVersion]
) -> tuple[AdapterVersion, ...]:
    """Add versions of an earlier time; where a number is taken by another adapter, it gets the next.

    One whose values are there already is not added again.
    """
    versions, there = list(known), {version.adapter.sha256 for version in known}
    for version in others:
        if version.adapter.sha256 in there:
            continue
        there.add(version.adapter.sha256)
        if any(version.number == one.number for one in versions):
            highest = max(one.number for one in (*versions, *others))
            version = replace(version, number=highest + 1, name=f"{version.name} (earlier)")
        versions.append(version)
    return tuple(sorted(versions, key=lambda one: one.number))


def find_version(known: Sequence[AdapterVersion], adapter: Any) -> AdapterVersion | None:
    """Return the version with an adapter; None if there is none."""
    return next((version for version in known if version.adapter is adapter), None)


def find_same(known: Sequence[AdapterVersion], adapter: Any) -> AdapterVersion | None:
    """Return the first version with an adapter's values; None without one."""
    sha256 = None if adapter is None else adapter.sha256
    return next((version for version in known if version.adapter.sha256 == sha256), None)


def describe_version(version: AdapterVersion) -> str:
    """Name a version with its method, its masks and its scores: "v1 · cat-a · 4 masks · 0.71 → 0.78"."""
    header = version.adapter.header
    masks = sum(shot.objects for shot in getattr(header, "shots", ()))
    parts = [version.name]
    if version.parent:
        parts[0] += f" (from {version.parent})"
    parts.append(header.method)
    if masks:
        parts.append(count_of(masks, "mask"))
    if header.score_before is not None and header.score_after is not None:
        parts.append(f"{header.score_before:.2f} → {header.score_after:.2f}")
    return " · ".join([*parts, *filter(None, [version.note])])


def does_help(header: Any) -> bool:
    """Return whether an adapter's header says that it helps; an older one only has the scores."""
    before, after = header.score_before, header.score_after
    better = before is not None and after is not None and after > before
    helps = getattr(header, "helps", None)
    return better if helps is None else bool(helps)


def add_ending(path: str) -> str:
    """Add the usual end of an adapter file to a path without it: "polyps.v2.safetensors"."""
    return path if path.lower().endswith(ENDING) else path + ENDING


def find_verdict(header: Any) -> str:
    """Return the sentence of an adapter's header that says whether it helps; empty without one."""
    parts = header.note.split("; ")
    return next((part for part in parts if part.startswith(("better than", "not better"))), "")
