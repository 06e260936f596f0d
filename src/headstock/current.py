"""The trial that a script is run for: two lines make any script report by step, pause and go on."""

import atexit
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from headstock.channel import CHANNEL, Client
from headstock.checkpoints import Checkpoints
from headstock.keeping import Keeper
from headstock.libraries import loaded_frameworks
from headstock.messages import Answer
from headstock.running import Trial
from headstock.temporary import own_folder
from headstock.trial import TrialRecord, TrialState


def current_trial() -> Trial:
    """The trial that `headstock run` has started this process for, or one that nobody hears of if it did not.

    Where processes train together by `torch.distributed`, each of them calls this, at best after `init_process_group`:
    all get the same trial, and only the first one talks to headstock.

    Example:
        >>> trial = headstock.current_trial()
        >>> trial.attach(model=net, optimizer=optimizer)
        >>> for epoch in trial.steps(30):
        ...     train_epoch(net, optimizer)
        ...     trial.report(accuracy=evaluate(net))

    Raises:
        HeadstockError: if the headstock that has started this process is gone.
    """
    ranks = Keeper(0, None, Checkpoints(Path()), loaded_frameworks, time.perf_counter).ranks()
    if ranks is None:
        trial = _trial(_introduction())
    else:
        mine = b"" if ranks.rank else json.dumps(_introduction()).encode()
        trial = _trial(json.loads(ranks.first(mine)))
    atexit.register(_part, trial)
    return trial


def _part(trial: Trial) -> None:
    """End this process now if it has left between two steps of a training that others trained with it.

    It did not come to where its script parts from them, and an interpreter that ends while something, such as a
    DistributedDataParallel, still holds their group is aborted by PyTorch 2.13 in three runs of five.
    """
    ranks = trial.keeper.ranks()
    if ranks is None or not trial._has_left or hasattr(sys, "last_value"):  # noqa: SLF001 - the other half of the trial
        return
    ranks.part()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _introduction() -> Any:
    """What is known of the trial; None if there is none."""
    return Client(os.environ[CHANNEL]).introduce() if CHANNEL in os.environ else None


def _trial(known: Any) -> Trial:
    if known is None:
        folder = own_folder()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        record = TrialRecord(0, TrialState.RUNNING, {}, 0)
        keeper = Keeper(0, None, Checkpoints(folder), loaded_frameworks, time.perf_counter)
        return Trial(record, 0, lambda _kind, _message: Answer(), keeper)
    record = TrialRecord.from_json(known["record"])
    files = Checkpoints(Path(known["files"]), known["quota"], known["spare"])
    keeper = Keeper(record.index, record.parent, files, loaded_frameworks, time.perf_counter)
    ask = Client(os.environ.get(CHANNEL, ""))
    return Trial(record, known["seed"], ask, keeper, known["objective"], known["minimize"])
