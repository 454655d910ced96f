"""Registered failures of codespace `perpetuals` that are about funding."""

from modules.kernel.errors import register

RATE_CLAMP = register("perpetuals", 14, "the funding rate clamp factor must be 1 to 2147483647 ppm")
PREMIUM_CLAMP = register("perpetuals", 15, "the premium clamp factor must be 1 to 2147483647 ppm")
MIN_VOTES = register("perpetuals", 22, "the number of votes per sample must be positive; apart from that it has no meaning here")
