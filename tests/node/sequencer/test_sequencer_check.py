"""CheckTx: the codes and texts that clients know, sequences counted on, and the pool's recheck after a block."""

from typing import Any

import pytest

from modules.auth.model import Account
from modules.clob.errors import GOOD_TIL_BLOCK_TOO_FAR, HEIGHT_EXCEEDS_GOOD_TIL_BLOCK
from modules.consensus.model import DEFAULT_PARAMS
from modules.kernel.errors import (
    INSUFFICIENT_FUNDS,
    INVALID_GAS_LIMIT,
    INVALID_PUBKEY,
    INVALID_REQUEST,
    MEMO_TOO_LARGE,
    TX_IN_MEMPOOL,
    TX_PARSE,
    TX_TIMEOUT,
    TX_TOO_LARGE,
    UNAUTHORIZED,
    UNKNOWN_ADDRESS,
    WRONG_SEQUENCE,
    ChainError,
)
from node.sequencer.check import CheckState, GasPrice, WindowErrors
from node.sequencer.errors import QUOTA, WINDOW
from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.dydxprotocol.sending import transfer_pb2
from support.sequencing import (
    ALICE,
    BOB,
    CHAIN_ID,
    HEIGHT,
    LONG_TERM,
    STRANGER,
    TIME_MS,
    Desk,
    cancel,
    deposit,
    place,
    send,
)

CLOB_WINDOW = WindowErrors(HEIGHT_EXCEEDS_GOOD_TIL_BLOCK, GOOD_TIL_BLOCK_TOO_FAR)


def new_check(desk: Desk, **changes: Any) -> CheckState:
    """A pool's view as the application makes it."""
    return CheckState(desk.sources, window_errors=CLOB_WINDOW, **changes)


def refusal(check: CheckState, desk: Desk, raw: bytes, *, recheck: bool = False) -> ChainError:
    """The error with which a transaction is kept out."""
    with pytest.raises(ChainError) as caught:
        check.check(desk.ctx, raw, recheck=recheck)
    return caught.value


def test_an_admissible_transaction_enters_and_is_kept() -> None:
    """It is decoded and verified once for all that follows."""
    desk = Desk()
    raw = desk.sign(ALICE, send(ALICE, BOB))
    tx = new_check(desk).check(desk.ctx, raw)
    assert desk.sources.cache.find(raw) is tx
    assert tx.verified == (10, ALICE.public_key)
    assert desk.ctx.state.mark() == 0


def test_sequences_count_on_from_committed_state() -> None:
    """Several in a row may wait; the same sequence again is sdk 32 with the text that clients read."""
    desk = Desk()
    desk.set_sequence(ALICE, 4)
    check = new_check(desk)
    for sequence in (4, 5, 6):
        check.check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB), sequence=sequence))
    for sequence in (4, 6, 8):
        error = refusal(check, desk, desk.sign(ALICE, send(ALICE, BOB, 9), sequence=sequence))
        assert error.kind is WRONG_SEQUENCE
        assert error.log == f"account sequence mismatch, expected 7, got {sequence}: incorrect account sequence"
    check.reset()
    error = refusal(check, desk, desk.sign(ALICE, send(ALICE, BOB), sequence=7))
    assert error.log == "account sequence mismatch, expected 4, got 7: incorrect account sequence"


def test_a_refused_transaction_uses_nothing() -> None:
    """A wrong signature does not move the sequence."""
    desk = Desk()
    check = new_check(desk)
    error = refusal(check, desk, desk.sign(ALICE, send(ALICE, BOB), chain_id="perp-2"))
    assert error.kind is UNAUTHORIZED
    assert error.log.startswith("signature verification failed; please verify account number (10) and chain-id (perp-1): ")
    assert error.log.endswith(": unauthorized")
    check.check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB)))


def test_after_a_block_the_pool_is_rechecked_in_its_order() -> None:
    """What the block used is refused, what follows it stays, new ones count on from it."""
    desk = Desk()
    check = new_check(desk)
    pool = [desk.sign(ALICE, send(ALICE, BOB), sequence=sequence) for sequence in range(3)]
    for raw in pool:
        check.check(desk.ctx, raw)
    desk.set_sequence(ALICE, 1)
    check.reset()
    assert refusal(check, desk, pool[0], recheck=True).kind is WRONG_SEQUENCE
    for raw in pool[1:]:
        check.check(desk.ctx, raw, recheck=True)
    check.check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB), sequence=3))


