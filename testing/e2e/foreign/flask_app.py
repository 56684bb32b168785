"""A Flask application that executes session operations. CSRF checks are those of Flask-WTF."""

from datetime import timedelta

import flask
from flask_wtf.csrf import CSRFProtect, generate_csrf, validate_csrf
from wtforms.validators import ValidationError

import peer


class Operations(peer.Operations):
    def do_flash(self, message, queue=None, allow_duplicate=None):
        # Instead of queues Flask has categories, which are shown together or filtered; the default is "message".
        category = queue or "message"
        waiting = self.session.get("_flashes", [])
        if allow_duplicate is not False or (category, message) not in [tuple(it) for it in waiting]:
            flask.flash(message, category)

    def do_pop_flash(self, queue=None):
        # `get_flashed_messages` would remove all categories from the session.
        category, popped, kept = queue or "message", [], []
        for own, message in self.session.pop("_flashes", []):
            (popped if own == category else kept).append((own, message))
        if kept:
            self.session["_flashes"] = kept
        return [message for _, message in popped]

    def do_peek_flash(self, queue=None):
        return [message for category, message in self.session.get("_flashes", []) if category == (queue or "message")]

    def do_shown(self):
        """Returns the messages that a page would show with `get_flashed_messages`."""
        return flask.get_flashed_messages(with_categories=True)

    def do_csrf_token(self):
        return generate_csrf()

    def do_check_csrf(self, token):
        try:
            validate_csrf(token)
        except ValidationError:
            return False
        return True

    def do_is_new(self):
        return self.session.new

    def do_changed(self):
        self.session.modified = True

    def do_invalidate(self):
        self.session.clear()

    def do_remember(self, _seconds):
        self.session.permanent = True

    def do_set_permanent(self, permanent):
        self.session.permanent = permanent


def in_redis(app, options):
    """Keeps the sessions of Flask-Session in Redis."""
    import flask_session
    import redis

    app.config.update(
        SESSION_TYPE="redis",
        SESSION_REDIS=redis.Redis.from_url(options.sessions),
        SESSION_SERIALIZATION_FORMAT=options.format,
        SESSION_USE_SIGNER=options.signer,
        SESSION_PERMANENT=not options.at_browser_close,
    )
    flask_session.Session(app)


def main():
    options = peer.options(
        __doc__,
        secret="secret",
        fallback="",
        cookie_name="session",
        lifetime="2678400",
        no_refresh=False,
        sessions="cookie",
        format="msgpack",
        signer=False,
        at_browser_close=False,
    )
    flask.sessions.datetime = peer.Date
    app = flask.Flask(__name__)
    app.config.update(
        SECRET_KEY=options.secret,
        SECRET_KEY_FALLBACKS=[options.fallback] if options.fallback else None,
        SESSION_COOKIE_NAME=options.cookie_name,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=int(options.lifetime)),
        SESSION_REFRESH_EACH_REQUEST=not options.no_refresh,
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    if options.sessions != "cookie":
        in_redis(app, options)
    csrf = CSRFProtect(app)

    @app.route("/ops", methods=["POST"])
    def ops():
        results = Operations(flask.session).run(flask.request.get_json(force=True))
        return peer.dumped(results), peer.status(flask.request.headers.get("X-Probe-Status"))

    @app.route("/form", methods=["POST"])
    def form():
        csrf.protect()
        return "ok"

    @app.route("/untouched")
    def untouched():
        return "untouched"

    peer.serve(app.wsgi_app, options.port)


if __name__ == "__main__":
    main()
