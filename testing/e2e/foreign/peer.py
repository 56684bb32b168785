"""Shared code of the Python applications: the operations, the clock, and a server that keeps connections open.

A peer executes operations on its framework's session, as `cloakroom-probe` does on ours. This file is independent of the framework.
"""

import argparse
import copy
import http
import io
import json
import socket
import sys
import threading
import time
from datetime import datetime, timezone


class Clock:
    """The time of the current request. It replaces `time.time`, which the frameworks call."""

    system = time.time
    now = None

    @classmethod
    def time(cls):
        return cls.system() if cls.now is None else cls.now


time.time = Clock.time


class Date(datetime):
    """Replaces `datetime` in modules that read the clock with it."""

    @classmethod
    def now(cls, zone=None):
        return cls.fromtimestamp(Clock.time(), zone)

    @classmethod
    def utcnow(cls):
        return cls.now(timezone.utc).replace(tzinfo=None)


class Operations:
    """The operations on a session that is a dictionary. Subclasses add those that differ between frameworks."""

    def __init__(self, session):
        self.session = session

    def run(self, operations):
        return {"results": [self.one(operation) for operation in operations]}

    def one(self, operation):
        name, *arguments = operation
        method = getattr(self, "do_" + name, None)
        if method is None:
            return {"err": {"kind": "bad-operation", "message": f"there is no operation {name!r}"}}
        try:
            # Copy: frameworks return lists that later operations modify.
            return {"ok": copy.deepcopy(method(*arguments))}
        except Exception as error:
            return {"err": {"kind": type(error).__name__, "message": str(error)}}

    def do_get(self, key):
        return self.session.get(key)

    def do_contains(self, key):
        return key in self.session

    def do_keys(self):
        return list(self.session.keys())

    def do_len(self):
        return len(self.session.keys())

    def do_entries(self):
        return dict(self.session.items())

    def do_insert(self, key, value):
        self.session[key] = value

    def do_remove(self, key):
        there = key in self.session
        if there:
            del self.session[key]
        return there

    def do_take(self, key):
        return self.session.pop(key, None)

    def do_set_default(self, key, value):
        return self.session.setdefault(key, value)

    def do_extend(self, entries):
        self.session.update(entries)

    def do_pop_item(self):
        keys = list(self.session.keys())
        return [keys[-1], self.session.pop(keys[-1])] if keys else None

    def do_clear(self):
        self.session.clear()

    def do_add(self, key, number):
        value = self.session.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{key} isn't a number")
        self.session[key] = total = value + number
        return total

    def do_push(self, key, value):
        values = self.session.get(key, [])
        if not isinstance(values, list):
            raise TypeError(f"{key} isn't a list")
        self.session[key] = [*values, value]
        return len(values) + 1


def options(description, **defaults):
    """Parses the command line: a port, and the options of the framework."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    for name, default in defaults.items():
        how = {"action": "store_true"} if default is False else {"default": default}
        parser.add_argument("--" + name.replace("_", "-"), **how)
    return parser.parse_args()


def seconds(text):
    """Parses a number of seconds, or `none` for never."""
    return None if text == "none" else int(text)


def serve(application, port):
    """Serves a WSGI application, one request at a time, because all requests share the clock."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    print("listening on http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    turn = threading.Lock()
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=converse, args=(application, connection, turn), daemon=True).start()


def converse(application, connection, turn):
    with connection, connection.makefile("rb") as requests:
        while environ := read(requests):
            with turn:
                now = environ.get("HTTP_X_PROBE_NOW")
                Clock.now = None if now is None else float(now)
                response = answer(application, environ)
                Clock.now = None
            connection.sendall(response)
            if environ.get("HTTP_CONNECTION", "").lower() == "close":
                return


def read(requests):
    line = requests.readline().decode("latin-1")
    if not line:
        return None
    method, target, protocol = line.split()
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": protocol,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    while (line := requests.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        name = name.strip().upper().replace("-", "_")
        environ[name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + name] = value.strip()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(requests.read(length))
    return environ


def answer(application, environ):
    head = []
    try:
        body = application(environ, lambda status, headers, _=None: head.append((status, headers)))
        try:
            text = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        status, headers = head[-1]
    except Exception as error:
        # A server must handle exceptions: Pyramid raises one for a session that is too large.
        status, headers, text = "500 Internal Server Error", [], str(error).encode()
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    lines = [f"HTTP/1.1 {status}"] + [f"{name}: {value}" for name, value in headers] + [f"Content-Length: {len(text)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + text


def status(header):
    """Returns the status in `X-Probe-Status`."""
    return int(header or http.HTTPStatus.OK)


def dumped(results):
    return json.dumps(results)
