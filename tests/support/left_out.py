"""Why a transaction of a pool is not in a proposal, found out from the finished block alone: no word of the proposer is believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.consensus.model import SequencerParams
from modules.kernel.context import Context
from node.app import App
from node.sequencer.admission import Sieve, Sources, admit
from node.sequencer.order import seed_of
from node.sequencer.prepare import Proposal, prepare
from node.tx.cache import TxCache
from node.tx.envelope import Decoder, Tx
from node.tx.router import Router
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.exchange import committed

OF_ITSELF = ("b1", "b2", "b3", "b4", "c")
"""Rules about one transaction, whatever else is there."""
NOTHING_OPEN = 10**9


def bytes_in_block(txs: Sequence[bytes]) -> int:
    """As the engine counts: every transaction with its tag and the bytes of its length."""
    return sum(1 + max(1, -(-len(raw).bit_length() // 7)) + len(raw) for raw in txs)


@dataclass
class Judge:
    """Sequencer material of its own on the committed state of an application that follows a chain; every time with an empty cache."""

    app: App
    time_ns: int
    """Of the block to come."""
    last_hash: bytes

    def __post_init__(self) -> None:
        wiring = self.app.wiring
        now = committed(self.app)
        next_height = now.height + 1 if now.height else wiring.consensus.keeper.initial_height(now)
        self.ctx = Context(self.app.state, next_height, self.time_ns, wiring.consensus.keeper.chain_id(now))
        self.decoder = Decoder(Router(wiring.messages))
        self.sources = Sources(TxCache(self.decoder), wiring.auth.keeper, wiring.consensus.keeper)

    @property
    def params(self) -> SequencerParams:
        return self.sources.consensus.params(self.ctx)

    def prepare(self, pool: Sequence[bytes], max_tx_bytes: int, local_commit: abci.ExtendedCommitInfo | None) -> Proposal:
        """The proposal, and what its maker says about the rest."""
        return prepare(self.ctx, self.sources, pool, self.last_hash, max_tx_bytes, local_commit or abci.ExtendedCommitInfo())

    def admissible(self, pool: Sequence[bytes]) -> int:
        """How many break no rule but limits: rules (b) to (d)."""
        sieve = Sieve(self.ctx, self.sources, pool)
        sieve.apply_rules_of_one()
        sieve.apply_sequences()
        sieve.apply_kind_and_once()
        return len(sieve.ordered(seed_of(self.ctx.chain_id, self.ctx.height, self.last_hash)))

    def reasons(self, block: Sequence[bytes], first: int, raw: bytes, max_tx_bytes: int) -> list[str]:
        """Every true reason why `raw` is not in `block`, whose transactions begin at `first`; none: it could have been.

        `b5 gap` is only half of one: what should have come before may be in the pool, and then needs a reason itself.
        """
        alone = admit(self.ctx, self.sources, [raw], self.last_hash).refusals.get(0)
        if alone is not None and alone.rule.id in OF_ITSELF:
            return [alone.rule.id]
        tx = self.decoder.decode(raw)
        taken = [self.decoder.decode(one) for one in block[first:]]
        found = [*self._limits(tx, taken, block, max_tx_bytes), *self._sequences(tx, taken)]
        with_it = admit(self.ctx, self.sources, [*block, raw], self.last_hash, first).refusals
        fits_the_engine = bytes_in_block([*block, raw]) <= max_tx_bytes
        assert bool(found) == bool(with_it or not fits_the_engine), f"{found}, but admission says {with_it}"
        return found

    def _limits(self, tx: Tx, taken: Sequence[Tx], block: Sequence[bytes], max_tx_bytes: int) -> list[str]:
        params, found = self.params, []
        if len(taken) >= params.max_block_txs:
            found.append("f count")
        if [one.signer for one in taken if one.lane == tx.lane].count(tx.signer) >= params.quota_per_account_and_lane:
            found.append("f quota")
        if bytes_in_block([*block, tx.raw]) > min(max_tx_bytes, params.max_block_bytes):
            found.append("f bytes")
        return found

    def _sequences(self, tx: Tx, taken: Sequence[Tx]) -> list[str]:
        if tx.good_til_blocks:
            return []
        own = [one for one in taken if one.signer == tx.signer and not one.good_til_blocks]
        if any(one.sequence == tx.sequence for one in own):
            return ["b5 rival"]
        account = self.sources.auth.account(self.ctx, tx.signer)
        assert account is not None
        if tx.has_timestamp_nonce:
            alone = admit(self.ctx, self.sources, [tx.raw], self.last_hash).refusals.get(0)
            return ["b5 nonce"] if alone is not None and alone.rule.id == "b5" else []
        due = account.sequence + sum(1 for one in own if not one.has_timestamp_nonce)
        if tx.sequence < due:
            return ["b5 past"]
        return ["b5 gap"] if tx.sequence > due else []
