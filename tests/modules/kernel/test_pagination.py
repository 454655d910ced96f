"""PageRequest as Cosmos clients use it (client-surface.md section 10)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from perpd_proto.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest, PageResponse

MAX_UINT64 = 2**64 - 1


def _key(row: int) -> bytes:
    return row.to_bytes(4, "big")


def _page(rows: list[int], **request: object) -> tuple[list[int], PageResponse]:
    return paginate(rows, PageRequest(**request), _key)  # type: ignore[arg-type]


def test_an_absent_request_gives_a_hundred_rows_and_the_total() -> None:
    """The default page: TS and PY clients send none."""
    rows, response = _page(list(range(250)))
    assert rows == list(range(100))
    assert response.next_key == _key(100)
    assert response.total == 250


def test_the_largest_limit_with_count_total_returns_everything() -> None:
    """The TypeScript client's habit."""
    rows, response = _page(list(range(250)), limit=MAX_UINT64, count_total=True)
    assert rows == list(range(250))
    assert response.next_key == b""
    assert response.total == 250


def test_no_total_is_counted_unless_asked_for() -> None:
    """A limit without count_total."""
    rows, response = _page(list(range(5)), limit=2)
    assert (rows, response.next_key, response.total) == ([0, 1], _key(2), 0)


def test_a_key_starts_the_page_and_suppresses_the_total() -> None:
    """The total belongs to the first page only."""
    rows, response = _page(list(range(5)), key=_key(3), count_total=True)
    assert (rows, response.next_key, response.total) == ([3, 4], b"", 0)


def test_a_key_whose_row_is_gone_stands_for_the_next_row() -> None:
    """State may change between two pages."""
    assert _page([1, 3, 5], key=_key(2))[0] == [3, 5]
    assert _page([1, 3, 5], key=_key(4), reverse=True)[0] == [3, 1]


def test_offset_skips_rows_and_may_lie_behind_the_end() -> None:
    """Offsets count rows."""
    assert _page(list(range(5)), offset=3)[0] == [3, 4]
    rows, response = _page(list(range(5)), offset=MAX_UINT64, count_total=True)
    assert (rows, response.next_key, response.total) == ([], b"", 5)


def test_key_and_offset_together_are_refused() -> None:
    """The reference answers InvalidArgument."""
    with pytest.raises(QueryError) as caught:
        _page([1, 2], key=_key(1), offset=1)
    assert caught.value.status == "INVALID_ARGUMENT"


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), unique=True, max_size=60).map(sorted), st.integers(1, 7), st.booleans())
def test_following_next_key_visits_every_row_once_in_order(rows: list[int], limit: int, reverse: bool) -> None:
    """Pages tile the list, in both directions."""
    seen, after = [], b""
    while True:
        got, response = _page(rows, key=after, limit=limit, reverse=reverse)
        assert len(got) <= limit
        seen += got
        after = response.next_key
        if not after:
            break
    assert seen == (rows[::-1] if reverse else rows)
