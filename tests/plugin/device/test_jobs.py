from __future__ import annotations

import threading
import warnings
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from qtpy.QtCore import QThreadPool

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.device.jobs import DeviceQueue, Job

WAIT = 10_000


@pytest.fixture
def queue(qapp: Any) -> Iterator[DeviceQueue]:
    queue = DeviceQueue()
    yield queue
    queue.close()


def once(value: Any) -> Any:
    def run() -> Generator[str, bool | None, Any]:
        yield "working"
        return value

    return run


def wait_until_idle(qtbot: Any, queue: DeviceQueue) -> None:
    if queue.busy:
        with qtbot.waitSignal(queue.busy_changed, timeout=WAIT):
            pass


def test_work_runs_in_a_worker_and_callbacks_in_the_main_thread(
    qtbot: Any, queue: DeviceQueue
) -> None:
    threads: dict[str, int] = {}

    def run() -> Generator[str, bool | None, int]:
        threads["work"] = threading.get_ident()
        yield "working"
        return 3

    def on_result(value: int) -> None:
        threads["result"] = threading.get_ident()
        assert value == 3

    queue.submit(Job(run, on_result=on_result))
    wait_until_idle(qtbot, queue)
    assert threads["result"] == threading.get_ident() != threads["work"]


def test_an_urgent_job_runs_between_two_steps_of_a_patient_one(
    qtbot: Any, queue: DeviceQueue
) -> None:
    order: list[str] = []
    first_step, prompted = threading.Event(), threading.Event()

    def train() -> Generator[int, bool | None, None]:
        for step in range(4):
            if step == 1:
                first_step.set()
                assert prompted.wait(10)
            order.append(f"step {step}")
            yield step

    def prompt() -> Generator[str, bool | None, None]:
        order.append("prompt")
        yield "working"

    queue.submit(Job(train))
    qtbot.waitUntil(first_step.is_set, timeout=WAIT)
    queue.submit(Job(prompt, urgent=True))
    prompted.set()
    wait_until_idle(qtbot, queue)
    assert order == ["step 0", "step 1", "prompt", "step 2", "step 3"]


def test_finish_lets_a_job_end_with_what_it_has(qtbot: Any, queue: DeviceQueue) -> None:
    results: list[int] = []

    def train() -> Generator[int, bool | None, int]:
        step = 0
        while not (yield step):
            step += 1
        return step

    job = Job(train, on_result=results.append, on_progress=lambda step: queue.finish(job))
    queue.submit(job)
    wait_until_idle(qtbot, queue)
    assert len(results) == 1


def test_a_failing_job_is_told_and_the_next_one_runs(qtbot: Any, queue: DeviceQueue) -> None:
    told: list[Any] = []

    def fail() -> Generator[str, bool | None, None]:
        yield "working"
        raise ValueError("broken")

    queue.submit(Job(fail, on_error=told.append))
    queue.submit(Job(once("fine"), on_result=told.append))
    wait_until_idle(qtbot, queue)
    assert isinstance(told[0], ValueError)
    assert told[1] == "fine"


def test_closing_ends_the_running_job_and_nothing_of_it_is_heard(
    qtbot: Any, queue: DeviceQueue
) -> None:
    heard: list[Any] = []
    running, closed, ended = threading.Event(), threading.Event(), threading.Event()

    def train() -> Generator[int, bool | None, None]:
        try:
            running.set()
            assert closed.wait(10)
            yield 0
            yield 1
        finally:
            ended.set()

    queue.submit(Job(train, on_progress=heard.append, on_result=heard.append))
    queue.submit(Job(once(1), on_result=heard.append))
    qtbot.waitUntil(running.is_set, timeout=WAIT)
    queue.close()
    closed.set()
    qtbot.waitUntil(ended.is_set, timeout=WAIT)
    assert heard == []
    queue.submit(Job(once(2), on_result=heard.append))
    assert not queue.busy


def test_the_queue_goes_on_after_napari_has_cancelled_the_worker(
    qtbot: Any, queue: DeviceQueue
) -> None:
    told: list[Any] = []
    running, cancelled = threading.Event(), threading.Event()

    def train() -> Generator[int, bool | None, None]:
        running.set()
        assert cancelled.wait(10)
        yield 0
        yield 1

    queue.submit(Job(train, on_error=told.append))
    queue.submit(Job(once("fine"), on_result=told.append))
    qtbot.waitUntil(running.is_set, timeout=WAIT)
    queue._worker.quit()
    cancelled.set()
    wait_until_idle(qtbot, queue)
    assert [str(value) for value in told] == ["cancelled", "fine"]


