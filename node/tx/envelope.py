"""From bytes to a transaction, strictly (client-surface.md 3.3; design.md 3.2 rule b1).

TxRaw must be byte for byte its own canonical encoding: fields 1, 2, 3 once each, shortest lengths, a signature of 64 bytes. Otherwise a
third party could give a signed transaction another hash. Inside body and auth info any encoding goes, because those bytes are signed as
they stand; but unknown fields are refused at every depth, or a message could say more than its signer knows it to mean.
"""

from hashlib import sha256
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from modules.auth.model import FIRST_TIMESTAMP_NONCE, PUBLIC_KEY_BYTES, address_of_key
from modules.kernel.address import from_text
from modules.kernel.codec import uvarint
from modules.kernel.errors import (
    INVALID_COINS,
    INVALID_PUBKEY,
    INVALID_REQUEST,
    NO_SIGNATURES,
    NOT_SUPPORTED,
    TX_PARSE,
    UNAUTHORIZED,
    UNKNOWN_EXTENSION,
    ChainError,
)
from modules.kernel.units import Address
from node.tx.kinds import refusal
from node.tx.router import Kind, Router
from node.tx.signature import SIGNATURE_BYTES, SIGNATURE_FIELD_BYTES, sign_digest, verify
from perpd_proto.cosmos.crypto.secp256k1 import keys_pb2
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.dydxprotocol.accountplus import tx_pb2 as accountplus

PUBLIC_KEY_URL = "/cosmos.crypto.secp256k1.PubKey"
_PUBLIC_KEY_NAME = "cosmos.crypto.secp256k1.PubKey"
_KEY_HEAD = b"\x0a\x21"
_TX_EXTENSION_NAME = "dydxprotocol.accountplus.TxExtension"
_SIGN_MODE_DIRECT = 1
_SIGN_MODE_UNSPECIFIED = 0
_BODY_FIELDS = (1, 2, 3, 1023, 2047)
_NON_CRITICAL_BIT = 1024
_GROUP_WIRE_TYPES = (3, 4)
_MAX_COIN_AMOUNT = 2**128 - 1


def framed_size(raw: bytes) -> int:
    """Bytes of a transaction in a block, as the engine counts them: tag, length, bytes."""
    return 1 + len(uvarint(len(raw))) + len(raw)


