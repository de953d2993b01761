"""A browser without a screen: requests over a socket, and the pages that come back."""

import http.client
from contextlib import closing

from chat import PATIENCE


class Page:
    """An answer to a request."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()


def fetch(port, path, method="GET", body=None, **headers):
    """Ask a server for a page, on a connection of its own; names of headers with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, named)
        return Page(connection.getresponse())
