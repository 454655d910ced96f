"""The rule of timestamp nonces."""

from bisect import insort

from modules.auth.model import MAX_NONCES, NONCE_WINDOW_MS, Account


def use_nonce(account: Account, nonce: int, block_time_ms: int) -> Account | str:
    """AUTH-1: the account after it has used the nonce, or why it may not.

    Accepted within ±30 s of the block time, inclusive. Nonces that fell out of the window are dropped, the largest dropped becomes
    `max_ejected_nonce`, which a new one must exceed. A full list ejects its smallest, which the new one must exceed.
    """
    oldest = block_time_ms - NONCE_WINDOW_MS
    newest = block_time_ms + NONCE_WINDOW_MS
    if not oldest <= nonce <= newest:
        return f"timestamp nonce {nonce} not within valid time window: {oldest} to {newest} (milliseconds)"
    held = [one for one in account.nonces if one >= oldest]
    ejected = max([account.max_ejected_nonce, *(one for one in account.nonces if one < oldest)])
    if nonce <= ejected:
        return f"timestamp nonce {nonce} rejected: it must be above {ejected}"
    if nonce in held:
        return f"timestamp nonce {nonce} rejected: it is used already"
    if len(held) >= MAX_NONCES:
        if nonce <= held[0]:
            return f"timestamp nonce {nonce} rejected: it must be above {held[0]}, the smallest of {MAX_NONCES} held"
        ejected = held.pop(0)
    insort(held, nonce)
    return account._replace(nonces=tuple(held), max_ejected_nonce=ejected)
