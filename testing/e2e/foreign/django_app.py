"""A Django application that executes session operations, in signed cookies or in the table `django_session`."""

import json
import os
import time
from datetime import datetime, timedelta, timezone
from importlib import import_module
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.contrib import messages
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from django.utils import timezone as clock
from django.views.decorators.csrf import csrf_exempt

import peer
import transition


class Serializer:
    """Django creates one for each use, without arguments."""

    step = "json"

    def __new__(cls):
        from django.core.signing import JSONSerializer

        return transition.serializer(cls.step, JSONSerializer())


LEVELS = {name: level for level, name in messages.DEFAULT_TAGS.items()}


def is_plain(message):
    return (message.extra_tags or "").split(" ")[-1] == "plain"


def queue_of(message):
    return (message.extra_tags or "").removesuffix("plain").strip()


def body(message):
    return message.message if is_plain(message) else [messages.DEFAULT_TAGS[message.level], message.message]


class Operations(peer.Operations):
    def __init__(self, request):
        super().__init__(request.session)
        self.request = request

    def do_flash(self, message, queue=None, _allow_duplicate=None):
        # A list is a level and a text. Any other message has no level in Django, and gets a tag that says so.
        if isinstance(message, list):
            level, text = message
            messages.add_message(self.request, LEVELS[level], text, extra_tags=queue or "")
        else:
            messages.info(self.request, message, extra_tags=f"{queue or ''} plain".strip())

    def do_peek_flash(self, queue=None):
        storage = messages.get_messages(self.request)
        waiting = [body(message) for message in storage if queue_of(message) == (queue or "")]
        storage.used = False
        return waiting

    def do_pop_flash(self, queue=None):
        # Django pops all messages at once; add those of other queues again.
        waiting = list(messages.get_messages(self.request))
        for message in waiting:
            if queue_of(message) != (queue or ""):
                messages.add_message(self.request, message.level, message.message, extra_tags=message.extra_tags)
        return [body(message) for message in waiting if queue_of(message) == (queue or "")]

    def do_csrf_token(self):
        from django.middleware.csrf import get_token

        return get_token(self.request)

    def do_new_csrf_token(self):
        from django.middleware.csrf import get_token, rotate_token

        rotate_token(self.request)
        return get_token(self.request)

    def do_changed(self):
        self.session.modified = True

    def do_invalidate(self):
        self.session.flush()

    def do_cycle_id(self):
        self.session.cycle_key()

    def do_remember(self, seconds):
        self.session.set_expiry(seconds)

    def do_set_expiry(self, value):
        """Takes seconds, `{"in": seconds}` for a date, or nothing."""
        if isinstance(value, dict):
            value = clock.now() + timedelta(seconds=value["in"])
        if value is not None:
            self.session.set_expiry(value)


@csrf_exempt
def ops(request):
    results = Operations(request).run(json.loads(request.body))
    return HttpResponse(peer.dumped(results), status=peer.status(request.headers.get("X-Probe-Status")))


def form(request):
    return HttpResponse("ok")


def untouched(request):
    return HttpResponse("untouched")


urlpatterns = [path("ops", ops), path("form", form), path("untouched", untouched)]


def database(url):
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.removeprefix("sqlite:")}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
    }


def create_table():
    from django.db import connection

    session = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class()
    if session._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(session)


def main():
    options = peer.options(
        __doc__,
        secret="django-insecure-test-key",
        fallback="",
        cookie_name="sessionid",
        age="1209600",
        sessions="signed_cookies",
        at_browser_close=False,
        serializer="json",
        local_time="",
        engine="",
    )
    Serializer.step = options.serializer
    if options.local_time:
        # As Django does with a module of settings.
        os.environ["TZ"] = options.local_time
        time.tzset()
    in_cookies = options.sessions == "signed_cookies"
    backend = "signed_cookies" if in_cookies else "db"
    settings.configure(
        SECRET_KEY=options.secret,
        SECRET_KEY_FALLBACKS=[options.fallback] if options.fallback else [],
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.sessions", "django.contrib.messages"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        SESSION_ENGINE=options.engine or "django.contrib.sessions.backends." + backend,
        SESSION_SERIALIZER=__name__ + ".Serializer",
        SESSION_COOKIE_NAME=options.cookie_name,
        SESSION_COOKIE_AGE=int(options.age),
        SESSION_EXPIRE_AT_BROWSER_CLOSE=options.at_browser_close,
        MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
        CSRF_USE_SESSIONS=True,
        CSRF_HEADER_NAME="HTTP_X_CSRF_TOKEN",
        DATABASES={} if in_cookies else {"default": database(options.sessions)},
        USE_TZ=not options.local_time,
        TIME_ZONE=options.local_time or "UTC",
        LOGGING_CONFIG=None,
    )
    django.setup()
    # The clock by which rows expire.
    zone = None if options.local_time else timezone.utc
    clock.now = lambda: datetime.fromtimestamp(peer.Clock.time(), zone)
    if not in_cookies:
        create_table()
    peer.serve(get_wsgi_application(), options.port)


if __name__ == "__main__":
    main()
