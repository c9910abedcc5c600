"""Notes which methods of the clients are called, so that none is left out when the SDKs grow."""

import inspect


class Watched:
    """Stands for a client and notes which of its methods are called."""

    def __init__(self, client, called):
        self._client = client
        self._called = called

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*arguments, **named):
            note(self._called, type(self._client), name)
            return found(*arguments, **named)

        return call


def note(called, kind, name):
    """Notes a call of a method."""
    called.setdefault(kind, set()).add(name)


def methods(kind):
    """Returns the names of the public methods of a client."""
    members = inspect.getmembers(kind, callable)
    return {name for name, _ in members if not name.startswith("_")}


def check(report, called, kinds):
    """Notes for each kind of client whether every method was called."""
    for kind in kinds:
        left_out = methods(kind) - called.get(kind, set())
        report.check(f"every method of {kind.__name__} is driven", not left_out, sorted(left_out))
