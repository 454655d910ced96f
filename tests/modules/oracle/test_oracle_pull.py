"""What signers sign, to the byte, and how their prices are read."""

from hypothesis import given
from hypothesis import strategies as st

from modules.oracle.pull import in_exponent, sign_bytes
from modules.oracle.push import is_due
from modules.oracle.sources import PriceUpdate, SourceKey, SourcePrice
from node import ed25519
from perpd_proto.perpd.oracle.v1 import tx_pb2
from support.markets import Markets
from support.price_desk import priced, private_key, public_key

UPDATES = (PriceUpdate(0, 6_012_345_678, -5, 1_200_000, 1_700_000_000_123_456_789), PriceUpdate(7, 1, 2, 0, 1))
SIGNED = (
    "000000000000001c 70657270642e6f7261636c652e76312e507269636555706461746573 000000000000000c 6c6f63616c70657270642d31"
    "0000000000000003 0000000000000002"
    "0000000000000000 00000001665d1d4e fffffffffffffffb 0000000000124f80 17979cfe3d85cd15"
    "0000000000000007 0000000000000001 0000000000000002 0000000000000000 0000000000000001"
)
PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
SIGNATURE = (
    "468ffefd76330f9906c4dfe7ec0ef813fbfbe7264be10ea18cd70f1a0f33d1a6aee7b41bbda48e4360089ebe3bb47935bf9e624b468f6878085187c092007800"
)

U64 = st.integers(0, 2**64 - 1)
ANY_UPDATE = st.builds(PriceUpdate, st.integers(0, 2**32 - 1), U64, st.integers(-30, 30), U64, U64)
SIGNABLE = st.tuples(st.text(max_size=20), st.integers(0, 2**32 - 1), st.lists(ANY_UPDATE, max_size=3))


def test_what_is_signed_has_these_bytes() -> None:
    """ORACLE-34: the vector of the README, and a signature of it that verifies."""
    message = sign_bytes("localperpd-1", 3, UPDATES)
    assert message.hex() == SIGNED.replace(" ", "")
    assert ed25519.is_valid(bytes.fromhex(PUBLIC), bytes.fromhex(SIGNATURE), message)


@given(SIGNABLE, SIGNABLE)
def test_two_things_are_never_signed_by_the_same_bytes(
    one: tuple[str, int, list[PriceUpdate]], other: tuple[str, int, list[PriceUpdate]]
) -> None:
    """ORACLE-34: the encoding is injective, so a signature of one thing is a signature of nothing else."""
    assert (sign_bytes(*one) == sign_bytes(*other)) is (one == other)


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(-30, 30), st.integers(-30, 30))
def test_a_price_is_converted_exactly_or_not_at_all(price: int, confidence: int, exponent: int, wanted: int) -> None:
    """ORACLE-35: equal as dollars; the confidence never becomes narrower."""
    found = in_exponent(PriceUpdate(0, price, exponent, confidence, 1), wanted)
    dollars, scale = price * 10 ** (exponent + 30), 10 ** (wanted + 30)
    if found is None:
        assert dollars % scale or not 0 < dollars // scale < 2**64
    else:
        assert found[0] * scale == dollars
        assert found[1] * scale >= confidence * 10 ** (exponent + 30) or found[1] == 2**64 - 1
        assert (found[1] - 1) * scale < confidence * 10 ** (exponent + 30) or not found[1]


def test_a_confidence_is_rounded_up_and_never_beyond_64_bits() -> None:
    """ORACLE-35: to whole units of the market's exponent, from one unit of the finer one on."""
    widths = {0: 0, 1: 1, 99: 1, 100: 1, 101: 2, 2**64 - 1: 184_467_440_737_095_517}
    assert {width: in_exponent(PriceUpdate(0, 500, -7, width, 1), -5) for width in widths} == {
        key: (5, value) for key, value in widths.items()
    }
    assert in_exponent(PriceUpdate(0, 5, -5, 2**63, 1), -6) == (50, 2**64 - 1)


