"""The state of one widget, in one place: what is chosen, what runs, what came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from psygnal import SignalGroupDescriptor

from napari_catsam.exchange.records import DEFAULT_CLASS
from napari_catsam.plugin.adapt.recipe import AS_USUAL, Recipe
from napari_catsam.plugin.adapt.versions import (
    AdapterVersion,
    add_versions,
    does_help,
    find_same,
    find_version,
    make_version,
)
from napari_catsam.plugin.channels.choice import AS_SHOWN, ChannelChoice
from napari_catsam.plugin.device.engine import ModelChoice, Usage
from napari_catsam.plugin.device.library import Library, LibraryLike
from napari_catsam.plugin.layers.mask_writing import WritePolicy
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.prompt import Tool
from napari_catsam.plugin.settings import DEVICES, Settings
from napari_catsam.plugin.variant import Variant
from napari_catsam.plugin.wording import describe_scores
from napari_catsam.types import Progress

__all__ = ["DEVICES", "PASSING", "Session", "Variant"]

PASSING = (
    "activity", "note", "progress", "live", "annotating", "clicks_positive", "tool", "object_class",
    "classes", "adapter_name", "usage", "write_policy", "resting", "versions", "start", "recipe",
    "scored", "suggesting", "suggestions", "late",
)  # fmt: skip
"""Fields of a session that change nothing of what is chosen."""


@dataclass
class Session:
    """What one widget works with; it knows no widget and no layer.

    Every field has a signal of its name in ``events`` that is emitted when its value changes.

    Parameters
    ----------
    library : LibraryLike
        Models and training.
    backbone, device, method : str
        Names.
    budget : float
        Seconds for an adaptation.
    adapter : Adapter or None
        From the last adaptation or from a file.
    variant : Variant
        Whether the adapter is used.
    channels : ChannelChoice
        What the model sees of the image.
    activity : str
        What runs, empty when nothing does.
    note : str
        What the last action came to, empty once it is out of date.
    adaptation_note : str
        Scores of the adapter.
    segmenting : bool
        Whether a segmentation runs or waits.
    adapting : bool
        Whether an adaptation runs or waits.
    annotating : bool
        Whether prompts on the canvas are answered at once.
    live : LiveObject or None
        The object that is being annotated.
    late : bool
        Whether its answer takes so long that the window shows what was asked.
    clicks_positive : bool
        Whether a plain click is inside of the object.
    object_class : str
        What the objects are that are accepted next.
    classes : tuple of str
        All that there are to choose from.
    tool : Tool
        What a drag on the canvas draws.
    write_policy : WritePolicy
        What becomes of objects that a new mask lies on.
    progress : float or None
        How much of it is done, 0..1; negative while that is unknown, None when none runs.
    adapter_name : str
        What the user calls the adapter: the name of its file, empty until it has one.
    training : Progress or None
        The last that is known of the adaptation that runs, or else of the one before.
    resting : bool
        Whether the adaptation rests.
    recipe : Recipe
        How the next adaptation trains.
    versions : tuple of AdapterVersion
        The adapters that can be gone back to.
    scored : Adapter or None
        The one whose scores are shown.
    start : Adapter or None
        What the next adaptation goes on from; None for the base model.
    suggesting : bool
        Whether it is looked for what to annotate next.
    suggestions : tuple of Proposal
        What was found, the best first.
    usage : Usage or None
        The device and the memory that the model was last seen to take.
    settings : Settings
        What the user set for all images.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    library: LibraryLike = field(default_factory=Library)
    backbone: str = "vit_nano"
    device: str = "auto"
    method: str = "cat-a"
    budget: float = 60.0
    adapter: Any = None
    variant: Variant = Variant.BASE
    channels: ChannelChoice = AS_SHOWN
    activity: str = ""
    note: str = ""
    adaptation_note: str = ""
    segmenting: bool = False
    adapting: bool = False
    annotating: bool = False
    live: LiveObject | None = None
    late: bool = False
    clicks_positive: bool = True
    write_policy: WritePolicy = WritePolicy.KEEP_OTHERS
    object_class: str = DEFAULT_CLASS
    classes: tuple[str, ...] = (DEFAULT_CLASS,)
    tool: Tool = Tool.BOX
    progress: float | None = None
    adapter_name: str = ""
    training: Progress | None = None
    resting: bool = False
    recipe: Recipe = AS_USUAL
    versions: tuple[AdapterVersion, ...] = ()
    scored: Any = None
    start: Any = None
    suggesting: bool = False
    suggestions: tuple[Any, ...] = ()
    usage: Usage | None = None
    settings: Settings = field(default_factory=Settings)

    @property
    def live_shown(self) -> LiveObject | None:
        """The object without prompts whose answer will be there in a moment."""
        return self.live if self.live is None or self.late else self.live.settled

    @property
    def adapter_fits(self) -> bool:
        """Whether there is an adapter for the chosen backbone."""
        return self.adapter is not None and self.adapter.header.backbone == self.backbone

    def name_variant(self, variant: Variant) -> str:
        """Name the base or the adapted model."""
        if variant is Variant.BASE:
            return "base"
        return f"adapted ({self.adapter.header.method})" if self.adapter_fits else "adapted"

    @property
    def base(self) -> ModelChoice:
        """The chosen model without an adapter."""
        settings = self.settings
        return ModelChoice(
            self.backbone,
            self.device,
            precision=settings.precision,
            folder=settings.weights_folder,
        )

    @property
    def start_model(self) -> ModelChoice:
        """What the next adaptation goes on from."""
        version = find_version(self.versions, self.start)
        if version is None or self.start.header.backbone != self.backbone:
            return self.base
        return replace(self.base, adapter=self.start, adapter_name=version.name)

    @property
    def model(self) -> ModelChoice:
        """The model that segments."""
        adapted = self.variant is Variant.ADAPTED and self.adapter_fits
        if not adapted:
            return self.base
        return replace(self.base, adapter=self.adapter, adapter_name=self.adapter_name)

    def choose_backbone(self, name: str) -> None:
        """Choose a backbone; an adapter of another one waits until it fits again."""
        self.backbone = name
        if not self.adapter_fits:
            self.variant = Variant.BASE

    def add_classes(self, names: Iterable[str]) -> None:
        """Add classes to choose from, those that are not there yet."""
        self.classes = tuple(dict.fromkeys((*self.classes, *filter(None, names))))

    def choose_class(self, name: str) -> None:
        """Choose the class of the objects that are accepted next; a new one is added."""
        self.add_classes([name])
        self.object_class = name

    def keep_adapter(self, adapter: Any, parent: Any = None) -> bool:
        """Take a new adapter; what is in use stays so, unless this one helps and fits the backbone.

        Parameters
        ----------
        adapter : Adapter
            It becomes a version.
        parent : Adapter, optional
            What its training went on from.

        Returns
        -------
        bool
            Whether it helps: by more than its score's noise, if that is known.
        """
        header, better = adapter.header, does_help(adapter.header)
        went_on = find_version(self.versions, parent)
        version = make_version(self.versions, adapter, parent=went_on.name if went_on else "")
        self.versions = (*self.versions, version)
        fits = header.backbone == self.backbone
        # Beside the base model, one that is not used is what that can be compared with.
        compared = self.model.adapter is None and (fits or not self.adapter_fits)
        if (better and fits) or compared:
            self.adapter_name, self.adapter = version.name, adapter
            self.variant = Variant.ADAPTED if better and fits else Variant.BASE
        self.scored, self.adaptation_note = adapter, describe_scores(header)
        return better

    def open_adapter(self, adapter: Any, name: str = "") -> None:
        """Take an adapter that the user chose: its backbone, and the adapter in it."""
        version = make_version(self.versions, adapter, name)
        self.versions = (*self.versions, version)
        self.use_version(version)

    def bring_back(self, versions: Iterable[AdapterVersion], chosen: Any, variant: Variant) -> None:
        """Take versions of an earlier time, with what was chosen then.

        Parameters
        ----------
        versions : iterable of AdapterVersion
            They come beside those that are there.
        chosen : Adapter or None
            That of the version to compare the base model with.
        variant : Variant
            Which of these two segments.
        """
        self.versions = add_versions(self.versions, tuple(versions))
        version = find_same(self.versions, chosen)
        if version is not None and variant is Variant.ADAPTED:
            self.use_version(version)
        elif version is not None:
            self.variant = variant
            self._hold(version)  # whose backbone need not be that of the base model in use

    def use_version(self, version: AdapterVersion | None) -> None:
        """Let a version segment from now on, on its backbone; None: the base model."""
        if version is None:
            self.variant = Variant.BASE
            return
        self.backbone = version.adapter.header.backbone
        self._hold(version)
        self.variant = Variant.ADAPTED

    def _hold(self, version: AdapterVersion) -> None:
        """Take a version's adapter, and show its scores."""
        adapter = version.adapter
        self.adapter_name, self.adapter = version.name, adapter
        self.scored, self.adaptation_note = adapter, describe_scores(adapter.header)

    def compare(self) -> bool:
        """Let the other of base and adapted model segment; False if there is no adapter for that."""
        if not self.adapter_fits:
            return False
        self.variant = Variant.BASE if self.variant is Variant.ADAPTED else Variant.ADAPTED
        return True

    def write_note(self, version: AdapterVersion, note: str) -> None:
        """Give a version another note."""
        noted = replace(version, note=note)
        self.versions = tuple(noted if v is version else v for v in self.versions)

    def delete_version(self, version: AdapterVersion) -> None:
        """Forget a version; where it was in use, the base model is from now on."""
        self.versions = tuple(known for known in self.versions if known is not version)
        if self.start is version.adapter:
            self.start = None
        if self.scored is version.adapter:
            self.scored, self.adaptation_note = None, ""
        if self.adapter is version.adapter:
            self.variant = Variant.BASE
            self.adapter, self.adapter_name = None, ""
