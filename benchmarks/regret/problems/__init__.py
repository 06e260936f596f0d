"""The problems of the race, by name."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from headstock.testing.problems import ackley, branin, hartmann6, levy, rosenbrock, training
from problems.learning import boosting, mlp, svc
from problems.synthetic import bbob, beyond_a_plane, classic, crossed, in_pockets, network, whole
from problems.tables import fcnet, hpobench_mlp, lcbench, missing, nasbench201
from problems.task import Entry, Task
from problems.yahpo import missing as no_surrogates
from problems.yahpo import surrogate

__all__ = ["PROBLEMS", "Entry", "Task", "chosen"]

_SYNTHETIC: Final = {
    "branin": Entry("continuous", classic(branin)),
    "hartmann6": Entry("continuous", classic(hartmann6)),
    "levy4": Entry("continuous", classic(partial(levy, 4))),
    "rosenbrock4": Entry("continuous", classic(partial(rosenbrock, 4))),
    "ackley8": Entry("continuous", classic(partial(ackley, 8))),
    "levy20": Entry("continuous", classic(partial(levy, 20))),
    "rastrigin5 turned": Entry("continuous", bbob(15, 5)),
    "schwefel4": Entry("continuous", bbob(20, 4)),
    "training": Entry("mixed", classic(training)),
    "crossed": Entry("mixed", crossed),
    "whole": Entry("mixed", whole),
    "network": Entry("mixed", network),
    "hartmann6 noise 1%": Entry("noisy", classic(hartmann6), noise=0.01),
    "hartmann6 noise 10%": Entry("noisy", classic(hartmann6), noise=0.1),
    "levy4 noise 5%": Entry("noisy", classic(partial(levy, 4)), noise=0.05),
    "training noise 5%": Entry("noisy", classic(training), noise=0.05),
    "branin fails": Entry("failing", beyond_a_plane(branin)),
    "hartmann6 fails": Entry("failing", beyond_a_plane(hartmann6)),
    "training fails": Entry("failing", beyond_a_plane(training)),
    "levy4 pockets": Entry("failing", in_pockets(partial(levy, 4))),
    "hartmann6 by 4": Entry("parallel", classic(hartmann6), workers=4),
    "training by 4": Entry("parallel", classic(training), workers=4),
    "hartmann6 by 16": Entry("parallel", classic(hartmann6), workers=16),
    "bent cigar 5": Entry("continuous", bbob(12, 5), held_out=True),
    "schaffers 8": Entry("continuous", bbob(17, 8), held_out=True),
    "gallagher 4": Entry("continuous", bbob(21, 4), held_out=True),
}
_LEARNING: Final = {
    "svc digits": Entry("real", svc),
    "boosting diabetes": Entry("real", boosting),
    "mlp wine": Entry("real", mlp),
}
_TABLES: Final = {
    "fcnet parkinsons": Entry("real", lambda _: fcnet(0)),
    "fcnet protein": Entry("real", lambda _: fcnet(1)),
    "lcbench": Entry("real", lcbench),
    "hpobench mlp": Entry("real", hpobench_mlp, held_out=True),
    "nasbench201": Entry("real", nasbench201, held_out=True),
}
_SURROGATES: Final = {
    "tree": Entry("real", surrogate("rbv2_rpart")),
    "boosted trees": Entry("real", surrogate("rbv2_xgboost")),
    "tree, other data": Entry("real", surrogate("rbv2_rpart", 20), held_out=True),
    "boosted trees, other data": Entry("real", surrogate("rbv2_xgboost", 20), held_out=True),
}
PROBLEMS: Final[Mapping[str, Entry]] = {
    **_SYNTHETIC,
    **_LEARNING,
    **({} if missing() else _TABLES),
    **({} if no_surrogates() else _SURROGATES),
}
"""Those of the tables and surrogates only where these are there."""


def chosen(wanted: list[str]) -> list[str]:
    """The names that are meant by names, groups, `tuning` (all but the held-out ones) and `held-out`."""
    names = []
    for word in wanted:
        found = [
            name
            for name, entry in PROBLEMS.items()
            if word == name
            or (word == entry.group and not entry.held_out)
            or word == ("held-out" if entry.held_out else "tuning")
        ]
        if not found:
            absent = (
                missing() if word in _TABLES else f"there are {', '.join(PROBLEMS)}, their groups, tuning, held-out"
            )
            raise SystemExit(f"There is no problem {word!r}: {absent}.")
        names += [name for name in found if name not in names]
    return names
