"""Registered failures of codespace `perpetuals`."""

from modules.kernel.errors import register

PERPETUAL_MISSING = register("perpetuals", 1, "the perpetual does not exist")
