"""Registered failures of codespace `authority`, and what anyone but the authority is told in the reference's codespaces."""

from modules.kernel.errors import UNAUTHORIZED, ErrorKind, register

TOO_MANY_CHANGES = register("authority", 2, "a block takes 100 changes; send this one again")

_TEXT = "only the authority that genesis has named may change parameters"
_REFUSALS = {
    "dydxprotocol.clob": register("clob", 40, _TEXT),
    "dydxprotocol.perpetuals": register("perpetuals", 19, _TEXT),
    "dydxprotocol.feetiers": register("feetiers", 404, _TEXT),
}


def refusal_of(message_name: str) -> ErrorKind:
    """What a sender who is not the authority is told: the code of the message's package, or sdk 4 where it has none."""
    return _REFUSALS.get(message_name.rpartition(".")[0], UNAUTHORIZED)
