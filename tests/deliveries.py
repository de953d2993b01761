"""What a delivery log is given, and how it is emptied."""

from chatd.delivery import Change, Entry
from chatd.events import Joined, Said

ROOM = "general"


def entered(delivery, *clients, room=ROOM):
    """Let clients enter a room, and forget what they heard of it."""
    for client in clients:
        delivery.append(Entry(Joined(room, client.address), room, client, change=Change.ENTER))
    drain(delivery)
    for client in clients:
        client.deliveries.clear()
        client.encoder.asked.clear()


def drain(delivery):
    while delivery.drain():
        pass


def said(actor, text, room=ROOM):
    return Entry(Said(room, actor.address, text), room, actor)