def test_a_push_is_due_at_the_deviation_and_at_the_heartbeat_exactly() -> None:
    """ORACLE-36: one unit and one nanosecond before, not."""
    last = SourcePrice(1_000_000, 0, 5, 1)
    hour = 3_600 * 10**9
    assert is_due(None, 1, 0, 5_000, 3_600)
    assert [is_due(last, 1_000_000 + moved, 5, 5_000, 3_600) for moved in (-5_000, -4_999, 0, 4_999, 5_000)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert [is_due(last, 1_000_000, 5 + age, 5_000, 3_600) for age in (hour - 1, hour)] == [False, True]


@given(st.binary(max_size=40), st.binary(max_size=70), st.binary(max_size=20))
def test_no_bytes_make_verification_raise(key: bytes, signature: bytes, message: bytes) -> None:
    """Whatever a message calls a key and a signature."""
    assert ed25519.is_valid(key, signature, message) is False
    assert ed25519.is_valid(public_key(0), signature, message) is False


def test_a_signature_is_verified_once_and_remembered() -> None:
    """The answer is the same cold and warm, for right and wrong ones."""
    right = private_key(0).sign(b"tea")
    for signature, message, expected in ((right, b"tea", True), (right, b"coffee", False)):
        assert ed25519.is_valid(public_key(0), signature, message) is expected
        assert ed25519.is_valid(public_key(0), signature, message) is expected


def test_states_of_sources_that_cannot_be_are_found() -> None:
    """ORACLE-B and ORACLE-C: a price of a source that is none, one from the future, a choice beyond the list, sets without order."""
    markets = Markets({"oracle": priced(["PULL", "VOTES"])})
    state, ctx = markets.oracle_module._state, markets.ctx
    assert markets.broken() == []
    state.source_prices.set(ctx, SourceKey(0, 3), SourcePrice(1, 0, 1, 1))
    state.source_prices.set(ctx, SourceKey(0, 1), SourcePrice(1, 0, ctx.time_ns + 1, 1))
    state.choices.set(ctx, 0, markets.oracle.sources.choice(ctx, 0)._replace(place=2))
    state.choices.set(ctx, 1, markets.oracle.sources.choice(ctx, 0)._replace(place=0))
    found = next(iter(markets.oracle_module.pull.sets(ctx)))[1]
    state.signer_sets.set(ctx, 2, found._replace(threshold=4, valid_until_ns=5))
    told = markets.broken()
    for sentence in (
        "a price of PUSH for market 0, which does not name it",
        f"VOTES of market 0 said 1 at {ctx.time_ns + 1}",
        "market 0 has the choice",
        "market 1 has the choice",
        "signer set 2 ends at 5",
        "signer set 1 has no end",
        "signer set 2 cannot sign",
    ):
        assert [one for one in told if one.startswith(sentence)], (sentence, told)


def test_the_messages_of_prices_have_their_numbers() -> None:
    """By hand, as other languages will write them."""
    message = tx_pb2.MsgUpdatePrices(sender="a", signer_set=3)
    message.updates.add(market_id=1, price=2, exponent=-5, confidence=4, publish_time_nanoseconds=5)
    message.signatures.add(public_key=b"k", signature=b"s")
    assert message.SerializeToString().hex() == "0a0161" + "1003" + "1a0a" + "08011002180920042805" + "2206" + "0a016b120173"
    assert tx_pb2.MsgPushPrice(sender="a", market_id=1, price=2).SerializeToString().hex() == "0a0161" + "1001" + "1802"
    rotation = tx_pb2.MsgRotateSigners(authority="a", set=tx_pb2.SignerSet(version=1, threshold=2, public_keys=[b"k"]))
    assert rotation.SerializeToString().hex() == "0a0161" + "1207" + "080110021a016b"
