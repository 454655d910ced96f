"""Results of transactions and blocks as ABCI bytes, without protobuf objects; tests hold them against protobuf."""

from collections.abc import Iterable, Sequence

from modules.kernel.codec import uvarint
from modules.kernel.errors import ChainError
from modules.kernel.events import Event

# Field tags of tendermint.abci.ExecTxResult and ResponseCheckTx (same numbers).
_CODE = b"\x08"
_DATA = b"\x12"
_LOG = b"\x1a"
_GAS_WANTED = b"\x28"
_GAS_USED = b"\x30"
_EVENT = b"\x3a"
_CODESPACE = b"\x42"


def encode_events(events: Iterable[Event], tag: bytes) -> bytes:
    """The events as repeated fields with the given tag byte."""
    parts = []
    for kind, values in events:
        body = kind.encode(values)
        parts.append(tag + uvarint(len(body)) + body)
    return b"".join(parts)


def tx_result(
    *,
    code: int = 0,
    data: bytes = b"",
    log: str = "",
    gas_wanted: int = 0,
    gas_used: int = 0,
    events: Sequence[Event] = (),
    codespace: str = "",
) -> bytes:
    """The body of an ExecTxResult or a ResponseCheckTx. Gas is not negative."""
    parts = []
    if code:
        parts.append(_CODE + uvarint(code))
    if data:
        parts.append(_DATA + uvarint(len(data)) + data)
    if log:
        text = log.encode()
        parts.append(_LOG + uvarint(len(text)) + text)
    if gas_wanted:
        parts.append(_GAS_WANTED + uvarint(gas_wanted))
    if gas_used:
        parts.append(_GAS_USED + uvarint(gas_used))
    if events:
        parts.append(encode_events(events, _EVENT))
    if codespace:
        text = codespace.encode()
        parts.append(_CODESPACE + uvarint(len(text)) + text)
    return b"".join(parts)


def failure(error: ChainError, gas_wanted: int = 0, gas_used: int = 0, events: Sequence[Event] = (), prefix: str = "") -> bytes:
    """The result of a transaction that failed with a registered code."""
    return tx_result(
        code=error.code, log=prefix + error.log, gas_wanted=gas_wanted, gas_used=gas_used, events=events, codespace=error.codespace
    )


def message_data(responses: Sequence[tuple[str, bytes]]) -> bytes:
    """TxMsgData {2 msg_responses}: one Any (type URL, value) per message."""
    parts = []
    for type_url, value in responses:
        url = type_url.encode()
        body = b"\x0a" + uvarint(len(url)) + url
        if value:
            body += b"\x12" + uvarint(len(value)) + value
        parts.append(b"\x12" + uvarint(len(body)) + body)
    return b"".join(parts)


def finalize_response(
    events: Iterable[Event], results: Sequence[bytes], app_hash: bytes, validator_updates: Sequence[tuple[bytes, int]] = ()
) -> bytes:
    """The body of a ResponseFinalizeBlock: events, one result per transaction, (ed25519 key, power) of changed validators, app hash."""
    parts = [encode_events(events, b"\x0a")]
    parts.extend([b"\x12" + uvarint(len(result)) + result for result in results])
    for key, power in validator_updates:
        public_key = b"\x0a" + uvarint(len(key)) + key
        body = b"\x0a" + uvarint(len(public_key)) + public_key + (b"\x10" + uvarint(power) if power else b"")
        parts.append(b"\x1a" + uvarint(len(body)) + body)
    parts.append(b"\x2a" + uvarint(len(app_hash)) + app_hash)
    return b"".join(parts)


def txs_response(txs: Iterable[bytes]) -> bytes:
    """The body of a ResponsePrepareProposal: repeated bytes, field 1."""
    return b"".join([b"\x0a" + uvarint(len(tx)) + tx for tx in txs])
