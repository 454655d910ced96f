"""What anyone may ask about the funds."""

from modules.insurance.keeper import InsuranceKeeper
from modules.kernel import address as addresses
from modules.kernel.codec import encode_signed
from modules.kernel.context import Context
from perpd_proto.perpd.node.v1 import query_pb2


def insurance(ctx: Context, keeper: InsuranceKeeper) -> query_pb2.QueryInsuranceResponse:
    """Every fund with its balance, by name."""
    rows = [
        query_pb2.InsuranceFund(name=fund.name, address=addresses.to_text(fund.address), balance=encode_signed(fund.balance))
        for fund in keeper.funds(ctx)
    ]
    return query_pb2.QueryInsuranceResponse(funds=rows)
