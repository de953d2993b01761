"""Taps: each has its own thread and bounded queue, and stalls nobody."""

import logging
import threading

import pytest

from chat import PATIENCE, wait_until
from chatd.events import Said, Warned
from chatd.guard import Guard
from chatd.taps import Tap, TapRunner


def events(*numbers):
    return [Said("General", "ala", str(number)) for number in numbers]


class Recorder:
    """A tap that remembers, and stands still while it is held."""

    def __init__(self, size=100, failing=(), close_error=None, **options):
        self.seen = []
        self.closed_after = []
        self.threads = set()
        self.entered = threading.Event()
        self.may_go = threading.Event()
        self.may_go.set()
        self._failing = failing
        self._close_error = close_error
        self.runner = TapRunner(Tap(self.receive, close=self.close), size, **options)

    def receive(self, event):
        self.threads.add(threading.current_thread())
        self.entered.set()
        assert self.may_go.wait(PATIENCE)
        self.seen.append(event)
        if isinstance(event, Said) and event.text in self._failing:
            raise self._failing[event.text]

    def close(self):
        self.threads.add(threading.current_thread())
        self.closed_after.append(len(self.seen))
        if self._close_error:
            raise self._close_error

    def hold(self):
        """Let it get stuck in the middle of one event."""
        self.may_go.clear()
        self.runner.offer(events("held"))
        assert self.entered.wait(PATIENCE)

    def stop(self):
        self.may_go.set()
        self.runner.stop(PATIENCE)
        (thread,) = self.threads
        assert not thread.is_alive()


def test_a_tap_gets_all_events_in_order_on_one_thread_of_its_own():
    tap = Recorder()
    for start in range(0, 50, 5):
        tap.runner.offer(events(*range(start, start + 5)))
    tap.stop()
    assert tap.seen == events(*range(50))
    (thread,) = tap.threads
    assert thread is not threading.current_thread()
    assert thread.daemon
    assert thread.name == "chatd-tap"
    assert tap.runner.lost == 0


def test_it_need_not_be_stopped_to_be_fed():
    tap = Recorder()
    tap.runner.offer(events(1))
    wait_until(lambda: tap.seen == events(1))
    tap.runner.offer(events(2))
    wait_until(lambda: tap.seen == events(1, 2))
    tap.stop()


def test_what_does_not_fit_is_counted_and_the_tap_is_told():
    tap = Recorder(size=3)
    tap.hold()
    tap.runner.offer(events(1, 2))
    tap.runner.offer(events(3, 4, 5))
    tap.runner.offer(events(6))
    assert tap.runner.lost == 3
    tap.stop()
    warning = Warned("3 events came too fast and are left out")
    assert tap.seen == [*events("held", 1, 2, 3), warning]
    assert tap.runner.lost == 3


def test_each_loss_is_told_once():
    tap = Recorder(size=1)
    tap.hold()
    tap.runner.offer(events(1, 2))
    tap.may_go.set()
    wait_until(lambda: len(tap.seen) == 3)
    tap.runner.offer(events(3))
    tap.stop()
    warnings = [event for event in tap.seen if isinstance(event, Warned)]
    assert warnings == [Warned("1 events came too fast and are left out")]
    assert tap.seen[-1:] == events(3)


def test_a_loss_is_told_where_it_was_and_more_is_taken_once_half_is_gone():
    """A tap that almost keeps up gets a few long gaps, not one behind every event."""
    seen, step = [], threading.Semaphore(0)

    def receive(event):
        seen.append(event)
        assert step.acquire(timeout=PATIENCE)

    def proceed_to(number):
        step.release()
        wait_until(lambda: seen[-1:] == events(number))

    runner = TapRunner(Tap(receive), 4)
    runner.offer(events(0))
    wait_until(lambda: seen == events(0))
    runner.offer(events(1, 2, 3, 4, 5))
    proceed_to(1)
    runner.offer(events(6))  # 2, 3 and 4 wait, which is more than half
    proceed_to(2)
    runner.offer(events(7))
    step.release(10)
    runner.stop(PATIENCE)
    warning = Warned("2 events came too fast and are left out")
    assert seen == [*events(0, 1, 2, 3, 4), warning, *events(7)]


