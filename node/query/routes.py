"""The queries that need several modules, or what a node keeps beside the state; every application answers them."""

from modules.kernel.module import QueryRoute
from node.history.history import History
from node.history.queries import order_routes
from node.query.services.clocks import clock_routes
from node.query.services.positions import positions_routes
from node.store.chain_store import ChainStore
from node.wiring import Wiring


def state_routes(store: ChainStore, history: History, wiring: Wiring) -> tuple[QueryRoute, ...]:
    """For the query table."""
    perp, funding, subaccounts, clob = wiring.perp.keeper, wiring.funding.keeper, wiring.subaccounts.keeper, wiring.clob.keeper
    return (
        *order_routes(store, history, clob),
        *positions_routes(perp, wiring.oracle.keeper, funding, subaccounts, clob),
        *clock_routes(perp, funding, subaccounts.gating),
    )
