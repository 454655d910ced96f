"""The preamble: position 0 of a block, an unsigned TxRaw with the extended commit of the height before (design 3.6).

`verify` is the one judgement of it; Prepare, Process and FinalizeBlock all ask it. `build` makes one that `verify` accepts, or gives up.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError

from modules.consensus.model import Validator
from modules.kernel.codec import uvarint
from modules.oracle.model import PriceVote
from node.votes import extension as extensions
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import canonical_pb2, validator_pb2

TYPE_URL = "/perpd.sequencer.v1.MsgPreamble"
_ABSENT = validator_pb2.BLOCK_ID_FLAG_ABSENT
_COMMIT = validator_pb2.BLOCK_ID_FLAG_COMMIT
_REMEMBERED_MAX = 4_096


class VoteFlag(NamedTuple):
    """One entry of the block's last commit, as every node is told it."""

    address: bytes
    power: int
    flag: int


class LastCommit(NamedTuple):
    """The block's last commit: round and entries in the engine's order."""

    round: int
    votes: tuple[VoteFlag, ...]


class Verdict(NamedTuple):
    """What a preamble is worth."""

    reason: str
    """Why it is refused; empty when it is valid."""
    votes: tuple[PriceVote, ...] = ()
    """Every carried vote with its prices (none for an empty, malformed or oversized extension)."""
    total_power: int = 0
    """Of the whole set that voted."""
    omitted: tuple[bytes, ...] = ()
    """Addresses whose committed vote the proposer left out."""


def is_required(height: int, enable_height: int, initial_height: int) -> bool:
    """Rule (a): extensions were in force at the height before, which exists."""
    return enable_height > 0 and height > max(enable_height, initial_height)


def commit_of(info: abci.CommitInfo | abci.ExtendedCommitInfo) -> LastCommit:
    """The flags of a commit, extended or not."""
    return LastCommit(info.round, tuple(VoteFlag(v.validator.address, v.validator.power, v.block_id_flag) for v in info.votes))


def power_needed(total_power: int) -> int:
    """More than two thirds: floor(2 x total / 3) + 1."""
    return divmod(2 * total_power, 3)[0] + 1


def sign_bytes(extension: bytes, height: int, round_: int, chain_id: str) -> bytes:
    """What a validator signs for its extension: the length-prefixed CanonicalVoteExtension."""
    body = canonical_pb2.CanonicalVoteExtension(extension=extension, height=height, round=round_, chain_id=chain_id).SerializeToString()
    return uvarint(len(body)) + body


def encode(commit: abci.ExtendedCommitInfo) -> bytes:
    """The preamble transaction around an extended commit."""
    body = tx_pb2.TxBody()
    packed = body.messages.add()
    packed.type_url = TYPE_URL
    packed.value = sequencer_pb2.MsgPreamble(last_commit=commit).SerializeToString(deterministic=True)
    return tx_pb2.TxRaw(body_bytes=body.SerializeToString(deterministic=True)).SerializeToString(deterministic=True)


def decode(data: bytes) -> abci.ExtendedCommitInfo | None:
    """The extended commit of a preamble; None unless the bytes are exactly what `encode` gives."""
    try:
        raw = tx_pb2.TxRaw.FromString(data)
        body = tx_pb2.TxBody.FromString(raw.body_bytes)
        if len(body.messages) != 1 or body.messages[0].type_url != TYPE_URL:
            return None
        commit: abci.ExtendedCommitInfo = sequencer_pb2.MsgPreamble.FromString(body.messages[0].value).last_commit
    except DecodeError:
        return None
    return commit if encode(commit) == data else None


