"""The options of ``adapt`` that change how it trains, and runs that go on after an interruption."""

from __future__ import annotations

import inspect
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from typer.testing import Result

from napari_catsam import RunState, TrainConfig, load_adapter
from napari_catsam.adaptation import train
from napari_catsam.adaptation.trainer import Trainer
from napari_catsam.cli import adapt_command
from napari_catsam.images import read_image
from napari_catsam.types import Progress, Shot

Run = Callable[..., Result]

SHOT = "adapt --image image.png --mask labels.tif --model tiny -o a.safetensors"
QUICK = f"{SHOT} --method hq --steps 2"


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """Collect how runs were configured, and what they were given."""
    seen: list[TrainConfig] = []

    class Watched(Trainer):
        def __init__(self, model: Any, shots: Any, config: TrainConfig) -> None:
            seen.append(config)
            super().__init__(model, shots, config)

    monkeypatch.setattr(train, "Trainer", Watched)
    return seen


def test_the_defaults_are_those_of_the_library(configs: list[TrainConfig]) -> None:
    wanted = TrainConfig()
    options = inspect.signature(adapt_command.adapt).parameters
    names = (
        "steps", "seed", "init", "annotated", "views", "decoder_share", "loss_resolution",
        "learning_rate", "note",
    )  # fmt: skip
    assert {name: options[name].default for name in names} == {
        name: getattr(wanted, name) for name in names
    }
    assert options["budget"].default == wanted.budget_s
    assert adapt_command.FIRST_METHOD == wanted.method


