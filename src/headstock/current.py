"""The trial that a script is run for: two lines make any script report by step, pause and go on."""

import atexit
import dis
import json
import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from types import FrameType
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
        known = _introduction()
    else:
        known = json.loads(ranks.first(b"" if ranks.rank else json.dumps(_introduction()).encode()))
    trial = _trial(known)
    atexit.register(_part, trial, _outermost())
    if known is None:
        atexit.register(shutil.rmtree, trial.keeper.checkpoints.folder, ignore_errors=True)  # which comes before it
    return trial


def _part(trial: Trial, script: FrameType) -> None:
    """End this process, which trained with others, now, if it has left, or its script has come to the last line.

    An interpreter that ends while something still holds their group may be aborted: its threads drop what they have
    sent, for which they need the interpreter. A DistributedDataParallel holds it, and so does, until PyTorch 2.13 at
    least, `torch.distributed.nn.functional` in its default arguments, also after `destroy_process_group`.
    """
    ranks = trial.keeper.ranks()
    is_at_its_end = trial._has_left or _has_returned(script)  # noqa: SLF001 - the other half of the trial
    if not (trial.keeper.has_trained_with_others and is_at_its_end) or hasattr(sys, "last_value"):
        return
    if ranks is not None:
        ranks.part()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _outermost() -> FrameType:
    """What the main thread has begun with: the script, as a rule."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]  # noqa: SLF001 - of this thread or another
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


def _has_returned(frame: FrameType) -> bool:
    """Whether it has come to its end, not to `sys.exit` or an exception: only that shows in what it did last."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


def _introduction() -> Any:
    """What is known of the trial; None if there is none."""
    return Client(os.environ[CHANNEL]).introduce() if CHANNEL in os.environ else None


def _trial(known: Any) -> Trial:
    if known is None:
        record = TrialRecord(0, TrialState.RUNNING, {}, 0)
        keeper = Keeper(0, None, Checkpoints(own_folder()), loaded_frameworks, time.perf_counter)
        return Trial(record, 0, lambda _kind, _message: Answer(), keeper)
    record = TrialRecord.from_json(known["record"])
    files = Checkpoints(Path(known["files"]), known["quota"], known["spare"])
    keeper = Keeper(record.index, record.parent, files, loaded_frameworks, time.perf_counter)
    ask = Client(os.environ.get(CHANNEL, ""))
    return Trial(record, known["seed"], ask, keeper, known["objective"], known["minimize"])