class PreambleRules:
    """Judging preambles under one chain id. Remembers signatures that it has found valid: pure work, done once per node."""

    def __init__(self, chain_id: str, extension_size_max: int) -> None:
        self._chain_id = chain_id
        self._extension_size_max = extension_size_max
        self._valid: dict[bytes, None] = {}

    def verify(self, data: bytes, height: int, last_commit: LastCommit, validators: Sequence[Validator]) -> Verdict:
        """Whether the preamble of the block at `height` is valid; `validators` is the set that voted at height - 1. Never raises."""
        commit = decode(data)
        if commit is None:
            return Verdict("the preamble is not one canonically encoded MsgPreamble in an unsigned transaction")
        return self._judge(commit, height, last_commit, validators)

    def _judge(
        self, commit: abci.ExtendedCommitInfo, height: int, last_commit: LastCommit, validators: Sequence[Validator]
    ) -> Verdict:
        reason = _mismatch(commit, last_commit, validators)
        if reason:
            return Verdict(reason)
        votes: list[PriceVote] = []
        omitted: list[bytes] = []
        for entry, expected, validator in zip(commit.votes, last_commit.votes, validators, strict=True):
            if entry.block_id_flag != _COMMIT:
                if entry.vote_extension or entry.extension_signature:
                    return Verdict(f"validator {validator.address.hex()} did not commit and yet carries an extension")
                if expected.flag == _COMMIT:
                    omitted.append(validator.address)
                continue
            if not self._is_signed(entry, height - 1, commit.round, validator):
                return Verdict(f"the extension signature of validator {validator.address.hex()} does not verify")
            prices = extensions.decode(entry.vote_extension, self._extension_size_max)
            votes.append(PriceVote(validator.power, prices or ()))
        total = sum(validator.power for validator in validators)
        carried = sum(vote.power for vote in votes)
        if carried < power_needed(total):
            return Verdict(f"the carried votes have power {carried} of {total}, which is not more than two thirds")
        return Verdict("", tuple(votes), total, tuple(omitted))

    def build(
        self, commit: abci.ExtendedCommitInfo, height: int, validators: Sequence[Validator], size_max: int
    ) -> bytes | None:
        """A preamble that `verify` accepts, of at most `size_max` bytes, or None when none exists. Never raises.

        Votes that no correct node would take (oversized or unverified late extensions) are left out, and so are the largest ones
        while it is too long; None when too little power would remain.
        """
        if len(commit.votes) != len(validators):
            return None
        kept = abci.ExtendedCommitInfo()
        kept.CopyFrom(commit)
        for entry, validator in zip(kept.votes, validators, strict=True):
            bad = entry.block_id_flag == _COMMIT and (
                len(entry.vote_extension) > self._extension_size_max or not self._is_signed(entry, height - 1, commit.round, validator)
            )
            if bad or entry.block_id_flag != _COMMIT:
                _leave_out(entry, absent=bad)
        data = encode(kept)
        while len(data) > size_max:
            largest = max(kept.votes, key=lambda entry: len(entry.vote_extension), default=None)
            if largest is None or not largest.vote_extension:
                return None
            _leave_out(largest, absent=True)
            data = encode(kept)
        return data if not self._judge(kept, height, commit_of(commit), validators).reason else None

    def _is_signed(self, entry: abci.ExtendedVoteInfo, height: int, round_: int, validator: Validator) -> bool:
        message = sign_bytes(entry.vote_extension, height, round_, self._chain_id)
        key = sha256(validator.public_key + entry.extension_signature + message).digest()
        if key in self._valid:
            return True
        try:
            Ed25519PublicKey.from_public_bytes(validator.public_key).verify(entry.extension_signature, message)
        except (InvalidSignature, ValueError):
            return False
        if len(self._valid) >= _REMEMBERED_MAX:
            del self._valid[next(iter(self._valid))]
        self._valid[key] = None
        return True


def _leave_out(entry: abci.ExtendedVoteInfo, *, absent: bool) -> None:
    entry.vote_extension = b""
    entry.extension_signature = b""
    if absent:
        entry.block_id_flag = _ABSENT


def _mismatch(commit: abci.ExtendedCommitInfo, last_commit: LastCommit, validators: Sequence[Validator]) -> str:
    """Why the preamble's round, validators, powers or flags are not those of the last commit and of our own set; empty if they are."""
    if commit.round != last_commit.round:
        return f"the preamble is of round {commit.round}, the last commit of round {last_commit.round}"
    if not len(commit.votes) == len(last_commit.votes) == len(validators):
        return f"the preamble has {len(commit.votes)} votes, the last commit {len(last_commit.votes)}, the validator set {len(validators)}"
    for entry, expected, validator in zip(commit.votes, last_commit.votes, validators, strict=True):
        who = (entry.validator.address, entry.validator.power)
        if who != (validator.address, validator.power) or who != (expected.address, expected.power):
            return f"the preamble names validator {entry.validator.address.hex()} with power {entry.validator.power} out of place"
        left_out = entry.block_id_flag == _ABSENT and not entry.vote_extension and not entry.extension_signature
        if entry.block_id_flag != expected.flag and not left_out:
            return f"the flag of validator {validator.address.hex()} is {entry.block_id_flag}, in the last commit {expected.flag}"
    return ""
