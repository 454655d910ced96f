"""Registered failures of codespace `authority`."""

from modules.kernel.errors import register

TOO_MANY_CHANGES = register("authority", 2, "a block takes 100 changes; send this one again")
