"""What can be wrong with a change of validators or limits."""

from modules.kernel.errors import register

INVALID_VALIDATOR_CHANGE = register(
    "consensus", 2, "this change of validators is not possible; name each key once, with a power, and leave somebody in"
)
INVALID_PARAMS = register("consensus", 3, "these limits of blocks are not possible; every one must be within its bounds")
