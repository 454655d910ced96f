"""The preamble: the extended commit of the block before, first in a block, checked by everyone in the same way (design.md 3.6)."""

from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from modules.consensus.keeper import ConsensusKeeper
from modules.consensus.model import Validator
from modules.kernel.codec import uvarint
from modules.kernel.context import Context
from modules.kernel.intmath import div_floor
from modules.oracle.model import PriceVote
from node import ed25519
from node.votes.extension import parse
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import canonical_pb2, validator_pb2

PREAMBLE_URL = "/" + sequencer_pb2.MsgPreamble.DESCRIPTOR.full_name
_ABSENT = validator_pb2.BLOCK_ID_FLAG_ABSENT
_COMMIT = validator_pb2.BLOCK_ID_FLAG_COMMIT
_NIL = validator_pb2.BLOCK_ID_FLAG_NIL
_FLAGS = (_ABSENT, _COMMIT, _NIL)


class CommitVote(NamedTuple):
    """One entry of a block's last commit, as every node is told it."""

    address: bytes
    power: int
    flag: int


class LastCommit(NamedTuple):
    """A block's last commit: its round, and one entry per validator in the engine's order."""

    round: int
    votes: tuple[CommitVote, ...]


class Preamble(NamedTuple):
    """What a verified preamble says."""

    votes: tuple[PriceVote, ...]
    """Every carried vote in the order of the validator set; without prices if its extension is empty, malformed or oversized."""
    total_power: int
    """Of all validators of the block before."""
    omitted: tuple[bytes, ...]
    """Addresses of validators that committed and whose votes the proposer left out."""


def commit_of(info: abci.CommitInfo | abci.ExtendedCommitInfo) -> LastCommit:
    """The flags of a commit as the engine gives it, extended or not."""
    return LastCommit(info.round, tuple([CommitVote(one.validator.address, one.validator.power, one.block_id_flag) for one in info.votes]))


def quorum(total_power: int) -> int:
    """The least power that decides a block: more than two thirds."""
    return div_floor(2 * total_power, 3) + 1


def sign_bytes(extension: bytes, height: int, round_: int, chain_id: str) -> bytes:
    """What a validator signs for its extension of the precommit of (height, round)."""
    canonical = canonical_pb2.CanonicalVoteExtension(extension=extension, height=height, round=round_, chain_id=chain_id)
    body: bytes = canonical.SerializeToString()
    return uvarint(len(body)) + body


def encode(last_commit: abci.ExtendedCommitInfo) -> bytes:
    """The preamble as it stands in a block: an unsigned TxRaw of one message."""
    message = sequencer_pb2.MsgPreamble(last_commit=last_commit)
    body = tx_pb2.TxBody()
    body.messages.add(type_url=PREAMBLE_URL, value=message.SerializeToString())
    encoded: bytes = tx_pb2.TxRaw(body_bytes=body.SerializeToString()).SerializeToString()
    return encoded


def _read(raw: bytes) -> Any:
    """The MsgPreamble of an unsigned TxRaw whose first message is one, else None. Strict only about what it is, not how it is encoded."""
    try:
        envelope = tx_pb2.TxRaw.FromString(raw)
        if envelope.signatures or not envelope.body_bytes:
            return None
        body = tx_pb2.TxBody.FromString(envelope.body_bytes)
        if not body.messages or body.messages[0].type_url != PREAMBLE_URL:
            return None
        return sequencer_pb2.MsgPreamble.FromString(body.messages[0].value)
    except DecodeError:
        return None


def is_preamble(raw: bytes) -> bool:
    """Whether these bytes mean to be a preamble, right or wrong."""
    return _read(raw) is not None


def carried(raw: bytes) -> abci.ExtendedCommitInfo | None:
    """The commit that these bytes carry if they mean to be a preamble; whether it is a right one is not looked at."""
    message = _read(raw)
    return None if message is None else message.last_commit


