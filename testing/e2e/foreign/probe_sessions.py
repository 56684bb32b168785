"""Pyramid's session factories on top of `cloakroom-probe`: calls are forwarded to sessions of our `pyramid` bridge.

`SignedCookieSessionFactory` and `BaseCookieSessionFactory` take Pyramid's parameters. A factory starts a probe with the
same options; factories with the same options share one. A session is a request to the probe that stays open and is told
one operation after the other, and the probe's `Set-Cookie` is handed to Pyramid's response.

This file contains no rule of sessions: no clock, no deadline, no "changed" flag. It translates names and spellings.
"""

import atexit
import hashlib
import hmac
import http.client
import itertools
import json
import os
import subprocess
import tempfile
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from pyramid.interfaces import ISession
from zope.interface import implementer

# Pyramid keeps these in the session's dictionary. Our sessions have operations for them.
FLASH = "_f_"
CSRF = "_csrft_"

# The secret between this file and the probe for sessions with a serializer; no cookie leaves with it.
INNER_SECRET, INNER_SALT, INNER_DIGEST = "inner", "pyramid.session.", "sha512"

# Nothing was passed: `None` is a value.
ABSENT = object()


class Probe:
    """A running probe. A wrong option is a `ValueError`, as in Pyramid's factories."""

    running = {}
    # The number of operations and of refused configurations. A test without any says nothing about the bridge.
    answers = 0

    @classmethod
    def configured(cls, options):
        if options not in cls.running:
            cls.running[options] = cls(options)
        return cls.running[options]

    def __init__(self, options):
        command = [os.environ["CLOAKROOM_PROBE"], "--port", "0", *options]
        # A pipe that is not read would stop the probe once it is full.
        log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        atexit.register(self.stop)
        line = self.process.stdout.readline()
        if not line:
            Probe.answers += 1
            log.seek(0)
            raise ValueError(log.read())
        self.port = int(line.rsplit(":", 1)[1])
        self.connection = self.connect()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def connect(self):
        # The timeout turns a probe that doesn't answer into an error. No test is meant to reach it.
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def run(self, operation):
        """Runs one operation, outside any session, and returns its result."""
        Probe.answers += 1
        self.connection.request("POST", "/ops", json.dumps([operation]))
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return value(json.loads(body)["results"][0])

    def accepts(self, form, headers):
        """Posts a form to a page behind the CSRF layer, and returns whether it was accepted."""
        Probe.answers += 1
        self.connection.request("POST", "/form", form, headers)
        response = self.connection.getresponse()
        body = response.read()
        assert response.status in (200, 403), body
        return response.status == 200


def value(result):
    """Returns the value of a result. An error of our session is an error of Pyramid's kind for a refused value."""
    if "err" in result:
        raise ValueError(result["err"]["message"])
    return result["ok"]


class Conversation:
    """A request to the probe that stays open."""

    numbers = itertools.count()

    def __init__(self, probe, cookie):
        self.probe = probe
        self.name = f"session {next(self.numbers)}"
        self.connection = probe.connect()
        headers = {"X-Probe-Now": repr(time.time())}
        if cookie is not None:
            headers["Cookie"] = cookie
        self.connection.request("POST", "/converse", self.name, headers)

    def tell(self, operation):
        return value(self.probe.run(["tell", self.name, operation]))

    def finish(self, status):
        """Lets the probe respond, and returns its `Set-Cookie` or `None`."""
        self.probe.run(["finish", self.name, status])
        response = self.connection.getresponse()
        body = response.read().decode()
        if response.status != status or body != "finished":
            raise ValueError(body)
        cookies = response.headers.get_all("Set-Cookie", [])
        assert len(cookies) <= 1, cookies
        self.connection.close()
        return cookies[0] if cookies else None


def signed(text, secret=INNER_SECRET, salt=INNER_SALT, digest=INNER_DIGEST):
    """Returns a cookie's value of `SignedCookieSessionFactory` for this text."""
    tag = hmac.new((salt + secret).encode("latin-1"), text.encode(), lambda: hashlib.new(digest)).digest()
    return urlsafe_b64encode(tag + text.encode()).rstrip(b"=").decode()


