import pytest

from headstock.errors import ObjectiveError
from headstock.objective import Objective, parse_outcome_constraint


def test_a_constraint_is_read_and_written():
    constraint = parse_outcome_constraint(" latency<=2e1 ")
    assert str(constraint) == "latency <= 20.0"
    assert parse_outcome_constraint(str(constraint)) == constraint
    assert constraint.words == "latency ≤ 20"
    assert parse_outcome_constraint("recall >= -.1234567").words == "recall ≥ -0.1234567"
    assert constraint.holds(20.0)
    assert not constraint.holds(20.1)
    assert parse_outcome_constraint("recall >= -.5").holds(-0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [("latency < 20", "cannot be read"), ("latency <= 5%", "status quo"), ("<= 3", "cannot be read"), ("", "cannot")],
)
def test_what_is_no_constraint_is_refused(text: str, words: str):
    with pytest.raises(ObjectiveError, match=words):
        parse_outcome_constraint(text)


def test_an_objective_has_a_name():
    assert Objective.from_json(Objective("loss", minimize=True).to_json()) == Objective("loss", minimize=True)
    with pytest.raises(ObjectiveError, match="Name the metric"):
        Objective(" ")
