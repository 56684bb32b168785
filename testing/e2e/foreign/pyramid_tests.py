"""Runs Pyramid's own tests of sessions, flash and CSRF with the sessions of our bridge instead of Pyramid's.

    pyramid_tests.py SOURCE          SOURCE is the unpacked source package of Pyramid

The variable `CLOAKROOM_PROBE` is the path of `cloakroom-probe`. The output is a line of JSON for each test: its name,
its outcome (`passed`, `failed`, or `without`: it passed without using any session), and the reason of a failure.
"""

import json
import sys
import time
import types
import unittest

# The tests compare ages of a second or two. With a fixed clock they pass on a slow machine too.
NOW = 1_700_000_000.25
time.time = lambda: NOW

import pyramid.csrf  # noqa: E402
import pyramid.session  # noqa: E402
import pyramid.testing  # noqa: E402
import pyramid.viewderivers  # noqa: E402
from pyramid.exceptions import BadCSRFToken  # noqa: E402
from webob.cookies import SignedSerializer  # noqa: E402

import probe_sessions  # noqa: E402

# All tests in a module, or those with one of these words in their name.
MODULES = {
    "tests.test_session": [""],
    "tests.test_csrf": [""],
    "tests.test_testing": [".TestDummySession."],
    "tests.test_viewderivers": ["csrf"],
    "tests.test_config.test_views": ["csrf"],
}


class NoCallbacks:
    """A request for sessions that tests create without one."""

    def __init__(self, cookies):
        self.cookies = cookies

    def add_response_callback(self, callback):
        pass


def session_of(state):
    """Returns a session that begins with Pyramid's cookie for this dictionary."""
    cookies = {}
    if state:
        serializer = SignedSerializer("secret", "pyramid.session.", "sha512")
        cookies["session"] = serializer.dumps((int(NOW), NOW, state))
    return probe_sessions.SignedCookieSessionFactory("secret")(NoCallbacks(cookies))


def session_with_token(token="02821185e4c94269bdc38e6eeae0a2f8"):
    return session_of({"_csrft_": token})


class SessionPolicy:
    """Pyramid's CSRF policies for tokens in the session, on the operations of our sessions."""

    def new_csrf_token(self, request):
        return request.session.new_csrf_token()

    def get_csrf_token(self, request):
        return request.session.get_csrf_token()

    def check_csrf_token(self, request, supplied_token):
        return request.session.check_csrf_token(supplied_token)


def check_csrf_token(request, token="csrf_token", header="X-CSRF-Token", raises=True):
    """Pyramid's check of a form, by our CSRF layer."""
    accepted = request.session._accepts(request.POST, request.headers, token, header)
    if raises and not accepted:
        raise BadCSRFToken("refused by the probe")
    return accepted


def replace_sessions():
    """Replaces Pyramid's factories, its policies, its check of forms, and the test doubles for sessions."""
    session = types.ModuleType("pyramid.session")
    session.JSONSerializer = pyramid.session.JSONSerializer
    session.SignedCookieSessionFactory = probe_sessions.SignedCookieSessionFactory
    session.BaseCookieSessionFactory = probe_sessions.BaseCookieSessionFactory
    sys.modules["pyramid.session"] = pyramid.session = session

    for policy in (pyramid.csrf.LegacySessionCSRFStoragePolicy, pyramid.csrf.SessionCSRFStoragePolicy):
        for name in ("new_csrf_token", "get_csrf_token", "check_csrf_token"):
            setattr(policy, name, getattr(SessionPolicy, name))

    pyramid.csrf.check_csrf_token = pyramid.viewderivers.check_csrf_token = check_csrf_token

    pyramid.testing.DummySession = lambda: session_of({})


def replace_doubles(modules):
    """Replaces the sessions that test modules define for themselves."""
    for name in ("tests.test_viewderivers", "tests.test_config.test_views"):
        modules[name].DummySession = lambda state: session_with_token(state["csrf_token"])
    csrf = modules["tests.test_csrf"]
    csrf.TestLegacySessionCSRFStoragePolicy.MockSession = staticmethod(session_with_token)
    csrf.DummyRequest.session = property(
        lambda request: request.__dict__.get("session"),
        lambda request, session: request.__dict__.update(
            session=session_of(session) if type(session) is dict else session
        ),
    )


class Lines(unittest.TestResult):
    """Prints a line for each test."""

    def startTest(self, test):
        super().startTest(test)
        self.before = probe_sessions.Probe.answers
        self.why = None

    def addError(self, test, error):
        super().addError(test, error)
        self.why = f"{error[0].__name__}: {error[1]}".strip().splitlines()[0]

    addFailure = addError

    def stopTest(self, test):
        super().stopTest(test)
        used = probe_sessions.Probe.answers > self.before
        outcome = "failed" if self.why else "passed" if used else "without"
        print(json.dumps({"test": test.id(), "outcome": outcome, "why": self.why}), flush=True)


def cases(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def main():
    sys.path.insert(0, sys.argv[1])
    replace_sessions()
    loader = unittest.TestLoader()
    tests = [test for module in MODULES for test in cases(loader.loadTestsFromName(module))]
    replace_doubles({module: sys.modules[module] for module in MODULES})
    chosen = [test for test in tests if any(word in test.id() for word in MODULES[type(test).__module__])]
    unittest.TestSuite(chosen).run(Lines())


if __name__ == "__main__":
    main()
