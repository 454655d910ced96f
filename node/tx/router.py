"""From a type URL to what is known about the message: its class, signer, lane and the module that executes it."""

from collections.abc import Callable, Iterable
from typing import Any

from modules.kernel.errors import INVALID_REQUEST, TX_PARSE
from modules.kernel.module import MessageRoute
from node.sequencer.lanes import Traits, traits_of
from node.tx.kinds import INJECTED, INTERNAL

_CLOB_PREFIX = "dydxprotocol.clob."


class Kind:
    """One known message type."""

    __slots__ = ("is_clob", "message", "name", "parse", "route", "signer", "traits")

    def __init__(self, message: Any, signer: Callable[[Any], str], route: MessageRoute | None) -> None:
        self.name: str = message.DESCRIPTOR.full_name
        self.message = message
        self.parse: Callable[[bytes], Any] = message.FromString
        self.signer = signer
        self.route = route
        """None: the type exists, but users may not send it."""
        self.traits: Callable[[Any], Traits] = traits_of(self.name)
        self.is_clob = self.name.startswith(_CLOB_PREFIX)


class Router:
    """Every message type that may stand in a transaction, by type URL."""

    __slots__ = ("_by_name", "by_url")

    def __init__(self, routes: Iterable[MessageRoute]) -> None:
        self._by_name: dict[str, Kind] = {}
        for route in routes:
            kind = Kind(route.message, route.signer, route)
            assert kind.name not in self._by_name, f"{kind.name} has two routes"
            assert kind.name not in INJECTED, f"{kind.name} is routed and on the list of injected messages"
            self._by_name[kind.name] = kind
        for name, message in INTERNAL.items():
            if name not in self._by_name:
                self._by_name[name] = Kind(message, lambda internal: internal.authority, None)
        self.by_url = {"/" + name: kind for name, kind in self._by_name.items()}

    def resolve(self, type_url: str) -> Kind:
        """The kind named after the last slash. Raises sdk 2 for an unknown type, sdk 18 for what only a proposer injects."""
        name = type_url.rsplit("/", 1)[-1]
        kind = self._by_name.get(name)
        if kind is not None:
            return kind
        if name in INJECTED:
            raise INVALID_REQUEST(f"{name} is injected by the proposer and cannot be sent in a transaction")
        raise TX_PARSE(f"unable to resolve type URL {type_url[:200]}")

    def kinds(self) -> Iterable[Kind]:
        """Every known kind, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]