def test_a_queue_that_is_being_given_makes_no_room_for_another_one():
    seen, step = [], threading.Semaphore(0)

    def receive(event):
        seen.append(event)
        assert step.acquire(timeout=PATIENCE)

    runner = TapRunner(Tap(receive), 3)
    runner.offer(events(1, 2, 3))
    wait_until(lambda: seen == events(1))
    runner.offer(events(4, 5, 6))
    assert runner.lost == 2
    step.release(10)
    runner.stop(PATIENCE)


def test_the_queue_is_bounded_in_bytes_too():
    """R-17: of each tap."""
    """Ten thousand of the longest messages would be 40 MB for each tap that hangs."""
    tap = Recorder(size=10_000)
    tap.hold()
    long = Said("General", "ala", "x" * 4000)
    tap.runner.offer([long] * 5000)
    kept = 5000 - tap.runner.lost
    assert TapRunner.BYTES <= kept * long.size < TapRunner.BYTES + long.size
    tap.stop()
    warning = Warned(f"{tap.runner.lost} events came too fast and are left out")
    assert tap.seen == [*events("held"), *[long] * kept, warning]


def test_offering_does_not_wait_for_a_tap_that_hangs():
    tap = Recorder(size=10)
    tap.hold()
    for number in range(1000):
        tap.runner.offer(events(number))
    assert tap.seen == []
    assert tap.runner.lost == 990
    tap.stop()


ERRORS = [
    ValueError("oh"), SystemExit(1), KeyboardInterrupt(), RecursionError(), MemoryError(),
    GeneratorExit(), StopIteration(), BaseException(),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_tap_that_raises_goes_on_and_the_error_is_logged(error, caplog):
    with caplog.at_level(logging.ERROR):
        tap = Recorder(failing={"2": error})
        tap.runner.offer(events(1, 2, 3))
        tap.stop()
    assert tap.seen == events(1, 2, 3)
    assert [record.exc_info[1] for record in caplog.records] == [error]


def test_a_tap_that_fails_each_time_is_switched_off(caplog):
    told = []
    guard = Guard("tap of plugin seen", 10, told.append)
    numbers = range(15)
    tap = Recorder(
        failing={str(number): ValueError(number) for number in numbers},
        close_error=OSError("disk"),
        guard=guard,
    )
    tap.runner.offer(events(*numbers))
    tap.stop()
    assert tap.seen == events(*numbers[:10])
    messages = [record.getMessage() for record in caplog.records]
    assert messages[:-1] == ["tap of plugin seen failed"] * 10
    assert messages[-1] == "tap of plugin seen cannot close"
    why = "it failed 10 times in a row, the last time it raised ValueError"
    assert told == [f"tap of plugin seen is switched off: {why}"]
    assert tap.closed_after == [10]


async def waiting(*_):
    """What an event loop would have to call."""


@pytest.mark.parametrize("function", [5, None, waiting])
def test_what_is_no_plain_function_is_no_tap(function):
    with pytest.raises(ValueError, match="a tap needs plain functions"):
        Tap(function)
    with pytest.raises(ValueError, match="a tap needs plain functions"):
        Tap(print, close=function)


def test_failures_between_which_it_works_do_not_switch_it_off(caplog):
    tap = Recorder(failing={str(n): ValueError(n) for n in range(50) if n % 10})
    tap.runner.offer(events(*range(50)))
    tap.stop()
    assert tap.seen == events(*range(50))
    assert len(caplog.records) == 45


def test_close_is_called_once_behind_all_that_is_queued():
    tap = Recorder()
    tap.hold()
    tap.runner.offer(events(1, 2))
    tap.stop()
    assert tap.closed_after == [3]
    tap.runner.stop(PATIENCE)
    assert tap.closed_after == [3]


def test_a_tap_that_cannot_close_is_logged(caplog):
    tap = Recorder(close_error=OSError("disk"))
    tap.runner.offer(events(1))
    tap.stop()
    assert [record.getMessage() for record in caplog.records] == ["a tap cannot close"]


def test_stopping_does_not_wait_for_ever_for_a_tap_that_hangs():
    tap = Recorder()
    tap.hold()
    tap.runner.stop(0.01)
    assert tap.closed_after == []
    tap.stop()
    assert tap.closed_after == [1]


def test_a_tap_need_not_have_anything_to_close():
    runner = TapRunner(Tap(lambda event: None), 10)
    runner.stop(PATIENCE)
