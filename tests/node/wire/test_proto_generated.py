"""The generated package is what the sources give, stands alone, and names every method that clients call."""

import importlib
import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor

PROTO = Path(__file__).resolve().parents[3] / "proto"
PACKAGE = PROTO / "gen" / "perpd_proto"
MODULES = sorted(
    ".".join(("perpd_proto", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)

# Methods that the clients call: client-surface.md section 10, priorities 1 and 2.
CALLED_BY_CLIENTS = {
    "cosmos.auth.v1beta1.Query": "Account",
    "cosmos.bank.v1beta1.Query": "Balance AllBalances",
    "cosmos.tx.v1beta1.Service": "Simulate BroadcastTx GetTx",
    "cosmos.base.tendermint.v1beta1.Service": "GetLatestBlock GetBlockByHeight GetNodeInfo",
    "cosmos.consensus.v1.Query": "Params",
    "cosmos.staking.v1beta1.Query": "Validators DelegatorDelegations DelegatorUnbondingDelegations",
    "cosmos.distribution.v1beta1.Query": "DelegationTotalRewards DelegationRewards",
    "cosmos.gov.v1.Query": "Proposals",
    "dydxprotocol.subaccounts.Query": "Subaccount SubaccountAll GetWithdrawalAndTransfersBlockedInfo CollateralPoolAddress",
    "dydxprotocol.clob.Query": "ClobPair ClobPairAll EquityTierLimitConfiguration BlockRateLimitConfiguration"
    " LiquidationsConfiguration NextClobPairId Leverage",
    "dydxprotocol.perpetuals.Query": "Perpetual AllPerpetuals",
    "dydxprotocol.prices.Query": "MarketPrice AllMarketPrices",
    "dydxprotocol.feetiers.Query": "PerpetualFeeParams UserFeeTier AllMarketFeeDiscountParams StakingTiers UserStakingTier",
    "dydxprotocol.stats.Query": "UserStats",
    "dydxprotocol.rewards.Query": "Params",
    "dydxprotocol.accountplus.Query": "GetAuthenticators",
    "dydxprotocol.ratelimit.Query": "CapacityByDenom ListLimitParams",
    "dydxprotocol.affiliates.Query": "AffiliateInfo ReferredBy AllAffiliateTiers AffiliateWhitelist",
    "dydxprotocol.vault.Query": "MegavaultOwnerShares MegavaultWithdrawalInfo",
}


def load_generator() -> ModuleType:
    """A fresh copy of the script as a module: `proto` itself is deliberately not importable."""
    spec = importlib.util.spec_from_file_location("perpd_proto_generator", PROTO / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def descriptors() -> list[FileDescriptor]:
    """One descriptor per source file, as the running process knows it."""
    for name in MODULES:
        importlib.import_module(name)
    pool = descriptor_pool.Default()
    return [pool.FindFileByName(path.relative_to(PROTO).as_posix()) for path in sorted(PROTO.rglob("*.proto"))]


def test_the_committed_output_is_what_the_sources_give() -> None:
    """`generate.py --check` exits 0."""
    assert load_generator().main(["--check"]) == 0


@pytest.mark.parametrize("damage", ["edited", "missing", "extra"])
def test_the_check_notices_every_kind_of_difference(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An edited, a missing and an extra file are each named, with exit code 1."""
    copy = tmp_path / "perpd_proto"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = "cosmos/bank/v1beta1/tx_pb2.py"
    if damage == "edited":
        (copy / file).write_text((copy / file).read_text() + "\n")
    elif damage == "missing":
        (copy / file).unlink()
    else:
        file = "cosmos/bank/v1beta1/unknown_pb2.py"
        (copy / file).write_text("")
    generator = load_generator()
    monkeypatch.setattr(generator, "PACKAGE", copy)
    assert generator.main(["--check"]) == 1
    assert capsys.readouterr().err == f"out of date: {file}\n"
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0, "generating repairs it"


@pytest.mark.parametrize("name", MODULES)
def test_every_generated_module_can_be_imported(name: str) -> None:
    """Nothing refers to a module outside the package, the protobuf runtime and grpc."""
    assert importlib.import_module(name).__name__ == name


def test_no_generated_file_claims_a_top_level_name() -> None:
    """`import cosmos` elsewhere in the process must never find our code, nor ours depend on it."""
    foreign = re.compile(r"^(?:from|import) (?:tendermint|cosmos|dydxprotocol|perpd|gogoproto|amino)\b", re.MULTILINE)
    generated = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")]
    assert len(generated) > len(MODULES)
    assert [path for path in generated if foreign.search(path.read_text())] == []


def test_reflection_needs_nothing_that_we_do_not_serve() -> None:
    """Each import of each file is ours or google.protobuf; nothing defines or extends gogoproto, amino or google.api."""
    files = descriptors()
    ours = {file.name for file in files}
    imports = {dependency.name for file in files for dependency in file.dependencies}
    assert {name for name in imports - ours if not name.startswith("google/protobuf/")} == set()
    assert {file.package.split(".")[0] for file in files} == {"tendermint", "cosmos", "dydxprotocol", "perpd"}
    assert [file.name for file in files if file.extensions_by_name] == []


def test_each_file_is_named_by_its_package() -> None:
    """Clients with reflection ask by file name: folder and package are the same path."""
    assert [file.name for file in descriptors() if Path(file.name).parent.as_posix() != file.package.replace(".", "/")] == []


def test_every_service_has_a_grpc_module_and_nothing_else_has() -> None:
    """Files without methods get no stub module."""
    with_methods = {file.name for file in descriptors() if any(service.methods for service in file.services_by_name.values())}
    stubs = {path.relative_to(PACKAGE).as_posix().replace("_pb2_grpc.py", ".proto") for path in PACKAGE.rglob("*_pb2_grpc.py")}
    assert stubs == with_methods


@pytest.mark.parametrize(("service", "methods"), CALLED_BY_CLIENTS.items())
def test_every_method_that_clients_call_exists(service: str, methods: str) -> None:
    """A method that we did not declare could not be answered."""
    descriptors()
    known = descriptor_pool.Default().FindServiceByName(service).methods_by_name
    assert set(methods.split()) - set(known) == set()
