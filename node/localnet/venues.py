"""Whether the price venues of a localnet answer, for people: asked of a node's metrics, told once per change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
from prometheus_client.parser import text_string_to_metric_families

from node.localnet.journal import Journal


def names_venues(prices: str) -> bool:
    """Whether a price SPEC asks venues."""
    return any(part.strip().partition(":")[0] == "venues" for part in prices.split(","))


def answering(metrics: str) -> dict[str, bool | None]:
    """By venue whether it answers, None while that is not known; from a node's metrics. Raises ValueError if they are none."""
    found: dict[str, bool | None] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "perpd_venue_age_seconds":
                found.setdefault(sample.labels["venue"], None)
            elif sample.name == "perpd_venue_answering":
                found[sample.labels["venue"]] = sample.value > 0
    return found


class VenueWatch:
    """Tells the journal which venues answer. All nodes of a localnet have the same way into the world, so one of them speaks for all."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: Mapping[str, bool | None] = {}

    async def look(self, client: httpx.AsyncClient, addresses: Sequence[str]) -> None:
        """Asks the first node that answers."""
        for address in addresses:
            try:
                answer = await client.get(f"http://{address}/metrics")
                venues = answering(answer.text)
            except (httpx.HTTPError, ValueError, KeyError):
                continue
            self.conclude(venues)
            return

    def conclude(self, venues: Mapping[str, bool | None]) -> None:
        """Speaks when every venue is known to answer or not and that is not what was said last."""
        if not venues or None in venues.values() or venues == self._told:
            return
        self._told = dict(venues)
        silent = ", ".join(sorted(name for name, answers in venues.items() if not answers))
        speaking = ", ".join(sorted(name for name, answers in venues.items() if answers))
        if not speaking:
            self._journal.say(f"no venue answers ({silent}): votes carry no prices, the chain goes on and its prices age", alarm=True)
        else:
            self._journal.say(f"prices come from {speaking}{f'; {silent} does not answer' if silent else ''}")
