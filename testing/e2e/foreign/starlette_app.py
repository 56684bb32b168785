"""A Starlette application that executes session operations. Flash messages and the CSRF check are handlers' code, because
Starlette has neither."""

import asyncio
import json
import secrets

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import peer

DEFAULT_QUEUE = "message"


class Operations(peer.Operations):
    def do_flash(self, message, queue=None, allow_duplicate=None):
        waiting = self.session.get("_flash", {})
        messages = waiting.get(queue or DEFAULT_QUEUE, [])
        if allow_duplicate is not False or message not in messages:
            self.session["_flash"] = {**waiting, queue or DEFAULT_QUEUE: [*messages, message]}

    def do_pop_flash(self, queue=None):
        waiting = self.session.pop("_flash", {})
        messages = waiting.pop(queue or DEFAULT_QUEUE, [])
        if waiting:
            self.session["_flash"] = waiting
        return messages

    def do_peek_flash(self, queue=None):
        return self.session.get("_flash", {}).get(queue or DEFAULT_QUEUE, [])

    def do_csrf_token(self):
        return self.session.setdefault("csrf_token", secrets.token_urlsafe(32))

    def do_changed(self):
        self.session.update()

    def do_invalidate(self):
        self.session.clear()


async def ops(request: Request):
    results = Operations(request.session).run(json.loads(await request.body()))
    return Response(peer.dumped(results), status_code=peer.status(request.headers.get("X-Probe-Status")))


async def form(request: Request):
    token = request.session.get("csrf_token")
    accepted = token is not None and request.headers.get("X-CSRF-Token") == token
    return PlainTextResponse("ok" if accepted else "no token", status_code=200 if accepted else 403)


async def untouched(_: Request):
    return PlainTextResponse("untouched")


def wsgi(application):
    """Returns a WSGI application that runs an ASGI one, one request at a time."""
    loop = asyncio.new_event_loop()

    def run(environ, start_response):
        headers = [
            (name[5:].replace("_", "-").lower().encode(), value.encode("latin-1"))
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": environ["REQUEST_METHOD"],
            "scheme": "http",
            "path": environ["PATH_INFO"],
            "raw_path": environ["PATH_INFO"].encode(),
            "query_string": environ["QUERY_STRING"].encode(),
            "root_path": "",
            "headers": headers,
        }
        messages, body = [], environ["wsgi.input"].read()

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            messages.append(message)

        loop.run_until_complete(application(scope, receive, send))
        start = messages[0]
        lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        start_response(f"{start['status']} Answer", lines)
        return [message.get("body", b"") for message in messages[1:]]

    return run


def main():
    options = peer.options(__doc__, secret="secret", cookie_name="session", max_age="1209600")
    sessions = Middleware(
        SessionMiddleware,
        secret_key=options.secret,
        session_cookie=options.cookie_name,
        max_age=peer.seconds(options.max_age),
    )
    routes = [
        Route("/ops", ops, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/untouched", untouched),
    ]
    peer.serve(wsgi(Starlette(routes=routes, middleware=[sessions])), options.port)


if __name__ == "__main__":
    main()
