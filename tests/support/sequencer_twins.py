"""A whole application and the slow chain in step: the same signed transactions in one, their plain facts in the other."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import SubaccountId
from node.app import App
from node.sequencer.process import Verdict, process
from node.votes.preamble import commit_of
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import message as parsed
from support.exchange import TRADERS, Exchange, OpenExchange
from support.sequencing import Signer
from support.slow import admission, order
from support.slow.block import Outcome, SlowTx, run_block
from support.slow.chain import SlowChain
from support.slow.exchanges import MARKETS, PRICES, WALLET, genesis
from support.slow.real import protobuf
from support.slow.wire import name_text
from support.slow.world import SHORT_TERM, Account, FeeTier, Name, Order, Rules

TENTH = 1_000_000_000
"""Base quantums of a tenth of a bitcoin."""
PEOPLE = (*TRADERS, "frank")
"""Who has an account; frank never signs anything."""
RULES = Rules(MARKETS[:3], (FeeTier(500, -110),), 1_000)


class Known(NamedTuple):
    """A signed transaction and what the text must know of it. Whoever breaks one says in the facts what is broken."""

    raw: bytes
    slow: SlowTx


class Seen(NamedTuple):
    """What FinalizeBlock gives, whatever the order of the list."""

    app_hash: bytes
    results: list[tuple[bytes, list[bytes]]]
    """By transaction; of equal ones sorted."""
    events: list[bytes]


def account(name: str, number: int = 0) -> Account:
    """A trader's subaccount as the slow chain names it."""
    return Signer(name).address, number


def known(raw: bytes, name: str, messages: list[dict[str, Any]], sequence: int, **facts: Any) -> Known:
    """A transaction with the facts of a good one, changed by `facts`."""
    short = [entry for entry in messages if _is_short_term(entry)]
    good_til = tuple(_good_til(entry) for entry in messages) if len(short) == len(messages) else ()
    found = admission.Facts(
        sha256(raw).digest(), len(raw), Signer(name).address, sequence, order.lane_of(messages) if messages else 0, good_til
    )
    return Known(raw, SlowTx(replace(found, **facts), messages))


def _is_short_term(message: dict[str, Any]) -> bool:
    if message["kind"] == "place":
        return bool(message["order"].flags == SHORT_TERM)
    return bool(message["kind"] == "batch_cancel" or (message["kind"] == "cancel" and message["name"][2] == SHORT_TERM))


def _good_til(message: dict[str, Any]) -> int:
    found: int = message["order"].good_til if message["kind"] == "place" else message["good_til"]
    return found


def twin_genesis(**sequencer: Any) -> dict[str, Any]:
    """The slow tests' exchange with the traders' wallets; `sequencer` are parameters of the sequencer."""
    state = genesis(RULES)
    coins = [{"denom": "uusdc", "amount": str(WALLET)}]
    state["bank"]["balances"] = [{"address": Signer(name).text, "coins": coins} for name in PEOPLE]
    state["consensus"] = {"sequencer": sequencer} if sequencer else {}
    return state