def unsigned(cookie):
    """Returns the text in a cookie's value that the probe has signed."""
    sealed = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    return sealed[hashlib.new(INNER_DIGEST).digest_size :].decode()


class Serialized:
    """Puts a custom serializer between Pyramid's cookie and the probe's, which is always signed JSON."""

    def __init__(self, serializer):
        self.serializer = serializer

    def to_probe(self, cookie):
        try:
            return signed(json.dumps(self.serializer.loads(cookie.encode("latin-1"))))
        except ValueError:
            # Refused by the serializer, so the probe gets it as it is, and refuses it.
            return cookie

    def from_probe(self, cookie):
        return self.serializer.dumps(json.loads(unsigned(cookie))).decode("latin-1")


class Plain:
    """Passes cookies on as they are."""

    def to_probe(self, cookie):
        return cookie

    from_probe = to_probe


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def seconds(value):
    return "none" if value is None else text(value)


def SignedCookieSessionFactory(
    secret,
    cookie_name="session",
    max_age=None,
    path="/",
    domain=None,
    secure=False,
    httponly=False,
    samesite="Lax",
    set_on_exception=True,
    timeout=1200,
    reissue_time=0,
    hashalg="sha512",
    salt="pyramid.session.",
    serializer=None,
):
    if serializer is not None:
        raise NotImplementedError("our bridge reads and writes JSON only")
    options = ["--secret", text(secret), "--salt", text(salt), "--backend", f"pyramid:{hashalg}"]
    options += attributes(cookie_name, max_age, path, domain, secure, httponly, samesite, timeout, reissue_time)
    return factory(options, cookie_name, set_on_exception, Plain())


def BaseCookieSessionFactory(
    serializer,
    cookie_name="session",
    max_age=None,
    path="/",
    domain=None,
    secure=False,
    httponly=False,
    samesite="Lax",
    timeout=1200,
    reissue_time=0,
    set_on_exception=True,
):
    options = ["--secret", INNER_SECRET, "--salt", INNER_SALT, "--backend", f"pyramid:{INNER_DIGEST}"]
    options += attributes(cookie_name, max_age, path, domain, secure, httponly, samesite, timeout, reissue_time)
    return factory(options, cookie_name, set_on_exception, Serialized(serializer))


def attributes(cookie_name, max_age, path, domain, secure, httponly, samesite, timeout, reissue_time):
    if samesite is None:
        raise NotImplementedError("our cookies always have SameSite")
    options = ["--cookie-name", cookie_name, "--cookie-path", path, "--same-site", text(samesite).lower()]
    options += ["--idle", seconds(timeout), "--absolute", "none", "--touch-after", seconds(reissue_time)]
    if max_age is not None:
        options += ["--max-age", text(max_age)]
    if domain is not None:
        options += ["--cookie-domain", domain]
    if secure:
        options.append("--secure")
    if not httponly:
        options.append("--readable")
    return options


def factory(options, cookie_name, set_on_exception, spelling):
    class ConfiguredSession(Session):
        _options = options
        _cookie_name = cookie_name
        _cookie_on_exception = set_on_exception
        _spelling = spelling

    # Configuration errors appear now, not at the first request.
    ConfiguredSession._probe(set_on_exception)
    return ConfiguredSession


