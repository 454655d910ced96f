"""CheckTx: whether a transaction may enter the pool, judged on committed state and on what the pool has taken since.

The same rules as admission, in the order and with the codes and texts that clients know; besides, what would fail in execution for reasons
that can be seen now. Admission decides about blocks; this only keeps hopeless transactions out of the pool.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from modules.auth.formulas import use_nonce
from modules.auth.model import FIRST_TIMESTAMP_NONCE, Account
from modules.consensus.model import SequencerParams
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import (
    INSUFFICIENT_FEE,
    INVALID_PUBKEY,
    INVALID_REQUEST,
    TX_IN_MEMPOOL,
    TX_TIMEOUT,
    TX_TOO_LARGE,
    UNAUTHORIZED,
    UNKNOWN_ADDRESS,
    WRONG_SEQUENCE,
    ErrorKind,
)
from modules.kernel.intmath import div_ceil
from modules.kernel.units import Address
from node.sequencer.admission import SHORT_BLOCK_WINDOW, Sources, block_time_ms
from node.sequencer.errors import QUOTA, WINDOW
from node.sequencer.lanes import CANCEL, LANE_NAMES
from node.tx.envelope import Tx
from node.tx.kinds import refusal
from node.tx.limits import check_limits

EconomicCheck = Callable[[Context, Tx, list[Any]], None]
"""Called for a new transaction, with its commands. Raises ChainError; writes nothing."""


class GasPrice(NamedTuple):
    """The least fee of this node: numerator / denominator of the denomination's unit per unit of gas."""

    denom: str
    numerator: int
    denominator: int


class WindowErrors(NamedTuple):
    """What clients are told about a good-til-block outside of [height, height + 40]."""

    passed: ErrorKind = WINDOW.kind
    too_far: ErrorKind = WINDOW.kind


