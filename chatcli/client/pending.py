"""A call that was made and is waited for, in whatever way one waits."""

from collections.abc import Callable
from typing import Generic, TypeVar

from chatcli.client.calls import Call

T = TypeVar("T")


class Pending(Generic[T]):
    """A call, and what has come of it so far.

    due: when it is given up if it could not be sent, by the clock of whoever sends it. done is
    called with it when it has an outcome.
    """

    def __init__(self, call: Call[T], due: float, done: "Callable[[Pending[T]], object]") -> None:
        self.call = call
        self.due = due
        self._done = done
        self._result: T | None = None
        self._error: Exception | None = None

    def end(self, result: T) -> None:
        """Take the result."""
        self._result = result
        self._done(self)

    def fail(self, error: Exception) -> None:
        """Take why there is no result."""
        self._error = error
        self._done(self)

    def outcome(self) -> T:
        """Give the result, or raise why there is none."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # end was called
