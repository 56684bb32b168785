"""A Pyramid application that executes session operations."""

import json
from datetime import timedelta, timezone

from pyramid.config import Configurator
from pyramid.csrf import check_csrf_token, get_csrf_token, new_csrf_token
from pyramid.response import Response
from pyramid.session import JSONSerializer, SignedCookieSessionFactory

import peer
import transition


class Operations(peer.Operations):
    def __init__(self, request):
        super().__init__(request.session)
        self.request = request

    def do_pop_item(self):
        # `popitem` of an empty dictionary is a KeyError.
        return list(self.session.popitem()) if self.session.keys() else None

    def do_flash(self, message, queue=None, allow_duplicate=None):
        self.session.flash(message, queue or "", allow_duplicate is not False)

    def do_pop_flash(self, queue=None):
        return self.session.pop_flash(queue or "")

    def do_peek_flash(self, queue=None):
        return self.session.peek_flash(queue or "")

    def do_csrf_token(self):
        return get_csrf_token(self.request)

    def do_new_csrf_token(self):
        return new_csrf_token(self.request)

    def do_check_csrf(self, token):
        # Like `check_csrf_token`, but without creating a token.
        return "_csrft_" in self.session and self.session["_csrft_"] == token

    def do_created(self):
        return int(self.session.created)

    def do_is_new(self):
        return self.session.new

    def do_changed(self):
        self.session.changed()

    def do_invalidate(self):
        self.session.invalidate()


def ops(request):
    results = Operations(request).run(json.loads(request.body))
    return Response(json.dumps(results), status=peer.status(request.headers.get("X-Probe-Status")))


def cookie_expires(text):
    """Returns Beaker's `cookie_expires`: seconds, `@` and a Unix time, or a boolean."""
    if text.startswith("@"):
        return peer.Date.fromtimestamp(int(text[1:]), timezone.utc)
    return {"true": True, "false": False}[text] if text.isalpha() else timedelta(seconds=int(text))


def factory(options):
    common = {
        "cookie_name": options.cookie_name,
        "timeout": peer.seconds(options.timeout),
        "reissue_time": peer.seconds(options.reissue_time),
    }
    if options.sessions == "signed":
        serializer = transition.serializer(options.serializer, JSONSerializer())
        return SignedCookieSessionFactory(
            options.secret,
            salt=options.salt,
            hashalg=options.hashalg,
            max_age=peer.seconds(options.max_age),
            httponly=True,
            serializer=serializer,
            **common,
        )
    if options.sessions == "nacl":
        from pyramid_nacl_session import EncryptedCookieSessionFactory

        secret = bytes.fromhex(options.secret)
        return EncryptedCookieSessionFactory(secret, serializer=JSONSerializer(), httponly=True, **common)
    if options.sessions == "beaker":
        import beaker.session
        import beaker.util
        from pyramid_beaker import BeakerSessionFactoryConfig

        beaker.session.datetime = peer.Date

        encryption = {"encrypt_key": options.encrypt_key, "crypto_type": "cryptography"} if options.encrypt_key else {}
        return BeakerSessionFactoryConfig(
            type="cookie",
            key=options.cookie_name,
            validate_key=options.secret,
            data_serializer=transition.serializer(options.serializer, beaker.util.JsonSerializer()),
            # Like Beaker's own middleware: an invalid cookie is not an error.
            invalidate_corrupt=True,
            httponly=True,
            timeout=common["timeout"],
            cookie_expires=cookie_expires(options.cookie_expires),
            **encryption,
        )
    raise SystemExit(f"--sessions {options.sessions}: there are signed, nacl and beaker")


def main():
    options = peer.options(
        __doc__,
        sessions="signed",
        secret="secret",
        salt="pyramid.session.",
        hashalg="sha512",
        cookie_name="session",
        timeout="1200",
        reissue_time="0",
        max_age="none",
        encrypt_key="",
        serializer="json",
        cookie_expires="true",
    )
    with Configurator(session_factory=factory(options)) as config:
        config.add_route("ops", "/ops")
        config.add_view(ops, route_name="ops", require_csrf=False)
        config.add_route("form", "/form")
        config.add_view(lambda _: Response("ok"), route_name="form", require_csrf=True)
        config.add_route("untouched", "/untouched")
        config.add_view(lambda _: Response("untouched"), route_name="untouched")
    peer.serve(config.make_wsgi_app(), options.port)


if __name__ == "__main__":
    main()
