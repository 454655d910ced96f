"""Transactions that are bad in one way each, with what CheckTx says of them and what a block does that carries them all the same."""

from collections.abc import Callable
from typing import Any, NamedTuple

from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.perpetuals import tx_pb2 as perpetuals_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from support import load
from support.app_network import CHAIN_ID, AppNetwork, deposit, transfer, withdraw
from support.chain import result_of

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
STRANGER = load.traders(1, first=900)[0]
"""Has a key and no account."""
POOR = 5
"""Number of a trader whose subaccount holds one dollar."""
DAYS_95_SECONDS = 95 * 86_400

Build = Callable[[AppNetwork], bytes]


class Case(NamedTuple):
    """A bad transaction: what CheckTx says of it, and what a block does that carries it all the same."""

    name: str
    build: Build
    check: tuple[str, int]
    """Codespace and code of CheckTx; ("", 0) where only execution can tell."""
    block: tuple[str, int]
    """Codespace and code of its result; codespace `sequencer` for what no correct proposer includes."""
    text: str = ""
    """Part of the text that CheckTx (where it refuses, else the block) gives."""

    @property
    def admitted(self) -> bool:
        return self.block[0] != "sequencer"


def alice(network: AppNetwork) -> load.Trader:
    """The maker: her long-term order used sequence 0."""
    return network.people[0]


def bob(network: AppNetwork) -> load.Trader:
    """Whoever signs most of what is bad."""
    return network.people[1]


# How they are bad


def good(network: AppNetwork) -> bytes:
    """A deposit that would succeed."""
    return network.sign(bob(network), deposit(bob(network), 1_000))


def flip_signature(network: AppNetwork) -> bytes:
    """A good deposit with one bit of its signature turned."""
    raw = bytearray(good(network))
    raw[-40] ^= 1
    return bytes(raw)


def high_s(network: AppNetwork) -> bytes:
    """The other of the two signatures that satisfy the equation of ECDSA."""
    raw = good(network)
    s = int.from_bytes(raw[-32:], "big")
    return raw[:-32] + (CURVE_ORDER - s).to_bytes(32, "big")


def sealed(network: AppNetwork, body: bytes, auth_info: bytes) -> bytes:
    """Bob's signature over any body and auth info."""
    return seal(bob(network).private_key, body, auth_info, account_number=bob(network).number, chain_id=CHAIN_ID)


def two_signatures(network: AppNetwork) -> bytes:
    """The same signature twice."""
    raw = good(network)
    return raw + raw[-66:]


def two_signer_infos(network: AppNetwork) -> bytes:
    """One signature, and two that are said to sign."""
    one = tx_pb2.AuthInfo.FromString(auth_info_bytes(bob(network).public_key, network.sequence(bob(network))))
    one.signer_infos.add().CopyFrom(one.signer_infos[0])
    return sealed(network, body_bytes([deposit(bob(network), 1)]), one.SerializeToString())


def sign_mode(network: AppNetwork) -> bytes:
    """Signed as the reference signs for hardware keys: the JSON form."""
    one = tx_pb2.AuthInfo.FromString(auth_info_bytes(bob(network).public_key, network.sequence(bob(network))))
    one.signer_infos[0].mode_info.single.mode = 127
    return sealed(network, body_bytes([deposit(bob(network), 1)]), one.SerializeToString())


def packed(network: AppNetwork, type_url: str, value: bytes = b"") -> bytes:
    """A signed transaction with one Any of any type."""
    body = tx_pb2.TxBody()
    body.messages.add(type_url=type_url, value=value)
    return sealed(network, body.SerializeToString(), auth_info_bytes(bob(network).public_key, network.sequence(bob(network))))


def extension_option(network: AppNetwork) -> bytes:
    """A critical extension that nobody knows."""
    body = tx_pb2.TxBody.FromString(body_bytes([deposit(bob(network), 1)]))
    body.extension_options.add(type_url="/perpd.Unknown")
    return sealed(network, body.SerializeToString(), auth_info_bytes(bob(network).public_key, network.sequence(bob(network))))


def unknown_field(network: AppNetwork) -> bytes:
    """A message that says more than its type."""
    value = deposit(bob(network), 1).SerializeToString() + bytes.fromhex("b80601")
    return packed(network, "/dydxprotocol.sending.MsgDepositToSubaccount", value)


