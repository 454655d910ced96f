from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgUpdatePrices(_message.Message):
    __slots__ = ("sender", "signer_set", "updates", "signatures")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SIGNER_SET_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    sender: str
    signer_set: int
    updates: _containers.RepeatedCompositeFieldContainer[PriceUpdate]
    signatures: _containers.RepeatedCompositeFieldContainer[UpdateSignature]
    def __init__(self, sender: _Optional[str] = ..., signer_set: _Optional[int] = ..., updates: _Optional[_Iterable[_Union[PriceUpdate, _Mapping]]] = ..., signatures: _Optional[_Iterable[_Union[UpdateSignature, _Mapping]]] = ...) -> None: ...

class PriceUpdate(_message.Message):
    __slots__ = ("market_id", "price", "exponent", "confidence", "publish_time_nanoseconds")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_TIME_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    price: int
    exponent: int
    confidence: int
    publish_time_nanoseconds: int
    def __init__(self, market_id: _Optional[int] = ..., price: _Optional[int] = ..., exponent: _Optional[int] = ..., confidence: _Optional[int] = ..., publish_time_nanoseconds: _Optional[int] = ...) -> None: ...

class UpdateSignature(_message.Message):
    __slots__ = ("public_key", "signature")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    signature: bytes
    def __init__(self, public_key: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class MsgUpdatePricesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgPushPrice(_message.Message):
    __slots__ = ("sender", "market_id", "price")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    sender: str
    market_id: int
    price: int
    def __init__(self, sender: _Optional[str] = ..., market_id: _Optional[int] = ..., price: _Optional[int] = ...) -> None: ...

class MsgPushPriceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRotateSigners(_message.Message):
    __slots__ = ("authority", "set")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    authority: str
    set: SignerSet
    def __init__(self, authority: _Optional[str] = ..., set: _Optional[_Union[SignerSet, _Mapping]] = ...) -> None: ...

class SignerSet(_message.Message):
    __slots__ = ("version", "threshold", "public_keys")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEYS_FIELD_NUMBER: _ClassVar[int]
    version: int
    threshold: int
    public_keys: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, version: _Optional[int] = ..., threshold: _Optional[int] = ..., public_keys: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MsgRotateSignersResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
