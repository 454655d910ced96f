"""Genesis of the authority: `address`, the one account that may change parameters and validators; empty or absent: nobody."""

from typing import Any

from modules.authority.state import AuthorityState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.module import Problems


def _read(section: Any, problems: Problems) -> str:
    reader = Reader(section, "authority", problems)
    address = reader.account("address", "")
    reader.done()
    return address


def validate(section: Any, problems: Problems) -> None:
    """Every mistake of the section."""
    _read(section, problems)


def init(ctx: Context, state: AuthorityState, section: Any) -> None:
    """The authority as named."""
    problems = Problems()
    address = _read(section, problems)
    assert not problems.found, problems.found
    state.address.set(ctx, bytes(addresses.from_text(address)) if address else b"")


def export(ctx: Context, state: AuthorityState) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    address = state.address.require(ctx)
    return {"address": addresses.to_text(address) if address else ""}