def test_a_running_job_leaves_the_warnings_of_the_process_alone(
    qtbot: Any, queue: DeviceQueue
) -> None:
    running, looked = threading.Event(), threading.Event()

    def work() -> Generator[str, bool | None, None]:
        running.set()
        assert looked.wait(10)
        yield "working"

    filters, show = warnings.filters, warnings.showwarning
    queue.submit(Job(work))
    qtbot.waitUntil(running.is_set, timeout=WAIT)
    assert warnings.filters is filters
    assert warnings.showwarning is show
    looked.set()
    wait_until_idle(qtbot, queue)


def test_a_result_that_asks_for_more_is_followed_by_no_pause(
    qtbot: Any, queue: DeviceQueue
) -> None:
    told: list[bool] = []
    queue.busy_changed.connect(told.append)
    queue.submit(Job(once(1), on_result=lambda _: queue.submit(Job(once(2)))))
    qtbot.waitUntil(lambda: not queue.busy, timeout=WAIT)
    assert told == [True, False]


def test_a_paused_job_takes_no_step_while_urgent_ones_run(qtbot: Any, queue: DeviceQueue) -> None:
    steps: list[int] = []
    results: list[str] = []

    def train() -> Generator[int, bool | None, str]:
        for step in range(10**9):
            steps.append(step)
            if (yield step):
                return "stopped"
        return "to the end"

    job = Job(train, on_progress=lambda _: queue.pause(job), on_result=results.append)
    queue.submit(job)
    qtbot.waitUntil(lambda: bool(steps), timeout=WAIT)
    for _ in range(3):  # what was on its way when it was paused has arrived with the second answer
        answered: list[str] = []
        queue.submit(Job(once("answer"), urgent=True, on_result=answered.append))
        qtbot.waitUntil(lambda found=answered: found == ["answer"], timeout=WAIT)
    taken = len(steps)
    queue.submit(Job(once("answer"), urgent=True, on_result=answered.append))
    qtbot.waitUntil(lambda: len(answered) == 2, timeout=WAIT)
    assert len(steps) == taken
    queue.finish(job)
    wait_until_idle(qtbot, queue)
    assert results == ["stopped"]


def test_a_paused_job_goes_on_where_it_was(qtbot: Any, queue: DeviceQueue) -> None:
    results: list[int] = []
    seen: list[int] = []

    def train() -> Generator[int, bool | None, int]:
        yield from range(3)
        return 3

    def on_progress(step: int) -> None:
        seen.append(step)
        queue.resume(job)

    job = Job(train, on_progress=on_progress, on_result=results.append)
    queue.submit(job)
    queue.pause(job)
    wait_until_idle(qtbot, queue)
    assert seen == [0, 1, 2]
    assert results == [3]


@pytest.mark.parametrize("paused", [False, True])
def test_a_cancelled_job_is_closed_and_gives_nothing(
    qtbot: Any, queue: DeviceQueue, paused: bool
) -> None:
    told: list[Any] = []
    closed = threading.Event()

    def train() -> Generator[int, bool | None, str]:
        try:
            while True:
                yield 0
        except GeneratorExit:
            closed.set()
            raise

    job = Job(train, on_result=told.append, on_error=told.append, on_cancelled=told.append)
    queue.submit(job)
    if paused:
        queue.pause(job)
    queue.cancel(job)
    wait_until_idle(qtbot, queue)
    assert closed.is_set()
    assert told == [None]


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_that_is_cancelled_during_its_last_step_gives_nothing(
    qtbot: Any, queue: DeviceQueue, fails: bool
) -> None:
    told: list[Any] = []
    ending, cancelled = threading.Event(), threading.Event()

    def train() -> Generator[int, bool | None, str]:
        yield 0
        ending.set()
        assert cancelled.wait(10)
        if fails:
            raise CatsamError("too late to matter")
        return "adapter"

    job = Job(train, on_result=told.append, on_error=told.append, on_cancelled=told.append)
    queue.submit(job)
    qtbot.waitUntil(ending.is_set, timeout=WAIT)
    queue.cancel(job)
    cancelled.set()
    wait_until_idle(qtbot, queue)
    assert told == [None]


def test_a_job_that_is_cancelled_before_its_result_is_told_gives_nothing(
    qtbot: Any, queue: DeviceQueue
) -> None:
    told: list[Any] = []

    def slow() -> Generator[str, bool | None, str]:
        yield "progress"
        return "adapter"

    job = Job(slow, on_progress=told.append, on_result=told.append, on_cancelled=told.append)
    queue.submit(job)
    assert QThreadPool.globalInstance().waitForDone(WAIT)  # what it tells has not arrived yet
    queue.cancel(job)
    wait_until_idle(qtbot, queue)
    assert told == [None]


def test_a_paused_job_does_not_keep_the_worker_when_the_queue_is_closed(
    qtbot: Any, queue: DeviceQueue
) -> None:
    def train() -> Generator[int, bool | None, None]:
        while True:
            yield 0

    job = Job(train)
    queue.submit(job)
    queue.pause(job)
    queue.close()
    assert QThreadPool.globalInstance().waitForDone(WAIT)
