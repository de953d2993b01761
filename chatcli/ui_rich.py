"""The client at a terminal: a line editor below the messages, by prompt_toolkit.

One application runs from the beginning to the end, on an asyncio loop in the main thread, and
all lines are printed by that thread, above the prompt. Only who reads the socket depends on the
engine: a thread, or the loop itself, which then waits for keyboard and socket at once, with select
in one select.
"""

import asyncio
import select
import selectors
import signal
import threading

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.filters import Condition, has_completions
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style

from chatcli.completion import ChatCompleter
from chatcli.connection import Connection
from chatcli.conversation import Conversation
from chatcli.display import Kind, Line
from chatcli.text import clean

_COLOURS = {
    "prompt": "ansigreen bold",
    "private": "ansimagenta",
    "room": "ansigreen",
    "answer": "ansicyan",
    "error": "ansired",
    "note": "ansibrightblack",
}

# What others say to everybody is set apart from what the client says itself: without a mark
# "[private] ola: hi" could be anybody's public text.
_MARKS = {Kind.PUBLIC: "< ", Kind.NOTE: "* "}


class Terminal:
    """A conversation on a terminal."""

    def __init__(
        self, chat: Conversation, connection: Connection, *, engine: str, colour: bool
    ) -> None:
        self._chat = chat
        self._connection = connection
        self._select = engine == "select"
        self._alone = engine != "threads"
        self._style = Style.from_dict(_COLOURS if colour else {})
        self._depth = None if colour else ColorDepth.DEPTH_1_BIT
        self._output = _make_output()
        self._timer: asyncio.TimerHandle | None = None
        self._writing = False
        self._completer = ChatCompleter(chat)
        self._session: PromptSession[None] = PromptSession(
            self._prompt,
            style=self._style,
            color_depth=self._depth,
            completer=self._completer,
            complete_while_typing=False,
            key_bindings=self._bindings(),
            enable_suspend=True,
            include_default_pygments_style=False,
            output=self._output,
        )
        self._session.default_buffer.accept_handler = self._entered
        self._app: Application[None] = self._session.app

    def run(self) -> None:
        """Return when the conversation is over."""
        make_loop = _select_loop if self._select else None
        try:
            with asyncio.Runner(loop_factory=make_loop) as runner:
                runner.run(self._converse())
        except EOFError:
            self._chat.finish(1, "the terminal is gone")

    async def _converse(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGTERM, self._terminated)
        await self._session.prompt_async(pre_run=self._start_soon)

    def _start_soon(self) -> None:
        self._loop.call_soon(self._start)  # when there is a prompt, to print above of it

    def _start(self) -> None:
        if self._alone:
            self._loop.add_reader(self._connection, self._readable)
        else:
            self._turn = threading.Semaphore()
            # A daemon, because at the end it may be waiting for the server.
            threading.Thread(target=self._read, name="chatcli-reader", daemon=True).start()
        self._update()

    # -- the socket --------------------------------------------------------------------------

    def _read(self) -> None:
        """The reader thread: it passes on what comes, no faster than that is shown."""
        data: bytes | None = None
        while data != b"":
            select.select([self._connection], [], [])
            self._turn.acquire()
            data = self._connection.receive()
            try:
                self._loop.call_soon_threadsafe(self._read_by_thread, data)
            except RuntimeError:
                return  # the loop is closed: it is over

    def _read_by_thread(self, data: bytes | None) -> None:
        self._turn.release()
        self._received(data)

    def _readable(self) -> None:
        data = self._connection.receive()
        if data == b"":
            self._loop.remove_reader(self._connection)
        self._received(data)

    def _received(self, data: bytes | None) -> None:
        if data:
            self._chat.received(data)
        elif data is not None:
            self._chat.closed(self._connection.reason)
        self._update()

    def _send(self) -> None:
        """Send what there is, now or once the socket takes it."""
        if self._chat.output:
            self._connection.send(self._chat.output)
        waiting = self._connection.can_send(self._chat.output)
        if self._chat.said_all and not waiting:
            self._connection.end_sending()
        if waiting and not self._writing:
            self._loop.add_writer(self._connection, self._send)
        elif self._writing and not waiting:
            self._loop.remove_writer(self._connection)
        self._writing = waiting

    # -- the keyboard ------------------------------------------------------------------------

    def _entered(self, buffer: Buffer) -> bool:
        """Take a line, or the several lines of a paste; return False: the buffer is emptied."""
        for line in buffer.text.split("\n"):
            self._print([*self._prompt(), ("", clean(line) + "\n")])
            self._chat.typed(line)
            self._update()
        return False

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        nothing_typed = Condition(lambda: not self._session.default_buffer.text)

        @bindings.add("c-c")
        @bindings.add("<sigint>")
        @bindings.add("c-d", filter=nothing_typed)
        def leave(event: KeyPressEvent) -> None:
            self._chat.leave()
            self._update()

        @bindings.add("tab", filter=~has_completions)
        def complete(event: KeyPressEvent) -> None:
            # The only candidate is taken at once, also when the next key is already there;
            # among several the menu lets one choose.
            buffer = event.current_buffer
            asked = CompleteEvent(completion_requested=True)
            candidates = list(self._completer.get_completions(buffer.document, asked))
            if len(candidates) == 1:
                buffer.apply_completion(candidates[0])
            else:
                buffer.start_completion(insert_common_part=True, complete_event=asked)

        return bindings

    def _terminated(self) -> None:
        self._chat.finish(128 + signal.SIGTERM)
        self._update()

    # -- the screen --------------------------------------------------------------------------

    def _prompt(self) -> FormattedText:
        return FormattedText([("class:prompt", self._chat.prompt)])

    def _update(self) -> None:
        """Do what the conversation asks for now: show, send, wait, end."""
        lines, self._chat.lines = self._chat.lines, []
        if lines:
            self._print([fragment for line in lines for fragment in _fragments(line)])
        self._send()
        if self._timer is not None:
            self._timer.cancel()
        if self._chat.status is None:
            if (wait := self._chat.wait()) is not None:
                self._timer = self._loop.call_later(wait, self._tick)
        elif self._app.is_running and not self._app.is_done:
            # What somebody was just writing stays on the screen.
            self._app.erase_when_done = not self._session.default_buffer.text
            self._app.exit()

    def _tick(self) -> None:
        self._chat.tick()
        self._update()

    def _print(self, fragments: list[tuple[str, str]]) -> None:
        """Print above the prompt.

        run_in_terminal would do the same, but it hands the keyboard back to the terminal for a
        moment, and a key pressed in that moment is echoed into the screen.
        """
        if self._app.is_done:
            return
        self._app.renderer.erase()
        text = FormattedText(fragments)
        print_formatted_text(self._output, text, self._style, color_depth=self._depth)
        self._app.renderer.reset()
        self._app.invalidate()


def _fragments(line: Line) -> list[tuple[str, str]]:
    return [(f"class:{line.kind.value}", _MARKS.get(line.kind, "") + line.text), ("", "\n")]


def _make_output() -> Output:
    output = create_output()
    if isinstance(output, Vt100_Output):
        # Asking for the cursor's position costs a second per message on terminals that do not
        # answer, and leaves the answer on the screen when the program ends too soon.
        output.enable_cpr = False
    return output


def _select_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
