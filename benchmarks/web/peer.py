"""Run in Optuna's environment: puts trials into its storage.

python peer.py fill URL COUNT BEST     (a study "many" of COUNT trials, the best of which has the value BEST)
python peer.py serve URL               (adds a trial of each value that a line of standard input names)
"""

import datetime as dt
import json
import random
import sys

import optuna
from optuna.distributions import FloatDistribution, IntDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import TrialState, create_trial

DISTRIBUTIONS = {
    "lr": FloatDistribution(1e-6, 0.4, log=True),
    "batchsize": IntDistribution(16, 128),
    "momentum": FloatDistribution(0.0, 1.0),
}
FLUSH = 10_000


def parameters(rng: random.Random) -> dict[str, float]:
    return {"lr": 10 ** rng.uniform(-6, -0.4), "batchsize": rng.randint(16, 128), "momentum": rng.random()}


def fill(url: str, count: int, best: float) -> None:
    """Rows as `study.add_trial` writes them; one by one they would take most of an hour."""
    storage = RDBStorage(url)
    study = optuna.create_study(storage=storage, study_name="many", direction="maximize")
    key = storage.get_study_id_from_name("many")
    rng, began = random.Random(0), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    written = {name: distribution_to_json(d) for name, d in DISTRIBUTIONS.items()}
    with storage.engine.begin() as connection:
        for first in range(0, count, FLUSH):
            trials, params, values = [], [], []
            for number in range(first, min(first + FLUSH, count)):
                moment = began + dt.timedelta(seconds=number)
                trials.append(
                    {
                        "trial_id": number + 1,
                        "number": number,
                        "study_id": key,
                        "state": TrialState.COMPLETE,
                        "datetime_start": moment,
                        "datetime_complete": moment + dt.timedelta(seconds=1),
                    }
                )
                params += [
                    {"trial_id": number + 1, "param_name": n, "param_value": v, "distribution_json": written[n]}
                    for n, v in parameters(rng).items()
                ]
                value = best if number == count // 2 else 0.9 * rng.random()
                finite = models.TrialValueModel.TrialValueType.FINITE
                values.append({"trial_id": number + 1, "objective": 0, "value": value, "value_type": finite})
            connection.execute(models.TrialModel.__table__.insert(), trials)
            connection.execute(models.TrialParamModel.__table__.insert(), params)
            connection.execute(models.TrialValueModel.__table__.insert(), values)
    print(json.dumps({"trials": len(study.trials), "best": study.best_value}), flush=True)


def serve(url: str) -> None:
    study = optuna.load_study(storage=url, study_name="many")
    rng = random.Random(1)
    print("ready", flush=True)
    for line in sys.stdin:
        study.add_trial(create_trial(params=parameters(rng), distributions=DISTRIBUTIONS, value=float(line)))
        print("added", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        serve(sys.argv[2])
