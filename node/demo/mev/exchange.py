"""An exchange in this process: real modules, state in memory, signed transactions, and one block that is executed in one order or another.

A scene is set once: genesis, and a first block with the quotes that rest when the attack begins. `run` then executes the second block,
reads every account, and takes the block back, so that the next order meets exactly the same state and the same bytes. Prices come as they
do on the chain: in the signed vote of a validator, carried by the block's preamble.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.auth.model import address_of_key
from modules.bank.model import FEE_COLLECTOR
from modules.consensus.model import EngineParams
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import NANOSECONDS_PER_SECOND, Address, SubaccountId
from modules.subaccounts.model import CROSS_POOL, INSURANCE_FUND
from node import chain_genesis
from node.client import messages
from node.client.amounts import USDC_EXPONENT, scaled_down, usdc
from node.client.market import Market
from node.client.messages import TimeInForce
from node.executor import BlockRequest, Executor
from node.failure import Failure
from node.localnet.create import DEFAULT_GENESIS
from node.localnet.keys import EngineKey
from node.sequencer.admission import Sources
from node.sequencer.order import Order
from node.sequencer.process import Verdict, process
from node.store.state import LiveState
from node.tx.cache import TxCache
from node.tx.envelope import Decoder
from node.tx.router import Router
from node.tx.signature import public_key_of
from node.tx.signer import sign_tx
from node.votes import extension, preamble
from node.votes.preamble import LastCommit, commit_of
from node.wiring import Wiring
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import validator_pb2

CHAIN_ID = "mev-1"
TICKER = "BTC-USD"
WALLET = usdc("1000000")
"""What each party's bank account holds before, in quote quantums."""
MARGIN = usdc("1000000")
"""What each party's subaccount is worth before, unless the scene says otherwise."""
HEIGHT = 2
"""Of the block that is attacked; the first one holds the quotes."""
GOOD_TIL_BLOCK = 20
ATTACKER, VICTIM, OTHER = "attacker", "victim", "other"
FEES, INSURANCE = "trading fees", "insurance fund"
MILLION = 1_000_000

_GENESIS_SECONDS = 1_700_000_000
"""A boundary of funding epochs, so that none ends in the two blocks of a scene."""
_EXTENSION_BYTES = 1_000


class Party(NamedTuple):
    """Somebody with a key, a bank account and subaccount 0."""

    name: str
    role: str
    """ATTACKER, VICTIM or OTHER; an attacker may have several accounts."""

    @property
    def secret(self) -> bytes:
        return sha256(f"demo mev {self.name}".encode()).digest()

    @property
    def address(self) -> Address:
        return _address(self.secret)

    @property
    def text(self) -> str:
        return addresses.to_text(self.address)

    @property
    def subaccount(self) -> SubaccountId:
        return SubaccountId(self.address, 0)


