"""Pages of a sorted list, with the meaning that Cosmos clients give to PageRequest."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from modules.kernel.module import QueryError
from perpd_proto.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest, PageResponse

T = TypeVar("T")

DEFAULT_LIMIT = 100


def paginate(rows: Sequence[T], request: PageRequest, key: Callable[[T], bytes]) -> tuple[list[T], PageResponse]:
    """The page that is asked for, and what the client needs for the next one. `rows` ascend strictly by `key(row)`, which is never empty.

    Limit 0 means 100 rows and the total counted; any limit up to 2^64 - 1 is fine. `next_key` is the key of the first row not
    returned, empty at the end; a key that is gone meanwhile stands for the next row after it. The total is given when it was asked
    for and no key came with the request. Raises INVALID_ARGUMENT when key and offset are both set.
    """
    if request.key and request.offset:
        raise QueryError("INVALID_ARGUMENT", "invalid request, either offset or key is expected, got both")
    limit = request.limit or DEFAULT_LIMIT
    counts = request.count_total or not request.limit
    if request.key:
        start = len(rows) - bisect_right(rows, request.key, key=key) if request.reverse else bisect_left(rows, request.key, key=key)
    else:
        start = request.offset
    ordered = rows[::-1] if request.reverse else rows
    page = list(ordered[start : start + limit])
    following = start + len(page)
    response = PageResponse()
    if page and following < len(rows):
        response.next_key = key(ordered[following])
    if counts and not request.key:
        response.total = len(rows)
    return page, response
