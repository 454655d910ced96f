from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MarginPrice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARGIN_PRICE_UNSPECIFIED: _ClassVar[MarginPrice]
    MARGIN_PRICE_INDEX: _ClassVar[MarginPrice]
    MARGIN_PRICE_MARK: _ClassVar[MarginPrice]

class MarkComponent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARK_COMPONENT_UNSPECIFIED: _ClassVar[MarkComponent]
    MARK_COMPONENT_INDEX: _ClassVar[MarkComponent]
    MARK_COMPONENT_AVERAGE: _ClassVar[MarkComponent]
    MARK_COMPONENT_IMPACT: _ClassVar[MarkComponent]
MARGIN_PRICE_UNSPECIFIED: MarginPrice
MARGIN_PRICE_INDEX: MarginPrice
MARGIN_PRICE_MARK: MarginPrice
MARK_COMPONENT_UNSPECIFIED: MarkComponent
MARK_COMPONENT_INDEX: MarkComponent
MARK_COMPONENT_AVERAGE: MarkComponent
MARK_COMPONENT_IMPACT: MarkComponent

class QueryAccountRequest(_message.Message):
    __slots__ = ("owner", "number")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    owner: str
    number: int
    def __init__(self, owner: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class QueryAccountResponse(_message.Message):
    __slots__ = ("height", "net_collateral", "initial_margin", "maintenance_margin", "settled_collateral", "positions")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NET_COLLATERAL_FIELD_NUMBER: _ClassVar[int]
    INITIAL_MARGIN_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_MARGIN_FIELD_NUMBER: _ClassVar[int]
    SETTLED_COLLATERAL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    height: int
    net_collateral: bytes
    initial_margin: bytes
    maintenance_margin: bytes
    settled_collateral: bytes
    positions: _containers.RepeatedCompositeFieldContainer[PositionRisk]
    def __init__(self, height: _Optional[int] = ..., net_collateral: _Optional[bytes] = ..., initial_margin: _Optional[bytes] = ..., maintenance_margin: _Optional[bytes] = ..., settled_collateral: _Optional[bytes] = ..., positions: _Optional[_Iterable[_Union[PositionRisk, _Mapping]]] = ...) -> None: ...

class PositionRisk(_message.Message):
    __slots__ = ("perpetual_id", "quantums", "notional", "entry_quote", "unsettled_funding", "funding_index_lots")
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    ENTRY_QUOTE_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FUNDING_FIELD_NUMBER: _ClassVar[int]
    FUNDING_INDEX_LOTS_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    quantums: bytes
    notional: bytes
    entry_quote: bytes
    unsettled_funding: bytes
    funding_index_lots: bytes
    def __init__(self, perpetual_id: _Optional[int] = ..., quantums: _Optional[bytes] = ..., notional: _Optional[bytes] = ..., entry_quote: _Optional[bytes] = ..., unsettled_funding: _Optional[bytes] = ..., funding_index_lots: _Optional[bytes] = ...) -> None: ...

class QueryPositionsRequest(_message.Message):
    __slots__ = ("owner", "number")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    owner: str
    number: int
    def __init__(self, owner: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class QueryPositionsResponse(_message.Message):
    __slots__ = ("height", "positions")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    height: int
    positions: _containers.RepeatedCompositeFieldContainer[PositionView]
    def __init__(self, height: _Optional[int] = ..., positions: _Optional[_Iterable[_Union[PositionView, _Mapping]]] = ...) -> None: ...

class PositionView(_message.Message):
    __slots__ = ("perpetual_id", "clob_pair_id", "quantums", "entry_quote", "entry_subticks", "notional", "unrealised_quote", "realised_quote", "unsettled_funding", "initial_margin", "maintenance_margin", "custom_imf_ppm", "margin_price", "price_exponent", "liquidation_price", "liquidation_subticks", "margin_price_kind")
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    CLOB_PAIR_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_QUOTE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_SUBTICKS_FIELD_NUMBER: _ClassVar[int]
    NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    UNREALISED_QUOTE_FIELD_NUMBER: _ClassVar[int]
    REALISED_QUOTE_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FUNDING_FIELD_NUMBER: _ClassVar[int]
    INITIAL_MARGIN_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_MARGIN_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_IMF_PPM_FIELD_NUMBER: _ClassVar[int]
    MARGIN_PRICE_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    LIQUIDATION_PRICE_FIELD_NUMBER: _ClassVar[int]
    LIQUIDATION_SUBTICKS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_PRICE_KIND_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    clob_pair_id: int
    quantums: bytes
    entry_quote: bytes
    entry_subticks: int
    notional: bytes
    unrealised_quote: bytes
    realised_quote: bytes
    unsettled_funding: bytes
    initial_margin: bytes
    maintenance_margin: bytes
    custom_imf_ppm: int
    margin_price: int
    price_exponent: int
    liquidation_price: int
    liquidation_subticks: int
    margin_price_kind: MarginPrice
    def __init__(self, perpetual_id: _Optional[int] = ..., clob_pair_id: _Optional[int] = ..., quantums: _Optional[bytes] = ..., entry_quote: _Optional[bytes] = ..., entry_subticks: _Optional[int] = ..., notional: _Optional[bytes] = ..., unrealised_quote: _Optional[bytes] = ..., realised_quote: _Optional[bytes] = ..., unsettled_funding: _Optional[bytes] = ..., initial_margin: _Optional[bytes] = ..., maintenance_margin: _Optional[bytes] = ..., custom_imf_ppm: _Optional[int] = ..., margin_price: _Optional[int] = ..., price_exponent: _Optional[int] = ..., liquidation_price: _Optional[int] = ..., liquidation_subticks: _Optional[int] = ..., margin_price_kind: _Optional[_Union[MarginPrice, str]] = ...) -> None: ...

class QueryMarginRequest(_message.Message):
    __slots__ = ("perpetual_id",)
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    def __init__(self, perpetual_id: _Optional[int] = ...) -> None: ...

class QueryMarginResponse(_message.Message):
    __slots__ = ("height", "initial_ppm", "maintenance_ppm", "brackets", "open_interest")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    INITIAL_PPM_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_PPM_FIELD_NUMBER: _ClassVar[int]
    BRACKETS_FIELD_NUMBER: _ClassVar[int]
    OPEN_INTEREST_FIELD_NUMBER: _ClassVar[int]
    height: int
    initial_ppm: int
    maintenance_ppm: int
    brackets: _containers.RepeatedCompositeFieldContainer[MarginBracket]
    open_interest: bytes
    def __init__(self, height: _Optional[int] = ..., initial_ppm: _Optional[int] = ..., maintenance_ppm: _Optional[int] = ..., brackets: _Optional[_Iterable[_Union[MarginBracket, _Mapping]]] = ..., open_interest: _Optional[bytes] = ...) -> None: ...

class MarginBracket(_message.Message):
    __slots__ = ("above_notional", "initial_ppm", "maintenance_ppm")
    ABOVE_NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    INITIAL_PPM_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_PPM_FIELD_NUMBER: _ClassVar[int]
    above_notional: int
    initial_ppm: int
    maintenance_ppm: int
    def __init__(self, above_notional: _Optional[int] = ..., initial_ppm: _Optional[int] = ..., maintenance_ppm: _Optional[int] = ...) -> None: ...

class QueryMarkRequest(_message.Message):
    __slots__ = ("perpetual_id",)
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    def __init__(self, perpetual_id: _Optional[int] = ...) -> None: ...

class QueryMarkResponse(_message.Message):
    __slots__ = ("height", "exponent", "mark_price", "index_price", "average_basis", "impact_middle", "median", "clamped", "clamp_ppm", "ema_seconds", "margin_price", "book")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    INDEX_PRICE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_BASIS_FIELD_NUMBER: _ClassVar[int]
    IMPACT_MIDDLE_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    CLAMPED_FIELD_NUMBER: _ClassVar[int]
    CLAMP_PPM_FIELD_NUMBER: _ClassVar[int]
    EMA_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_PRICE_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    height: int
    exponent: int
    mark_price: int
    index_price: int
    average_basis: bytes
    impact_middle: int
    median: MarkComponent
    clamped: bool
    clamp_ppm: int
    ema_seconds: int
    margin_price: MarginPrice
    book: MarkBook
    def __init__(self, height: _Optional[int] = ..., exponent: _Optional[int] = ..., mark_price: _Optional[int] = ..., index_price: _Optional[int] = ..., average_basis: _Optional[bytes] = ..., impact_middle: _Optional[int] = ..., median: _Optional[_Union[MarkComponent, str]] = ..., clamped: _Optional[bool] = ..., clamp_ppm: _Optional[int] = ..., ema_seconds: _Optional[int] = ..., margin_price: _Optional[_Union[MarginPrice, str]] = ..., book: _Optional[_Union[MarkBook, _Mapping]] = ...) -> None: ...

class MarkBook(_message.Message):
    __slots__ = ("middle", "impact_middle", "basis_millionths", "observed_nanoseconds", "frozen")
    MIDDLE_FIELD_NUMBER: _ClassVar[int]
    IMPACT_MIDDLE_FIELD_NUMBER: _ClassVar[int]
    BASIS_MILLIONTHS_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    middle: int
    impact_middle: int
    basis_millionths: bytes
    observed_nanoseconds: int
    frozen: bool
    def __init__(self, middle: _Optional[int] = ..., impact_middle: _Optional[int] = ..., basis_millionths: _Optional[bytes] = ..., observed_nanoseconds: _Optional[int] = ..., frozen: _Optional[bool] = ...) -> None: ...

class QueryConservationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryConservationResponse(_message.Message):
    __slots__ = ("height", "supply_matches", "pools", "markets")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_MATCHES_FIELD_NUMBER: _ClassVar[int]
    POOLS_FIELD_NUMBER: _ClassVar[int]
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    height: int
    supply_matches: bool
    pools: _containers.RepeatedCompositeFieldContainer[PoolReport]
    markets: _containers.RepeatedCompositeFieldContainer[PositionSums]
    def __init__(self, height: _Optional[int] = ..., supply_matches: _Optional[bool] = ..., pools: _Optional[_Iterable[_Union[PoolReport, _Mapping]]] = ..., markets: _Optional[_Iterable[_Union[PositionSums, _Mapping]]] = ...) -> None: ...

class PoolReport(_message.Message):
    __slots__ = ("name", "bank_balance", "collateral", "unsettled_funding", "matches")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BANK_BALANCE_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FUNDING_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    name: str
    bank_balance: bytes
    collateral: bytes
    unsettled_funding: bytes
    matches: bool
    def __init__(self, name: _Optional[str] = ..., bank_balance: _Optional[bytes] = ..., collateral: _Optional[bytes] = ..., unsettled_funding: _Optional[bytes] = ..., matches: _Optional[bool] = ...) -> None: ...

class PositionSums(_message.Message):
    __slots__ = ("perpetual_id", "long_quantums", "short_quantums", "open_interest", "unsettled_funding")
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    LONG_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    SHORT_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    OPEN_INTEREST_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FUNDING_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    long_quantums: bytes
    short_quantums: bytes
    open_interest: bytes
    unsettled_funding: bytes
    def __init__(self, perpetual_id: _Optional[int] = ..., long_quantums: _Optional[bytes] = ..., short_quantums: _Optional[bytes] = ..., open_interest: _Optional[bytes] = ..., unsettled_funding: _Optional[bytes] = ...) -> None: ...
