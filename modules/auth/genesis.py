"""Genesis of auth: accounts that exist from the start; in an export also their use and the remembered hashes."""

from typing import Any

from modules.auth.model import HASH_BYTES, MAX_NONCES, PUBLIC_KEY_BYTES, Account, address_of_key
from modules.auth.state import AuthState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader, hexadecimal, parse_integer
from modules.kernel.intmath import UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import Address

_UNNUMBERED = -1


def _read_account(reader: Reader) -> tuple[Address | None, Account]:
    text = reader.account("address")
    address = addresses.from_text(text) if addresses.is_valid(text) else None
    number = reader.integer("account_number", _UNNUMBERED, UINT64_MAX - 1, _UNNUMBERED)
    sequence = reader.integer("sequence", 0, UINT64_MAX, 0)
    key_text = reader.text("public_key", "")
    key = hexadecimal(key_text, PUBLIC_KEY_BYTES) if key_text else b""
    if key is None:
        reader.problem("public_key", f"must be {PUBLIC_KEY_BYTES} bytes of a compressed secp256k1 key in hexadecimal")
    elif key and address is not None and address_of_key(key) != address:
        reader.problem("public_key", "does not belong to the address")
    nonces = [parse_integer(value) for value in reader.values("timestamp_nonces", [])]
    ascending = [one for one in nonces if one is not None and 0 < one <= UINT64_MAX]
    if len(ascending) != len(nonces) or len(nonces) > MAX_NONCES or ascending != sorted(dict.fromkeys(ascending)):
        reader.problem("timestamp_nonces", f"must be at most {MAX_NONCES} positive integers, strictly ascending")
    ejected = reader.integer("max_ejected_nonce", 0, UINT64_MAX, 0)
    reader.done()
    return address, Account(number, sequence, key or b"", tuple(ascending), ejected)


def _read_accounts(reader: Reader) -> tuple[dict[Address, Account], int]:
    """Accounts in order of the list, and the next free number. Entries without a number get free ones in order."""
    found: dict[Address, Account] = {}
    numbers: dict[int, None] = {}
    for entry in reader.objects("accounts"):
        address, account = _read_account(entry)
        if address is None:
            continue
        if address in found:
            entry.problem("address", "has a second entry")
        if account.number in numbers:
            entry.problem("account_number", f"{account.number} is another account's")
        if account.number != _UNNUMBERED:
            numbers[account.number] = None
        found[address] = account
    lowest = max(numbers, default=-1) + 1
    free = reader.integer("next_account_number", lowest, UINT64_MAX, lowest)
    for address, account in found.items():
        if account.number == _UNNUMBERED:
            found[address] = account._replace(number=free)
            free += 1
    return found, free


def _read(section: Any, problems: Problems) -> tuple[dict[Address, Account], int, dict[int, frozenset[bytes]]]:
    reader = Reader(section, "auth", problems)
    accounts, free = _read_accounts(reader)
    remembered: dict[int, frozenset[bytes]] = {}
    for entry in reader.objects("remembered"):
        height = entry.integer("height", 0, UINT64_MAX)
        hashes = [hexadecimal(text, HASH_BYTES) for text in entry.values("hashes")]
        known = [one for one in hashes if one is not None]
        if not known or len(known) != len(hashes):
            entry.problem("hashes", f"must be one or more hashes of {HASH_BYTES} bytes in hexadecimal")
        if height in remembered:
            entry.problem("height", "has a second entry")
        remembered[height] = frozenset(known)
        entry.done()
    reader.done()
    return accounts, free, remembered


def validate(section: Any, problems: Problems) -> None:
    """Every mistake of the section."""
    _read(section, problems)


def init(ctx: Context, state: AuthState, section: Any) -> None:
    """The accounts of the (validated) section exist."""
    problems = Problems()
    accounts, free, remembered = _read(section, problems)
    assert not problems.found, problems.found
    for address, account in accounts.items():
        state.accounts.set(ctx, address, account)
    state.next_number.set(ctx, free)
    for height, hashes in remembered.items():
        state.remembered.set(ctx, height, hashes)


def export(ctx: Context, state: AuthState) -> dict[str, Any]:
    """The section from which `init` builds this very state."""
    return {
        "accounts": [
            {
                "address": addresses.to_text(address),
                "account_number": str(account.number),
                "sequence": str(account.sequence),
                "public_key": account.public_key.hex(),
                "timestamp_nonces": [str(nonce) for nonce in account.nonces],
                "max_ejected_nonce": str(account.max_ejected_nonce),
            }
            for address, account in state.accounts.items(ctx)
        ],
        "next_account_number": str(state.next_number.get(ctx) or 0),
        "remembered": [
            {"height": str(height), "hashes": [one.hex() for one in sorted(hashes)]} for height, hashes in state.remembered.items(ctx)
        ],
    }
