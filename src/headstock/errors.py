"""Every deliberate error of headstock, in one tree.

HeadstockError
├── SpaceError                  the search space is not one that can be searched
├── ParameterError              parameters that do not belong to the space
├── ObjectiveError              what is to be optimised does not make sense
├── MetricError                 a result that is not a number, or lacks a metric
├── TrialStateError             a trial that is not in the state for this
│   └── LeaseLostError          another process runs the trial now, or nobody does
├── UnknownTrialError           no such trial
├── SpaceExhaustedError         a finite space was tried completely
├── TooManyFailuresError        more trials failed than is tolerated
├── NoResultError               an answer was asked for before there is one
├── NumericalError              a covariance matrix cannot be factorised (handled inside headstock)
├── MissingDependencyError      an optional library is not there, or does not work
├── CommandError                a command that cannot be run, or does not say what it has to
├── DatasetError                training data that cannot be used
├── DivergedError               a training whose loss is no longer a number
├── ExecutorError               trials cannot be run in processes of their own
├── CheckpointError             a state of a training that cannot be saved or read
│   └── NoRoomError             the disk has no room for a saved state (handled inside headstock)
└── StorageError                the storage cannot do what was asked
    ├── UnknownExperimentError  no experiment of this name
    ├── ExperimentExistsError   the name is taken, by something different
    ├── ConnectionLostError     the database server went away
    ├── NewerSchemaError        written by a newer headstock
    ├── StaleSpaceError         somebody else changed the space first
    └── StaleHistoryError       somebody else created a trial first (handled inside headstock)

A message says what was given, why it is refused, and what to do.
"""


class HeadstockError(Exception):
    """The base of every error that headstock raises on purpose."""


class SpaceError(HeadstockError, ValueError):
    """The search space is not one that can be searched: bad bounds, names, choices, conditions or constraints."""


class ParameterError(HeadstockError, ValueError):
    """Parameters that do not belong to the search space: missing, unknown, out of bounds, or against a constraint."""


class ObjectiveError(HeadstockError, ValueError):
    """The objective or an outcome constraint does not make sense."""


class MetricError(HeadstockError, ValueError):
    """A result that cannot be recorded: not a number, of an unknown form, or without a metric that is needed."""


class TrialStateError(HeadstockError, RuntimeError):
    """A trial is not in the state that the request needs, such as telling the result of a finished trial."""


class LeaseLostError(TrialStateError):
    """The process that wants to write does not run the trial any more; what it has to say about it is not wanted."""


class UnknownTrialError(HeadstockError, LookupError):
    """The experiment has no such trial or arm."""


class SpaceExhaustedError(HeadstockError):
    """Every point of a finite search space was tried or is being tried."""


class TooManyFailuresError(HeadstockError, RuntimeError):
    """More trials failed than is tolerated; the message holds the first cause."""


class NoResultError(HeadstockError, LookupError):
    """An answer was asked for that needs more results than there are."""


class NumericalError(HeadstockError, ArithmeticError):
    """A covariance matrix cannot be factorised; samplers answer it by a suggestion that needs no model."""


class MissingDependencyError(HeadstockError, ImportError):
    """An optional library is not installed, or does not work; the message says how to get it."""


class CommandError(HeadstockError):
    """A command that cannot be started, or whose description makes no sense."""


class DatasetError(HeadstockError, ValueError):
    """Training data or weights that cannot be used: missing files, wrong shapes, unknown layout."""


class DivergedError(HeadstockError, ArithmeticError):
    """A training diverged: its loss is no longer a finite number."""


class ExecutorError(HeadstockError, RuntimeError):
    """Trials cannot be run in processes of their own: the function cannot be handed over, or no process starts."""


class CheckpointError(HeadstockError, RuntimeError):
    """The state of a training cannot be saved, or what was saved cannot be read."""


class NoRoomError(CheckpointError):
    """The disk has no room for a saved state; the training goes on without it."""


class StorageError(HeadstockError):
    """The storage cannot be opened or cannot do what was asked."""


class UnknownExperimentError(StorageError, LookupError):
    """The storage holds no experiment of this name."""


class ExperimentExistsError(StorageError):
    """The name is taken by an experiment with another space or objective."""


class ConnectionLostError(StorageError):
    """There is no connection to the database server, or none any more.

    Args:
        message: what happened.
        is_in_doubt: whether it happened while a change was being committed, so that nobody knows whether it was.
    """

    def __init__(self, message: str, *, is_in_doubt: bool = False) -> None:
        super().__init__(message)
        self.is_in_doubt = is_in_doubt


class NewerSchemaError(StorageError):
    """The storage was written by a newer version of headstock."""


class StaleHistoryError(StorageError):
    """Another process created a trial first; the suggestion has to be made again from the newer history."""


class StaleSpaceError(StorageError):
    """Another process changed the search space first; look at the newer space before changing it again."""
