"""Genesis of the fees: `tiers`, each with `name`, `maker_fee_ppm`, `taker_fee_ppm` and optionally its three volume requirements."""

from typing import Any

from modules.fees import formulas
from modules.fees.model import FeeTier, FeeTiers
from modules.fees.state import FeesState
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION


def _read(section: Any, problems: Problems) -> FeeTiers:
    reader = Reader(section, "fees", problems)
    tiers = []
    for entry in reader.objects("tiers", required=True):
        tiers.append(
            FeeTier(
                entry.text("name", longest=64),
                entry.integer("absolute_volume_requirement", 0, UINT64_MAX, 0),
                entry.integer("total_volume_share_requirement_ppm", 0, MILLION, 0),
                entry.integer("maker_volume_share_requirement_ppm", 0, MILLION, 0),
                entry.integer("maker_fee_ppm", -MILLION, MILLION),
                entry.integer("taker_fee_ppm", -MILLION, MILLION),
            )
        )
        entry.done()
    for sentence in formulas.mistakes(tiers):
        reader.problem("tiers", sentence)
    reader.done()
    return FeeTiers(tuple(tiers))


def validate(section: Any, problems: Problems) -> None:
    """Every mistake of the section."""
    _read(section, problems)


def init(ctx: Context, state: FeesState, section: Any) -> None:
    """The tiers as listed."""
    problems = Problems()
    tiers = _read(section, problems)
    assert not problems.found, problems.found
    state.tiers.set(ctx, tiers)


def export(ctx: Context, state: FeesState) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    return {
        "tiers": [
            tier._asdict() | {"absolute_volume_requirement": str(tier.absolute_volume_requirement)}
            for tier in state.tiers.require(ctx).tiers
        ]
    }
