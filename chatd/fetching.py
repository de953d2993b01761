"""Fetching: requests for web pages, answered on threads of their own."""

from typing import Protocol

from chatd.delivery import Delivery
from chatd.events import CommandError, Fetch, Fetched, Goodbye
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.session import Job, Session
from chatd.workers import Workers


class Pages(Protocol):
    """What answers HTTP requests."""

    def start(self) -> None:
        """Take note that the server starts."""

    def answer(self, raw: bytes, address: str, encrypted: bool) -> tuple[bytes, bool]:
        """Answer the bytes of one whole request by those of the response.

        Say, too, whether the connection may go on. address is the client's, encrypted says
        whether it speaks TLS. May wait; called from several threads.
        """

    def close(self) -> None:
        """Let go of everything."""


class Fetcher:
    """Answers the requests of all sessions by some pages.

    Few threads, since pages take a millisecond of CPU time; what comes meanwhile waits in line.
    """

    def __init__(self, hub: Hub, delivery: Delivery, pages: Pages, limits: Limits) -> None:
        self._hub = hub
        self._delivery = delivery
        self._pages = pages
        self._workers = Workers(limits.web_workers, limits.web_queue)

    def fetch(self, session: Session, request: Fetch) -> Job:
        """Answer a request; the job calls session.job_done. Raises Goodbye("busy")."""
        given_up = False

        def work() -> None:
            raw, again = self._pages.answer(request.raw, session.address, session.encrypted)
            if given_up:
                return
            self._hub.reply(session, Fetched(raw))
            if not again:
                session.end("answered")
            self._delivery.wake()

        def give_up() -> None:
            nonlocal given_up
            given_up = True

        try:
            return self._workers.submit(work, give_up, lambda error: session.job_done())
        except CommandError as error:
            raise Goodbye(error.code, error.text) from None

    def start(self) -> None:
        """Take note that the server starts."""
        self._pages.start()

    def close(self) -> None:
        """Let threads end that can."""
        self._workers.close()
        self._pages.close()
