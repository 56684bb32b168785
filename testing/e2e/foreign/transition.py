"""The serializer of the guide's page on bridges, with which an application moves from pickles to JSON."""

# The guide begins here.
import pickle


class Transition:
    """Reads pickles and JSON. Writes pickles in the first deployment, and JSON in the second."""

    def __init__(self, json, writes_json):
        self.json = json
        self.writes_json = writes_json

    def loads(self, text):
        # A pickle of protocol 2 or newer begins with this byte; JSON doesn't, compressed or not.
        return pickle.loads(text) if text[:1] == b"\x80" else self.json.loads(text)

    def dumps(self, session):
        return self.json.dumps(session) if self.writes_json else pickle.dumps(session, 2)
# The guide ends here.


class Pickles:
    """The serializer of an application before it moves."""

    loads = staticmethod(pickle.loads)

    @staticmethod
    def dumps(session):
        return pickle.dumps(session, 2)


def serializer(step, json):
    """Returns the serializer at a step of the move: `pickle`, `reads-json`, `writes-json` or `json`."""
    if step in ("reads-json", "writes-json"):
        return Transition(json, writes_json=step == "writes-json")
    return {"pickle": Pickles(), "json": json}[step]
