"""Decimal text to integers, digit by digit; a price never passes through a float."""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?")


def scaled(text: str, exponent: int) -> int | None:
    """`text` (digits, at most one point) in units of 10^exponent, what is finer cut off; None if it is no such text.
    `scaled("42000.5", -5)` is 4200050000.
    """
    match = _DECIMAL.fullmatch(text.strip())
    if match is None:
        return None
    whole, fraction = match[1], match[2] or ""
    if exponent <= 0:
        places = -exponent
        return int(whole + fraction[:places].ljust(places, "0"))
    return int(whole[:-exponent] or "0")
