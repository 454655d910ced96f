"""AUTH-1, the rule of timestamp nonces (client-surface.md 3.5)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.auth.formulas import use_nonce
from modules.auth.model import MAX_NONCES, NONCE_WINDOW_MS, Account

NOW = 1_700_000_000_000


def used(account: Account, nonce: int, now: int = NOW) -> Account:
    """The account after it has used the nonce."""
    after = use_nonce(account, nonce, now)
    assert isinstance(after, Account), after
    return after


def refusal(account: Account, nonce: int, now: int = NOW) -> str:
    """Why the nonce is refused."""
    after = use_nonce(account, nonce, now)
    assert isinstance(after, str), after
    return after


def test_the_window_is_thirty_seconds_each_way_inclusive() -> None:
    """AUTH-1: at both bounds accepted, one millisecond beyond refused."""
    assert used(Account(0), NOW - NONCE_WINDOW_MS).nonces == (NOW - NONCE_WINDOW_MS,)
    assert used(Account(0), NOW + NONCE_WINDOW_MS).nonces == (NOW + NONCE_WINDOW_MS,)
    for nonce in (NOW - NONCE_WINDOW_MS - 1, NOW + NONCE_WINDOW_MS + 1):
        assert refusal(Account(0), nonce).startswith(f"timestamp nonce {nonce} not within valid time window: ")


def test_a_nonce_is_used_once() -> None:
    """AUTH-1: a held nonce is refused; nonces may come in any order."""
    account = used(used(Account(0), NOW + 5), NOW + 3)
    assert account.nonces == (NOW + 3, NOW + 5)
    assert refusal(account, NOW + 3).startswith(f"timestamp nonce {NOW + 3} rejected: ")


def test_stale_nonces_are_ejected_and_bound_new_ones() -> None:
    """AUTH-1: what falls out of the window cannot come back, even if the clock of blocks allowed it."""
    account = used(used(Account(0), NOW), NOW + 1)
    later = used(account, NOW + NONCE_WINDOW_MS + 10, NOW + NONCE_WINDOW_MS + 1)
    assert later.max_ejected_nonce == NOW
    assert later.nonces == (NOW + 1, NOW + NONCE_WINDOW_MS + 10)
    assert refusal(Account(0, max_ejected_nonce=NOW), NOW).startswith(f"timestamp nonce {NOW} rejected: ")


def test_a_full_list_ejects_its_smallest() -> None:
    """AUTH-1: the twenty-first must exceed the smallest, which it replaces."""
    account = Account(0)
    for step in range(MAX_NONCES):
        account = used(account, NOW + 2 * step)
    assert refusal(account, NOW - 1).startswith(f"timestamp nonce {NOW - 1} rejected: ")
    fuller = used(account, NOW + 1)
    assert fuller.max_ejected_nonce == NOW
    assert fuller.nonces == (NOW + 1, *account.nonces[1:])
    assert refusal(fuller, NOW).startswith(f"timestamp nonce {NOW} rejected: ")


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 3_000)), max_size=60))
def test_no_nonce_is_ever_accepted_twice(steps: list[tuple[int, int]]) -> None:
    """AUTH-1, the property that matters: whatever comes, in advancing time, a nonce counts once."""
    account, now = Account(0), NOW
    accepted: list[int] = []
    for offset, elapsed in steps:
        now += elapsed
        nonce = now - NONCE_WINDOW_MS + offset
        after = use_nonce(account, nonce, now)
        if isinstance(after, Account):
            assert nonce not in accepted
            accepted.append(nonce)
            account = after
            assert list(account.nonces) == sorted(dict.fromkeys(account.nonces))
            assert len(account.nonces) <= MAX_NONCES
            assert account.max_ejected_nonce < account.nonces[0]


@settings(max_examples=100)
@given(st.lists(st.integers(0, 60_000), max_size=40, unique=True), st.sets(st.integers(0, 39)))
def test_a_subset_of_accepted_ascending_nonces_is_accepted(offsets: list[int], dropped: set[int]) -> None:
    """AUTH-1: applied in ascending order, leaving some out never makes a later one unacceptable."""
    account, accepted = Account(0), []
    for offset in sorted(offsets):
        after = use_nonce(account, NOW - NONCE_WINDOW_MS + offset, NOW)
        if isinstance(after, Account):
            account = after
            accepted.append(NOW - NONCE_WINDOW_MS + offset)
    account = Account(0)
    for index, nonce in enumerate(accepted):
        if index not in dropped:
            account = used(account, nonce)
