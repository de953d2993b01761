"""Clients for json: a right one, and others with one fault each."""

import json

from plain import Lines, main

COMMANDS = {"/setname": "set-name", "/history": "history", "/users": "users"}


class Right(Lines):
    def typed(self, line):
        command, _, rest = line.partition(" ")
        if not line.startswith("/"):
            self.ask("message", line)
        elif command in COMMANDS:
            self.ask(COMMANDS[command], rest)
        else:
            self.unknown(line)
        return True

    def unknown(self, line):
        self.show("there is no such command")

    def ask(self, kind, data):
        self.send(json.dumps({"data": data, "type": kind}))

    def line(self, line):
        data = json.loads(line)["data"]
        self.message(data["source"], data["message"])

    def message(self, source, message):
        self.show(f"{source}: {message}")

    def closed(self):
        self.show("Server disconnected")


class Chatty(Right):
    """Not wrong: says more than it must, and asks for a name while something else is coming."""

    pieces = 0

    def begin(self):
        self.show("welcome to this client")

    def ask(self, kind, data):
        self.send(json.dumps({"type": kind, "data": data, "id": 7}))

    def take(self, data):
        self.pieces += 1
        if self.pieces == 2:
            self.ask("set-name", "somebody")
        super().take(data)


class WritesQuotesAsTheyAre(Right):
    def ask(self, kind, data):
        self.send(f'{{"type": "{kind}", "data": "{data}"}}')


class NoLineFeed(Right):
    end = ""


class TakesOneMessageAtATime(Right):
    """What one recv brings is a message."""

    def take(self, data):
        try:
            self.line(data.decode())
        except ValueError:
            self.show("what is that?")


class OmitsData(Right):
    def ask(self, kind, data):
        self.send(json.dumps({"type": kind, **({"data": data} if data else {})}))


class SaysUnknownCommands(Right):
    def unknown(self, line):
        self.ask("message", line)


class HidesTheServer(Right):
    def message(self, source, message):
        if source != "[Server]":
            super().message(source, message)


class WritesArrows(Right):
    def message(self, source, message):
        self.show(f"{source} -> {message}")


class NeverEnds(Right):
    def closed(self):
        super().closed()
        while True:
            self.typed(input())


class EndsInSilence(Right):
    def closed(self):
        pass


main(globals())
