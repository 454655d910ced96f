"""What a transaction may not be although it is admissible: checks with sdk codes, for CheckTx and at the start of its execution."""

from modules.consensus.model import SequencerParams
from modules.kernel.errors import INVALID_GAS_LIMIT, INVALID_REQUEST, MEMO_TOO_LARGE, OUT_OF_GAS
from node.tx.envelope import Tx

MAX_GAS = 2**63 - 1
_MAY_STAND_WITH_CLOB = (
    "dydxprotocol.clob.MsgPlaceOrder",
    "dydxprotocol.clob.MsgCancelOrder",
    "dydxprotocol.clob.MsgUpdateLeverage",
)
_TRANSFER = "dydxprotocol.sending.MsgCreateTransfer"


def check_shape(tx: Tx) -> None:
    """A short-term message stands alone; beside other clob messages only their kind and one transfer (dydx-clob.md 2.1). Raises sdk 18."""
    kinds = tx.kinds
    if len(kinds) == 1 or not tx.is_free:
        return
    transfers = 0
    for kind, message in zip(kinds, tx.messages, strict=True):
        if kind.traits(message).good_til_block >= 0:
            raise INVALID_REQUEST("a short-term order, a short-term cancel or a batch cancel must be its transaction's only message")
        if kind.name == _TRANSFER:
            transfers += 1
        elif kind.name not in _MAY_STAND_WITH_CLOB:
            raise INVALID_REQUEST(f"{kind.name} must not stand in one transaction with clob messages")
    if transfers > 1:
        raise INVALID_REQUEST("at most one MsgCreateTransfer may stand in one transaction with clob messages")


def check_memo(tx: Tx, params: SequencerParams) -> None:
    """Raises sdk 12 for a memo that is too long."""
    size = len(tx.memo.encode())
    if size > params.max_memo_bytes:
        raise MEMO_TOO_LARGE(f"the memo has {size} bytes; at most {params.max_memo_bytes} are allowed")


def gas_wanted(tx: Tx) -> int:
    """What the result reports: 0 for transactions with clob messages, never above what an int64 holds."""
    return 0 if tx.is_free or tx.gas_limit > MAX_GAS else tx.gas_limit


def gas_used(tx: Tx, params: SequencerParams) -> int:
    """A genesis constant per message and one per byte; 0 for transactions with clob messages. It depends on the bytes alone."""
    return 0 if tx.is_free else params.gas_per_message * len(tx.messages) + params.gas_per_byte * len(tx.raw)


def check_gas(tx: Tx, params: SequencerParams) -> None:
    """Raises sdk 18 for a gas limit that is no int64, sdk 41 for none, sdk 11 for one below what is used. Clob messages are free."""
    if tx.is_free:
        return
    if tx.gas_limit > MAX_GAS:
        raise INVALID_REQUEST(f"the gas limit {tx.gas_limit} is above {MAX_GAS}")
    if tx.gas_limit == 0:
        raise INVALID_GAS_LIMIT("must provide positive gas")
    used = gas_used(tx, params)
    if used > tx.gas_limit:
        raise OUT_OF_GAS(f"out of gas in location: transaction; gasWanted: {tx.gas_limit}, gasUsed: {used}")


def check_limits(tx: Tx, params: SequencerParams) -> None:
    """Shape, memo and gas, in this order. Raises ChainError."""
    check_shape(tx)
    check_memo(tx, params)
    check_gas(tx, params)
