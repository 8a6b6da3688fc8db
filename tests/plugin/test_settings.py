"""What the user may set, in the manifest, in napari's preferences, and where it takes effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from napari.settings import get_plugin_settings

import napari_catsam
from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.panel import COMPARE_KEY
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.live import commands as live_commands
from napari_catsam.plugin.live import drawing as live_drawing
from napari_catsam.plugin.preferences import Preferences
from napari_catsam.plugin.session import DEVICES, Session
from napari_catsam.plugin.settings import SECTIONS, Settings, check_keys, find_keys
from napari_catsam.sam.weight_files import WEIGHTS

MANIFEST = Path(napari_catsam.__file__).parent / "napari.yaml"
TYPES = {str: "string", int: "integer", bool: "boolean", float: "number"}
WAIT = 10_000


@pytest.fixture
def stored() -> Iterator[Any]:
    """Give napari's own settings of the plugin, and put them back."""
    settings = get_plugin_settings("napari-catsam")
    yield settings
    for section in SECTIONS:
        getattr(settings, section).reset()


@pytest.fixture
def connections() -> Iterator[Connections]:
    connections = Connections()
    yield connections
    connections.close()


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr("napari_catsam.plugin.preferences.show_warning", texts.append)
    return texts


def describe_configurations() -> dict[str, Any]:
    """Say of every setting what the manifest has to say."""
    sections: dict[str, Any] = {
        key: {"title": title, "properties": {}} for key, title in SECTIONS.items()
    }
    for field in fields(Settings):
        entry = {"type": TYPES[type(field.default)], "default": field.default, **field.metadata}
        sections[entry.pop("section")]["properties"][field.name] = entry
    return sections


def test_the_manifest_says_what_the_settings_are() -> None:
    declared = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["contributions"]
    assert declared["configurations"] == describe_configurations()


def test_the_choices_are_those_of_the_widget() -> None:
    choices = {field.name: field.metadata.get("enum") for field in fields(Settings)}
    assert choices["backbone"] == list(WEIGHTS)
    assert choices["device"] == list(DEVICES)


def test_every_key_of_the_widget_can_be_set_and_is_its_own_default() -> None:
    bound = {**live_commands.KEYS, live_drawing.TOOL_KEY: "next_tool", COMPARE_KEY: "compare"}
    assert find_keys(bound, Settings()) == bound
    assert {name: letter for letter, name in bound.items()} == Settings().keys