class Tx:
    """A decoded transaction. Everything here follows from its bytes alone."""

    __slots__ = (
        "_commands",
        "_fee",
        "encoded_messages",
        "framed_size",
        "gas_limit",
        "good_til_blocks",
        "has_foreign_key",
        "hash",
        "internal_message",
        "is_free",
        "kinds",
        "lane",
        "lane_account",
        "memo",
        "messages",
        "public_key",
        "raw",
        "sequence",
        "signer",
        "tail",
        "timeout_height",
        "verified",
    )

    hash: bytes
    """SHA-256 of `raw`."""
    raw: bytes
    framed_size: int
    """Bytes in a block as the engine counts them: tag, length, `raw`."""
    kinds: tuple[Kind, ...]
    messages: tuple[Any, ...]
    """The protobuf messages, one per kind."""
    encoded_messages: tuple[bytes, ...]
    """The same as they were sent."""
    internal_message: str
    """Name of a message that users may not send; empty if there is none."""
    signer: Address
    """The account that every message names; it also pays the fee."""
    public_key: bytes
    """33 bytes; empty if the transaction leaves it to state."""
    has_foreign_key: bool
    """The key given is not the signer's."""
    sequence: int
    """As in the signer info, whether it is checked or not."""
    gas_limit: int
    memo: str
    timeout_height: int
    """Last height at which it is valid; 0: any."""
    good_til_blocks: tuple[int, ...]
    """Of an unsequenced transaction, one per message; empty for every other."""
    is_free: bool
    """It has a clob message: no fee, no gas."""
    lane: int
    """The last lane of any of its messages."""
    lane_account: bytes
    """Lane and account in one, for grouping."""
    tail: bytes
    """Sequence and hash, big-endian: the end of its place in the canonical order."""
    verified: tuple[int, bytes] | None
    """The (account number, key) under which the signature was found valid on this chain."""
    _commands: list[Any]
    _fee: tuple[tuple[str, str], ...]

    @property
    def is_unsequenced(self) -> bool:
        """It holds short-term orders and cancels only: no checked sequence, no use of one."""
        return bool(self.good_til_blocks)

    @property
    def has_timestamp_nonce(self) -> bool:
        """Its sequence is a timestamp nonce (of a transaction that is not unsequenced)."""
        return self.sequence >= FIRST_TIMESTAMP_NONCE and not self.good_til_blocks

    def is_signed_by(self, public_key: bytes, account_number: int, chain_id: str) -> bool:
        """Whether the signature is valid; a valid one is remembered for this key and number. A cache serves one chain only."""
        if self.verified == (account_number, public_key):
            return True
        raw = self.raw
        digest = sign_digest(raw[:-SIGNATURE_FIELD_BYTES], chain_id, account_number)
        if not verify(public_key, digest, raw[-SIGNATURE_BYTES:]):
            return False
        self.verified = (account_number, public_key)
        return True

    def command(self, index: int) -> Any:
        """The domain command of a message, decoded once. Raises the module's ChainError for a message that is wrong in itself."""
        found = self._commands[index]
        if found is None:
            route = self.kinds[index].route
            if route is None:
                raise INVALID_REQUEST(refusal(self.kinds[index].name))
            found = self._commands[index] = route.decode(self.messages[index])
        return found

    def commands(self) -> list[Any]:
        """All of its commands in order. Raises ChainError."""
        return [self.command(index) for index in range(len(self.messages))]

    def fee(self) -> tuple[tuple[str, int], ...]:
        """(denomination, amount) offered, zero amounts left out. Raises sdk 10 for amounts or an order that coins cannot have."""
        coins = []
        last = ""
        for denom, text in self._fee:
            amount = int(text) if text.isascii() and text.isdigit() and len(text) <= 39 else -1
            if not 0 <= amount <= _MAX_COIN_AMOUNT:
                raise INVALID_COINS(f"{text[:64]!r} is no amount of a fee coin")
            if denom <= last:
                raise INVALID_COINS(f"fee coins must be ordered by denomination, each once; {denom[:64]!r} is not")
            last = denom
            if amount:
                coins.append((denom, amount))
        return tuple(coins)


