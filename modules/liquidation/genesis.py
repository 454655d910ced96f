"""Genesis of liquidation: the parameters, each optional, with the names of the reference's configuration."""

from typing import Any

from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION
from modules.liquidation.model import LiquidationParams
from modules.liquidation.state import LiquidationState

_BOUNDS = {
    "max_liquidation_fee_ppm": (1, MILLION),
    "min_position_notional_liquidated": (0, UINT64_MAX),
    "max_position_portion_liquidated_ppm": (1, MILLION),
    "max_notional_liquidated": (1, UINT64_MAX),
    "max_quantums_insurance_lost": (1, UINT64_MAX),
    "bankruptcy_adjustment_ppm": (MILLION, UINT32_MAX),
    "spread_to_maintenance_margin_ratio_ppm": (1, UINT32_MAX),
    "max_orders_per_block": (1, UINT32_MAX),
    "max_deleveraged_positions_per_block": (1, UINT32_MAX),
    "max_deleveraging_counterparties": (1, UINT32_MAX),
    "max_settled_pairs_per_block": (1, UINT32_MAX),
}


def _read(section: Any, problems: Problems) -> LiquidationParams:
    reader = Reader(section, "liquidation", problems)
    default = LiquidationParams()._asdict()
    params = LiquidationParams(**{name: reader.integer(name, *_BOUNDS[name], default[name]) for name in LiquidationParams._fields})
    reader.done()
    return params


def validate(section: Any, problems: Problems) -> None:
    """Every mistake of the section."""
    _read(section, problems)


def init(ctx: Context, state: LiquidationState, section: Any) -> None:
    """The parameters as listed, the others at their defaults."""
    problems = Problems()
    params = _read(section, problems)
    assert not problems.found, problems.found
    state.params.set(ctx, params)


def export(ctx: Context, state: LiquidationState) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    return {name: str(value) for name, value in state.params.require(ctx)._asdict().items()}