def no_messages(network: AppNetwork) -> bytes:
    """A memo alone."""
    auth_info = auth_info_bytes(bob(network).public_key, network.sequence(bob(network)))
    return sealed(network, body_bytes([], memo="nothing to do"), auth_info)


def authority_message(network: AppNetwork) -> Any:
    """What only the reference's governance signs, in Bob's name."""
    return perpetuals_pb2.MsgCreatePerpetual(authority=bob(network).text)


def authority(network: AppNetwork) -> bytes:
    """The same, signed by Bob."""
    return network.sign(bob(network), authority_message(network))


def replayed(network: AppNetwork) -> bytes:
    """An order of the block before, byte for byte."""
    tx = network.short_term(alice(network), is_buy=True, ticks=-9, client_id=4_000_000 + network.height)
    block = network.block([tx])
    assert result_of(block, tx).code == 0
    return tx


def used_sequence(network: AppNetwork) -> bytes:
    """Alice's first order was long-term and used sequence 0."""
    return network.sign(alice(network), deposit(alice(network), 1), sequence=0)


def of_stranger(network: AppNetwork) -> bytes:
    """Well signed by somebody without an account."""
    return network.sign(STRANGER, deposit(STRANGER, 1), sequence=0)


def foreign_key(network: AppNetwork) -> bytes:
    """Bob's deposit under Alice's key and signature."""
    body = body_bytes([deposit(bob(network), 1)])
    auth_info = auth_info_bytes(alice(network).public_key, network.sequence(bob(network)))
    return seal(alice(network).private_key, body, auth_info, account_number=bob(network).number, chain_id=CHAIN_ID)


def order(network: AppNetwork, flags: int, *, who: int = 1, change: Callable[[order_pb2.Order], Any] | None = None, **fields: Any) -> bytes:
    """A placement of somebody's, changed afterwards."""
    person = network.people[who]
    good_til = network.height + 20 if flags == load.SHORT_TERM else network.time_seconds + 600
    message = network.place(person, flags=flags, good_til=good_til, **({"is_buy": True, "ticks": -20, "client_id": 5} | fields))
    if change is not None:
        change(message.order)
    return network.sign(person, message, sequence=0 if flags == load.SHORT_TERM else network.sequence(person))


def changed(flags: int, name: str, value: Callable[[AppNetwork], int] | int, **fields: Any) -> Build:
    """A placement with one field of the order set."""

    def build(network: AppNetwork) -> bytes:
        amount = value(network) if callable(value) else value
        return order(network, flags, change=lambda placed: setattr(placed, name, amount), **fields)

    return build


def in_pair(flags: int) -> Build:
    """A placement in a market that is not there."""

    def change(placed: order_pb2.Order) -> None:
        placed.order_id.clob_pair_id = 999

    return lambda network: order(network, flags, change=change)


def for_owner(text: str, number: int = 0) -> Build:
    """A deposit into a subaccount that cannot be."""

    def build(network: AppNetwork) -> bytes:
        message = deposit(bob(network), 1, number)
        message.recipient.owner = text or bob(network).text
        return network.sign(bob(network), message, sequence=network.sequence(bob(network)))

    return build


def signed(make: Callable[[AppNetwork], Any], who: int = 1, **changes: Any) -> Build:
    """A message of somebody's with other arguments for its signer than usual."""

    def build(network: AppNetwork) -> bytes:
        person = network.people[who]
        return network.sign(person, make(network), **({"sequence": network.sequence(person)} | changes))

    return build


def small(network: AppNetwork) -> Any:
    """A deposit of one quantum."""
    return deposit(bob(network), 1)


def two_messages(first: Callable[[AppNetwork], Any], second: Callable[[AppNetwork], Any]) -> Build:
    """One transaction of Bob with two messages."""
    return lambda network: network.sign(bob(network), first(network), second(network), sequence=network.sequence(bob(network)))


def short_cancel(network: AppNetwork) -> Any:
    """A valid short-term cancel."""
    placed = load.Order(bob(network), network.markets[0], True, 1, 1, 3, 0)
    return load.cancel_message(placed, flags=load.SHORT_TERM, good_til=network.height + 5)