class Decoder:
    """Decodes transactions of the messages that a router knows."""

    __slots__ = ("_by_url", "_resolve")

    def __init__(self, router: Router) -> None:
        self._by_url = router.by_url
        self._resolve = router.resolve

    def decode(self, raw: bytes) -> Tx:
        """The transaction. Raises ChainError with the sdk code that clients expect."""
        body_bytes, auth_info_bytes = _split(raw)
        return self._build(raw, body_bytes, auth_info_bytes, _SIGN_MODE_DIRECT)

    def decode_for_simulation(self, raw: bytes) -> Tx:
        """As `decode`, but the signature may be empty or missing and the sign mode unspecified; never to be admitted."""
        envelope = _strict(tx_pb2.TxRaw, raw)
        if len(envelope.signatures) > 1:
            raise UNAUTHORIZED(f"a transaction has one signer and one signature, not {len(envelope.signatures)}")
        return self._build(raw, envelope.body_bytes, envelope.auth_info_bytes, _SIGN_MODE_UNSPECIFIED)

    def _build(self, raw: bytes, body_bytes: bytes, auth_info_bytes: bytes, least_sign_mode: int) -> Tx:
        body = _strict_body(body_bytes)
        tx = Tx()
        auth_info = _strict(tx_pb2.AuthInfo, auth_info_bytes)
        if body.extension_options:
            raise UNKNOWN_EXTENSION(f"{body.extension_options[0].type_url[:200]} is not known here")
        if body.non_critical_extension_options:
            _check_extensions(body.non_critical_extension_options)
        signer_text = self._read_messages(tx, body.messages)
        tx.signer = signer = from_text(signer_text)
        _read_auth_info(tx, auth_info, signer_text, least_sign_mode)
        tx.memo = body.memo
        tx.timeout_height = body.timeout_height
        tx.raw = raw
        tx.hash = digest = sha256(raw).digest()
        tx.framed_size = framed_size(raw)
        tx.lane_account = bytes((tx.lane,)) + signer
        tx.tail = tx.sequence.to_bytes(8, "big") + digest
        tx.verified = None
        return tx

    def _read_messages(self, tx: Tx, packed: Any) -> str:
        """Messages, lane and good-til-blocks are set; the one account that all messages name is returned."""
        kinds: list[Kind] = []
        messages: list[Any] = []
        encoded: list[bytes] = []
        good_til_blocks: list[int] = []
        tx.internal_message = ""
        signer: str | None = None
        lane = 0
        tx.is_free = False
        for item in packed:
            kind = self._by_url.get(item.type_url) or self._resolve(item.type_url)
            value = item.value
            message = _strict(kind.message, value)
            named = kind.signer(message)
            if signer is not None and named != signer:
                raise UNAUTHORIZED(f"all messages of a transaction must have one signer, not {signer[:90]} and {named[:90]}")
            signer = named
            message_lane, good_til_block = kind.traits(message)
            lane = max(lane, message_lane)
            if good_til_block >= 0:
                good_til_blocks.append(good_til_block)
            if kind.is_clob:
                tx.is_free = True
            if kind.route is None:
                tx.internal_message = kind.name
            kinds.append(kind)
            messages.append(message)
            encoded.append(value)
        if signer is None:
            raise INVALID_REQUEST("must contain at least one message")
        tx.kinds = tuple(kinds)
        tx.messages = tuple(messages)
        tx.encoded_messages = tuple(encoded)
        tx.lane = lane
        # Short-term messages only: otherwise the transaction has a sequence that protects all of it.
        tx.good_til_blocks = tuple(good_til_blocks) if len(good_til_blocks) == len(messages) else ()
        tx._commands = [None] * len(messages)  # noqa: SLF001 - the one place where a Tx is made
        return signer


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """Body and auth info of a canonical TxRaw; the signature is then its last 64 bytes. Raises ChainError."""
    try:
        start, middle = _take(raw, 0, 0x0A)
        body = raw[start:middle]
        start, end = _take(raw, middle, 0x12)
        if raw[end : end + 2] == b"\x1a\x40" and len(raw) == end + SIGNATURE_FIELD_BYTES:
            return body, raw[start:end]
    except (IndexError, ValueError):
        pass
    raise _why_not_canonical(raw)


def _take(raw: bytes, position: int, tag: int) -> tuple[int, int]:
    """(start, end) of the length-delimited field at position. Raises IndexError or ValueError if there is none in shortest form."""
    if raw[position] != tag:
        raise ValueError
    size = raw[position + 1]
    start = position + 2
    if size > 127:
        shift = 7
        size &= 127
        while True:
            byte = raw[start]
            start += 1
            size |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 28:  # no transaction is that long
                raise ValueError
        if byte == 0:
            raise ValueError
    return start, start + size


def _why_not_canonical(raw: bytes) -> Exception:
    """The error for a TxRaw that is not canonical: about its signatures if that is what is wrong, else sdk 2."""
    try:
        envelope = tx_pb2.TxRaw.FromString(raw)
    except DecodeError:
        return TX_PARSE("not a TxRaw")
    canonical = tx_pb2.TxRaw(body_bytes=envelope.body_bytes, auth_info_bytes=envelope.auth_info_bytes, signatures=envelope.signatures)
    if not envelope.body_bytes or not envelope.auth_info_bytes or canonical.SerializeToString() != raw:
        return TX_PARSE("a TxRaw has the fields 1, 2 and 3 once each, in this order, with shortest lengths, and nothing else")
    if not envelope.signatures:
        return NO_SIGNATURES("sign the transaction with the key of its one signer")
    if len(envelope.signatures) > 1:
        return UNAUTHORIZED(f"a transaction has one signer and one signature, not {len(envelope.signatures)}")
    return UNAUTHORIZED(f"a signature has {SIGNATURE_BYTES} bytes (R and S), not {len(envelope.signatures[0])}")


def _strict(kind: Any, data: bytes) -> Any:
    """The message, without unknown fields at any depth. Raises sdk 2."""
    try:
        message = kind.FromString(data)
    except DecodeError:
        raise TX_PARSE(f"not a valid {kind.DESCRIPTOR.full_name}") from None
    message.DiscardUnknownFields()
    # Usual encodings come back byte for byte, which proves that nothing was discarded. The others are looked at again.
    if message.SerializeToString() != data:
        _refuse_unknown_fields(kind, data)
    return message


