"""Bank events, named as wallets and explorers know them."""

from modules.kernel.events import EventKind

TRANSFERRED = EventKind("transfer", ("recipient", "sender", "amount"), indexed=("recipient", "sender"))
