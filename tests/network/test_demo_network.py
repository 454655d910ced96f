"""`perpd demo` as a user types it, on four real validators: it proves itself, twice on the same chain."""

import pytest

from support.localnet import Localnet
from support.real_localnet import perpd

pytestmark = pytest.mark.network


@pytest.fixture
def network(shared_localnet: Localnet) -> Localnet:
    """With the recorded day of BTC-USD, as a localnet has it by default."""
    return shared_localnet


@pytest.mark.parametrize("subaccount", [1, 2])
def test_the_demonstration_proves_itself_on_a_real_network(network: Localnet, subaccount: int) -> None:
    """Liquidation, funding, conservation, and one app hash on all four nodes."""
    facts = perpd("demo", "--home", str(network.home.path))
    assert (facts["subaccount"], facts["nodes"], facts["mismatches"]) == (subaccount, 4, [])
    assert int(facts["insurance_change"]) > 0
    assert facts["funding"]["index_change"] != "0"
    assert perpd("oracle", "show", "--home", str(network.home.path))["prices"] == {}
    assert perpd("query", "conservation", "--home", str(network.home.path), "--height", str(facts["height"]))["adds_up"] is True
