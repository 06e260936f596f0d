"""What the checks of storages write and look at: an experiment that uses everything, and a configuration of it."""

from collections.abc import Sequence
from typing import Final

from headstock.objective import Objective, OutcomeConstraint
from headstock.space import Choice, Fixed, Float, Int, Space
from headstock.storage.base import Storage
from headstock.storage.records import ExperimentSpec
from headstock.trial import TrialRecord, Verdict

SPEC: Final = ExperimentSpec(
    name="größe / 大 'quoted' 100%",
    space=Space(
        {
            "lr": Float(1e-5, 1.0, log=True),
            "kind": Choice("a", 1, True, None, 2.5),  # noqa: FBT003 - True is one of the values
            "deep layers": Int(1, 4, when={"kind": ("a", None)}),
            "epochs": Fixed(10),
        },
        constraints=["lr + epochs <= 11"],
    ),
    objective=Objective("loss", minimize=True),
    outcome_constraints=(OutcomeConstraint("latency", 20.0, at_least=False),),
    seed=2**63 - 1,
    sampler={"kind": "bayesian", "options": {"weights": [0.1, 1e-300, 1]}},
    scheduler={"kind": "freeze_thaw", "max_steps": 30},
    value="best",
    created=1.7e9 + 0.123456,
)
"""An experiment that uses everything that a specification has."""

VERDICT: Final = Verdict(3, "resume", "predicted 0.9 ± 0.1 at step 9, needs 0.8")
PARAMETERS: Final = {"lr": 0.1, "kind": True, "epochs": 10}


def assert_stored(storage: Storage, trials: Sequence[TrialRecord]) -> None:
    """The trials are what the storage holds, in every way of asking for it."""
    changes = storage.changes(SPEC.name)
    assert list(changes.trials) == list(trials), f"stored are {changes.trials}, not {trials}"
    assert changes.created == len(trials), f"{changes.created} trials were created, not {len(trials)}"
    page = storage.page(SPEC.name, newest_first=False)
    assert list(page) == list(trials), f"the page shows {page}, not {trials}"


def curve_of_first(storage: Storage) -> list[tuple[int | None, float]]:
    """What trial 0 reported of the loss."""
    return [(o.step, o.mean) for o in storage.changes(SPEC.name).trials[0].reports["loss"]]
