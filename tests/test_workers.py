"""Kept threads, and the bounded pool for commands that may block."""

import threading

import pytest

from chat import PATIENCE, wait_until
from chatd.events import CommandError
from chatd.workers import ParkedThreads, PoolJob, Workers


class Gate:
    """A task that begins, and ends when it may; it can be run more than once."""

    def __init__(self):
        self.threads = []
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def __call__(self):
        self.threads.append(threading.current_thread())
        self.begun.release()
        assert self.may_end.acquire(timeout=PATIENCE)

    def wait_begun(self):
        assert self.begun.acquire(timeout=PATIENCE)

    def let_end(self, times=1):
        self.may_end.release(times)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.let_end(100)
    for thread in gate.threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def pool(gate):
    pool = Workers(2)
    yield pool
    pool.close()
    gate.let_end(100)


def nothing(error=None):
    pass


class Outcome:
    """What a job calls."""

    def __init__(self):
        self.calls = []
        self.over = threading.Event()

    def give_up(self):
        self.calls.append("give up")

    def done(self, error):
        self.calls.append("done")
        self.over.set()

    def submit(self, pool, work):
        return pool.submit(work, self.give_up, self.done)

    def wait(self):
        assert self.over.wait(PATIENCE)


# -- the pool --------------------------------------------------------------------------------


def test_work_runs_on_a_daemon_thread_of_the_pool(pool, gate):
    outcome = Outcome()
    job = outcome.submit(pool, gate)
    gate.wait_begun()
    assert gate.threads[0] is not threading.current_thread()
    assert gate.threads[0].daemon
    assert gate.threads[0].name == "chatd-worker"
    assert not job.done
    gate.let_end()
    outcome.wait()
    assert job.done
    assert job.error is None
    assert outcome.calls == ["done"]


@pytest.mark.parametrize("error", [CommandError("odd", "odd"), KeyError("x"), SystemExit(1)])
def test_what_the_work_raises_is_its_outcome(pool, error):
    def work():
        raise error

    outcome = Outcome()
    job = outcome.submit(pool, work)
    outcome.wait()
    assert job.error is error
    again = Outcome()
    again.submit(pool, nothing)
    again.wait()  # the threads live on


def test_a_pool_whose_threads_are_all_taken_is_busy_until_one_is_free(pool, gate):
    outcomes = [Outcome(), Outcome()]
    for outcome in outcomes:
        outcome.submit(pool, gate)
        gate.wait_begun()
    for _ in range(3):
        with pytest.raises(CommandError) as caught:
            pool.submit(nothing, nothing, nothing)
        assert caught.value.code == "busy"
    gate.let_end()
    wait_until(lambda: any(outcome.over.is_set() for outcome in outcomes))
    wait_until(lambda: accepts(pool), "a free thread")


def accepts(pool):
    outcome = Outcome()
    try:
        outcome.submit(pool, nothing)
    except CommandError:
        return False
    outcome.wait()
    return True


def test_hung_work_counts_until_it_ends_though_it_was_given_up(pool, gate):
    for _ in range(2):
        outcome = Outcome()
        job = outcome.submit(pool, gate)
        gate.wait_begun()
        job.abandon()
        assert outcome.over.is_set()
    assert not accepts(pool)
    gate.let_end(2)
    wait_until(lambda: accepts(pool), "a free thread")


def test_a_refused_job_is_never_run_nor_done(pool, gate):
    for _ in range(2):
        pool.submit(gate, nothing, nothing)
        gate.wait_begun()
    outcome = Outcome()
    with pytest.raises(CommandError):
        outcome.submit(pool, lambda: outcome.calls.append("ran"))
    gate.let_end(2)
    wait_until(lambda: accepts(pool), "a free thread")
    assert outcome.calls == []


# -- one job ---------------------------------------------------------------------------------


def job_of(outcome, work=nothing):
    return PoolJob(work, outcome.give_up, outcome.done)


def test_a_job_that_is_given_up_is_done_once_with_an_error_that_says_so():
    outcome = Outcome()
    job = job_of(outcome)
    job.abandon()
    job.run()
    assert job.done
    assert (job.error.code, outcome.calls) == ("timeout", ["give up", "done"])


def test_a_job_that_is_over_keeps_its_outcome_when_it_is_given_up():
    outcome = Outcome()
    job = job_of(outcome)
    job.run()
    job.abandon()
    assert job.error is None
    assert outcome.calls.count("done") == 1


def test_a_job_is_done_before_anybody_is_told():
    seen = []
    job = PoolJob(nothing, nothing, lambda error: seen.append((job.done, job.error, error)))
    job.run()
    assert seen == [(True, None, None)]


def test_work_is_revoked_before_it_counts_as_done():
    seen = []
    job = PoolJob(nothing, lambda: seen.append(job.done), nothing)
    job.abandon()
    assert seen == [False]


def test_a_job_ends_once_when_both_happen_at_once():
    for _ in range(100):
        outcome = Outcome()
        job = job_of(outcome)
        barrier = threading.Barrier(2)

        def give_up(job=job, barrier=barrier):
            barrier.wait(PATIENCE)
            job.abandon()

        thread = threading.Thread(target=give_up)
        thread.start()
        barrier.wait(PATIENCE)
        job.run()
        thread.join(PATIENCE)
        assert outcome.calls.count("done") == 1


# -- parked threads --------------------------------------------------------------------------


def parked_count():
    return sum(thread.name == "parked-test" for thread in threading.enumerate())


@pytest.fixture
def threads(gate):
    threads = ParkedThreads("parked-test", idle=2, most=4)
    yield threads
    threads.close()
    gate.let_end(100)
    wait_until(lambda: parked_count() == 0, "the threads' end")


def test_an_idle_thread_takes_the_next_task(threads, gate):
    for _ in range(3):
        assert threads.run(gate)
        gate.wait_begun()
        gate.let_end()
        wait_until(lambda: threads._idle == 1, "an idle thread")
    assert len(set(gate.threads)) == 1


def test_no_more_run_than_may(threads, gate):
    assert [threads.run(gate) for _ in range(5)] == [True] * 4 + [False]
    for _ in range(4):
        gate.wait_begun()


def test_no_more_idle_threads_are_kept_than_asked_for(threads, gate):
    for _ in range(4):
        threads.run(gate)
        gate.wait_begun()
    assert parked_count() == 4
    gate.let_end(4)
    wait_until(lambda: parked_count() == 2, "two threads' end")
    assert threads._idle == 2


def test_closing_ends_idle_threads_and_running_ones_after_their_task(threads, gate):
    for _ in range(2):
        threads.run(gate)
        gate.wait_begun()
    gate.let_end()
    wait_until(lambda: threads._idle == 1, "an idle thread")
    threads.close()
    wait_until(lambda: parked_count() == 1, "the idle thread's end")
    gate.let_end()
    wait_until(lambda: parked_count() == 0, "the running thread's end")


def test_a_thread_that_the_system_does_not_give_is_not_counted(threads, gate, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(9):
            with pytest.raises(RuntimeError):
                threads.run(gate)
    assert [threads.run(gate) for _ in range(4)] == [True] * 4
