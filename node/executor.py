"""One block, step by step: what every node computes alike from state, height, time, preamble and the set of transactions (design 3.5)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from modules.bank.model import FEE_COLLECTOR
from modules.clob.events import MATCHED
from modules.clob.model import SHORT_TERM, CancelOrder, OrderId, PlaceOrder
from modules.consensus.keeper import ConsensusKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import INSUFFICIENT_FUNDS, ChainError
from modules.kernel.events import Event, EventKind, EventValue
from node import results
from node.history.model import BLOCK_END, CLOCK, ENGINE, Cause
from node.history.notes import Notes, OrderIds
from node.sequencer.admission import Admission, Sources
from node.sequencer.block import OpenedBlock, open_block
from node.sequencer.lanes import BEFORE_ENGINE, CANCEL
from node.tx.envelope import Tx
from node.tx.limits import check_limits, gas_used, gas_wanted
from node.votes.preamble import LastCommit
from node.wiring import Wiring

VOTE_OMITTED = EventKind("vote_omitted", ("validator", "proposer"))
"""The proposer left a committed vote out of the preamble. Both are consensus addresses in hex."""
BLOCK_STEP = EventKind("block_step", ("step", "after_transactions"))
"""The block's events up to the next of these happened after so many of its transactions, the preamble counted, and before the others.

What stands before the first of them happened before all transactions. Told only where something follows.
"""
ENGINE_STEP, END_STEP = "ENGINE", "END"
FEE_PAID = EventKind("tx", ("fee", "fee_payer"), indexed=("fee_payer",))
"""The fee, as coins, went to the fee collector, also when the transaction then fails. Named as wallets and explorers know it."""

_FEE_COLLECTOR = addresses.of_module(FEE_COLLECTOR)


class BlockRequest(NamedTuple):
    """What the engine has decided."""

    txs: Sequence[bytes]
    last_commit: LastCommit
    proposer: bytes
    app_hash: bytes
    """Of the state after height - 1."""


class BlockResult(NamedTuple):
    """What came of it."""

    events: list[Event]
    """Of the block itself; those of transactions are in their results."""
    results: list[bytes]
    """One encoded ExecTxResult per transaction, in the block's order."""
    tally: "Tally"
    notes: Notes
    """What the block did to orders, with the causes."""


class Tally:
    """What is worth counting about a block, for logs and metrics."""

    __slots__ = ("admitted", "failures", "fills", "refused")

    def __init__(self) -> None:
        self.admitted = 0
        self.refused = 0
        self.fills = 0
        self.failures: dict[tuple[str, int], int] = {}