def unknown_long_cancel(network: AppNetwork) -> Any:
    """A cancel of a long-term order that never was."""
    placed = load.Order(bob(network), network.markets[0], True, 1, 1, 424_242, 0)
    return load.cancel_message(placed, flags=load.LONG_TERM, good_til=network.time_seconds + 50)


def long_order(network: AppNetwork) -> Any:
    """A good long-term order that would rest."""
    return network.place(bob(network), flags=LONG, good_til=network.time_seconds + 600, is_buy=True, ticks=-50, client_id=88)


def empty_batch(network: AppNetwork) -> Any:
    """A batch cancel without a batch."""
    batch = clob_pb2.MsgBatchCancel(good_til_block=network.height + 5)
    batch.subaccount_id.owner = bob(network).text
    return batch


def nothing_sent(network: AppNetwork) -> Any:
    """A coin of amount 0."""
    return network.send(bob(network), alice(network), 0)


def of_another(network: AppNetwork) -> bytes:
    """Bob signs a deposit that takes Alice's money."""
    body = body_bytes([deposit(alice(network), 1)])
    auth_info = auth_info_bytes(bob(network).public_key, network.sequence(bob(network)))
    return sealed(network, body, auth_info)


FORM, ACCOUNT, SIGNATURE, WINDOW, SEQUENCE, KIND = (("sequencer", code) for code in range(3, 9))
SHORT, LONG = load.SHORT_TERM, load.LONG_TERM
PLACE_URL = "/dydxprotocol.clob.MsgPlaceOrder"

