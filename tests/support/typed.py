"""What a command of `perpd` has printed, for tests that type it."""

import json
from typing import Any


def document(ran: tuple[int, str, str]) -> dict[str, Any]:
    """The JSON that a command printed; it succeeded."""
    code, out, err = ran
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found
