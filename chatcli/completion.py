"""Tab completion, for the line editor."""

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from chatcli.conversation import Conversation
from chatcli.text import clean


class ChatCompleter(Completer):
    """Completes the client's commands at the beginning of a line, and nicks anywhere."""

    def __init__(self, chat: Conversation) -> None:
        self._chat = chat

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        word = before.rpartition(" ")[2]
        for name in sorted(self._candidates(before)):
            if before and name.casefold().startswith(word.casefold()):
                yield Completion(name, start_position=-len(word), display=name.rstrip())

    def _candidates(self, before: str) -> list[str]:
        """What can stand here; a space follows where something else must."""
        if before.startswith("/") and " " not in before:
            return [
                f"/{name} " if " " in own.usage else f"/{name}"
                for name, own in self._chat.commands.items()
            ]
        space = " " if before.lower().startswith("/priv ") and before.count(" ") == 1 else ""
        return [nick + space for nick in self._chat.nicks if nick == clean(nick)]