@implementer(ISession)
class Session:
    """A session of our bridge with Pyramid's interface."""

    def __init__(self, request):
        self._request = request
        self._conversation = None
        self._set_cookies = None
        # The probe decides at the response whether there is a cookie.
        request.add_response_callback(self._on_response)

    @classmethod
    def _probe(cls, set_on_exception, *more):
        # Pyramid doesn't write a cookie after an exception, we don't with a server error.
        policy = "always" if set_on_exception else "not-on-server-error"
        return Probe.configured((*cls._options, "--commit", policy, *more))

    def _received(self):
        """Returns the request's cookie, spelled for the probe, or `None`."""
        cookie = self._request.cookies.get(self._cookie_name)
        return None if cookie is None else f"{self._cookie_name}={self._spelling.to_probe(text(cookie))}"

    def _run(self, *operation):
        assert self._set_cookies is None, "the request has ended"
        if self._conversation is None:
            self._conversation = Conversation(self._probe(self._cookie_on_exception), self._received())
        return self._conversation.tell(operation)

    def _finished(self):
        """Ends the request, and returns the cookie that the probe has set, or `None`."""
        if self._conversation is None:
            return None
        if self._set_cookies is None:
            failed = getattr(self._request, "exception", None) is not None
            self._set_cookies = [self._conversation.finish(500 if failed else 200)]
        return self._set_cookies[0]

    @property
    def _dirty(self):
        return self._finished() is not None

    def _accepts(self, form, headers, field, header):
        """Ends the request, and returns whether the CSRF layer accepts a form that is posted in the next one."""
        set_cookie = self._finished()
        cookie = self._received() if set_cookie is None else set_cookie.split(";")[0]
        names = ("--csrf-field", field, "--csrf-header", header)
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        sent |= {"X-Probe-Now": repr(time.time()), **headers}
        if cookie is not None:
            sent["Cookie"] = cookie
        return self._probe(self._cookie_on_exception, *names).accepts(urlencode(form), sent)

    def _on_response(self, request, response):
        self._respond(response)

    def _respond(self, response):
        line = self._finished()
        if line is None:
            return False
        for name, cookie in SimpleCookie(line).items():
            unknown = {part.split("=")[0].strip().lower() for part in line.split(";")[1:]} - {*cookie}
            assert not unknown, f"WebOb has no {unknown}"
            response.set_cookie(
                name,
                self._spelling.from_probe(cookie.value) if cookie.value else "",
                max_age=int(cookie["max-age"]) if cookie["max-age"] else None,
                path=cookie["path"] or None,
                domain=cookie["domain"] or None,
                secure=bool(cookie["secure"]),
                httponly=bool(cookie["httponly"]),
                samesite=cookie["samesite"] or None,
            )
        return True

    def _set_cookie(self, response):
        """Writes the cookie. Pyramid calls this after `changed()` only; its tests call it without."""
        self.changed()
        return self._respond(response)

    @property
    def created(self):
        return self._run("created")

    @property
    def new(self):
        return self._run("is_new")

    def changed(self):
        self._run("changed")

    def invalidate(self):
        self._run("invalidate")

    def __getitem__(self, key):
        found = self.get(key, ABSENT)
        if found is ABSENT:
            raise KeyError(key)
        return found

    def get(self, key, default=None):
        if key == CSRF:
            token = self._run("stored_csrf_token")
            return default if token is None else token
        if key.startswith(FLASH):
            return self.peek_flash(key[len(FLASH) :]) or default
        return self._run("get", key) if self._run("contains", key) else default

    def __contains__(self, key):
        return self.get(key, ABSENT) is not ABSENT

    def __setitem__(self, key, value):
        if key.startswith(FLASH):
            self.pop_flash(key[len(FLASH) :])
            for message in value:
                self.flash(message, key[len(FLASH) :])
        else:
            self._run("insert", key, value)

    def __delitem__(self, key):
        self.pop(key)

    def pop(self, key, default=ABSENT):
        found = self.get(key, default)
        if found is ABSENT:
            raise KeyError(key)
        if key.startswith(FLASH):
            self.pop_flash(key[len(FLASH) :])
        else:
            self._run("remove", key)
        return found

    def popitem(self):
        entry = self._run("pop_item")
        if entry is None:
            raise KeyError("popitem(): dictionary is empty")
        return tuple(entry)

    def setdefault(self, key, default=None):
        return self._run("set_default", key, default)

    def update(self, d):
        self._run("extend", dict(d))

    def clear(self):
        self._run("clear")

    def keys(self):
        return self._run("keys")

    def items(self):
        return [(key, self[key]) for key in self.keys()]

    def values(self):
        return [self[key] for key in self.keys()]

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return self._run("len")

    def __eq__(self, other):
        return dict(self) == other

    __hash__ = None

    def flash(self, msg, queue="", allow_duplicate=True):
        self._run("flash", msg, queue, allow_duplicate)

    def pop_flash(self, queue=""):
        return self._run("pop_flash", queue)

    def peek_flash(self, queue=""):
        return self._run("peek_flash", queue)

    def new_csrf_token(self):
        return self._run("new_csrf_token")

    def get_csrf_token(self):
        return self._run("csrf_token")

    def check_csrf_token(self, token):
        return self._run("check_csrf", token)
