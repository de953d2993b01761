"""What chatcheck says of the small crlf servers."""

from chatcli.check.connections import Patience
from chatcli.check.player import Player
from chatcli.check.report import Report
from chatcli.check.scenario import read_all
from wrong import crlf

GREETING = "Hej hej"
SCENARIOS = [one for one in read_all("crlf") if one.requirement.startswith("S0")]
HURRY = Patience(answer=0.5, quiet=0.1, pause=0.03)
GREETERS = (crlf.NoGreeting, crlf.GreetsAgain)


def failing(wrong):
    """The requirements that a server of a class fails, and what there is to read about it."""
    chat = wrong()
    settings = {"greeting": GREETING} if wrong in GREETERS else {}
    chat.greeting = settings.get("greeting", "")
    with crlf.running(chat) as port:
        player = Player("127.0.0.1", port, patience=HURRY, settings=settings)
        report = Report("crlf", "server", player.play_all(SCENARIOS))
    failed = {verdict.requirement for verdict in report.verdicts if verdict.status == "failed"}
    return failed, "\n".join(line for line, _ in report.text(verbose=True))
