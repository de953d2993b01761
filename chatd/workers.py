"""Threads that are kept: those that must go on, parked ones, a bounded pool for what blocks.

All are daemon threads, unlike ThreadPoolExecutor's, which the interpreter would join at exit
even when they hang.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from chatd.events import CommandError, Overdue
from chatd.mistakes import log_mistake

Task = Callable[[], None]

Done = Callable[[BaseException | None], None]
"""Takes what a job ended with: an error, or None."""

REVIVAL = 0.1
"""Seconds until what failed on a thread that must go on is begun again: no spin."""


def start_lasting(name: str, work: Task, over: Callable[[], bool]) -> threading.Thread:
    """Start a thread that must go on: work that fails is logged and begun again, unless over."""

    def run() -> None:
        while True:
            try:
                work()
                return
            except BaseException as error:
                log_mistake(error, name)
            time.sleep(REVIVAL)
            if over():
                return

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


class ParkedThreads:
    """Runs each task on a thread at once; idle threads wait for the next task.

    Starting and ending a thread is most of what a short connection costs. At most `most` tasks
    run at a time and `queue` more wait for that, at most `idle` threads are kept.
    """

    def __init__(self, name: str, idle: int, most: float = float("inf"), queue: int = 0) -> None:
        self._name = name
        self._most = most
        self._queue = queue
        self._waiting: deque[Task] = deque()
        self._keep = idle
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._running = 0
        self._idle = 0
        self._closed = False

    def run(self, task: Task) -> bool:
        """Run task on some thread; return False when as many run, and wait, as may.

        Raises RuntimeError when the system gives no thread.
        """
        with self._lock:
            if self._running >= self._most:
                waits = len(self._waiting) < self._queue
                if waits:
                    self._waiting.append(task)
                return waits
            self._running += 1
            parked = self._idle > 0
            self._idle -= parked
        if parked:
            self._tasks.put(task)
            return True
        try:
            threading.Thread(target=self._work, args=(task,), name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._running -= 1
            raise
        return True

    def _work(self, task: Task | None) -> None:
        while task is not None:
            try:
                task()
            except BaseException as error:  # the thread is kept, and the places are counted
                log_mistake(error, self._name)
            with self._lock:
                if self._waiting:
                    task = self._waiting.popleft()
                    continue
                self._running -= 1
                if self._idle >= self._keep or self._closed:
                    return
                self._idle += 1
            task = self._tasks.get()

    def close(self) -> None:
        """Let idle threads end, and running ones after their task."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._tasks.put(None)


class PoolJob:
    """One piece of work. It is done once: by its thread or by being given up."""

    def __init__(self, work: Task, give_up: Task, done: Done) -> None:
        self._work = work
        self._give_up = give_up
        self._on_done = done
        self._lock = threading.Lock()
        self.done = False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do the work; on the pool's thread."""
        error: BaseException | None = None
        try:
            self._work()
        except BaseException as raised:  # the caller is told, whatever a plugin raises
            error = raised
        self._conclude(error)

    def abandon(self) -> None:
        """Give the work up."""
        self._give_up()
        self._conclude(Overdue())

    def _conclude(self, error: BaseException | None) -> None:
        with self._lock:
            if self.done:
                return
            self.error = error
            self.done = True
        self._on_done(error)


class Workers:
    """The pool for commands that may block: at most size of them, hung ones included.

    queue more may wait for one of the threads.
    """

    def __init__(self, size: int, queue: int = 0) -> None:
        self._threads = ParkedThreads("chatd-worker", idle=size, most=size, queue=queue)

    def submit(self, work: Task, give_up: Task, done: Done) -> PoolJob:
        """Run work on a thread.

        give_up is called when the job is abandoned, done once when it is over either way, from
        any thread. Raises CommandError("busy") when every thread is taken, and the queue full.
        """
        job = PoolJob(work, give_up, done)
        try:
            started = self._threads.run(job.run)
        except RuntimeError:  # the system gives no thread
            started = False
        if not started:
            raise CommandError("busy", "the server is busy, try again later")
        return job

    def close(self) -> None:
        """Let threads end that can."""
        self._threads.close()
