"""`/admin` for tests: somebody who visits it, and a server that has moderators."""

import re
from contextlib import contextmanager
from urllib.parse import quote

from chat import wait_until
from chatd.admins import make_admins
from chatd.taps import Tap
from chatd.testing import running_server
from webtalk import fetch

SECRET = "open sesame"
ADMINS = make_admins(["root", "eva"], SECRET)


class Visitor:
    """Somebody who looks at the pages of one server; keeps its cookie, as browsers do."""

    def __init__(self, server, **headers):
        self.port = server.port
        self.headers = headers
        self.cookie = ""
        self.page = None

    def get(self, path="/admin"):
        return self._ask(path, "GET")

    def post(self, path, **fields):
        """Send a form, without any token but the given one."""
        form = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
        kind = "application/x-www-form-urlencoded"
        return self._ask(path, "POST", form.encode(), Content_Type=kind)

    def log_in(self, name="root", secret=SECRET):
        """Log in, and follow to the page."""
        assert self.post("/admin/login", name=name, secret=secret).status == 303
        return self.follow()

    def sees(self, text):
        """Look again until a text is there: the log comes behind what clients are told."""
        return wait_until(lambda: text in self.get().text and self.page.text, text)

    def follow(self):
        assert self.page.status == 303, self.page.text
        return self.get(self.page.headers["Location"])

    @property
    def form_token(self):
        return re.search(r'name="form_token" value="([^"]+)"', self.page.text)[1]

    def _ask(self, path, *how, **fields):
        cookie = self.cookie or None
        self.page = fetch(self.port, path, *how, Cookie=cookie, **fields, **self.headers)
        if given := self.page.headers["Set-Cookie"]:
            self.cookie = "" if "Max-Age=0" in given else given.partition(";")[0]
        return self.page


@contextmanager
def admin_server(engine="threads", **settings):
    """Run a server with moderators; give it, and what a tap sees."""
    seen = []
    with running_server(
        engine=engine, web=True, taps=(Tap(seen.append),), **{"admins": ADMINS, **settings}
    ) as server:
        yield server, seen


def those(seen, kind):
    return [event for event in seen if type(event) is kind]
