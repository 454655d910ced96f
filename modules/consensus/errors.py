"""What can be wrong with a change of validators or limits."""

from modules.kernel.errors import register

INVALID_VALIDATOR_CHANGE = register("consensus", 2, "this change of validators is not possible")
INVALID_PARAMS = register("consensus", 3, "these limits of blocks are not possible")
