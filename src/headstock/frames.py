"""Results as a pandas data frame; pandas is imported when it is asked for."""

import math
from dataclasses import dataclass
from typing import Any, final

from headstock.history import History


@final
@dataclass(frozen=True, slots=True)
class Data:
    """The final observations of an experiment, as `Experiment.fetch_data` gives them.

    Args:
        history: the history that they come from.
    """

    history: History

    @property
    def df(self) -> Any:
        """A data frame with one row for each observed arm and metric.

        Columns: arm_name, metric_name, mean, sem (NaN where it is inferred), trial_index (the batch), start_time,
        end_time.
        """
        import pandas as pd

        rows = [
            {
                "arm_name": trial.arm.name,
                "metric_name": metric,
                "mean": observation.mean,
                "sem": math.nan if observation.sem is None else observation.sem,
                "trial_index": trial.batch,
                "start_time": trial.time_run_started,
                "end_time": trial.time_completed,
            }
            for trial in self.history.observed
            for metric, observation in trial.metrics.items()
        ]
        columns = ["arm_name", "metric_name", "mean", "sem", "trial_index", "start_time", "end_time"]
        return pd.DataFrame(rows, columns=columns)
