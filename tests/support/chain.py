"""Mock consensus: N applications in one process go through a height as the engine would drive them.

Every block goes through prepare, process (on all), extend and verify (all by all), finalize (all) and commit (all), with real ed25519
vote signatures; equal app hashes are asserted at every height, so each test on it is also a determinism test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.timestamp_pb2 import Timestamp

from node.abci.application import Application
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.crypto import keys_pb2
from perpd_proto.tendermint.types import canonical_pb2
from perpd_proto.tendermint.types import validator_pb2 as comet

COMMIT = comet.BLOCK_ID_FLAG_COMMIT
ABSENT = comet.BLOCK_ID_FLAG_ABSENT
SECOND = 10**9
GENESIS_TIME_NS = 1_641_168_000 * SECOND  # 2022-01-03 00:00:00 UTC, an hour boundary


def message(answer: Any, kind: Any) -> Any:
    """The response as a protobuf message, whether the application gave one or its bytes."""
    return kind.FromString(answer) if isinstance(answer, bytes) else answer


def timestamp(time_ns: int) -> Timestamp:
    """Block time as the engine gives it."""
    seconds, nanos = divmod(time_ns, SECOND)
    return Timestamp(seconds=seconds, nanos=nanos)


@dataclass(frozen=True)
class Validator:
    """A validator of the mock network, with its key."""

    key: Ed25519PrivateKey
    power: int = 10

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def address(self) -> bytes:
        return sha256(self.public_key).digest()[:20]


def make_validators(count: int, power: int = 10) -> list[Validator]:
    """Validators with keys from fixed seeds."""
    return [Validator(Ed25519PrivateKey.from_private_bytes(sha256(b"validator %d" % index).digest()), power) for index in range(count)]


def extension_sign_bytes(extension: bytes, height: int, round_: int, chain_id: str) -> bytes:
    """What a validator signs for its extension."""
    body = canonical_pb2.CanonicalVoteExtension(extension=extension, height=height, round=round_, chain_id=chain_id).SerializeToString()
    assert len(body) < 16_384
    size = len(body)
    prefix = bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))
    signed: bytes = prefix + body
    return signed


@dataclass
class Block:
    """What was decided at one height."""

    height: int
    time_ns: int
    txs: list[bytes]
    results: list[abci.ExecTxResult]
    events: list[abci.Event]
    app_hash: bytes


@dataclass
class Chain:
    """A mock network. `apps[i]` belongs to `validators[i]`; one with power 0 only follows until an application gives it power."""

    apps: list[Application]
    validators: list[Validator]
    chain_id: str
    app_state: bytes
    enable_height: int = 1
    initial_height: int = 1
    height: int = 0
    time_ns: int = GENESIS_TIME_NS
    block_seconds_ns: int = SECOND
    extended: abci.ExtendedCommitInfo | None = None
    commit: abci.CommitInfo = field(default_factory=abci.CommitInfo)
    blocks: list[Block] = field(default_factory=list)
    max_tx_bytes: int = 4 * 1024 * 1024
    genesis_hash: bytes = b""
    power_changes: list[tuple[int, dict[bytes, int]]] = field(default_factory=list)
    """(from height, powers by public key) as applications have asked for them."""

    def start(self) -> None:
        """InitChain on every application."""
        hashes = []
        for app in self.apps:
            response = message(app.init_chain(self.init_request()), abci.ResponseInitChain)
            hashes.append(response.app_hash)
        assert len(set(hashes)) == 1, "applications disagree on genesis"
        self.genesis_hash = hashes[0]
        self.height = self.initial_height - 1

    def init_request(self) -> abci.RequestInitChain:
        request = abci.RequestInitChain(
            time=timestamp(self.time_ns), chain_id=self.chain_id, app_state_bytes=self.app_state, initial_height=self.initial_height
        )
        request.consensus_params.abci.vote_extensions_enable_height = self.enable_height
        request.consensus_params.block.max_bytes = -1
        request.consensus_params.block.max_gas = -1
        request.consensus_params.version.app = 1
        for validator in self.validators:
            if validator.power:
                key = keys_pb2.PublicKey(ed25519=validator.public_key)
                request.validators.append(abci.ValidatorUpdate(pub_key=key, power=validator.power))
        return request

    @property
    def app_hash(self) -> bytes:
        return self.blocks[-1].app_hash if self.blocks else self.genesis_hash

    def powers(self, height: int) -> dict[int, int]:
        """Who votes at a height, with which power, in the engine's order: power descending, then address."""
        powers = {validator.public_key: validator.power for validator in self.validators}
        for start, changes in self.power_changes:
            if start <= height:
                powers |= changes
        found = {number: powers[one.public_key] for number, one in enumerate(self.validators) if powers[one.public_key]}
        return dict(sorted(found.items(), key=lambda entry: (-entry[1], self.validators[entry[0]].address)))

    def proposer(self, height: int) -> int:
        """In turn, of those who vote."""
        voting = sorted(self.powers(height))
        return voting[height % len(voting)]

    def _change_powers(self, updates: Sequence[abci.ValidatorUpdate]) -> None:
        """As the engine does: what block h says votes from h + 2 on; what it would halt at is an error."""
        if not updates:
            return
        start = self.height + 2
        now = {self.validators[number].public_key: power for number, power in self.powers(start).items()}
        changes = {update.pub_key.ed25519: update.power for update in updates}
        assert len(changes) == len(updates), "a key stands twice in one block's updates"
        for key, power in changes.items():
            assert power or key in now, "a validator is removed that is none"
            assert key in [one.public_key for one in self.validators], "no application here has this key"
        assert any((now | changes).values()), "no validator would be left"
        self.power_changes.append((start, changes))

    def prepare(self, txs: Sequence[bytes], proposer: int | None = None) -> list[bytes]:
        """The proposer's block for the next height from this pool."""
        height = self.height + 1
        number = self.proposer(height) if proposer is None else proposer
        request = abci.RequestPrepareProposal(
            max_tx_bytes=self.max_tx_bytes,
            txs=txs,
            height=height,
            time=timestamp(self.time_ns + self.block_seconds_ns),
            proposer_address=self.validators[number].address,
        )
        if self.extended is not None:
            request.local_last_commit.CopyFrom(self.extended)
        return list(message(self.apps[number].prepare_proposal(request), abci.ResponsePrepareProposal).txs)

    def process_request(self, txs: Sequence[bytes]) -> abci.RequestProcessProposal:
        height = self.height + 1
        return abci.RequestProcessProposal(
            txs=txs,
            proposed_last_commit=self.commit,
            hash=self.block_hash(txs),
            height=height,
            time=timestamp(self.time_ns + self.block_seconds_ns),
            proposer_address=self.validators[self.proposer(height)].address,
        )

    def block_hash(self, txs: Sequence[bytes]) -> bytes:
        return sha256(b"%d" % (self.height + 1) + b"".join(sha256(tx).digest() for tx in txs)).digest()

    def process(self, txs: Sequence[bytes]) -> list[bool]:
        """Every application's verdict on a proposal for the next height."""
        request = self.process_request(txs)
        accept = abci.ResponseProcessProposal.ACCEPT
        return [message(app.process_proposal(request), abci.ResponseProcessProposal).status == accept for app in self.apps]

    def extend(self, txs: Sequence[bytes], silent: Sequence[int] = (), forged: Mapping[int, bytes] | None = None) -> None:
        """All validators precommit; extensions are verified by all; the extended commit becomes the next proposer's."""
        height = self.height + 1
        extended = abci.ExtendedCommitInfo(round=0)
        commit = abci.CommitInfo(round=0)
        for number, power in self.powers(height).items():
            validator = self.validators[number]
            who = abci.Validator(address=validator.address, power=power)
            if number in silent:
                extended.votes.append(abci.ExtendedVoteInfo(validator=who, block_id_flag=ABSENT))
                commit.votes.append(abci.VoteInfo(validator=who, block_id_flag=ABSENT))
                continue
            extension = b""
            signature = b""
            if self.enable_height and height >= self.enable_height:
                if forged is not None and number in forged:
                    extension = forged[number]
                else:
                    request = abci.RequestExtendVote(
                        hash=self.block_hash(txs), height=height, time=timestamp(self.time_ns + self.block_seconds_ns), txs=txs
                    )
                    extension = message(self.apps[number].extend_vote(request), abci.ResponseExtendVote).vote_extension
                    for app in self.apps:
                        verify = abci.RequestVerifyVoteExtension(
                            hash=self.block_hash(txs), validator_address=validator.address, height=height, vote_extension=extension
                        )
                        verdict = message(app.verify_vote_extension(verify), abci.ResponseVerifyVoteExtension)
                        assert verdict.status == abci.ResponseVerifyVoteExtension.ACCEPT, "an honest extension was refused"
                signature = validator.key.sign(extension_sign_bytes(extension, height, 0, self.chain_id))
            extended.votes.append(
                abci.ExtendedVoteInfo(validator=who, vote_extension=extension, extension_signature=signature, block_id_flag=COMMIT)
            )
            commit.votes.append(abci.VoteInfo(validator=who, block_id_flag=COMMIT))
        self._next = (extended if self.enable_height and height >= self.enable_height else None, commit)

    def finalize_request(self, txs: Sequence[bytes]) -> abci.RequestFinalizeBlock:
        """The next height with these transactions, as the engine would hand it over."""
        height = self.height + 1
        return abci.RequestFinalizeBlock(
            txs=txs,
            decided_last_commit=self.commit,
            hash=self.block_hash(txs),
            height=height,
            time=timestamp(self.time_ns + self.block_seconds_ns),
            proposer_address=self.validators[self.proposer(height)].address,
        )

    def finalize(self, txs: Sequence[bytes], app: Application) -> abci.ResponseFinalizeBlock:
        """FinalizeBlock of the next height on one application."""
        answer = app.finalize_block(self.finalize_request(txs))
        response: abci.ResponseFinalizeBlock = message(answer, abci.ResponseFinalizeBlock)
        return response

    def decide(self, txs: Sequence[bytes]) -> Block:
        """Finalize and commit these transactions on all applications, as block sync would; no proposal is checked."""
        responses = [self.finalize(txs, app) for app in self.apps]
        first = responses[0]
        for number, response in enumerate(responses):
            assert response.app_hash == first.app_hash, f"application {number} has another app hash at height {self.height + 1}"
            assert [r.SerializeToString() for r in response.tx_results] == [r.SerializeToString() for r in first.tx_results]
            assert list(response.validator_updates) == list(first.validator_updates)
        assert len(first.tx_results) == len(txs)
        for app in self.apps:
            app.commit(abci.RequestCommit())
        self.height += 1
        self.time_ns += self.block_seconds_ns
        block = Block(self.height, self.time_ns, list(txs), list(first.tx_results), list(first.events), first.app_hash)
        self.blocks.append(block)
        self._change_powers(first.validator_updates)
        self.extended, self.commit = self._next
        return block

    def block(self, txs: Sequence[bytes] = (), check: bool = False, silent: Sequence[int] = ()) -> Block:
        """One whole height with this pool; with `check` each transaction first goes through CheckTx on every application."""
        if check:
            for app in self.apps:
                for tx in txs:
                    app.check_tx(tx, False)
        proposal = self.prepare(txs)
        assert all(self.process(proposal)), "a proposal of a correct proposer was rejected"
        self.extend(proposal, silent=silent)
        return self.decide(proposal)

    def run(self, count: int) -> None:
        for _ in range(count):
            self.block()


def result_of(block: Block, tx: bytes) -> abci.ExecTxResult:
    """The result of a transaction in the block that carries it."""
    return block.results[block.txs.index(tx)]


MakeApp = Callable[[Path, int], Application]
