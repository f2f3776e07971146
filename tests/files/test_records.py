"""Records are read strictly: known keys, values of their kinds, within their bounds."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.records import Length, Number, OneOf, Whole, read_record, require_valid


@dataclass
class Sample:
    count: Annotated[int, Whole(1, 9)] = 1
    share: Annotated[float, Number(low=0, below=1)] = 0.5
    word: Annotated[str, OneOf(("red", "green"))] = "red"
    sizes: Annotated[tuple[Annotated[int, Whole(1)], ...], Length(2)] = (1,)
    limit: Annotated[float | None, Number(low=1)] = None
    flag: bool = False
    mode: Literal["a", "b"] = field(default="a", metadata={"added": True})


GIVEN = {"count": 2, "share": 0, "word": "green", "sizes": [3, 4], "limit": 1, "flag": True}


def test_a_record_holds_values_of_its_own_types():
    read = read_record(Sample, GIVEN, "sample")
    assert read == Sample(2, 0.0, "green", (3, 4), 1.0, True, "a")
    assert [type(value) for value in (read.share, read.sizes, read.limit)] == [float, tuple, float]
    assert read_record(Sample, GIVEN | {"limit": None, "mode": "b"}, "sample").mode == "b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count is 0: expected a whole number >= 1"),
        ({"count": 10}, "count is 10: expected a whole number <= 9"),
        ({"count": True}, "count is True: expected a whole number"),
        ({"count": 1.0}, "count is 1.0: expected a whole number"),
        ({"share": 1}, "share is 1.0: expected a finite number >= 0 and < 1"),
        ({"share": float("nan")}, "share is nan: expected a finite number"),
        ({"share": 10**400}, "int too large to convert to float"),
        ({"share": "0.5"}, "share is '0.5': expected a number"),
        ({"word": "blue"}, "word is 'blue': expected one of 'red', 'green'"),
        ({"word": ["red"]}, r"word is \['red'\]: expected a text"),
        ({"sizes": 3}, "sizes is 3: expected a list"),
        ({"sizes": [0]}, "sizes is 0: expected a whole number >= 1"),
        ({"sizes": [1, 2, 3]}, "sizes has the length 3: expected at most 2"),
        ({"limit": 0.5}, "limit is 0.5: expected a finite number >= 1"),
        ({"flag": 1}, "flag is 1: expected True or False"),
        ({"flag": None}, "flag is None: expected True or False"),
        ({"mode": "c"}, "mode is 'c': expected one of 'a', 'b'"),
        ({"other": 1}, "'other' is unknown: expected the keys count, share"),
    ],
)
def test_a_value_that_does_not_fit_is_named(change, message):
    with pytest.raises(CheckpointError, match=f"^sample: {message}"):
        read_record(Sample, GIVEN | change, "sample")


@pytest.mark.parametrize("name", GIVEN)
def test_a_missing_key_is_named(name):
    given = {key: value for key, value in GIVEN.items() if key != name}
    with pytest.raises(CheckpointError, match=f"^sample: '{name}' is missing: expected the keys count"):
        read_record(Sample, given, "sample")


@pytest.mark.parametrize("record", [None, [], "{}", 3])
def test_what_is_not_an_object_is_refused(record):
    with pytest.raises(CheckpointError, match=r"^sample: expected an object, found"):
        read_record(Sample, record, "sample")


def test_the_same_rules_hold_for_values_from_python():
    require_valid(Sample())
    with pytest.raises(TypeError, match="sizes is 3: expected a list"):
        require_valid(Sample(sizes=3))
    with pytest.raises(ValueError, match="count is 0: expected a whole number >= 1"):
        require_valid(Sample(count=0))


@dataclass
class Outer:
    inner: Sample
    pair: tuple[int, int] = (0, 0)
    several: list[Sample] | None = None
    loss: float = 0.0
    rest: dict[str, Any] = field(default_factory=dict)
    more: Any = None


OUTER = {"inner": GIVEN, "pair": [1, 2], "several": [GIVEN], "loss": "-inf", "rest": {"a": []}, "more": [1]}


def test_records_in_records_are_read_as_such():
    sample = read_record(Sample, GIVEN, "sample")
    read = read_record(Outer, OUTER, "outer")
    assert read == Outer(sample, (1, 2), [sample], float("-inf"), {"a": []}, [1])
    assert read_record(Outer, OUTER | {"several": None}, "outer").several is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": GIVEN | {"count": 0}}, "inner: count is 0: expected a whole number >= 1"),
        ({"inner": []}, r"inner: expected an object, found \[\]"),
        ({"inner": {}}, "inner: 'count' is missing: expected the keys count"),
        ({"several": [GIVEN, GIVEN | {"flag": 1}]}, "several: flag is 1: expected True or False"),
        ({"several": GIVEN}, "several is {.*: expected a list"),
        ({"pair": [1]}, "pair has the length 1: expected 2"),
        ({"pair": [1, "2"]}, "pair is '2': expected a whole number"),
        ({"loss": "infinity"}, "loss is 'infinity': expected a number"),
        ({"rest": []}, r"rest is \[\]: expected an object"),
    ],
)
def test_value_inside_a_record_is_named_with_its_way(change, message):
    with pytest.raises(CheckpointError, match=f"^outer: {message}"):
        read_record(Outer, OUTER | change, "outer")


def test_number_as_text_is_refused_where_it_has_to_be_finite():
    with pytest.raises(CheckpointError, match="share is nan: expected a finite number"):
        read_record(Sample, GIVEN | {"share": "nan"}, "sample")
