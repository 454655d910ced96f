from perpd_proto.dydxprotocol.vault import share_pb2 as _share_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryMegavaultOwnerSharesRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class QueryMegavaultOwnerSharesResponse(_message.Message):
    __slots__ = ("address", "shares", "share_unlocks", "equity", "withdrawable_equity")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    SHARE_UNLOCKS_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWABLE_EQUITY_FIELD_NUMBER: _ClassVar[int]
    address: str
    shares: _share_pb2.NumShares
    share_unlocks: _containers.RepeatedCompositeFieldContainer[_share_pb2.ShareUnlock]
    equity: bytes
    withdrawable_equity: bytes
    def __init__(self, address: _Optional[str] = ..., shares: _Optional[_Union[_share_pb2.NumShares, _Mapping]] = ..., share_unlocks: _Optional[_Iterable[_Union[_share_pb2.ShareUnlock, _Mapping]]] = ..., equity: _Optional[bytes] = ..., withdrawable_equity: _Optional[bytes] = ...) -> None: ...

class QueryMegavaultWithdrawalInfoRequest(_message.Message):
    __slots__ = ("shares_to_withdraw",)
    SHARES_TO_WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    shares_to_withdraw: _share_pb2.NumShares
    def __init__(self, shares_to_withdraw: _Optional[_Union[_share_pb2.NumShares, _Mapping]] = ...) -> None: ...

class QueryMegavaultWithdrawalInfoResponse(_message.Message):
    __slots__ = ("shares_to_withdraw", "expected_quote_quantums", "megavault_equity", "total_shares")
    SHARES_TO_WITHDRAW_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_QUOTE_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    MEGAVAULT_EQUITY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SHARES_FIELD_NUMBER: _ClassVar[int]
    shares_to_withdraw: _share_pb2.NumShares
    expected_quote_quantums: bytes
    megavault_equity: bytes
    total_shares: _share_pb2.NumShares
    def __init__(self, shares_to_withdraw: _Optional[_Union[_share_pb2.NumShares, _Mapping]] = ..., expected_quote_quantums: _Optional[bytes] = ..., megavault_equity: _Optional[bytes] = ..., total_shares: _Optional[_Union[_share_pb2.NumShares, _Mapping]] = ...) -> None: ...
