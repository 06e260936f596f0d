"""Every scheduler keeps the contract of schedulers; a scheduler added to SCHEDULERS is held to it."""

from collections.abc import Callable

import pytest

from headstock.errors import HeadstockError
from headstock.schedulers import Scheduler
from headstock.schedulers.freeze_thaw import FreezeThaw
from headstock.schedulers.full import FullTraining
from headstock.schedulers.hyperband import Hyperband
from headstock.schedulers.median import MedianStopping
from headstock.schedulers.percentile import PercentileStopping
from headstock.schedulers.population import PopulationBased
from headstock.schedulers.successive_halving import SuccessiveHalving
from headstock.schedulers.top_k import TopK
from headstock.testing.schedulers import CHECKS

SCHEDULERS: dict[str, Scheduler] = {
    "freeze-thaw": FreezeThaw(),
    "full": FullTraining(),
    "median": MedianStopping(),
    "percentile": PercentileStopping(25.0, interval=2),
    "successive halving": SuccessiveHalving(eta=2),
    "hyperband": Hyperband(),
    "top k": TopK(trials=20),
    "population": PopulationBased(6, interval=2),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS)
def test_a_scheduler_keeps_the_contract(scheduler: Scheduler, check: Callable[[Scheduler], None]):
    check(scheduler)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: FreezeThaw(finalists=0),
        lambda: SuccessiveHalving(min_steps=0),
        lambda: SuccessiveHalving(eta=1),
        lambda: Hyperband(eta=1),
        lambda: TopK(best=0),
        lambda: MedianStopping(interval=0),
        lambda: PercentileStopping(100.0),
        lambda: PercentileStopping(min_trials=0),
        lambda: PopulationBased(1),
        lambda: PopulationBased(share=0.6),
    ],
)
def test_settings_without_sense_are_refused(refused: Callable[[], Scheduler]):
    with pytest.raises(HeadstockError, match=r"[Gg]ive"):
        refused()
