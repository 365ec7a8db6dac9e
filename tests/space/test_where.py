"""Conditions on rows and layers, against a plain evaluation in Python row by row."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.encoders.pixels import Pixels
from ilk.errors import FilterError
from ilk.space import Space
from ilk.space.where import Where

from .conftest import READING, names, numbers

Row = dict[str, Any]
N = 60
NUMBERS = ["n", "half", "cluster", "one_n", "Odd Name"]
TEXTS = ["id", "kind", "label"]
WORDS = ["ring", "disc", "a", "", "it's", "or", "cluster", "50%"]


def choose(rng: np.random.Generator, values: list[Any], n: int = N) -> list[Any]:
    return [values[i] for i in rng.integers(0, len(values), n)]


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> Space:
    """Sixty rows in several files, some deleted and replaced, and two layers that do not know all of them."""
    space = Space.create(tmp_path_factory.mktemp("w") / "s.space", Pixels(1, 4), reading=READING)
    rng = np.random.default_rng(0)
    whole = pa.table(
        {
            "n": pa.array(choose(rng, [None, *range(-3, 6)]), pa.int64()),
            "half": pa.array(choose(rng, [None, 0.0, 0.5, 1.5, -0.5])),
            "kind": pa.array(choose(rng, [None, *WORDS])),
        }
    )
    for start in range(0, N, 15):
        space.upsert_vectors(names(15, start), numbers(15), whole.slice(start, 15))
    space.upsert_vectors(names(5, 3), numbers(5), whole.slice(20, 5))
    space.delete(["thing-0001", "thing-0031"])
    space._now.show(space._at.rows.tidied(threshold=0))
    space.upsert_vectors(["last", *names(3, 40)], numbers(4), whole.slice(0, 4))
    ids = pa.array(names(N + 9)[::-1])
    one = {"cluster": choose(rng, [None, 0, 1, 2, 3], N + 9), "n": choose(rng, list(range(9)), N + 9)}
    two = {"label": choose(rng, [None, *WORDS], 40), "Odd Name": choose(rng, [0, 1, None], 40)}
    space.write_layer("one", pa.table({"id": ids, **one}), {})
    space.write_layer("two", pa.table({"id": ids[10:50], **two}), {})
    return space


@pytest.fixture(scope="module")
def rows(space) -> list[Row]:
    """What is in the space, in its order, as plain Python."""
    known = [dict(zip(["id"], [i])) for i in space.ids()]
    for row, more in zip(known, space.metadata().to_pylist()):
        row |= more
    for layer, renamed in (("one", {"n": "one_n"}), ("two", {})):
        table = space.layer(layer)
        table = table.rename_columns([renamed.get(c, c) for c in table.column_names])
        values = {row.pop("id"): row for row in table.to_pylist()}
        for row in known:
            row |= values.get(row["id"], dict.fromkeys(table.column_names[1:]))
    return known


@dataclass(frozen=True)
class Condition:
    sql: str
    holds: Callable[[Row], bool | None]  # None where SQL does not know

    def __repr__(self) -> str:
        return self.sql


OPERATORS = {"<": operator.lt, "<=": operator.le, "=": operator.eq, "<>": operator.ne, ">": operator.gt}
_value = {
    True: st.integers(-3, 6),
    False: st.sampled_from([*WORDS, "thing-0007", "thing-0051"]),
}
_column = st.sampled_from([(c, True) for c in NUMBERS] + [(c, False) for c in TEXTS])


def told(name: str) -> str:
    return f"`{name}`" if " " in name else name


def literal(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def known(name: str, of: Callable[[Any], bool]) -> Callable[[Row], bool | None]:
    return lambda row: None if row[name] is None else of(row[name])


@st.composite
def _compared(draw: Any) -> Condition:
    (name, is_number), sign = draw(_column), draw(st.sampled_from([*OPERATORS]))
    # Lance refuses a fraction for a column of whole numbers.
    value = draw(_value[is_number] if name != "half" else st.sampled_from([-0.5, 0, 0.5, 1.5]))
    return Condition(
        f"{told(name)} {sign} {literal(value)}", known(name, lambda x: OPERATORS[sign](x, value))
    )


@st.composite
def _listed(draw: Any) -> Condition:
    (name, is_number), no = draw(_column), draw(st.booleans())
    values = draw(st.lists(st.integers(-3, 6) if is_number else _value[False], min_size=1, max_size=3))
    sql = f"{told(name)} {'NOT ' * no}IN ({', '.join(map(literal, values))})"
    return Condition(sql, known(name, lambda x: (x in values) != no))


@st.composite
def _between(draw: Any) -> Condition:
    name, low, high = draw(st.sampled_from(NUMBERS)), draw(st.integers(-3, 3)), draw(st.integers(0, 6))
    return Condition(f"{told(name)} between {low} and {high}", known(name, lambda x: low <= x <= high))


@st.composite
def _like(draw: Any) -> Condition:
    name, no = draw(st.sampled_from(TEXTS)), draw(st.booleans())
    pattern = draw(st.sampled_from(["%", "%i%", "r_ng", "thing-00_1", "", "d%", "%''%", "%0%"]))
    regex = re.escape(pattern.replace("''", "'")).replace("%", ".*").replace("_", ".")
    return Condition(
        f"{name} {'not ' * no}like '{pattern}'",
        known(name, lambda x: (re.fullmatch(regex, x) is not None) != no),
    )


@st.composite
def _null(draw: Any) -> Condition:
    (name, _), no = draw(_column), draw(st.booleans())
    return Condition(f"{told(name)} IS {'NOT ' * no}NULL", lambda row: (row[name] is None) != no)


def _and(a: Condition, b: Condition) -> Condition:
    def holds(row: Row) -> bool | None:
        both = (a.holds(row), b.holds(row))
        return False if False in both else None if None in both else True

    return Condition(f"({a.sql}) AND {b.sql}", holds)


def _or(a: Condition, b: Condition) -> Condition:
    def holds(row: Row) -> bool | None:
        both = (a.holds(row), b.holds(row))
        return True if True in both else None if None in both else False

    return Condition(f"({a.sql} or {b.sql})", holds)


def _not(a: Condition) -> Condition:
    return Condition(f"NOT ({a.sql})", lambda row: None if a.holds(row) is None else not a.holds(row))


_leaves = _compared() | _listed() | _between() | _like() | _null()
_conditions = st.recursive(
    _leaves, lambda c: st.builds(_and, c, c) | st.builds(_or, c, c) | st.builds(_not, c), max_leaves=5
)


def lists_at_most_once(condition: Condition) -> bool:
    """Two lists for one column are merged, which forgets NULL: apache/datafusion#24258, mended there."""
    return all(len(re.findall(rf"{told(c)} (?:NOT )?IN \(", condition.sql)) < 2 for c in [*NUMBERS, *TEXTS])


