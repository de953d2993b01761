"""Health: whether the parts of a server that others wait for do their work."""

import threading

from chatd.events import GENERAL, CommandError
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.names import name_key
from chatd.recorder import Recorder
from chatd.store import StoreError
from chatd.workers import Workers


class Health:
    """Finds out whether the hub and the store answer; from any thread.

    Those who ask while it is being found out get the last answer, so that a store that hangs
    holds up one of them at most.
    """

    def __init__(self, hub: Hub, recorder: Recorder | None, limits: Limits) -> None:
        self._hub = hub
        self._recorder = recorder
        self._limits = limits
        # A store may hang for longer than anybody waits. One more question may wait, if only until
        # the thread that has just answered the last one is free.
        self._workers = Workers(1, queue=1)
        self._asking = threading.Lock()
        self._trouble = ""

    def trouble(self) -> str:
        """Say what does not work, in words that anybody may read; empty if all does.

        May wait for the store, for `Limits.health` seconds at most. That the answer arrives shows
        that the delivery log is drained; nothing is entered into the history.
        """
        self._hub.counts()  # its lock can be had
        if self._recorder is not None and self._asking.acquire(blocking=False):
            try:
                self._trouble = self._ask(self._recorder)
            finally:
                self._asking.release()
        return self._trouble

    def _ask(self, recorder: Recorder) -> str:
        answered = threading.Event()
        found = ["the store does not answer"]

        def ask() -> None:
            found[0] = self._ask_store(recorder)

        try:
            self._workers.submit(ask, lambda: None, lambda error: answered.set())
        except CommandError:  # it has not come back from the last question
            return found[0]
        answered.wait(self._limits.health)
        return found[0]

    def _ask_store(self, recorder: Recorder) -> str:
        newest = self._hub.last_id
        settled = recorder.settle(newest, self._limits.settle)
        if recorder.trouble:
            return "the store does not work"
        if not settled:
            return "the store is behind"
        try:
            recorder.store.after(name_key(GENERAL), newest, 1, 1)
        except StoreError:
            return "the store does not work"
        return ""

    def close(self) -> None:
        """Let go of the thread."""
        self._workers.close()