@cache
def _address(secret: bytes) -> Address:
    return address_of_key(public_key_of(secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is so before the block that is attacked."""

    accounts: int = 1
    """Of the attacker."""
    price_move_ppm: int = 0
    """By how much the oracle price of the attacked block differs from that of the genesis."""
    victim_quantums: int = 0
    """Base quantums that the victim is long; the other party is short as much."""
    victim_worth: int = MARGIN
    """Quote quantums, at the attacked block's price."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What everyone was worth before the block and after it: quote quantums, positions at the block's oracle price."""

    before: Mapping[str, int]
    """By role; beside the three parties the trading fees and the insurance fund."""
    after: Mapping[str, int]
    txs: tuple[bytes, ...]
    """What was executed, as listed."""

    def change(self, role: str) -> int:
        """Quote quantums gained."""
        return self.after[role] - self.before[role]


class Scene:
    """The exchange before the attack. Amounts are quote quantums, sizes base quantums."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.attackers = [Party(f"attacker {number}", ATTACKER) for number in range(1, setting.accounts + 1)]
        self.victim, self.other = Party("victim", VICTIM), Party("other", OTHER)
        self.parties = (*self.attackers, self.victim, self.other)
        self.wiring = Wiring()
        self._state = LiveState(self.wiring.registry)
        self._validator = EngineKey.from_seed(sha256(b"demo mev validator").digest())
        document = json.loads(DEFAULT_GENESIS.read_text())
        self._cache = TxCache(Decoder(Router(self.wiring.messages)))
        self.market, self.genesis_price = _market(document)
        self.price = self.genesis_price * (MILLION + setting.price_move_ppm) // MILLION
        """Oracle price of the attacked block."""
        self._client_id = 0
        self._begin(self._genesis(document))

    # What is there before

    def _genesis(self, document: dict[str, Any]) -> dict[str, Any]:
        """The localnet's own genesis with the parties in it."""
        setting, perpetual_id = self.setting, self.market.perpetual_id
        held = {self.victim: setting.victim_quantums, self.other: -setting.victim_quantums}
        worth = dict.fromkeys(self.parties, MARGIN) | {self.victim: setting.victim_worth}
        accounts, pool = [], 0
        for party in self.parties:
            quantums = held.get(party, 0)
            value = self.value(quantums)
            row = {"perpetual_id": perpetual_id, "quantums": str(quantums), "funding_index": 0, "entry_quote": str(value)}
            collateral = worth[party] - value
            pool += collateral
            accounts.append({"owner": party.text, "number": 0, "collateral": str(collateral), "positions": [row] if quantums else []})
        denom = document["bank"]["denoms"][0]
        balances = [{"address": party.text, "coins": [{"denom": denom, "amount": str(WALLET)}]} for party in self.parties]
        balances.append({"module": CROSS_POOL, "coins": [{"denom": denom, "amount": str(pool)}]})
        for row in document["perp"]["perpetuals"]:
            row["open_interest"] = str(setting.victim_quantums if row["id"] == perpetual_id else 0)
        document["bank"]["balances"].extend(balances)
        document["subaccounts"]["accounts"] = accounts
        return document

    def _begin(self, document: dict[str, Any]) -> None:
        problems = chain_genesis.validate(document, self.wiring.modules)
        if problems:
            raise chain_genesis.GenesisError(problems)
        ctx = Context(self._state, 0, _GENESIS_SECONDS * NANOSECONDS_PER_SECOND, CHAIN_ID)
        self.wiring.consensus.keeper.begin_chain(
            ctx,
            chain_id=CHAIN_ID,
            initial_height=1,
            enable_height=1,
            validators=[(self._validator.public, 1)],
            engine=EngineParams(-1, -1, 1, 1, 1, 1),
        )
        self.wiring.init_genesis(ctx, document)
        addresses.use_prefix(self.wiring.consensus.keeper.bech32_prefix(ctx))
        self._state.forget()

    # Transactions

    def price_near(self, offset_ppm: int) -> int:
        """Subticks: the tick at or below the genesis' price moved by ppm of it."""
        return self.market.subticks_near(self.genesis_price, offset_ppm)

    def order(self, party: Party, quantums: int, subticks: int, kind: TimeInForce = TimeInForce.REST) -> bytes:
        """The party's signed short-term order; a sell where `quantums` is negative."""
        self._client_id += 1
        placed = messages.order(
            self.market,
            party.text,
            0,
            self._client_id,
            is_buy=quantums > 0,
            quantums=abs(quantums),
            subticks=subticks,
            good_til_block=GOOD_TIL_BLOCK,
            time_in_force=kind,
        )
        return self._sign(party, messages.place(placed))

    def cancel_all(self, party: Party) -> bytes:
        """The party's signed cancel of every order that it has placed in this scene so far."""
        ids = range(1, self._client_id + 1)
        return self._sign(party, messages.batch_cancel(party.text, 0, [(self.market, ids)], GOOD_TIL_BLOCK))

    def deposit(self, party: Party, quote_quantums: int) -> bytes:
        return self._sign(party, messages.deposit(party.text, 0, quote_quantums))

    def _sign(self, party: Party, message: Any) -> bytes:
        account = self.wiring.auth.keeper.account(self._context(HEIGHT), party.address)
        assert account is not None, party.name
        return sign_tx(party.secret, [message], account_number=account.number, sequence=account.sequence, chain_id=CHAIN_ID)

    # Blocks

    def _context(self, height: int) -> Context:
        return Context(self._state, height, (_GENESIS_SECONDS + height) * NANOSECONDS_PER_SECOND, CHAIN_ID)

    def rest(self, order: Order, *txs: bytes) -> None:
        """The chain's first block: these orders rest in the book from now on. Raises Failure if one does not."""
        before = self._client_id
        self._execute(1, order, txs, b"", LastCommit(0, ()))
        resting = [len(self.wiring.clob.keeper.open_orders(self._context(1), party.subaccount)) for party in self.parties]
        if sum(resting) != before:
            raise Failure(f"of {before} quotes {sum(resting)} rest in the book.")
        self._state.forget()

    def run(self, order: Order, app_hash: bytes, txs: Sequence[bytes]) -> Outcome:
        """What the block with these transactions does when it is executed in that order; nothing of it stays.

        `app_hash` is what the block's seed is made of. Raises Failure if a transaction is not admitted, or money came or went.
        """
        commit = self._commit()
        listed = [preamble.encode(commit), *txs]
        mark = self._state.mark()
        try:
            # The preamble's price is not in state yet; both sides are valued at it.
            before = self._worth()
            self._execute(HEIGHT, order, listed, app_hash, commit_of(commit))
            oracle, ctx, market_id = self.wiring.oracle.keeper, self._context(HEIGHT), self.market.oracle_market_id
            found = oracle.price(ctx, market_id, oracle.maximum_age_seconds(ctx, market_id)).price
            assert found == self.price, f"the block's oracle price is {found}, not {self.price}"
            outcome = Outcome(before, self._worth(), tuple(txs))
        finally:
            self._state.rollback(mark)
        gained = sum(outcome.change(role) for role in before)
        if gained:
            raise Failure(f"money is not conserved: all together gained {gained} quote quantums in one block.")
        return outcome

    def judge(self, app_hash: bytes, txs: Sequence[bytes]) -> Verdict:
        """What every honest validator says to a proposal of the block with these transactions in this order."""
        commit = self._commit()
        sources = Sources(self._cache, self.wiring.auth.keeper, self.wiring.consensus.keeper)
        return process(self._context(HEIGHT), sources, [preamble.encode(commit), *txs], app_hash, commit_of(commit))

    def _execute(self, height: int, order: Order, txs: Sequence[bytes], app_hash: bytes, last_commit: LastCommit) -> None:
        keeper = self.wiring.consensus.keeper
        # All that differs between two runs is `order`: whatever else the executor is given is the same.
        sources = Sources(self._cache, self.wiring.auth.keeper, keeper, order=order)
        request = BlockRequest(txs, last_commit, self._validator.address, app_hash)
        result = Executor(self.wiring, sources).execute(self._context(height), request)
        for raw in result.results:
            answer = abci.ExecTxResult.FromString(raw)
            if answer.code:
                raise Failure(f"a transaction of the scene failed: {answer.codespace} {answer.code} {answer.log}.")

    def _commit(self) -> abci.ExtendedCommitInfo:
        """The validator's signed vote for the first block, with the price that the second one begins with."""
        commit = abci.ExtendedCommitInfo()
        vote = commit.votes.add(block_id_flag=validator_pb2.BLOCK_ID_FLAG_COMMIT)
        vote.validator.address, vote.validator.power = self._validator.address, 1
        vote.vote_extension = extension.encode({self.market.oracle_market_id: self.price}, _EXTENSION_BYTES)
        private = Ed25519PrivateKey.from_private_bytes(self._validator.seed)
        vote.extension_signature = private.sign(preamble.sign_bytes(vote.vote_extension, HEIGHT - 1, 0, CHAIN_ID))
        return commit

    # Money

    def value(self, quantums: int) -> int:
        """Quote quantums that a size is worth at the attacked block's oracle price, exactly."""
        market = self.market
        exponent = market.atomic_resolution + market.oracle_exponent - USDC_EXPONENT
        value = scaled_down(quantums * self.price, exponent)
        assert scaled_down(value, -exponent) == quantums * self.price, f"{quantums} base quantums have no whole value at {self.price}"
        return value

    def _worth(self) -> dict[str, int]:
        ctx = self._context(HEIGHT)
        bank, subaccounts = self.wiring.bank.keeper, self.wiring.subaccounts.keeper
        found = {ATTACKER: 0, VICTIM: 0, OTHER: 0}
        for party in self.parties:
            account = subaccounts.settled(ctx, party.subaccount)
            held = sum(self.value(position.quantums) for position in account.positions.values())
            found[party.role] += bank.balance(ctx, party.address) + account.collateral + held
        found[FEES] = bank.balance(ctx, addresses.of_module(FEE_COLLECTOR))
        found[INSURANCE] = bank.balance(ctx, addresses.of_module(INSURANCE_FUND))
        return found


def _market(document: Mapping[str, Any]) -> tuple[Market, int]:
    """The market of the scenes as the genesis has it, and its oracle price."""
    perpetual = next(row for row in document["perp"]["perpetuals"] if row["ticker"] == TICKER)
    pair = next(row for row in document["clob"]["clob_pairs"] if row["perpetual_id"] == perpetual["id"])
    oracle = next(row for row in document["oracle"]["markets"] if row["id"] == perpetual["market_id"])
    market = Market(
        ticker=TICKER,
        perpetual_id=perpetual["id"],
        clob_pair_id=pair["id"],
        oracle_market_id=oracle["id"],
        oracle_exponent=oracle["exponent"],
        atomic_resolution=perpetual["atomic_resolution"],
        quantum_conversion_exponent=pair["quantum_conversion_exponent"],
        step_base_quantums=int(pair["step_base_quantums"]),
        subticks_per_tick=pair["subticks_per_tick"],
    )
    return market, int(oracle["price"])