class Preambles:
    """Builds and verifies preambles against the validator sets in state."""

    __slots__ = ("_consensus",)

    def __init__(self, consensus: ConsensusKeeper) -> None:
        self._consensus = consensus

    def is_required(self, ctx: Context) -> bool:
        """Rule (a): the block of `ctx` begins with a preamble exactly if the block before it was voted on with extensions."""
        enabled = self._consensus.enable_height(ctx)
        return enabled > 0 and ctx.height > max(enabled, self._consensus.initial_height(ctx))

    def build(self, ctx: Context, local_commit: abci.ExtendedCommitInfo, max_bytes: int) -> bytes:
        """The proposer's preamble. Never raises.

        Votes whose signature does not verify are left out: nobody would accept them. Then malformed and oversized extensions, then, if
        the preamble is still larger than `max_bytes`, any others; largest first, as long as what is carried has a quorum.
        """
        validators = self._consensus.validators(ctx, ctx.height - 1)
        keys = {one.address: one for one in validators}
        commit = abci.ExtendedCommitInfo()
        commit.CopyFrom(local_commit)
        power = 0
        for vote in commit.votes:
            if vote.block_id_flag == _COMMIT and self._is_signed(ctx, keys.get(vote.validator.address), vote, commit.round):
                power += vote.validator.power
            elif vote.block_id_flag == _NIL:
                vote.vote_extension = vote.extension_signature = b""
            else:
                _leave_out(vote)
        needed = quorum(sum(one.power for one in validators))
        max_extension = self._consensus.params(ctx).max_vote_extension_bytes
        # Equal sizes in the order of the set (the sort is stable).
        largest_first = sorted(
            [vote for vote in commit.votes if vote.block_id_flag == _COMMIT], key=lambda vote: len(vote.vote_extension), reverse=True
        )
        for vote in largest_first:
            if parse(vote.vote_extension, max_extension) is None and power - vote.validator.power >= needed:
                power -= vote.validator.power
                _leave_out(vote)
        encoded = encode(commit)
        for vote in largest_first:
            if len(encoded) <= max_bytes:
                break
            if vote.block_id_flag == _COMMIT and power - vote.validator.power >= needed:
                power -= vote.validator.power
                _leave_out(vote)
                encoded = encode(commit)
        return encoded

    def verify(self, ctx: Context, raw: bytes, last_commit: LastCommit) -> Preamble | str:
        """What the preamble of the block of `ctx` says, or why it is not one. `last_commit` is the block's own, from the engine.

        A function of these bytes, the block's last commit and committed state; the one judge for Prepare, Process and FinalizeBlock.
        """
        message = _read(raw)
        if message is None:
            return "it is not an unsigned TxRaw with one MsgPreamble"
        commit = message.last_commit
        message.DiscardUnknownFields()
        if encode(commit) != raw:
            return "it is not canonically encoded, or holds more than one MsgPreamble"
        if commit.round != last_commit.round:
            return f"its round {commit.round} is not {last_commit.round}, the last commit's"
        validators = self._consensus.validators(ctx, ctx.height - 1)
        if not len(commit.votes) == len(last_commit.votes) == len(validators):
            return f"it has {len(commit.votes)} votes, the last commit {len(last_commit.votes)}, the validator set {len(validators)}"
        return self._count(ctx, commit, last_commit, validators)

    def _count(
        self, ctx: Context, commit: abci.ExtendedCommitInfo, last_commit: LastCommit, validators: tuple[Validator, ...]
    ) -> Preamble | str:
        max_extension = self._consensus.params(ctx).max_vote_extension_bytes
        votes: list[PriceVote] = []
        omitted: list[bytes] = []
        carried = 0
        for index, (vote, committed, validator) in enumerate(zip(commit.votes, last_commit.votes, validators, strict=True)):
            reason = _difference(vote, committed, validator)
            if reason:
                return f"vote {index}: {reason}"
            if vote.block_id_flag != _COMMIT:
                if committed.flag == _COMMIT:
                    omitted.append(validator.address)
                continue
            if not self._is_signed(ctx, validator, vote, commit.round):
                return f"vote {index}: the signature of the extension is not {validator.address.hex()}'s"
            carried += validator.power
            votes.append(PriceVote(validator.power, parse(vote.vote_extension, max_extension) or ()))
        total = sum(one.power for one in validators)
        if carried < quorum(total):
            return f"it carries votes of power {carried}, less than the {quorum(total)} that decide a block"
        return Preamble(tuple(votes), total, tuple(omitted))

    @staticmethod
    def _is_signed(ctx: Context, validator: Validator | None, vote: abci.ExtendedVoteInfo, round_: int) -> bool:
        if validator is None:
            return False
        message = sign_bytes(vote.vote_extension, ctx.height - 1, round_, ctx.chain_id)
        return ed25519.is_valid(validator.public_key, vote.extension_signature, message)


def _difference(vote: abci.ExtendedVoteInfo, committed: CommitVote, validator: Validator) -> str:
    """Why a carried entry is not the committed one of this validator; empty if it is, or is left out as it may be."""
    for who, source in ((vote.validator, "it"), (committed, "the last commit")):
        if who.address != validator.address or who.power != validator.power:
            return f"{source} names {who.address[:20].hex()} with power {who.power}, state {validator.address.hex()} with {validator.power}"
    flag = vote.block_id_flag
    if flag not in _FLAGS or flag not in (_ABSENT, committed.flag):
        return f"its flag is {flag}, the last commit's {committed.flag}"
    if flag != _COMMIT and (vote.vote_extension or vote.extension_signature):
        return "a vote that is not for the block carries an extension or a signature"
    return ""


def _leave_out(vote: abci.ExtendedVoteInfo) -> None:
    vote.block_id_flag = _ABSENT
    vote.vote_extension = vote.extension_signature = b""
