"""A client of slash: what it sends, what it is asked, and what it must receive, to the byte."""

from peers import Peer


class Slash(Peer):
    dialect = "slash"
    shutdown = "the server is shutting down"
    group = "3"
    group_question = "Podaj numer swojej grupy laboratoryjnej: "
    nick_question = "A teraz podaj swoj pseudonim: "

    def meet(self):
        self.expect("Witaj w pokoju rozmow!", self.group_question)
        self.settle()

    def command(self, verb, words=""):
        super().command(f"/{verb}", words)

    def asked_again(self):
        self.expect(self.group_question)

    def full(self, nick):
        self.knock(nick)
        self.expect(
            f"Witaj {self.group} {nick}! Pokoj jest aktualnie przepelniony. "
            "Sprobuj ponownie pozniej!"
        )

    def banned(self, nick, reason):
        self.knock(nick)
        self.expect(reason, self.nick_question)

    def log_in(self, nick):
        self.knock(nick)
        self.grouped.add(nick)
        self.expect(
            f"Witaj {self.group} {nick}! Zostales podlaczony do czatu. "
            'Wpisz "/pomoc" aby wyswietlic liste dostepnych polecen!'
        )
        self.came(nick)
        yield "came", nick

    def knock(self, nick):
        self.send(self.group)
        self.expect(self.nick_question)
        self.settle()
        self.send(nick)

    def say(self, text):
        self.send(text)
        self.expect(f"{self.group} {self.nick}: {text}")

    def tell(self, nick, text):
        self.send("/msg")
        self.expect("Podaj grupe i nazwe uzytkownika w formacie np. '3 Antoni'")
        self.settle()
        self.send(nick)
        self.expect("Podaj wiadomosc")
        self.settle()
        self.send(text)
        self.expect(f"Wysylasz do {self.shown(nick)} prywatna wiadomosc: {text}")

    def clash(self, nick):
        self.change(nick)
        self.expect("Ten pseudonim jest juz zajety. Wybierz inny:")
        self.settle()
        self.send(self.nick)
        self.expect("Zmiana nazwy uzytkownika zakonczona powodzeniem!")

    def rename(self, old, nick):
        self.grouped.add(nick)
        self.change(nick)
        self.expect("Zmiana nazwy uzytkownika zakonczona powodzeniem!")

    def change(self, nick):
        self.send("/changename")
        self.expect("Rozpoczeto zmiane nazwy uzytkownika", self.group_question)
        self.settle()
        self.knock(nick)

    def leave(self):
        self.send("/wyjdz")
        self.expect("Opusciles czat!")

    def join(self, room):
        self.send(f"/join {room}")
        self.expect(f"Dolaczyles do pokoju {room}.")

    def joined(self, room, nick):
        self.expect(f"{self.shown(nick)} dolaczyl do pokoju {room}.")

    def say_in(self, room, text):
        self.send(f"/say {room} {text}")
        self.said_in(room, self.nick, text)

    def said_in(self, room, nick, text):
        self.expect(f"[#{room}] {self.shown(nick)}: {text}")

    def shown(self, nick):
        """Users of slash have a group in front of their nick."""
        return f"{self.group} {nick}" if nick in self.grouped else nick

    def came(self, nick):
        self.expect(f"{self.shown(nick)} dolaczyl do pokoju rozmow!")

    def left(self, nick):
        self.expect(f"{self.shown(nick)} wyszedl z czatu.")

    def said(self, nick, text):
        self.expect(f"{self.shown(nick)}: {text}")

    def told(self, nick, text):
        self.expect(f"[prywatna] {self.shown(nick)}: {text}")
