"""Why a transaction in a block has no effect and no rank: the rules of design.md 3.2, each with the code that FinalizeBlock reports."""

from typing import NamedTuple

from modules.kernel.errors import ErrorKind, register


class Rule(NamedTuple):
    """One rule of admission: its id in design.md 3.2, and its registered code."""

    id: str
    kind: ErrorKind


PREAMBLE = Rule("a", register("sequencer", 2, "the block's preamble is missing, misplaced or wrong; only proposers write it"))
FORM = Rule("b1", register("sequencer", 3, "the transaction is not well-formed; encode, sign and bound it as the chain asks"))
ACCOUNT = Rule("b2", register("sequencer", 4, "the signer's account is unknown or its key is; fund it, and send its own key along"))
SIGNATURE = Rule("b3", register("sequencer", 5, "the signature is not valid for this chain id and account number; sign again"))
WINDOW = Rule("b4", register("sequencer", 6, "the transaction is not for this height, or was in a block before; send a new one"))
SEQUENCE = Rule("b5", register("sequencer", 7, "the account's sequences do not lead up to this one; query the account and sign again"))
KIND = Rule("c", register("sequencer", 8, "the transaction has a message that users may not send"))
ONCE = Rule("d", register("sequencer", 9, "the transaction stands in the block twice; once is enough"))
ORDER = Rule("e", register("sequencer", 10, "the transactions are not in the canonical order"))
QUOTA = Rule(
    "f", register("sequencer", 11, "the account has more transactions of this lane than a block takes; send again in a later block")
)
BLOCK_COUNT = Rule("f", register("sequencer", 12, "the block has more transactions than it takes; send again in a later block"))
BLOCK_BYTES = Rule("f", register("sequencer", 13, "the block has more bytes than it takes; send again in a later block"))


class Refusal(NamedTuple):
    """One transaction's broken rule."""

    rule: Rule
    detail: str

    @property
    def code(self) -> int:
        return self.rule.kind.code

    @property
    def codespace(self) -> str:
        return self.rule.kind.codespace

    @property
    def log(self) -> str:
        """`<detail>: <registered text>`."""
        return f"{self.detail}: {self.rule.kind.text}"
