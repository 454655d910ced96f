"""Extended commits that a cheating proposer makes of an honest one: one change each, and every one of them forbidden (design.md 3.6).

The commit that is changed has four or more votes of equal power. All committed but the last, who was absent; without the first there is
no quorum.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.votes.preamble import encode, sign_bytes
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.sequencing import ABSENT, COMMIT, NIL


@dataclass
class Forger:
    """A proposer with a commit to change. It has all keys, so that it can also show what validators signed at another time."""

    commit: Any
    """An ExtendedCommitInfo."""
    keys: Sequence[Ed25519PrivateKey]
    """In the order of the votes."""
    height: int
    """Of the block that the commit is for."""
    chain_id: str

    def sign(self, index: int, extension: bytes, *, signer: int | None = None, **changes: Any) -> None:
        """The vote carries this extension, signed by its validator or by another; `changes` are height, round_ or chain_id."""
        said = {"height": self.height, "round_": self.commit.round, "chain_id": self.chain_id} | changes
        self.vote(index).vote_extension = extension
        key = self.keys[index if signer is None else signer]
        self.vote(index).extension_signature = key.sign(sign_bytes(extension, **said))

    def vote(self, index: int) -> Any:
        """One entry."""
        return self.commit.votes[index]

    def set(self, index: int, **fields: Any) -> None:
        """Fields of one entry: address and power of its validator, flag, extension, signature."""
        vote = self.vote(index)
        for name, value in fields.items():
            setattr(vote.validator if name in ("address", "power") else vote, name, value)

    def flag(self, index: int, flag: int) -> None:
        """Another flag and nothing else changed."""
        self.set(index, block_id_flag=flag)

    def leave_out(self, index: int) -> None:
        """As a proposer may, while a quorum is left."""
        self.set(index, block_id_flag=ABSENT, vote_extension=b"", extension_signature=b"")

    def copy(self, source: int, target: int) -> None:
        """One entry in the place of another."""
        self.vote(target).CopyFrom(self.vote(source))

    def swap(self, first: int, second: int) -> None:
        """Two entries in each other's place."""
        kept = abci.ExtendedVoteInfo()
        kept.CopyFrom(self.vote(first))
        self.copy(second, first)
        self.vote(second).CopyFrom(kept)

    def scale(self, factor: int) -> None:
        """All powers."""
        for vote in self.commit.votes:
            vote.validator.power *= factor

    @property
    def last(self) -> int:
        """Index of the one who was absent."""
        return len(self.commit.votes) - 1


class Tampering(NamedTuple):
    """A change, and a part of what is said of it."""

    name: str
    apply: Callable[[Forger], Any]
    reason: str


def _say_nil(one: Forger) -> None:
    one.leave_out(0)
    one.flag(0, NIL)


def _say_committed(one: Forger) -> None:
    one.sign(one.last, b"")
    one.flag(one.last, COMMIT)


def _leave_out_all(one: Forger) -> None:
    for index in range(len(one.commit.votes)):
        one.leave_out(index)


TAMPERINGS = [
    # Rounds and lengths
    Tampering("another round", lambda one: setattr(one.commit, "round", 1), "its round 1 is not 0"),
    Tampering("a round below zero", lambda one: setattr(one.commit, "round", -1), "its round -1 is not 0"),
    Tampering("an entry removed", lambda one: one.commit.votes.pop(), "votes, the last commit"),
    Tampering("the first entry removed", lambda one: one.commit.votes.pop(0), "votes, the last commit"),
    Tampering("an entry added", lambda one: one.commit.votes.add().CopyFrom(one.vote(0)), "votes, the last commit"),
    Tampering("no entry", lambda one: one.commit.ClearField("votes"), "it has 0 votes"),
    # Who and how much
    Tampering("two entries swapped", lambda one: one.swap(0, 1), "vote 0: it names"),
    Tampering("entries in reverse", lambda one: one.swap(0, one.last), "vote 0: it names"),
    Tampering("a vote twice in another's place", lambda one: one.copy(0, 1), "vote 1: it names"),
    Tampering("a vote twice in an absent one's place", lambda one: one.copy(0, one.last), "it names"),
    Tampering("an inflated power", lambda one: one.set(0, power=1000), "with power 1000"),
    Tampering("a power more by one", lambda one: one.set(0, power=one.vote(0).validator.power + 1), "vote 0: it names"),
    Tampering("a deflated power", lambda one: one.set(0, power=one.vote(0).validator.power - 1), "vote 0: it names"),
    Tampering("an absent one's power deflated", lambda one: one.set(one.last, power=1), "it names"),
    Tampering("all powers doubled", lambda one: one.scale(2), "vote 0: it names"),
    Tampering("all powers zero", lambda one: one.scale(0), "with power 0"),
    Tampering("an unknown validator", lambda one: one.set(0, address=b"\x01" * 20), "vote 0: it names"),
    Tampering("no address", lambda one: one.set(0, address=b""), "vote 0: it names"),
    Tampering("a longer address", lambda one: one.set(0, address=one.vote(0).validator.address + b"\x00"), "vote 0: it names"),
    # Flags
    Tampering("a commit said to be nil", lambda one: one.flag(0, NIL), "its flag is 3"),
    Tampering("a commit said to be nil, emptied", _say_nil, "its flag is 3"),
    Tampering("a commit said to be absent", lambda one: one.flag(0, ABSENT), "carries an extension or a signature"),
    Tampering("an unknown flag", lambda one: one.flag(0, 0), "its flag is 0"),
    Tampering("a flag beyond all", lambda one: one.flag(0, 9), "its flag is 9"),
    Tampering("an absent one said to commit", _say_committed, "its flag is 2"),
    Tampering("an absent one said to be nil", lambda one: one.flag(one.last, NIL), "its flag is 3"),
    Tampering("an absent one with an extension", lambda one: one.set(one.last, vote_extension=b"\x01"), "carries an extension"),
    Tampering("an absent one with a signature", lambda one: one.set(one.last, extension_signature=bytes(64)), "carries an extension"),
    # Signatures
    Tampering("an extension changed", lambda one: one.set(0, vote_extension=one.vote(0).vote_extension[:-1]), "vote 0: the signature"),
    Tampering("an extension emptied", lambda one: one.set(0, vote_extension=b""), "vote 0: the signature"),
    Tampering("a signature of zeros", lambda one: one.set(0, extension_signature=bytes(64)), "vote 0: the signature"),
    Tampering("a signature missing", lambda one: one.set(0, extension_signature=b""), "vote 0: the signature"),
    Tampering("a signature cut", lambda one: one.set(0, extension_signature=one.vote(0).extension_signature[:-1]), "vote 0: the sig"),
    Tampering("a signature of another", lambda one: one.sign(0, one.vote(0).vote_extension, signer=1), "vote 0: the signature"),
    Tampering("of another height", lambda one: one.sign(0, one.vote(0).vote_extension, height=one.height - 1), "vote 0: the signature"),
    Tampering("of the next height", lambda one: one.sign(0, one.vote(0).vote_extension, height=one.height + 1), "vote 0: the sig"),
    Tampering("of another round", lambda one: one.sign(0, one.vote(0).vote_extension, round_=1), "vote 0: the signature"),
    Tampering("of another chain", lambda one: one.sign(0, one.vote(0).vote_extension, chain_id="perp-2"), "vote 0: the signature"),
    # Power
    Tampering("too little power", lambda one: one.leave_out(0), "less than the"),
    Tampering("no power at all", _leave_out_all, "carries votes of power 0"),
]
"""Every one is refused with its reason."""