def test_a_recheck_of_what_the_cache_has_forgotten_is_complete() -> None:
    """The verdict is the same without the cache."""
    desk = Desk()
    check = new_check(desk)
    raw = desk.sign(ALICE, place(ALICE))
    first = check.check(desk.ctx, raw)
    desk.sources.cache.forget(first.hash)
    check.reset()
    again = check.check(desk.ctx, raw, recheck=True)
    assert again is not first
    assert again.verified == first.verified


@pytest.mark.parametrize(
    ("good_til_block", "kind"),
    [(HEIGHT - 1, HEIGHT_EXCEEDS_GOOD_TIL_BLOCK), (HEIGHT, None), (HEIGHT + 40, None), (HEIGHT + 41, GOOD_TIL_BLOCK_TOO_FAR)],
)
def test_windows_have_the_codes_of_the_clob(good_til_block: int, kind: Any) -> None:
    """dydx-clob.md 2.4: 10 below the next height, 11 more than forty above it; orders and cancels, new and rechecked."""
    desk = Desk()
    for message in (place(ALICE, good_til_block=good_til_block), cancel(ALICE, good_til_block=good_til_block)):
        for recheck in (False, True):
            check, raw = new_check(desk), desk.sign(ALICE, message)
            if kind is None:
                check.check(desk.ctx, raw, recheck=recheck)
            else:
                assert refusal(check, desk, raw, recheck=recheck).kind is kind


def test_short_term_messages_need_no_sequence_and_enter_once() -> None:
    """Any sequence is fine; the same bytes again are sdk 19, and after they were in a block sequencer 6."""
    desk = Desk()
    check = new_check(desk)
    order = desk.sign(ALICE, place(ALICE), sequence=77)
    check.check(desk.ctx, order)
    check.check(desk.ctx, desk.sign(ALICE, place(ALICE, 2), sequence=77))
    assert refusal(check, desk, order).kind is TX_IN_MEMPOOL
    check.check(desk.ctx, order, recheck=True)
    desk.remember(order)
    check.reset()
    for recheck in (False, True):
        assert refusal(check, desk, order, recheck=recheck).kind is WINDOW.kind


def test_a_cancel_of_an_unknown_order_enters() -> None:
    """Its placement may be on the way."""
    desk = Desk()
    check = new_check(desk)
    check.check(desk.ctx, desk.sign(ALICE, cancel(ALICE, 12345)))
    check.check(desk.ctx, desk.sign(ALICE, cancel(ALICE, 12345, flags=LONG_TERM)))


def test_timestamp_nonces_count_on_too() -> None:
    """Within thirty seconds of the last block's time, each once."""
    desk = Desk()
    check = new_check(desk)
    for nonce in (TIME_MS, TIME_MS - 5, TIME_MS + 30_000):
        check.check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB), sequence=nonce))
    check.check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB), sequence=0))
    for nonce, text in ((TIME_MS, "rejected"), (TIME_MS + 30_001, "not within valid time window")):
        error = refusal(check, desk, desk.sign(ALICE, send(ALICE, BOB, 9), sequence=nonce))
        assert error.kind is WRONG_SEQUENCE
        assert error.log.startswith(f"timestamp nonce {nonce} {text}: ")


def test_codes_of_transactions_that_can_never_be_admitted() -> None:
    """Each failure has the reference's sdk code, and its rules are asked in the reference's order."""
    desk = Desk()
    check = new_check(desk)
    foreign = seal(
        BOB.private_key, body_bytes([send(ALICE, BOB)]), auth_info_bytes(BOB.public_key, 0), account_number=10, chain_id=CHAIN_ID
    )
    cases = [
        (b"garbage", TX_PARSE),
        (bytes(DEFAULT_PARAMS.max_tx_bytes + 1), TX_TOO_LARGE),
        (desk.sign(ALICE, place(ALICE), place(ALICE, 2)), INVALID_REQUEST),
        (desk.sign(ALICE, transfer_pb2.MsgSendFromModuleToAccount(authority=ALICE.text)), INVALID_REQUEST),
        (desk.sign(ALICE, send(ALICE, BOB), memo="x" * 257), MEMO_TOO_LARGE),
        (desk.sign(ALICE, send(ALICE, BOB), gas_limit=0), INVALID_GAS_LIMIT),
        (desk.sign(ALICE, send(ALICE, BOB), timeout_height=HEIGHT - 1), TX_TIMEOUT),
        (desk.sign(ALICE, place(ALICE, good_til_block=HEIGHT + 9), timeout_height=HEIGHT + 8), INVALID_REQUEST),
        (desk.sign(STRANGER, send(STRANGER, BOB)), UNKNOWN_ADDRESS),
        (foreign, INVALID_PUBKEY),
        (desk.sign(ALICE, send(ALICE, BOB), with_public_key=False), INVALID_PUBKEY),
        (desk.sign(ALICE, send(ALICE, BOB), sequence=1, chain_id="perp-2"), WRONG_SEQUENCE),
    ]
    for raw, kind in cases:
        assert refusal(check, desk, raw).kind is kind
    assert len(desk.sources.cache) == 0