@pytest.mark.parametrize(
    ("keys", "taken", "words"),
    [
        ({"key_accept": "U"}, {}, "is set for 'Accept the mask' and for 'Undo the last prompt'"),
        ({"key_accept": "F5"}, {}, "'F5' for 'Accept the mask' is no letter"),
        ({"key_accept": "é"}, {}, "is no letter"),
        ({"key_clear": "p"}, {"P": "activate paint mode"}, "is napari's .activate paint mode"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_in_one_sentence(
    keys: dict[str, str], taken: dict[str, str], words: str
) -> None:
    with pytest.raises(CatsamError, match=words):
        check_keys(Settings(**keys), taken)


def test_small_letters_and_empty_fields_are_keys_too() -> None:
    settings = Settings(key_accept="j", key_undo="")
    check_keys(settings, {})
    assert (settings.keys["accept"], settings.keys["undo"]) == ("J", "U")
    assert settings.letters["Y"] == "J"


def test_a_new_session_begins_as_the_preferences_say(stored: Any, connections: Connections) -> None:
    stored.model.backbone, stored.model.device = "vit_b", "cpu"
    stored.model.precision, stored.storage.weights_folder = "fp32", "/weights"
    session = Preferences(connections).session
    assert (session.backbone, session.device) == ("vit_b", "cpu")
    assert session.model.key == ("vit_b", "cpu", "fp32", "/weights")


def test_the_session_follows_the_preferences(stored: Any, connections: Connections) -> None:
    preferences = Preferences(connections)
    session, told = preferences.session, []
    session.events.connect(lambda info: told.append(info.signal.name))
    stored.storage.embeddings_mb = 64
    assert session.settings == Settings(embeddings_mb=64)
    assert told == ["settings"]
    stored.model.device = "cpu"
    assert session.device == "cpu"
    connections.close()
    stored.model.device = "cuda"
    assert session.device == "cpu"


def test_a_device_chosen_in_the_widget_stays_when_something_else_is_set(
    stored: Any, connections: Connections
) -> None:
    preferences = Preferences(connections)
    session = preferences.session
    session.device = "cuda"
    stored.saving.autosave_seconds = 3.0
    assert (session.device, session.settings.autosave_seconds) == ("cuda", 3.0)


def test_a_session_of_a_program_stays_as_it_is(stored: Any, connections: Connections) -> None:
    stored.model.backbone = "vit_b"
    mine = Session()
    assert Preferences(connections, mine).session is mine
    assert mine.settings == Settings()


def test_keys_that_cannot_be_used_stay_as_they_were(
    stored: Any, connections: Connections, warned: list[str]
) -> None:
    preferences = Preferences(connections)
    session = preferences.session
    stored.annotating.key_accept = "J"
    stored.annotating.key_clear = "J"
    assert (session.settings.keys["accept"], session.settings.keys["clear"]) == ("J", "W")
    assert len(warned) == 1
    assert "the key J is set for" in warned[0]
    stored.annotating.key_clear = "P"
    assert session.settings.keys["clear"] == "W"
    assert "is napari's" in warned[1]


def test_a_damaged_file_is_the_defaults(stored: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What napari does with it, and on which the plugin relies."""
    path = Path(stored.config_path).with_name("damaged.yaml")
    path.write_text("model: {device: fridge, precision: fp32}\nstorage: [")
    assert type(stored)(config_path=path).model.device == "auto"
    path.write_text("model: {device: fridge, precision: fp32}")
    read = type(stored)(config_path=path)
    assert (read.model.device, read.model.precision) == ("auto", "fp32")
    assert "device" in caplog.text


def test_letters_set_while_annotating_are_bound_and_shown_at_once(
    viewer: Any, widget: CatsamWidget
) -> None:
    viewer.add_image(np.zeros((40, 60), np.uint8))
    widget.live_view.annotate.click()
    points = viewer.layers.selection.active
    widget.session.settings = Settings(key_flip_sign="J", key_next_tool="Q")
    assert widget.session.clicks_positive
    next(f for key, f in points.keymap.items() if str(key) == "J")(points)
    assert not widget.session.clicks_positive
    assert widget.status.text().endswith("(J)")
    before = widget.session.tool
    next(f for key, f in points.keymap.items() if str(key) == "Q")(points)
    assert widget.session.tool is not before
    assert "(J turns plain clicks negative)" in widget.live_view.annotate.toolTip()
    widget.session.settings = replace(
        widget.session.settings, key_accept="G", key_refine_at_cursor="Y"
    )
    assert widget.live_view.accept.text() == "Accept (G)"
    widget.session.settings = Settings()
    assert widget.live_view.accept.text() == "Accept (Y)"
    assert "J" not in {str(key) for key in points.keymap}


def test_the_memory_for_embeddings_is_what_is_set(widget: CatsamWidget) -> None:
    widget.session.settings = Settings(embeddings_mb=16)
    assert widget.commands.engine.embeddings.limit == 16_000_000


def test_nothing_is_written_while_autosave_is_off_and_all_of_it_after(
    qtbot: Any, viewer: Any, widget: CatsamWidget, wait_idle: Callable[[Any], None], projects: Path
) -> None:
    widget.session.settings = Settings(autosave=False)
    assert widget.work_view.saved.text() == "off"
    viewer.add_image(np.zeros((40, 60), np.uint8), name="cells")
    viewer.add_points([[9, 9]])
    widget.segment()
    wait_idle(widget)
    qtbot.waitUntil(lambda: all(p.opened for p in widget.autosave._projects), timeout=WAIT)
    widget.autosave.save()
    assert widget.autosave._writer._writing is None
    assert not list(projects.rglob("*.tif"))
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT):
        widget.session.settings = Settings(autosave_seconds=0.5)
    assert list(projects.rglob("*.tif"))