def odd_encodings(raw: bytes) -> dict[str, bytes]:
    """The same commit in bytes that are not its one encoding, or with something more."""
    envelope = tx_pb2.TxRaw.FromString(raw)
    body = tx_pb2.TxBody.FromString(envelope.body_bytes)

    def variant(change: Callable[[Any, Any], Any]) -> bytes:
        changed_body, changed = tx_pb2.TxBody(), tx_pb2.TxRaw()
        changed_body.CopyFrom(body)
        change(changed_body, changed)
        changed.body_bytes = changed_body.SerializeToString()
        encoded: bytes = changed.SerializeToString()
        return encoded

    def tail(data: bytes) -> bytes:
        return variant(lambda changed, _: setattr(changed.messages[0], "value", changed.messages[0].value + data))

    assert variant(lambda _, __: None) == raw
    return {
        "auth info behind it": raw + b"\x12\x00",
        "an unknown field behind it": raw + b"\xf8\x07\x01",
        "auth info": variant(lambda _, changed: setattr(changed, "auth_info_bytes", b"\x12\x00")),
        "a memo": variant(lambda changed, _: setattr(changed, "memo", "m")),
        "a timeout height": variant(lambda changed, _: setattr(changed, "timeout_height", 1)),
        "two messages": variant(lambda changed, _: changed.messages.add().CopyFrom(body.messages[0])),
        "an unknown field in the body": variant(lambda changed, _: changed.MergeFromString(b"\xf8\x07\x01")),
        "an unknown field in the Any": variant(lambda changed, _: changed.messages[0].MergeFromString(b"\xf8\x07\x01")),
        "an unknown field in the message": tail(b"\xf8\x07\x01"),
        "a commit twice": tail(body.messages[0].value),
        "a longer length": raw[:1] + _longer(raw[1:]),
    }


def not_preambles(raw: bytes, signed: bytes) -> dict[str, bytes]:
    """What does not even mean to be one. `signed` is a user's transaction."""
    envelope = tx_pb2.TxRaw.FromString(raw)
    body = tx_pb2.TxBody.FromString(envelope.body_bytes)
    body.messages[0].type_url = body.messages[0].type_url[1:]
    unnamed = tx_pb2.TxRaw(body_bytes=body.SerializeToString()).SerializeToString()
    body.messages[0].type_url = "/perpd.sequencer.v1.MsgPreamble"
    body.messages[0].value = body.messages[0].value[:-1]
    cut = tx_pb2.TxRaw(body_bytes=body.SerializeToString()).SerializeToString()
    envelope.signatures.append(bytes(64))
    return {
        "nothing": b"",
        "garbage": b"garbage",
        "a user's transaction": signed,
        "cut by a byte": raw[:-1],
        "its message cut": cut,
        "another type": unnamed,
        "signed": envelope.SerializeToString(),
    }


def _longer(length_and_rest: bytes) -> bytes:
    """The varint at the front with one byte more than it needs."""
    end = next(index for index, byte in enumerate(length_and_rest) if byte < 128)
    return length_and_rest[:end] + bytes((length_and_rest[end] | 0x80, 0)) + length_and_rest[end + 1 :]


def tampered(forger: Forger, tampering: Tampering) -> bytes:
    """The preamble that a cheating proposer makes."""
    tampering.apply(forger)
    return encode(forger.commit)