INADMISSIBLE = [
    Case("nothing", lambda _: b"", ("sdk", 2), FORM, "tx parse error"),
    Case("one byte", lambda _: b"\x00", ("sdk", 2), FORM, "not a TxRaw: tx parse error"),
    Case("garbage", lambda _: bytes(range(7, 250)), ("sdk", 2), FORM, "not a TxRaw: tx parse error"),
    Case("a text", lambda _: b"please buy one bitcoin for me", ("sdk", 2), FORM, "tx parse error"),
    Case("oversized", lambda _: b"\x0a" * 65_537, ("sdk", 21), FORM, "at most 65536 are allowed: tx too large"),
    Case("oversized and valid", signed(small, memo="m" * 65_536), ("sdk", 21), FORM, "tx too large"),
    Case("truncated by a byte", lambda network: good(network)[:-1], ("sdk", 2), FORM, "not a TxRaw: tx parse error"),
    Case("truncated in the middle", lambda network: good(network)[:100], ("sdk", 2), FORM, "tx parse error"),
    Case("without its signature", lambda network: good(network)[:-66], ("sdk", 15), FORM, "no signatures supplied"),
    Case("something behind it", lambda network: good(network) + b"\x22\x00", ("sdk", 2), FORM, "tx parse error"),
    Case("two signatures", two_signatures, ("sdk", 4), FORM, "one signature, not 2: unauthorized"),
    Case("two signer infos", two_signer_infos, ("sdk", 4), FORM, "not 2 signer infos: unauthorized"),
    Case("two signers", two_messages(small, lambda network: deposit(alice(network), 1)), ("sdk", 4), FORM, "must have one signer"),
    Case("another sign mode", sign_mode, ("sdk", 37), FORM, "sign mode 127: sign with SIGN_MODE_DIRECT"),
    Case("an extension option", extension_option, ("sdk", 31), FORM, "unknown extension options"),
    Case("an unknown field", unknown_field, ("sdk", 2), FORM, "has an unknown field: tx parse error"),
    Case("no messages", no_messages, ("sdk", 18), FORM, "must contain at least one message"),
    Case(
        "an unknown message", lambda network: packed(network, "/bank.MsgMint"), ("sdk", 2), FORM, "unable to resolve type URL /bank.MsgMint"
    ),
    Case("a message that is none", lambda network: packed(network, PLACE_URL, b"\xff\xff"), ("sdk", 2), FORM, "not a valid dydxprotocol"),
    Case("no owner", lambda network: packed(network, PLACE_URL), ("sdk", 7), FORM, "invalid address"),
    Case(
        "what proposers inject",
        lambda network: packed(network, "/" + sequencer_pb2.MsgPreamble.DESCRIPTOR.full_name),
        ("sdk", 18),
        FORM,
        "is injected by the proposer",
    ),
    Case(
        "an authority's message",
        authority,
        ("sdk", 18),
        KIND,
        "MsgCreatePerpetual is not for users: markets come from genesis: invalid request",
    ),
    Case("a stranger's", of_stranger, ("sdk", 9), ACCOUNT, f"account {STRANGER.text} does not exist: unknown address"),
    Case("with another's key", foreign_key, ("sdk", 8), ACCOUNT, "pubKey does not match signer address"),
    Case("another's money", of_another, ("sdk", 8), ACCOUNT, "pubKey does not match signer address"),
    Case(
        "another chain",
        signed(small, chain_id="dydx-mainnet-1"),
        ("sdk", 4),
        SIGNATURE,
        "signature verification failed; please verify account",
    ),
    Case("another account number", signed(small, account_number=4), ("sdk", 4), SIGNATURE, f"account number (1) and chain-id ({CHAIN_ID})"),
    Case("a flipped bit", flip_signature, ("sdk", 4), SIGNATURE, "signature verification failed"),
    Case("a high S", high_s, ("sdk", 4), SIGNATURE, "signature verification failed"),
    Case("a sequence too high", signed(small, sequence=99), ("sdk", 32), SEQUENCE, "got 99: incorrect account sequence"),
    Case("a sequence used before", used_sequence, ("sdk", 32), SEQUENCE, "account sequence mismatch, expected 1, got 0"),
    Case("a nonce of another day", signed(small, sequence=2**40 + 1), ("sdk", 32), SEQUENCE, "not within valid time window"),
    Case("a replayed short-term order", replayed, ("sequencer", 6), WINDOW, "it was in a block before"),
    Case(
        "a good-til-block passed", changed(SHORT, "good_til_block", lambda n: n.height), ("clob", 10), WINDOW, "good_til_block has passed"
    ),
    Case(
        "a good-til-block too far", changed(SHORT, "good_til_block", lambda n: n.height + 42), ("clob", 11), WINDOW, "more than 40 blocks"
    ),
    Case("a timeout height passed", signed(small, timeout_height=2), ("sdk", 30), WINDOW, "timeout height: 2: tx timeout height"),
]
FAILING = [
    Case("an unknown market, short-term", in_pair(SHORT), ("clob", 8), ("clob", 8), "clob pair 999: there is no such clob pair"),
    Case("an unknown market, long-term", in_pair(LONG), ("clob", 8), ("clob", 8), "clob pair 999: there is no such clob pair"),
    Case(
        "half a tick",
        changed(SHORT, "subticks", 4_731_900_000 * 1000 + 1),
        ("clob", 12),
        ("clob", 12),
        "not a multiple of subticks_per_tick",
    ),
    Case("half a tick, long-term", changed(LONG, "subticks", 77), ("clob", 12), ("clob", 12), "subticks 77 is not a multiple"),
    Case("half a step", changed(SHORT, "quantums", 1_500_000), ("clob", 12), ("clob", 12), "not a multiple of step_base_quantums 1000000"),
    Case("half a step, long-term", changed(LONG, "quantums", 1), ("clob", 12), ("clob", 12), "quantums 1 is not a multiple"),
    Case("size 0", changed(SHORT, "quantums", 0), ("clob", 4), ("clob", 4), "the size must be positive"),
    Case("price 0", changed(SHORT, "subticks", 0), ("clob", 6), ("clob", 6), "the price must be positive"),
    Case("no side", changed(SHORT, "side", 0), ("clob", 3), ("clob", 3), "the side must be buy or sell"),
    Case("fill-or-kill", changed(SHORT, "time_in_force", 3), ("clob", 48), ("clob", 48), "fill-or-kill is no longer supported"),
    Case("a long-term IOC", changed(LONG, "time_in_force", 1), ("clob", 3002), ("clob", 3002), "cannot be immediate-or-cancel"),
    Case("reduce-only that rests", changed(SHORT, "reduce_only", 1), ("clob", 9003), ("clob", 9003), "immediate-or-cancel only"),
    Case(
        "reduce-only without position",
        changed(SHORT, "reduce_only", 1, time_in_force=load.IMMEDIATE_OR_CANCEL, who=3),
        ("clob", 2001),
        ("clob", 2001),
        "the position is 0",
    ),
    Case(
        "a good-til-time passed",
        changed(LONG, "good_til_block_time", lambda n: n.time_seconds),
        ("clob", 3003),
        ("clob", 3003),
        "good_til_block_time has passed",
    ),
    Case(
        "a good-til-time too far",
        changed(LONG, "good_til_block_time", lambda n: n.time_seconds + DAYS_95_SECONDS + 100),
        ("clob", 3004),
        ("clob", 3004),
        "more than 95 days ahead",
    ),
    Case(
        "an order id that rests",
        lambda n: order(n, LONG, who=0, client_id=1),
        ("clob", 3005),
        ("clob", 3005),
        "stateful orders are not replaced",
    ),
    Case(
        "missing margin, long-term",
        lambda n: order(n, LONG, who=POOR, steps=10_000),
        ("clob", 3007),
        ("clob", 3007),
        "could not carry this order if it were filled in full",
    ),
    Case("an empty batch cancel", signed(empty_batch, sequence=0), ("clob", 45), ("clob", 45), "there is no batch"),
    Case("a cancel of nothing", signed(unknown_long_cancel), ("", 0), ("clob", 3006), "there is no such order"),
    Case(
        "short-term beside another",
        two_messages(short_cancel, unknown_long_cancel),
        ("sdk", 18),
        ("sdk", 18),
        "must be its transaction's only message",
    ),
    Case(
        "good, then bad",
        two_messages(small, lambda n: withdraw(bob(n), 10**15)),
        ("", 0),
        ("subaccounts", 102),
        "failed to execute message; message index: 1: ",
    ),
    Case(
        "an order, then bad",
        two_messages(long_order, lambda n: transfer(bob(n), alice(n), 10**15)),
        ("", 0),
        ("subaccounts", 102),
        "index: 1",
    ),
    Case("a memo too long", signed(small, memo="m" * 257), ("sdk", 12), ("sdk", 12), "the memo has 257 bytes; at most 256 are allowed"),
    Case("no gas", signed(small, gas_limit=0), ("sdk", 41), ("sdk", 41), "must provide positive gas: invalid gas limit"),
    Case(
        "too little gas",
        signed(small, gas_limit=20_000),
        ("sdk", 11),
        ("sdk", 11),
        "out of gas in location: transaction; gasWanted: 20000, gasUsed: ",
    ),
    Case("too much gas", signed(small, gas_limit=2**63), ("sdk", 18), ("sdk", 18), "gas limit 9223372036854775808 is above"),
    Case("a fee it has not", signed(small, fee=[("adydx", 1)]), ("", 0), ("sdk", 5), "insufficient funds"),
    Case("a fee in nothing", signed(small, fee=[("gold", 1)]), ("", 0), ("sdk", 5), "a denomination that this chain does not have"),
    Case("a deposit it has not", signed(lambda n: deposit(bob(n), 10**15)), ("", 0), ("sdk", 5), "insufficient funds"),
    Case(
        "a withdrawal it has not",
        signed(lambda n: withdraw(bob(n), 10**15)),
        ("", 0),
        ("subaccounts", 102),
        "failed to apply subaccount updates",
    ),
    Case("a transfer it has not", signed(lambda n: transfer(bob(n), alice(n), 10**15)), ("", 0), ("subaccounts", 102), "failed to apply"),
    Case(
        "a transfer to itself",
        signed(lambda n: transfer(bob(n), bob(n), 1)),
        ("sending", 1),
        ("sending", 1),
        "sender and recipient are the same",
    ),
    Case("a deposit of nothing", signed(lambda n: deposit(bob(n), 0)), ("sending", 2), ("sending", 2), "the amount must be positive"),
    Case("a send of nothing", signed(nothing_sent), ("sdk", 10), ("sdk", 10), "invalid coins"),
    Case(
        "a subaccount of nobody",
        for_owner("nobody"),
        ("subaccounts", 201),
        ("subaccounts", 201),
        "the owner of a subaccount must be a valid",
    ),
    Case("a subaccount number too big", for_owner("", 128_001), ("subaccounts", 200), ("subaccounts", 200), "at most 128000"),
]
