"""The dialects that chatd knows by itself; plugins bring others."""

from collections.abc import Mapping

from chatd.dialects import ClientDialect, Dialect
from chatd.dialects.auto import Auto
from chatd.dialects.crlf import Crlf, CrlfClient
from chatd.dialects.jsonl import Json, JsonClient
from chatd.dialects.rooms import RoomsClient, RoomsDialect
from chatd.dialects.slash import Slash, SlashClient
from chatd.dialects.web import Web
from chatd.dialects.words import Words, WordsClient

DIALECTS: Mapping[str, type[Dialect]] = {
    dialect.name: dialect for dialect in (Auto, Crlf, Json, Slash, Words, RoomsDialect)
}
WEB: Mapping[str, type[Dialect]] = {Web.name: Web}
"""The one of browsers, for servers that have pages for them."""

CLIENTS: dict[str, type[ClientDialect]] = {
    client.name: client
    for client in (CrlfClient, JsonClient, SlashClient, WordsClient, RoomsClient)
}
