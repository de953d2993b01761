"""`/admin`: what moderators see of a server in a browser, and what they can do there."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chatd.events import CommandError
from chatd.moderation import Moderator
from chatd.server import Server
from chatd.web import visitors
from chatd.web.logins import Login, Logins
from chatd.web.overview import Overview

COOKIE = "__Secure-chatd-admin"
"""Browsers keep it for TLS, and for the machine itself."""

PATH = "/admin"


class Refusal(Exception):
    """Another page than the one that was asked for."""

    def __init__(self, status: HTTPStatus, template: str, error: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.template = template
        self.error = error


class Admin:
    """The pages for moderators."""

    def __init__(self, server: Server, overview: Overview) -> None:
        self._server = server
        self._overview = overview
        self._logins = Logins(server.moderation, server.limits, server.clock)

    def blueprint(self) -> Blueprint:
        """Give the pages to an application."""
        pages = Blueprint("admin", __name__, url_prefix=PATH)
        pages.add_url_rule("", "view", self.view)
        for form in (self.login, self.logout, self.kick):
            pages.add_url_rule(f"/{form.__name__}", view_func=form, methods=["POST"])
        pages.before_request(self._check)
        pages.register_error_handler(Refusal, self._refuse)
        pages.after_request(_protect)
        return pages

    # -- pages -------------------------------------------------------------------------------

    def view(self) -> Response:
        """Show the server, or the form by which one logs in."""
        login = self._find()
        if login is None:
            return _page("login.html")
        told, login.told = login.told, ""
        words = request.args.get("find", "")
        view = self._overview.look(words)
        return _page("admin.html", login=login, told=told, words=words, view=view)

    def login(self) -> AnyResponse:
        """Log a moderator in."""
        name, secret = request.form.get("name", ""), request.form.get("secret", "")
        try:
            token = self._logins.open(visitors.address(), name, secret)
        except CommandError as error:
            many = error.code == "too-many-tries"
            status = HTTPStatus.TOO_MANY_REQUESTS if many else HTTPStatus.FORBIDDEN
            raise Refusal(status, "login.html", error.text) from None
        response = _back()
        _set_cookie(response, token)
        return response

    def logout(self) -> AnyResponse:
        """End the login."""
        self._sender()
        self._logins.close(request.cookies[COOKIE])
        response = _back()
        _set_cookie(response, "", 0)
        return response

    def kick(self) -> AnyResponse:
        """Send a user away; the next page says what came of it."""
        login = self._sender()
        reason = " ".join(request.form.get("reason", "").split())
        moderator = Moderator(self._server.moderation, login.name)
        try:
            login.told = moderator.kick(request.form.get("nick", ""), reason)
        except CommandError as error:
            login.told = error.text
        return _back()

    # -- who asks ----------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise Refusal for what nobody may ask for."""
        if not self._server.moderation.admins.names:
            raise Refusal(HTTPStatus.NOT_FOUND, "off.html")
        if not visitors.are_unseen():
            raise Refusal(HTTPStatus.FORBIDDEN, "unsafe.html")
        if request.method == "POST" and not visitors.use_own_form():
            raise Refusal(HTTPStatus.FORBIDDEN, "login.html", "that form was not of this page")

    def _refuse(self, refusal: Refusal) -> Response:
        response = _page(refusal.template, error=refusal.error)
        response.status_code = refusal.status
        return response

    def _find(self) -> Login | None:
        return self._logins.find(request.cookies.get(COOKIE, ""))

    def _sender(self) -> Login:
        """Give the login from whose page a form was sent. Raises Refusal."""
        login = self._find()
        if login is None:
            raise Refusal(HTTPStatus.FORBIDDEN, "login.html", "that login has ended")
        if not login.fits(request.form.get("form_token", "")):
            raise Refusal(HTTPStatus.FORBIDDEN, "login.html", "that form was not of this login")
        return login


def _page(template: str, **values: Any) -> Response:
    return make_response(render_template(template, **values))


def _back() -> AnyResponse:
    """Have the browser show the page, as it was searched."""
    return redirect(url_for("admin.view", find=request.args.get("find")), HTTPStatus.SEE_OTHER)


def _set_cookie(response: AnyResponse, token: str, seconds: int | None = None) -> None:
    """Give the browser a token, for these pages only, and for no script or other site."""
    response.set_cookie(
        COOKIE, token, seconds, path=PATH, secure=True, httponly=True, samesite="Strict"
    )


def _protect(response: Response) -> Response:
    response.cache_control.no_store = True
    # Else browsers would not say from which page of ours a form comes.
    response.headers["Referrer-Policy"] = "same-origin"
    return response