class Executor:
    """Executes blocks and, between them, single transactions for simulation. Holds no state of its own."""

    __slots__ = ("_empty_data", "_order_ids", "_sources", "_wiring")

    def __init__(self, wiring: Wiring, sources: Sources) -> None:
        self._wiring = wiring
        self._sources = sources
        self._order_ids = OrderIds()
        self._empty_data = {
            route.message.DESCRIPTOR.full_name: results.message_data([("/" + route.response.DESCRIPTOR.full_name, b"")])
            for route in wiring.messages
        }

    def execute(self, ctx: Context, request: BlockRequest) -> BlockResult:
        """State, events and results after the block. Total: nothing that a block can hold makes it raise; what raises is our bug."""
        wiring = self._wiring
        block = open_block(ctx, self._sources, request.txs, request.app_hash, request.last_commit)
        admission = block.admission
        outputs = _refusals(block, len(request.txs))
        tally = Tally()
        self._order_ids.trim()
        notes = Notes(self._order_ids, ctx.height)
        tally.admitted = len(admission.order)
        tally.refused = len(admission.refusals)

        # 1. Preamble; what admission used up is used whether the transaction then succeeds or fails.
        votes = block.preamble.votes if block.preamble is not None else ()
        for address in block.preamble.omitted if block.preamble is not None else ():
            ctx.emit(VOTE_OMITTED, address.hex(), request.proposer.hex())
        wiring.auth.keeper.consume(ctx, admission.used_accounts)
        wiring.auth.keeper.remember(ctx, admission.hashes)

        # 2. Prices for the whole block. 3. Clock: funding and expiry.
        gap_ns = _gap_ns(ctx, wiring.consensus.keeper)
        wiring.oracle.keeper.begin_block(ctx, gap_ns)
        if block.preamble is not None:
            wiring.oracle.keeper.apply_votes(ctx, votes, block.preamble.total_power)
        wiring.oracle.keeper.choose_sources(ctx)
        wiring.perp.keeper.mark.begin_block(ctx)
        ctx.scratch.clear()
        wiring.oracle.keeper.tell_standings(ctx)
        wiring.oracle.keeper.record_prices(ctx)
        wiring.perp.keeper.mark.record(ctx)
        wiring.subaccounts.keeper.begin_block(ctx, gap_ns)
        wiring.funding.keeper.begin_block(ctx)
        due = wiring.clob.keeper.begin_block(ctx)
        told = _tell(notes, CLOCK, ctx, 0)

        # 4. Cancels, margin, makers. 5. The engine. 6. Takers and everything else: nothing leaves before losses are dealt with.
        placed_later = _placed_later(admission)
        split = next((rank for rank, (_, tx) in enumerate(admission.order) if tx.lane not in BEFORE_ENGINE), len(admission.order))
        for position, tx in admission.order[:split]:
            outputs[position] = self._run(ctx, tx, placed_later, tally, notes)
        wiring.liquidation.keeper.run(ctx)
        wiring.clob.keeper.run_due(ctx, due)
        told = _tell(notes, ENGINE, ctx, told, (ENGINE_STEP, block.first + split))
        for position, tx in admission.order[split:]:
            outputs[position] = self._run(ctx, tx, placed_later, tally, notes)

        # 7. End: premium samples, traded volume, what the authority changes, the last block's identity, and that no money came or went.
        wiring.clob.keeper.end_block(ctx)
        wiring.fees.keeper.end_block(ctx)
        wiring.changes.end_block(ctx)
        wiring.consensus.keeper.end_block(ctx)
        _tell(notes, BLOCK_END, ctx, told, (END_STEP, len(request.txs)))
        broken = wiring.subaccounts.keeper.conservation(ctx)
        assert not broken, f"money is not conserved at height {ctx.height}: {'; '.join(broken)}"
        tally.fills += _count_fills(ctx.events)
        return BlockResult(ctx.events, outputs, tally, notes)

    def _run(self, ctx: Context, tx: Tx, placed_later: dict[OrderId, None], tally: Tally, notes: Notes) -> bytes:
        """The result of one admitted transaction. When it fails, nothing of it stays but its sequence and its fee."""
        first_event = len(ctx.events)
        params = self._sources.consensus.params(ctx)
        wanted, used = gas_wanted(tx), gas_used(tx, params)
        index = -1
        mark = ctx.mark()
        try:
            self._take_fee(ctx, tx)
            mark = ctx.mark()
            check_limits(tx, params)
            responses = []
            for index, kind in enumerate(tx.kinds):
                command = tx.command(index)
                if tx.lane == CANCEL and placed_later and isinstance(command, CancelOrder) and command.id in placed_later:
                    command = command._replace(placed_later=True)
                assert kind.route is not None, "admission lets only messages of users through"
                responses.append((kind, kind.route.execute(ctx, command)))
        except ChainError as error:
            ctx.undo(mark)
            key = (error.codespace, error.code)
            tally.failures[key] = tally.failures.get(key, 0) + 1
            prefix = f"failed to execute message; message index: {index}: " if index >= 0 else ""
            output = results.failure(error, wanted, used, ctx.events[first_event:], prefix)
        else:
            events = ctx.events[first_event:]
            tally.fills += _count_fills(events)
            notes.transaction(tx, events)
            output = results.tx_result(data=self._data(responses), gas_wanted=wanted, gas_used=used, events=events)
        del ctx.events[first_event:]
        return output

    def _take_fee(self, ctx: Context, tx: Tx) -> None:
        """The fee is with the fee collector; clob messages make it free. Raises sdk 5 and takes nothing, sdk 10 for bad coins."""
        if tx.is_free:
            return
        bank = self._wiring.bank.keeper
        coins = tx.fee()
        for denom, amount in coins:
            denom_id = bank.denom_id(ctx, denom)
            if denom_id is None:
                raise INSUFFICIENT_FUNDS(f"the fee {amount}{denom} is in a denomination that this chain does not have")
            bank.move(ctx, tx.signer, _FEE_COLLECTOR, amount, denom_id)
        if coins:
            ctx.emit(FEE_PAID, ",".join([f"{amount}{denom}" for denom, amount in coins]), addresses.to_text(tx.signer))

    def _data(self, responses: Sequence[tuple[Any, bytes]]) -> bytes:
        """TxMsgData of the responses; nearly all of them are one empty message."""
        if len(responses) == 1 and not responses[0][1]:
            return self._empty_data[responses[0][0].name]
        return results.message_data([("/" + kind.route.response.DESCRIPTOR.full_name, value) for kind, value in responses])

    def simulate(self, ctx: Context, raw: bytes) -> bytes:
        """The encoded ExecTxResult of a transaction executed alone now; the caller undoes it. Signature and sequence are not looked at."""
        try:
            tx = self._sources.cache.decoder.decode_for_simulation(raw)
        except ChainError as error:
            return results.failure(error)
        tx.gas_limit = tx.gas_limit or gas_used(tx, self._sources.consensus.params(ctx))
        return self._run(ctx, tx, {}, Tally(), Notes(OrderIds(), ctx.height))