def test_help_shows_the_defaults_and_the_choices(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = run("adapt --help").stdout
    for words in ("identity|base|official", "[default: identity]", "[default: 0.003]", "--state"):
        assert words in shown


def test_options_reach_the_training(folder: Path, run: Run, configs: list[TrainConfig]) -> None:
    line = (
        f"{QUICK} --init base --annotated everything --views fixed --decoder-share 0.5 "
        "--loss-resolution image --learning-rate 0.0002"
    )
    result = run(line)
    assert result.exit_code == 0, result.output
    (config,) = configs
    assert (config.init, config.annotated, config.views) == ("base", "everything", "fixed")
    assert (config.decoder_share, config.loss_resolution) == (0.5, "image")
    assert config.learning_rate == 0.0002
    assert not load_adapter("a.safetensors").header.isolated


def test_pixels_to_ignore_are_given_one_file_an_image(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots: list[Shot] = []
    fit = train.fit

    def watch(base: Any, given: list[Shot], *rest: Any) -> Any:
        shots.extend(given)
        return fit(base, given, *rest)

    monkeypatch.setattr(train, "fit", watch)
    unsaid = np.zeros((80, 100), np.uint8)
    unsaid[:40] = 255
    for name, array in (("top.tif", unsaid), ("nothing.tif", 0 * unsaid)):
        tifffile.imwrite(name, array)
    files = "--image images/a.png images/b.png --mask masks/a.tif masks/b.tif"
    line = f"adapt {files} --ignore top.tif nothing.tif --model tiny --method hq --steps 1"
    result = run(f"{line} -o a.safetensors")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(shots[0].ignore, unsaid > 0)
    assert not np.asarray(shots[1].ignore).any()


def test_going_on_from_an_adapter_takes_its_method_and_its_values(folder: Path, run: Run) -> None:
    assert run(QUICK).exit_code == 0
    shutil.move("a.safetensors", "first.safetensors")
    first = load_adapter("first.safetensors")
    result = run(f"{SHOT} --continue-from first.safetensors --steps 1 --learning-rate 1e-12")
    assert result.exit_code == 0, result.output
    second = load_adapter("a.safetensors")
    assert second.header.method == "hq"
    assert second.header.score_before == first.header.score_after
    for name, value in first.tensors.items():
        np.testing.assert_allclose(second.tensors[name], value, atol=1e-6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--init zero", "init is 'zero', it must be one of base, identity, official"),
        ("--annotated some", "annotated is 'some', it must be one of surroundings, everything"),
        ("--views old", "views is 'old', it must be one of new, fixed"),
        ("--loss-resolution full", "it must be one of decoder, image"),
        ("--decoder-share 1", "decoder_share is 1.0, it must be from 0 to below 1"),
        ("--learning-rate 0", "learning_rate is 0.0, it must be above 0"),
        ("--ignore labels.tif labels.tif", "there are 1 images and 2 to ignore pixels by"),
        ("--ignore small.tif", "ignore is 10 x 10, the masks are 80 x 100"),
        ("--continue-from nowhere.safetensors", "nowhere.safetensors"),
        ("--state nowhere/run", "there is no folder nowhere"),
        ("--state image.png", "image.png: this is no stopped run of napari-catsam"),
        ("--state a.safetensors", "a.safetensors is both the adapter and the state of its run"),
    ],
)
def test_bad_options_are_one_sentence(folder: Path, run: Run, line: str, message: str) -> None:
    tifffile.imwrite("small.tif", np.ones((10, 10), np.uint8))
    image = Path("image.png").read_bytes()
    check_sentence(run(f"{QUICK} {line}"), message)
    assert not Path("a.safetensors").exists()
    assert Path("image.png").read_bytes() == image


def test_another_method_than_that_of_the_adapter_is_one_sentence(folder: Path, run: Run) -> None:
    assert run(QUICK).exit_code == 0
    line = f"{QUICK.replace('hq', 'cat-a')} --continue-from a.safetensors"
    check_sentence(run(line), "the method is cat-a, but what training goes on from has hq")


def check_sentence(result: Result, message: str) -> None:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("napari-catsam: ")
    assert message in line


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[Progress]:
    """Press Ctrl+C once after so many steps, and return what was told."""
    seen: list[Progress] = []

    def describe(progress: Progress) -> str:
        seen.append(progress)
        if progress.step == step and len(seen) == step + 1:
            signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr(adapt_command, "_describe", describe)
    return seen


SIX = f"{SHOT} --method cat-a --steps 6 --state run.state"


def test_a_run_that_was_stopped_goes_on_with_the_same_command(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(SIX).exit_code == 0
    assert not Path("run.state").exists()  # it ended by itself
    whole = load_adapter("a.safetensors")
    seen = interrupt_at(monkeypatch, 3)
    stopped = run(SIX)
    assert stopped.exit_code == 0, stopped.output
    assert "the same command goes on from run.state" in stopped.stdout
    assert load_adapter("a.safetensors").header.steps == 3
    assert RunState.load("run.state").facts["step"] == 3
    seen.clear()
    ended = run(SIX)
    assert ended.exit_code == 0, ended.output
    assert [now.step for now in seen] == [3, 4, 5, 6]
    assert not Path("run.state").exists()
    assert load_adapter("a.safetensors").sha256 == whole.sha256


def test_a_run_that_was_killed_goes_on_from_its_last_record(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is written at every look at the score, here after each of the six steps."""
    assert run(SIX).exit_code == 0
    whole = load_adapter("a.safetensors")
    Path("a.safetensors").unlink()
    written: list[bytes] = []
    save = RunState.save

    def save_and_die(state: RunState, path: str | Path) -> Path:
        done = save(state, path)
        written.append(Path(path).read_bytes())
        if len(written) == 2:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch:
        patch.setattr(RunState, "save", save_and_die)
        assert run(SIX).exit_code == 130
    assert not Path("a.safetensors").exists()
    assert RunState.load("run.state").facts["step"] == 2
    assert run(SIX).exit_code == 0
    assert load_adapter("a.safetensors").sha256 == whole.sha256


def test_the_state_of_other_shots_is_one_sentence_and_is_kept(folder: Path, run: Run) -> None:
    state = RunState()
    work = train.fit(*_inputs(), state)
    next(work)
    next(work)
    with pytest.raises(StopIteration):
        work.send(True)
    content = state.save("run.state").read_bytes()
    message = "run.state: the stopped run had another set of shots; go on with the same one"
    check_sentence(run(f"{QUICK} --state run.state"), message)
    assert Path("run.state").read_bytes() == content
    assert not Path("a.safetensors").exists()


def _inputs() -> tuple[Any, list[Shot], TrainConfig]:
    from napari_catsam import load_model

    shot = Shot(255 - read_image("image.png"), read_image("labels.tif"))
    return load_model("tiny", device="cpu"), [shot], TrainConfig(method="hq", steps=2)