def test_a_cancel_may_end_before_its_good_til_block() -> None:
    """The rule about timeout heights is for placements."""
    desk = Desk()
    new_check(desk).check(desk.ctx, desk.sign(ALICE, cancel(ALICE, good_til_block=HEIGHT + 9), timeout_height=HEIGHT))


def test_a_message_that_is_wrong_in_itself_has_its_modules_code() -> None:
    """Stateless checks of the module come before account and signature."""
    desk = Desk()
    message = place(ALICE)
    message.order.quantums = 0
    error = refusal(new_check(desk), desk, desk.sign(ALICE, message, chain_id="perp-2"))
    assert (error.codespace, error.code) == ("clob", 4)


def test_a_known_key_may_be_left_out() -> None:
    """Once state has it."""
    desk = Desk()
    desk.wiring.auth.keeper.consume(desk.ctx, [(ALICE.address, Account(10, 0, ALICE.public_key))])
    new_check(desk).check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB), with_public_key=False))


def test_the_quota_bounds_what_an_account_may_have_waiting() -> None:
    """Per lane; rechecks always stay, or the verdict would swing."""
    desk = Desk(DEFAULT_PARAMS._replace(quota_per_account_and_lane=2))
    check = new_check(desk)
    orders = [desk.sign(ALICE, place(ALICE, number)) for number in range(3)]
    for raw in orders[:2]:
        check.check(desk.ctx, raw)
    assert refusal(check, desk, orders[2]).kind is QUOTA.kind
    check.check(desk.ctx, desk.sign(ALICE, cancel(ALICE)))
    check.check(desk.ctx, desk.sign(BOB, place(BOB)))
    check.reset()
    for raw in orders:
        check.check(desk.ctx, raw, recheck=True)


def test_the_economic_check_comes_last_and_leaves_nothing_when_it_refuses() -> None:
    """It gets the commands; what it refuses has used no sequence. Rechecks do without it."""
    desk = Desk()
    seen: list[list[Any]] = []

    def economic(_ctx: Any, tx: Any, commands: list[Any]) -> None:
        seen.append(commands)
        if tx.memo == "poor":
            raise INSUFFICIENT_FUNDS("too little")

    check = new_check(desk, economic=economic)
    poor = desk.sign(ALICE, deposit(ALICE), memo="poor")
    assert refusal(check, desk, poor).kind is INSUFFICIENT_FUNDS
    check.check(desk.ctx, desk.sign(ALICE, deposit(ALICE)))
    check.reset()
    check.check(desk.ctx, poor, recheck=True)
    assert [len(commands) for commands in seen] == [1, 1]
    assert refusal(check, desk, desk.sign(ALICE, deposit(ALICE), sequence=5)).kind is WRONG_SEQUENCE
    assert len(seen) == 2


def test_a_minimum_gas_price_asks_for_one_of_its_denominations() -> None:
    """client-surface.md 3.4: ceil(price x gas limit), one denomination of the list is enough; orders are free."""
    desk = Desk()
    check = new_check(desk, gas_prices=(GasPrice("uusdc", 25, 1000), GasPrice("adv4tnt", 25_000_000_000, 1)))
    raw = desk.sign(ALICE, send(ALICE, BOB), fee=[("uusdc", 1250)], gas_limit=50_001)
    error = refusal(check, desk, raw)
    assert error.log == "insufficient fees; got: 1250uusdc required: 1251uusdc,1250025000000000adv4tnt: insufficient fee"
    check.check(desk.ctx, desk.sign(ALICE, send(ALICE, BOB), fee=[("uusdc", 1251)], gas_limit=50_001))
    check.check(desk.ctx, desk.sign(BOB, send(BOB, ALICE), fee=[("adv4tnt", 1250025000000000)], gas_limit=50_001))
    check.check(desk.ctx, desk.sign(ALICE, place(ALICE)))