def _refuse_unknown_fields(kind: Any, data: bytes) -> None:
    message = kind.FromString(data)
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise TX_PARSE(f"{kind.DESCRIPTOR.full_name} has an unknown field")


def _strict_body(data: bytes) -> Any:
    """The TxBody. Unknown fields with bit 10 set in their number are non-critical and let pass, all others refused with sdk 2."""
    try:
        return _strict(tx_pb2.TxBody, data)
    except ChainError:
        body = _body_with_non_critical_fields(data)
        if body is None:
            raise
        return body


def _body_with_non_critical_fields(data: bytes) -> Any:
    """The TxBody if its only unknown fields are non-critical ones of its own, else None."""
    try:
        body = tx_pb2.TxBody.FromString(data)
    except DecodeError:
        return None
    for field in UnknownFieldSet(body):
        number = field.field_number
        if not number & _NON_CRITICAL_BIT or number in _BODY_FIELDS or field.wire_type in _GROUP_WIRE_TYPES:
            return None
    for item in (*body.messages, *body.extension_options, *body.non_critical_extension_options):
        if len(UnknownFieldSet(item)):
            return None
    body.DiscardUnknownFields()
    return body


def _check_extensions(options: Any) -> None:
    """Only TxExtension with an empty list, which means: nothing special. Raises sdk 2 for unknown types, sdk 37 for authenticators."""
    for option in options:
        if option.type_url.rsplit("/", 1)[-1] != _TX_EXTENSION_NAME:
            raise TX_PARSE(f"unable to resolve type URL {option.type_url[:200]}")
        if _strict(accountplus.TxExtension, option.value).selected_authenticators:
            raise NOT_SUPPORTED("authenticators: sign with the account's own key and select none")


def _read_auth_info(tx: Tx, auth_info: Any, signer_text: str, least_sign_mode: int) -> None:
    """Key, sequence, fee and gas limit are set. Raises ChainError for anything but one signer that pays for itself."""
    infos = auth_info.signer_infos
    if len(infos) != 1:
        if not infos:
            raise NO_SIGNATURES("auth info has no signer info")
        raise UNAUTHORIZED(f"a transaction has one signer, not {len(infos)} signer infos")
    info = infos[0]
    mode = info.mode_info.single.mode
    if mode != _SIGN_MODE_DIRECT and (mode != least_sign_mode or info.mode_info.HasField("multi")):
        raise NOT_SUPPORTED(f"sign mode {mode}: sign with SIGN_MODE_DIRECT and a single key")
    tx.public_key = key = _read_public_key(info.public_key) if info.HasField("public_key") else b""
    tx.has_foreign_key = bool(key) and address_of_key(key) != tx.signer
    tx.sequence = info.sequence
    fee = auth_info.fee
    if fee.granter:
        raise NOT_SUPPORTED("fee grants: leave the granter empty")
    if fee.payer and fee.payer != signer_text:
        raise UNAUTHORIZED(f"the fee is paid by the signer {signer_text}; leave the payer empty")
    tx.gas_limit = fee.gas_limit
    amount = fee.amount
    tx._fee = tuple([(coin.denom, coin.amount) for coin in amount]) if amount else ()  # noqa: SLF001 - the one place where a Tx is made


def _read_public_key(packed: Any) -> bytes:
    """The 33 bytes of a secp256k1 key; empty for an empty Any. Raises sdk 8 for other kinds of keys."""
    type_url, value = packed.type_url, packed.value
    if type_url != PUBLIC_KEY_URL:
        if not type_url and not value:
            return b""
        if type_url.rsplit("/", 1)[-1] != _PUBLIC_KEY_NAME:
            raise INVALID_PUBKEY(f"{type_url[:200]} is not supported; use {PUBLIC_KEY_URL}")
    if len(value) == PUBLIC_KEY_BYTES + 2 and value[:2] == _KEY_HEAD:
        key: bytes = value[2:]
    else:
        key = _strict(keys_pb2.PubKey, value).key
    if len(key) != PUBLIC_KEY_BYTES:
        raise INVALID_PUBKEY(f"a compressed secp256k1 key has {PUBLIC_KEY_BYTES} bytes, not {len(key)}")
    return key
