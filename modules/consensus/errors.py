"""What can be wrong with a change of validators."""

from modules.kernel.errors import register

INVALID_VALIDATOR_CHANGE = register("consensus", 2, "this change of validators is not possible")
