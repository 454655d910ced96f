from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AffiliateInfoRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class AffiliateInfoResponse(_message.Message):
    __slots__ = ("is_whitelisted", "tier", "fee_share_ppm", "referred_volume", "staked_amount")
    IS_WHITELISTED_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    FEE_SHARE_PPM_FIELD_NUMBER: _ClassVar[int]
    REFERRED_VOLUME_FIELD_NUMBER: _ClassVar[int]
    STAKED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    is_whitelisted: bool
    tier: int
    fee_share_ppm: int
    referred_volume: bytes
    staked_amount: bytes
    def __init__(self, is_whitelisted: _Optional[bool] = ..., tier: _Optional[int] = ..., fee_share_ppm: _Optional[int] = ..., referred_volume: _Optional[bytes] = ..., staked_amount: _Optional[bytes] = ...) -> None: ...

class ReferredByRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReferredByResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AllAffiliateTiersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AllAffiliateTiersResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AffiliateWhitelistRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AffiliateWhitelistResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