@settings(max_examples=100, deadline=None)
@given(condition=_conditions.filter(lists_at_most_once))
def test_random_conditions_hold_for_the_rows_that_python_says(space, rows, condition):
    expected = [i for i, row in enumerate(rows) if condition.holds(row)]
    assert space.matching(condition.sql).tolist() == expected
    addresses = Where(space.path, space._at.rows).addresses(condition.sql)
    assert addresses.dtype == np.uint64
    assert addresses.tolist() == sorted(space._at.rows.addresses[expected].tolist())


def test_the_rows_stand_in_several_files_and_not_in_their_order(space):
    """Else the mapping from addresses to places above would be no test."""
    fragments = space._at.rows.addresses >> 32
    assert len(set(fragments.tolist())) > 1


def test_search_keeps_to_the_rows_for_which_a_layer_says_so(space, rows):
    expected = {r["id"] for r in rows if r["cluster"] == 2 and (r["n"] or 0) > 0}
    assert expected
    found = space.search(numbers(1)[0], k=99, where="cluster = 2 and n > 0")
    assert set(found.ids[0]) == expected


def test_a_layer_written_again_is_seen_at_once(tmp_path):
    space = Space.create(tmp_path / "s.space", Pixels(1, 4), reading=READING)
    space.upsert_vectors(names(4), numbers(4), pa.table({"n": range(4)}))
    for said in ([1, 1, 2, 2], [2, 2, 2, 1]):
        space.write_layer("cluster", pa.table({"id": names(4), "cluster": said}), {})
        for _ in range(2):
            assert space.matching("cluster = 2 and n < 3").tolist() == [i for i in range(3) if said[i] == 2]
    space.delete(["thing-0000"])
    assert space.matching("cluster = 2 and n < 3").tolist() == [0, 1]
    space.write_layer("kind", pa.table({"id": names(4), "kind": pa.array("abca").dictionary_encode()}), {})
    assert space.matching("kind = 'c' or cluster = 1").tolist() == [1, 2]


def test_columns_of_the_rows_come_before_those_of_layers(space, rows):
    assert space.matching("n = 3").tolist() == [i for i, r in enumerate(rows) if r["n"] == 3]
    assert space.matching("one_n = 3").tolist() == [i for i, r in enumerate(rows) if r["one_n"] == 3]


def test_a_condition_on_the_rows_alone_reads_no_layer(space, monkeypatch):
    monkeypatch.setattr("ilk.space.layers.read", None)  # to call it would be an error
    fresh = Where(space.path, space._at.rows)
    assert len(fresh.places("n > 0 and kind <> 'cluster' -- \"label\"")) > 0
    with pytest.raises(TypeError):
        fresh.places("cluster = 1")


@pytest.mark.parametrize(
    "where", ["clutser = 1", "cluster = ", "cluster = 'a", "cluster = 1 or nope = 2", "cluster + 1"]
)
def test_a_bad_condition_lists_the_columns_of_layers_too(space, where):
    with pytest.raises(
        FilterError, match=r"Columns: id, n, half, kind, cluster, one_n, label, `Odd Name`\. .*`half` > 0\.5"
    ):
        space.matching(where)


def test_a_fraction_and_a_column_of_whole_numbers(space, rows):
    with pytest.raises(
        FilterError, match=r"whole numbers meet 1\.5: write the column as cast\(NAME as double\)"
    ):
        space.matching("n > 1.5")
    expected = [i for i, r in enumerate(rows) if r["cluster"] is not None and r["cluster"] > 1.5]
    assert space.matching("cast(cluster as double) > 1.5").tolist() == expected


def test_an_empty_space_with_a_layer(tmp_path):
    space = Space.create(tmp_path / "s.space", Pixels(1, 4), reading=READING)
    space.write_layer("cluster", pa.table({"id": ["gone"], "cluster": [1]}), {})
    assert space.matching("cluster = 1 or id = 'gone'").tolist() == []
