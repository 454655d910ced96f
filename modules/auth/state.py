"""State of auth: prefixes, names, codecs."""

from modules.auth.model import ACCOUNT, HASH_SET
from modules.kernel.codec import KEY_ADDRESS, KEY_U64, UINT, single
from modules.kernel.stores import Registry


class AuthState:
    """The declarations of store `auth`."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("auth")
        self.accounts = schema.map(1, "accounts", KEY_ADDRESS, ACCOUNT)
        self.next_number = schema.item(2, "next_number", single(UINT))
        self.remembered = schema.map(3, "remembered", KEY_U64, HASH_SET)
        """By height: hashes of the unsequenced transactions of that block; no entry for a block without any."""