def _refusals(block: OpenedBlock, count: int) -> list[bytes]:
    """Results by position: refused transactions have theirs; admitted ones and the preamble are filled in or stay empty (code 0)."""
    outputs = [b""] * count
    if block.preamble_refusal is not None and block.first:
        refusal = block.preamble_refusal
        outputs[0] = results.tx_result(code=refusal.code, codespace=refusal.codespace, log=refusal.log)
    for position, refused in block.admission.refusals.items():
        outputs[position] = results.tx_result(code=refused.code, codespace=refused.codespace, log=refused.log)
    return outputs


def _placed_later(admission: Admission) -> dict[OrderId, None]:
    """Ids of stateful orders that later lanes place, if lane 1 cancels stateful orders at all: such a cancel then stands."""
    found: dict[OrderId, None] = {}
    if not any(tx.lane == CANCEL and not tx.good_til_blocks for _, tx in admission.order):
        return found
    for _, tx in admission.order:
        if tx.lane == CANCEL or tx.good_til_blocks:
            continue
        for index in range(len(tx.messages)):
            try:
                command = tx.command(index)
            except ChainError:
                continue
            if isinstance(command, PlaceOrder) and command.order.id.flags != SHORT_TERM:
                found[command.order.id] = None
    return found


def _gap_ns(ctx: Context, consensus: ConsensusKeeper) -> int:
    """Nanoseconds since the block before; 0 for the chain's first two: the engine gives the first the genesis time, whenever that was."""
    if ctx.height <= consensus.initial_height(ctx) + 1:
        return 0
    return ctx.time_ns - consensus.last_block_time(ctx)


def _tell(notes: Notes, cause: Cause, ctx: Context, told: int, place: tuple[EventValue, ...] = ()) -> int:
    """What the protocol has done since `told` events of the block is noted; returns the new number of events told.

    `place` says where in the block it was, for those who read the block's events and its transactions' apart.
    """
    if len(ctx.events) > told:
        notes.protocol(cause, ctx.events[told:])
        if place:
            ctx.events.insert(told, (BLOCK_STEP, place))
    return len(ctx.events)


def _count_fills(events: Sequence[Event]) -> int:
    return sum([1 for kind, _ in events if kind is MATCHED])
