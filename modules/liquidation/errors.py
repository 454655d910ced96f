"""Registered failures of codespace `clob` that are about liquidation."""

from modules.kernel.errors import register

INVALID_CONFIG = register("clob", 1000, "this is no configuration of liquidations: every field must be within its bounds")
