"""What the user may set once for all images: the values, and what the manifest says of them.

napari shows them under *File > Preferences > CAT-SAM* and keeps them with its own settings. The
fields below are the one source: a test holds the manifest's ``configurations`` against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from napari_catsam.errors import CatsamError
from napari_catsam.sam.weight_files import WEIGHTS

__all__ = ["DEVICES", "SECTIONS", "Settings", "check_keys", "find_keys"]

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What can be asked for without loading torch; what is not there is refused when it is used."""

SECTIONS = {
    "model": "Model",
    "storage": "Weights and memory",
    "saving": "Saving the work",
    "annotating": "Keys while annotating",
}
"""Key and heading of each group of settings."""

KEY_PREFIX = "key_"

GIVES_WAY = "compare"
"""A command that has a button as well, and whose letter may be given to another one: napari leaves
free hardly more letters than there are commands."""


def _setting(section: str, default: Any, title: str, description: str, **limits: Any) -> Any:
    metadata = {"section": section, "title": title, "description": description, **limits}
    return field(default=default, metadata=metadata)


def _key(letter: str, title: str) -> Any:
    return _setting("annotating", letter, title, "One letter that napari leaves free.")


@dataclass(frozen=True)
class Settings:
    """What the user set; every field is one entry of the preferences.

    Attributes
    ----------
    backbone, device : str
        What a new widget begins with.
    precision : {"auto", "fp32", "bf16"}
        Of the image encoder.
    weights_folder : str
        Where downloaded weights are looked for first; empty for the usual folder alone.
    embeddings_mb : int
        Megabytes of memory for embeddings.
    autosave : bool
        Whether the work is saved while the user annotates.
    autosave_seconds : float
        After the last change.
    key_accept, key_new_object, ... : str
        Letters for the commands of these names.
    """

    backbone: str = _setting(
        "model", "vit_nano", "Backbone", "The model that a new widget begins with.",
        enum=list(WEIGHTS),
    )  # fmt: skip
    device: str = _setting(
        "model", "auto", "Device", "Where a new widget computes; auto takes a GPU if there is one.",
        enum=list(DEVICES),
    )  # fmt: skip
    precision: str = _setting(
        "model", "auto", "Precision",
        "Of the image encoder: fp32 is exact, bf16 is faster on newer GPUs; auto chooses.",
        enum=["auto", "fp32", "bf16"],
    )  # fmt: skip
    weights_folder: str = _setting(
        "storage", "", "Cache folder",
        "Where downloaded weights are looked for first; empty for the usual cache folder alone.",
    )  # fmt: skip
    embeddings_mb: int = _setting(
        "storage", 512, "Memory for embeddings (MB)",
        "Planes that were embedded are kept up to this size, so that coming back costs nothing.",
        minimum=16, maximum=65536,
    )  # fmt: skip
    autosave: bool = _setting(
        "saving", True, "Autosave", "Save masks, prompts and the choice of model while annotating."
    )
    autosave_seconds: float = _setting(
        "saving", 2.0, "Seconds to the autosave",
        "From the last change; while changes go on, at most 1.5 seconds longer from the first.",
        minimum=0.5, maximum=600.0,
    )  # fmt: skip
    key_accept: str = _key("Y", "Accept the mask")
    key_new_object: str = _key("N", "Begin a new object")
    key_refine_at_cursor: str = _key("G", "Refine the object at the cursor")
    key_next_tool: str = _key("K", "Draw with the next tool")
    key_undo: str = _key("U", "Undo the last prompt")
    key_clear: str = _key("W", "Drop the object")
    key_show_next_reading: str = _key("H", "Show another mask")
    key_flip_sign: str = _key("Q", "Turn plain clicks negative or positive")
    key_compare: str = _key("J", "Compare the base and the adapted model")

    @property
    def keys(self) -> dict[str, str]:
        """The letter of each command; a field that is empty, as while it is edited, is not set."""
        named = (f for f in fields(self) if f.name.startswith(KEY_PREFIX))
        return {
            f.name.removeprefix(KEY_PREFIX): (getattr(self, f.name) or str(f.default)).upper()
            for f in named
        }

    @property
    def compare_letter(self) -> str:
        """The letter that compares models; empty where another command has been given it."""
        letters = list(self.keys.values())
        mine = self.keys[GIVES_WAY]
        return mine if letters.count(mine) == 1 else ""

    @property
    def letters(self) -> dict[str, str]:
        """The letter that is set in place of each default one."""
        set_keys = self.keys
        return {letter: set_keys[name] for name, letter in Settings().keys.items()}


def find_keys(defaults: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return letter and command of each entry of a table of default letters, as they are set."""
    return {settings.keys.get(name, letter): name for letter, name in defaults.items()}


def check_keys(settings: Settings, taken: Mapping[str, str]) -> None:
    """Check that every command has a letter of its own that is free.

    Parameters
    ----------
    settings : Settings
        What the user set.
    taken : mapping of str to str
        Letters that napari uses, in upper case, and for what. A default letter may be among them.

    Raises
    ------
    CatsamError
        If a key is no letter, is set twice, or is napari's.
    """
    seen: dict[str, str] = {}
    for name, letter in settings.keys.items():
        title = _title_of(name)
        if len(letter) != 1 or not "A" <= letter <= "Z":
            raise CatsamError(f"{letter!r} for {title!r} is no letter; choose one of A to Z")
        if letter in seen and name != GIVES_WAY:
            raise CatsamError(
                f"the key {letter} is set for {seen[letter]!r} and for {title!r}; choose another"
            )
        if letter in taken and letter != Settings().keys[name]:
            raise CatsamError(
                f"the key {letter} for {title!r} is napari's ({taken[letter]}); choose another"
            )
        seen[letter] = title


def _title_of(name: str) -> str:
    titles = {f.name: str(f.metadata["title"]) for f in fields(Settings)}
    return titles[KEY_PREFIX + name]
