"""Genesis of funding.

Optional for all: `rate_clamp_factor_ppm`, `premium_clamp_factor_ppm`, `history_length`. Each of `perpetuals` (one per perpetual): `id`,
`model`, `source`, `accrual`, `epoch_seconds` (divides a day), `lot_base_quantums`, `outage_seconds`, and optionally `rate_cap_ppm`. An
export adds `clock_ns` and per perpetual `index`, `carry`, `paid_total`, `running` (the epoch so far) and `history`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from modules.funding.model import (
    ACCRUALS,
    CLAMP_FACTOR_PPM_MAX,
    EPOCH,
    IMPACT,
    MODELS,
    PREMIUM,
    SOURCES,
    Accrual,
    Charge,
    FundingIndex,
    FundingParams,
    FundingSettings,
    History,
)
from modules.funding.state import FundingState
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION

DAY_SECONDS = 86_400
MAX_HISTORY_LENGTH = 10_000
_ANY = 2**255
_RATE = 2**31 - 1
"""Largest rate or premium on the wire (sint32); a bound is always below its factor."""


class _Entry(NamedTuple):
    settings: FundingSettings
    accrued: FundingIndex
    accrual: Accrual
    history: History


def _read_charge(reader: Reader) -> Charge:
    charge = Charge(
        reader.integer("height", 0, UINT64_MAX),
        reader.integer("time_seconds", 0, UINT64_MAX),
        reader.integer("epoch_end_seconds", 0, UINT64_MAX),
        reader.integer("rate_ppm", -_RATE, _RATE),
        reader.integer("premium_ppm", -_ANY, _ANY),
        reader.integer("capped_ppm", -_ANY, _ANY),
        reader.integer("covered_ns", 1, UINT64_MAX),
        reader.integer("index_after", -_ANY, _ANY),
    )
    reader.done()
    return charge


def _read_entry(reader: Reader) -> _Entry:
    settings = FundingSettings(
        reader.integer("id", 0, UINT32_MAX),
        reader.text("model", PREMIUM, MODELS),
        reader.text("source", IMPACT, SOURCES),
        reader.text("accrual", EPOCH, ACCRUALS),
        reader.integer("epoch_seconds", 1, DAY_SECONDS),
        reader.integer("lot_base_quantums", 1, UINT64_MAX),
        reader.integer("outage_seconds", 1, DAY_SECONDS),
        reader.integer("rate_cap_ppm", 0, _RATE, 0),
    )
    if DAY_SECONDS % settings.epoch_seconds:
        reader.problem("epoch_seconds", f"must divide a day ({DAY_SECONDS} s), so that epochs end at the same UTC times every day")
    index = FundingIndex(
        reader.integer("index", -_ANY, _ANY, 0), reader.integer("carry", 0, _ANY, 0), reader.integer("paid_total", 0, _ANY, 0)
    )
    running = reader.optional("running")
    accrual = Accrual(0, 0, 0, 0)
    if running is not None:
        accrual = Accrual(
            running.integer("weighted", -_ANY, _ANY),
            running.integer("covered_ns", 0, UINT64_MAX),
            running.integer("sample_ppm", -_RATE, _RATE),
            running.integer("since_ns", 0, UINT64_MAX),
            running.boolean("silent", False),
        )
        running.done()
    history = History(tuple(_read_charge(charge) for charge in reader.objects("history")))
    reader.done()
    return _Entry(settings, index, accrual, history)


def _read(section: Any, problems: Problems) -> tuple[FundingParams, int, list[tuple[Reader, _Entry]]]:
    reader = Reader(section, "funding", problems)
    params = FundingParams(
        reader.integer("rate_clamp_factor_ppm", 1, CLAMP_FACTOR_PPM_MAX, 6 * MILLION),
        reader.integer("premium_clamp_factor_ppm", 1, CLAMP_FACTOR_PPM_MAX, 60 * MILLION),
        reader.integer("history_length", 1, MAX_HISTORY_LENGTH, 64),
    )
    clock_ns = reader.integer("clock_ns", 0, UINT64_MAX, 0)
    entries = []
    ids: dict[int, None] = {}
    for item in reader.objects("perpetuals", required=True):
        entry = _read_entry(item)
        if entry.settings.perpetual_id in ids:
            item.problem("id", f"{entry.settings.perpetual_id} has a second entry")
        ids[entry.settings.perpetual_id] = None
        if entry.accrual.since_ns > clock_ns:
            item.problem("running", f"has gathered up to {entry.accrual.since_ns}, after funding.clock_ns {clock_ns}")
        if len(entry.history.charges) > params.history_length:
            item.problem("history", f"holds more than funding.history_length ({params.history_length}) charges")
        entries.append((item, entry))
    reader.done()
    return params, clock_ns, entries


def validate(section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
    """Reports every mistake of the section; there must be one entry for each perpetual of section `perp`."""
    _, _, entries = _read(section, problems)
    perp = Reader(whole.get("perp"), "perp", Problems())
    unfunded = {entry.integer("id", 0, UINT32_MAX): entry.integer("open_interest", 0, _ANY, 0) for entry in perp.objects("perpetuals")}
    for item, entry in entries:
        settings = entry.settings
        open_interest = unfunded.pop(settings.perpetual_id, None)
        if open_interest is None:
            item.problem("id", f"{settings.perpetual_id} is not listed in perp.perpetuals")
        elif open_interest % settings.lot_base_quantums:
            item.problem("lot_base_quantums", f"{settings.lot_base_quantums} does not divide the open interest {open_interest}")
    for perpetual_id in unfunded:
        problems.add("funding.perpetuals", f"has no entry for perpetual {perpetual_id}")


def init(ctx: Context, state: FundingState, section: Any) -> None:
    """State as the valid section says; without `clock_ns` the first block sets the clock."""
    problems = Problems()
    params, clock_ns, entries = _read(section, problems)
    assert not problems.found, problems.found
    state.params.set(ctx, params)
    if clock_ns:
        state.clock_ns.set(ctx, clock_ns)
    for _, entry in entries:
        perpetual_id = entry.settings.perpetual_id
        state.settings.set(ctx, perpetual_id, entry.settings)
        state.index.set(ctx, perpetual_id, entry.accrued)
        state.accrual.set(ctx, perpetual_id, entry.accrual)
        if entry.history.charges:
            state.history.set(ctx, perpetual_id, entry.history)


def export(ctx: Context, state: FundingState) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    params = state.params.require(ctx)
    rows = []
    for perpetual_id, settings in state.settings.items(ctx):
        index = state.index.get(ctx, perpetual_id)
        accrual = state.accrual.get(ctx, perpetual_id)
        history = state.history.get(ctx, perpetual_id)
        assert index is not None
        assert accrual is not None
        rows.append(
            {
                "id": settings.perpetual_id,
                "model": settings.model,
                "source": settings.source,
                "accrual": settings.accrual,
                "epoch_seconds": settings.epoch_seconds,
                "lot_base_quantums": str(settings.lot_base_quantums),
                "outage_seconds": settings.outage_seconds,
                "rate_cap_ppm": settings.rate_cap_ppm,
                "index": str(index.value),
                "carry": str(index.carry),
                "paid_total": str(index.paid_total),
                "running": {name: str(value) for name, value in accrual._asdict().items() if name != "silent"} | {"silent": accrual.silent},
                "history": [
                    {name: str(value) for name, value in charge._asdict().items()} for charge in (history.charges if history else ())
                ],
            }
        )
    return {**params._asdict(), "clock_ns": str(state.clock_ns.get(ctx) or 0), "perpetuals": rows}