class Twins:
    """One application under mock consensus, and the slow chain with the same wallets."""

    def __init__(self, open_exchange: OpenExchange, **sequencer: Any) -> None:
        self.exchange: Exchange = open_exchange(twin_genesis(**sequencer), nodes=1)
        chain = self.exchange.chain
        self.slow = SlowChain(RULES, chain.height, chain.time_ns, PRICES)
        self.slow.world.wallet = {Signer(name).address: WALLET for name in PEOPLE}
        self.prices = {market.perpetual: PRICES[market.perpetual] for market in RULES.markets}
        self.block([])

    # Transactions

    def sign(self, name: str, *messages: dict[str, Any], sequence: int, facts: dict[str, Any] | None = None, **changes: Any) -> Known:
        """Signed by the trader; `changes` as of sign_tx, and `facts` is what they break."""
        raw = self.exchange.sign(name, *map(protobuf, messages), sequence=sequence, **changes)
        return known(raw, name, list(messages), sequence, **(facts or {}))

    def order(self, name: str, client_id: int, side: str, quantums: int, subticks: int, **changes: Any) -> dict[str, Any]:
        """A placement of bitcoin: short-term for ten blocks, or with other flags for an hour."""
        flags = changes.get("flags", SHORT_TERM)
        good_til = self.exchange.next_height + 10 if flags == SHORT_TERM else self.exchange.next_seconds + 3_600
        placed = Order(account(name), client_id, flags, 0, side == "buy", quantums, subticks, good_til)
        return {"kind": "place", "order": placed._replace(**changes)}

    def cancel(self, name: str, client_id: int, flags: int = SHORT_TERM) -> dict[str, Any]:
        """A cancel of a bitcoin order, good a little longer than orders here are."""
        good_til = self.exchange.next_height + 20 if flags == SHORT_TERM else self.exchange.next_seconds + 7_200
        name_: Name = (0, account(name), flags, client_id)
        return {"kind": "cancel", "name": name_, "good_til": good_til}

    # Both chains

    def facts_of_block(self, preamble: Sequence[bytes]) -> admission.Block:
        """What the next block is judged by."""
        exchange = self.exchange
        params = exchange.wiring.consensus.keeper.params(exchange.ctx)
        found: dict[bytes, admission.Signer] = {Signer(name).address: self.signer(exchange.ctx, name) for name in PEOPLE}
        return admission.Block(
            exchange.chain.chain_id,
            exchange.next_height,
            self.next_time_ns // 1_000_000,
            exchange.chain.app_hash,
            found,
            params.quota_per_account_and_lane,
            params.max_block_txs,
            params.max_block_bytes,
            params.max_tx_bytes,
            sum(admission.Facts(b"", len(raw)).framed_bytes for raw in preamble),
        )

    @property
    def next_time_ns(self) -> int:
        return self.exchange.chain.time_ns + self.exchange.chain.block_seconds_ns

    @property
    def app(self) -> App:
        return self.exchange.apps[0]

    def preamble(self) -> list[bytes]:
        """What the next block begins with: nothing in the first, else one transaction."""
        return self.exchange.chain.prepare([])

    def block(self, txs: Sequence[Known]) -> None:
        """One block on both; everything that is compared of it is equal."""
        preamble = self.preamble()
        outcome = self.run_slow(self.facts_of_block(preamble), txs)
        block = [*preamble, *(txs[position].raw for position in outcome.judged.order)]
        assert self.exchange.chain.process(block) == [True]
        self.exchange.commit(block)
        results = self.exchange.chain.blocks[-1].results[len(preamble) :]
        assert [(result.codespace, result.code) for result in results] == [outcome.results[position] for position in outcome.judged.order]
        self.compare_state(self.exchange.ctx)

    def run_slow(self, block: admission.Block, txs: Sequence[Known]) -> Outcome:
        """The list on the slow chain. Funding has not moved yet in the few blocks of these tests; `compare_state` would tell."""
        index = dict(self.slow.world.funding_index)
        return run_block(self.slow, block, [tx.slow for tx in txs], self.next_time_ns, self.prices, index)

    def try_slow(self, block: admission.Block, txs: Sequence[Known]) -> tuple[Outcome, dict[str, Any]]:
        """The list on the slow chain, which is then as before; what came of it, and the world after it."""
        frame = self.slow.world.frame()
        outcome = self.run_slow(block, txs)
        after, self.slow.world.__dict__ = self.slow.world.__dict__, frame
        return outcome, after

    def finalize(self, txs: Sequence[bytes]) -> abci.ResponseFinalizeBlock:
        """FinalizeBlock of the application. Nothing is committed; its live state is that after the block."""
        return self.exchange.chain.finalize(txs, self.app)

    def seen(self, txs: Sequence[bytes]) -> Seen:
        """FinalizeBlock of a list, as what must not depend on the order of the list."""
        return self._seen(txs, self.finalize(txs))

    def _seen(self, txs: Sequence[bytes], response: abci.ResponseFinalizeBlock) -> Seen:
        pairs = zip(txs, response.tx_results, strict=True)
        found: dict[bytes, list[bytes]] = {}
        for raw, result in pairs:
            found.setdefault(raw, []).append(result.SerializeToString())
        by_tx = sorted((raw, sorted(results)) for raw, results in found.items())
        return Seen(response.app_hash, by_tx, [event.SerializeToString() for event in response.events])

    def is_accepted(self, txs: Sequence[bytes]) -> bool:
        """The application's own answer to ProcessProposal, over the wire's request."""
        return self.exchange.chain.process(txs) == [True]

    def judge(self) -> "Judge":
        """Judges proposals of the next block."""
        return Judge(self.app, self.exchange.chain.process_request([]))

    def compare_trial(self, txs: Sequence[Known], preamble: Sequence[bytes], outcome: Outcome, after: dict[str, Any]) -> Seen:
        """FinalizeBlock of the list gives the codes, the fills and ends of orders, and the state that the slow chain gives."""
        listed = [*preamble, *(tx.raw for tx in txs)]
        response = self.finalize(listed)
        results = response.tx_results[len(preamble) :]
        assert [(result.codespace, result.code) for result in results] == outcome.results
        expected = [(entry[0], *(name_text(part) if isinstance(part, tuple) else part for part in entry[1:])) for entry in outcome.log]
        executed = [results[position] for position in outcome.judged.order]
        found = tell([event for part in (response, *executed) for event in part.events])
        assert [entry for entry in found if entry[0] == "fill"] == [entry for entry in expected if entry[0] == "fill"]
        assert sorted(entry for entry in found if entry[0] != "fill") == sorted(entry for entry in expected if entry[0] != "fill")
        before, self.slow.world.__dict__ = self.slow.world.__dict__, after
        self.compare_state(Context(self.app.state, self.exchange.next_height, self.next_time_ns, self.exchange.chain.chain_id))
        self.slow.world.__dict__ = before
        return self._seen(listed, response)

    def compare_state(self, ctx: Context) -> None:
        """Books, collateral, positions, open interest, wallets and fees of a state are those of the slow chain."""
        wiring, world = self.app.wiring, self.slow.world
        accounts = self.slow.accounts()
        for name in PEOPLE:
            for number in (0, 1):
                held = wiring.subaccounts.keeper.settled(ctx, SubaccountId(Signer(name).address, number))
                assert (held.collateral, {row[0]: row[1] for row in held.rows}) == accounts.get(account(name, number), (0, {}))
            assert wiring.bank.keeper.balance(ctx, Signer(name).address) == world.wallet[Signer(name).address]
        for market in RULES.markets:
            book = wiring.clob.keeper.book(ctx, market.pair)
            for levels, buys in ((book.bids, True), (book.asks, False)):
                rows = [(name, one.subticks, one.quantums, one.quantums - left) for level in levels for name, one, left in level.orders]
                assert rows == self.slow.book(market.pair, buys=buys)
            assert wiring.perp.keeper.open_interest(ctx, market.perpetual) == world.open_interest[market.perpetual]
            assert wiring.funding.keeper.index(ctx, market.perpetual) == world.funding_index[market.perpetual]
        assert wiring.bank.keeper.balance(ctx, addresses.of_module("fee_collector")) == world.fees_collected

    def compare_used(self, block: admission.Block, outcome: Outcome) -> None:
        """Sequences, nonces and keys after FinalizeBlock are what the text says of the admitted ones; nobody else's changed."""
        ctx = Context(self.app.state, self.exchange.next_height, self.next_time_ns, self.exchange.chain.chain_id)
        for name in PEOPLE:
            address = Signer(name).address
            assert self.signer(ctx, name) == outcome.judged.used.get(address, block.accounts[address]), name

    def signer(self, ctx: Context, name: str) -> admission.Signer:
        """The account as admission must know it."""
        held = self.exchange.wiring.auth.keeper.account(ctx, Signer(name).address)
        assert held is not None
        return admission.Signer(held.sequence, bool(held.public_key), held.nonces, held.max_ejected_nonce)


class Judge:
    """ProcessProposal of one height without the request's encoding, for very many proposals."""

    def __init__(self, app: App, request: abci.RequestProcessProposal) -> None:
        assert parsed(app.process_proposal(request), abci.ResponseProcessProposal).status  # a staged block is undone by that
        self._app = app
        self._ctx = app._proposal_context(request)
        self._commit = commit_of(request.proposed_last_commit)

    def __call__(self, txs: Sequence[bytes]) -> Verdict:
        return process(self._ctx, self._app._sources, txs, self._app._app_hash, self._commit)


def tell(events: Sequence[abci.Event]) -> list[tuple[Any, ...]]:
    """Fills and ends of orders among events, as the slow chain logs them."""
    log: list[tuple[Any, ...]] = []
    for event in events:
        row = {one.key: one.value for one in event.attributes}
        match event.type:
            case "order_fill":
                log.append(("fill", row["taker_order"], row["maker_order"], int(row["subticks"]), int(row["quantums"])))
            case "order_removed":
                log.append(("ended", row["order"], row["reason"]))
            case "order_expired":
                log.append(("ended", row["order"], "EXPIRED"))
            case "order_cancelled":
                if row["removed"] == "true":
                    log.append(("ended", row["order"], "CANCELLED"))
    return log
