"""Long work on the command line, and Ctrl+C in it."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator

import pytest

from napari_catsam import Progress
from napari_catsam.cli.progress_bar import run_with_bar

Work = Generator[Progress, bool | None, str]


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    # A shell starts what it puts into the background with Ctrl+C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def count(steps: int, interrupts: tuple[int, ...] = ()) -> Work:
    for step in range(1, steps + 1):
        for _ in range(interrupts.count(step)):
            signal.raise_signal(signal.SIGINT)
        if (yield Progress(step, steps, 0.0)):
            return f"stopped after {step}"
    return "finished"


def run(work: Work) -> str:
    return run_with_bar(work, "Counting", lambda progress: str(progress.step))


def test_the_result_of_the_work_comes_back() -> None:
    assert run(count(3)) == "finished"


def test_the_first_ctrl_c_asks_the_work_to_finish() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert run(count(9, interrupts=(2,))) == "stopped after 2"
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_first_step_is_not_lost() -> None:
    assert run(count(9, interrupts=(1,))) == "stopped after 1"


def test_the_second_ctrl_c_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(count(9, interrupts=(2, 2)))
    assert signal.getsignal(signal.SIGINT) is before


def test_errors_of_the_work_pass() -> None:
    def fail() -> Work:
        yield Progress(1, 2, 0.0)
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        run(fail())