class CheckState:
    """The pool's view: committed state, and what the transactions accepted since the last commit have used up."""

    __slots__ = ("_count", "_economic", "_gas_prices", "_pending", "_quota", "_remembered", "_seen", "_sources", "_window_errors")

    def __init__(
        self,
        sources: Sources,
        *,
        window_errors: WindowErrors | None = None,
        gas_prices: tuple[GasPrice, ...] = (),
        count: EconomicCheck | None = None,
        economic: EconomicCheck | None = None,
    ) -> None:
        """`gas_prices`: a fee must reach one of them; none asks for no fee. `count` is told of each new transaction that is its signer's
        and not too old, and may refuse it; `economic` comes last.
        """
        self._sources = sources
        self._window_errors = window_errors or WindowErrors()
        self._gas_prices = gas_prices
        self._count = count
        self._economic = economic
        self._pending: dict[Address, Account] = {}
        self._seen: dict[bytes, None] = {}
        self._quota: dict[bytes, int] = {}
        self._remembered: tuple[int, tuple[frozenset[bytes], ...]] | None = None

    def reset(self) -> None:
        """A block is committed: sequences, nonces and quotas count from its state again. The pool is then rechecked in its order."""
        self._pending.clear()
        self._seen.clear()
        self._quota.clear()
        self._remembered = None

    def check(self, ctx: Context, raw: bytes, *, recheck: bool = False) -> Tx:
        """The transaction, which now counts as in the pool. `ctx` is the next block's on committed state. Raises ChainError."""
        sources = self._sources
        params = sources.consensus.params(ctx)
        tx = sources.cache.find(raw)
        if tx is None:
            if len(raw) > params.max_tx_bytes:
                raise TX_TOO_LARGE(f"it has {len(raw)} bytes; at most {params.max_tx_bytes} are allowed")
            tx = sources.cache.decoder.decode(raw)
        commands = None if recheck else self._check_alone(tx, params)
        if 0 < tx.timeout_height < ctx.height:
            raise TX_TIMEOUT(f"tx height: {ctx.height}, timeout height: {tx.timeout_height}")
        account = sources.auth.account(ctx, tx.signer)
        if account is None:
            raise UNKNOWN_ADDRESS(f"account {addresses.to_text(tx.signer)} does not exist")
        key = tx.public_key or account.public_key
        if not key or tx.has_foreign_key:
            raise _wrong_key(tx)
        used = None if tx.good_til_blocks else self._use(ctx, tx, account)
        if not tx.is_signed_by(key, account.number, ctx.chain_id):
            raise UNAUTHORIZED(
                f"signature verification failed; please verify account number ({account.number}) and chain-id ({ctx.chain_id}): "
                "unable to verify single signer signature"
            )
        if tx.good_til_blocks:
            self._check_window(ctx, tx, recheck=recheck)
        if commands is not None:
            if self._count is not None:
                self._count(ctx, tx, commands)
            self._check_quota(tx, params)
            if self._economic is not None:
                self._economic(ctx, tx, commands)
        self._note(tx, used)
        sources.cache.keep(tx)
        return tx

    def _check_alone(self, tx: Tx, params: SequencerParams) -> list[Any]:
        """What can be said without state; the transaction's commands."""
        if tx.internal_message:
            raise INVALID_REQUEST(refusal(tx.internal_message))
        check_limits(tx, params)
        commands = tx.commands()
        if tx.timeout_height and tx.good_til_blocks and tx.lane != CANCEL and tx.timeout_height < tx.good_til_blocks[0]:
            raise INVALID_REQUEST(
                f"a short-term order's transaction must not end before the order: timeout height {tx.timeout_height}, "
                f"good_til_block {tx.good_til_blocks[0]}"
            )
        if self._gas_prices and not tx.is_free:
            self._check_fee(tx)
        return commands

    def _check_fee(self, tx: Tx) -> None:
        offered = tx.fee()
        held = dict(offered)
        required = [(price.denom, div_ceil(tx.gas_limit * price.numerator, price.denominator)) for price in self._gas_prices]
        if any(held.get(denom, 0) >= amount for denom, amount in required):
            return
        texts = [",".join(f"{amount}{denom}" for denom, amount in coins) for coins in (offered, required)]
        raise INSUFFICIENT_FEE(f"insufficient fees; got: {texts[0]} required: {texts[1]}")

    def _use(self, ctx: Context, tx: Tx, account: Account) -> Account:
        """The account after the pool and this transaction. Raises sdk 32."""
        pending = self._pending.get(tx.signer, account)
        if tx.sequence >= FIRST_TIMESTAMP_NONCE:
            after = use_nonce(pending, tx.sequence, block_time_ms(ctx))
            if isinstance(after, str):
                raise WRONG_SEQUENCE(after)
            return after
        if tx.sequence != pending.sequence:
            raise WRONG_SEQUENCE(f"account sequence mismatch, expected {pending.sequence}, got {tx.sequence}")
        return pending._replace(sequence=pending.sequence + 1)

    def _check_window(self, ctx: Context, tx: Tx, *, recheck: bool) -> None:
        """Good-til-blocks and hash of an unsequenced transaction."""
        height = ctx.height
        for good_til_block in tx.good_til_blocks:
            if good_til_block < height:
                raise self._window_errors.passed(f"good_til_block {good_til_block} is below the next block's height {height}")
            if good_til_block > height + SHORT_BLOCK_WINDOW:
                raise self._window_errors.too_far(f"good_til_block {good_til_block} is above {height + SHORT_BLOCK_WINDOW}")
        if not recheck and tx.hash in self._seen:
            raise TX_IN_MEMPOOL("this very transaction waits for a block")
        if self._remembered is None or self._remembered[0] != height:
            self._remembered = height, self._sources.auth.remembered(ctx)
        if any(tx.hash in hashes for hashes in self._remembered[1]):
            raise WINDOW.kind("it was in a block before; change its client id, or wait until that order's good_til_block has passed")

    def _check_quota(self, tx: Tx, params: SequencerParams) -> None:
        if self._quota.get(tx.lane_account, 0) >= params.quota_per_account_and_lane:
            raise QUOTA.kind(
                f"{addresses.to_text(tx.signer)} has {params.quota_per_account_and_lane} transactions in lane {LANE_NAMES[tx.lane]} pending"
            )

    def _note(self, tx: Tx, used: Account | None) -> None:
        """The transaction is in the pool."""
        if used is None:
            self._seen[tx.hash] = None
        else:
            self._pending[tx.signer] = used
        self._quota[tx.lane_account] = self._quota.get(tx.lane_account, 0) + 1


def _wrong_key(tx: Tx) -> Exception:
    signer = addresses.to_text(tx.signer)
    if tx.has_foreign_key:
        return INVALID_PUBKEY(f"pubKey does not match signer address {signer} with signer index: 0")
    return INVALID_PUBKEY(f"the key of {signer} is not known yet; send it along")
