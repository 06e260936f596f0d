"""What `headstock run` is to do, from the command line or from a file; checked before anything is stored."""

import difflib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, final

from headstock import wording
from headstock.budget import BOUNDS, Budget
from headstock.errors import CommandError, HeadstockError
from headstock.executors.gpus import Environment, slots
from headstock.executors.ray import Ray
from headstock.parameters import Choice, Fixed, Float, Int, Parameter
from headstock.scalars import LARGEST, MOST, MOST_AT_ONCE, is_finite, is_number, is_whole
from headstock.scripts.grammar import FORMS, conditional_space, parse_conditions, parse_parameter
from headstock.scripts.output import Listener
from headstock.scripts.script import Passing
from headstock.space import Space


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """What somebody has written: some of the entries of `KINDS`.

    Args:
        values: the entries.
        places: where each was written, by its path, such as ("parameters", "lr"): "study.toml, line 7".
    """

    values: Mapping[str, Any]
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def over(self, other: "Settings") -> "Settings":
        """These settings, and where they have nothing to say the other ones."""
        return Settings({**other.values, **self.values}, {**other.places, **self.places})

    @contextmanager
    def at(self, *path: str) -> Iterator[None]:
        """Say where it was written what an error of this block is about."""
        try:
            yield
        except HeadstockError as error:
            place = self.places.get(path) or self.places.get(path[:1])
            if place is None:
                raise
            raise CommandError(f"{place}: {error}") from None


@final
@dataclass(frozen=True, slots=True)
class Design:
    """What is searched and what for, without what evaluates it.

    Args:
        name: the experiment's name.
        space: the search space.
        maximize: the metric to maximise; or
        minimize: the metric to minimise.
        judged: whether persons judge it instead.
        outcome_constraints: bounds on other metrics, such as "latency <= 20".
        budget: when its runs are to stop; None if each is told.
        seed: fixes every suggestion; None if it is to be drawn.
    """

    name: str
    space: Space
    maximize: str | None = None
    minimize: str | None = None
    judged: bool = False
    outcome_constraints: tuple[str, ...] = ()
    budget: Budget | None = None
    seed: int | None = None


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Args:
        name: the experiment's name.
        command: the program and its arguments.
        budget: when to stop; None for what is stored with an experiment that is there.
        design: what is searched and what for; None for that of an experiment that is there.
        patterns: a regular expression for each metric that has one.
        results: a file of JSON that the script writes.
        events: a folder of event files that the script writes for TensorBoard.
        passing: how parameters reach the script.
        timeout: after how many seconds a trial is stopped.
        grace: how many seconds a script has to end after it was asked to.
        slots: for each of the scripts that run at once, what it has in its environment.
        cluster: the cluster that they run on; None for this machine.
        workers: how many run at once on the cluster; None for as many as it has room for.
    """

    name: str
    command: tuple[str, ...]
    budget: Budget | None
    design: Design | None = None
    patterns: Mapping[str, str] = field(default_factory=dict)
    results: str | None = None
    events: str | None = None
    passing: Passing = Passing.OPTIONS
    timeout: float | None = None
    grace: float = 10.0
    slots: Sequence[Environment] = ({},)
    cluster: Ray | None = None
    workers: int | None = None


def make_design(settings: Settings) -> Design:
    """The experiment that the settings describe, which waits for workers.

    Raises:
        HeadstockError: if an entry is unknown, missing, makes no sense, or is not stored, such as a command.
    """
    for key in settings.values:
        with settings.at(key):
            if key in KINDS and key not in _OF_DESIGNS:
                raise CommandError(f"{key!r} is not stored with an experiment. Give it to headstock worker.")
    _check_all(settings)
    _need("name", settings.values)
    return _design(settings)


def make_plan(settings: Settings, *, is_new: bool = True) -> Plan:
    """The plan that the settings describe.

    Args:
        settings: what was written.
        is_new: whether they have to say what is searched and what for; else that is known already.

    Raises:
        HeadstockError: if an entry is unknown, missing, or makes no sense; the message says which, and where it stands.
    """
    values = settings.values
    _check_all(settings)
    _need("name", values)
    design = _design(settings) if is_new else None
    _need("command", values)
    patterns = dict(values.get("patterns", {}))
    with settings.at("patterns"):
        Listener(list(patterns), patterns)
    with settings.at("gpus"):
        places = slots(values.get("workers"), values.get("gpus"), values.get("gpus_per_trial"))
    cluster = _cluster(settings)
    for key in ("results", "tensorboard"):
        with settings.at(key):
            _check_own(key, values.get(key), len(places) if cluster is None else values.get("workers"))
    with settings.at("command"):
        command = _words(values["command"])
    return Plan(
        name=values["name"],
        command=command,
        budget=_budget(values, needed=is_new),
        design=design,
        patterns=patterns,
        events=values.get("tensorboard"),
        slots=places,
        cluster=cluster,
        passing=Passing(values.get("pass", Passing.OPTIONS)),
        **{key: values[key] for key in ("results", "timeout", "grace", "workers") if key in values},
    )


def _design(settings: Settings) -> Design:
    """What the settings say that is searched and what for."""
    values = settings.values
    space = _space(settings)
    if ("maximize" in values) == ("minimize" in values):
        raise CommandError("Name the metric to optimise, in exactly one of maximize and minimize.")
    return Design(
        name=values["name"],
        space=space,
        outcome_constraints=tuple(values.get("outcome_constraints", ())),
        budget=_budget(values, needed=False),
        **{key: values[key] for key in ("maximize", "minimize", "judged", "seed") if key in values},
    )


def split_words(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The parameters at the beginning of a command line, `--lr 1e-6:0.4:log` or `--lr=1e-6:0.4:log`, and the rest.

    Raises:
        CommandError: if a parameter is given twice, or without values.
    """
    parameters: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("--"):
        name, equals, text = rest.pop(0)[2:].partition("=")
        if not equals:
            if not rest:
                raise CommandError(f"--{name} has no values. Write {FORMS} after it.")
            text = rest.pop(0)
        if not name or name in parameters:
            raise CommandError(f"--{name} is given twice. Give each parameter one name, and its values after it.")
        parameters[name] = text
    return parameters, rest


def _space(settings: Settings) -> Space:
    """The space of the settings."""
    values = settings.values
    _need("parameters", values)
    parameters: dict[str, Parameter] = {}
    conditions: dict[str, Mapping[str, Any]] = {}
    for name, written in values["parameters"].items():
        with settings.at("parameters", name), _named(name):
            if isinstance(written, Mapping):
                conditions[name] = _when(written.get("when", {}))
            parameters[name] = _parameter(written)
    with settings.at("when"):
        for name, when in parse_conditions(values.get("when", ()), parameters).items():
            conditions[name] = {**conditions.get(name, {}), **when}
    with settings.at("parameters"):
        return conditional_space(parameters, conditions, values.get("constraints", ()))


def cluster_of(settings: Settings) -> Ray | None:
    """The cluster of the settings; None if they name none.

    Raises:
        HeadstockError: if an entry makes no sense, or does not go with a cluster, or with none.
    """
    _check_all(settings)
    return _cluster(settings)


def _cluster(settings: Settings) -> Ray | None:
    values = settings.values
    if "executor" not in values:
        for key in ("address", "resources"):
            with settings.at(key):
                if key in values:
                    raise CommandError(f"{key} is {values[key]!r}, but of no cluster. Add executor ray.")
        return None
    with settings.at("executor"):
        if "gpus" in values:
            raise CommandError("gpus are this machine's. On a cluster, give resources, such as GPU=1.")
        given = {"resources": _resources(values["resources"])} if "resources" in values else {}
        return Ray(values.get("address"), **given)


def _resources(written: Mapping[str, Any] | str) -> Mapping[str, float]:
    """Resources as a table, or in words: CPU=2,GPU=1."""
    if not isinstance(written, str):
        return written
    pairs = [part.partition("=") for part in written.split(",")]
    return {name.strip(): _number(f"resource {name.strip()}", amount) for name, _, amount in pairs}


def _check_own(key: str, path: str | None, workers: int | None) -> None:
    """Refuse a path that trials which run at once would share; nobody knows how many do if `workers` is None."""
    if path is not None and workers != 1 and "{directory}" not in path and "{trial}" not in path:
        raise CommandError(
            f"{key} is {path!r}, which {workers or 'the'} trials at once would share. Put {{directory}} or {{trial}} "
            f"into it."
        )


def _check_all(settings: Settings) -> None:
    for key, value in settings.values.items():
        with settings.at(key):
            _check(key, value)


def _budget(values: Mapping[str, Any], *, needed: bool) -> Budget | None:
    """The bounds that are given; None if there is none, which a budget that is needed refuses."""
    bounds = {bound: values[bound] for bound in BOUNDS if bound in values}
    if needed and not bounds:
        raise CommandError(
            "There is no budget, so the run would not end. Give trials, steps, seconds, cost or target, such as "
            "--trials 40."
        )
    return Budget(**bounds) if bounds else None


def _need(key: str, values: Mapping[str, Any]) -> None:
    if not values.get(key):
        raise CommandError(f"{'There are' if key.endswith('s') else 'There is'} no {key}. {_MISSING[key]}")


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except HeadstockError as error:
        raise CommandError(f"The parameter {name!r}: {error}") from None


def _words(command: str | Sequence[str]) -> tuple[str, ...]:
    """A command as a program and its arguments."""
    try:
        return tuple(shlex.split(command) if isinstance(command, str) else command)
    except ValueError as error:
        raise CommandError(f"command is {command!r}, which cannot be split into words: {error}.") from None


def _parameter(written: Any) -> Parameter:
    """A parameter as a file has it: in words, as a list of values, as one value, or as a table."""
    match written:
        case str():
            return parse_parameter(written)
        case list():
            return Choice(*written)
        case Mapping():
            return _from_table({key: value for key, value in written.items() if key != "when"})
        case _:
            return Fixed(written)


def _from_table(table: dict[str, Any]) -> Parameter:
    kinds: tuple[tuple[set[str], set[str]], ...] = (
        ({"low", "high"}, {"type", "log", "step"}),
        ({"values"}, {"ordered"}),
        ({"value"}, set()),
    )
    for needed, optional in kinds:
        if needed <= table.keys() <= needed | optional:
            break
    else:
        raise CommandError(
            f"its entries are {', '.join(table) or 'none'}. Give low and high (with type, log, step), values (with "
            f"ordered), or value; when with each."
        )
    if "values" in table:
        if not isinstance(table["values"], list):
            raise CommandError(f"values is {table['values']!r}. Give a list.")
        return Choice(*table["values"], ordered=_truth("ordered", table))
    if "value" in table:
        return Fixed(table["value"])
    kind = table.pop("type", "float")
    if kind not in ("int", "float"):
        raise CommandError(f"type is {kind!r}. Write 'int' or 'float'.")
    # A number such as 1e-5, without a point, is a text to YAML.
    numbers = {key: _number(key, value) for key, value in table.items() if key != "log"}
    return (Int if kind == "int" else Float)(**numbers, log=_truth("log", table))  # type: ignore[arg-type]


def _truth(key: str, table: Mapping[str, Any]) -> bool:
    """Whether an entry is true; one that is left out is not."""
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise CommandError(f"{key} is {wording.given(value)}. Write true or false, without quotation marks.")
    return value


def _number(key: str, value: Any) -> float:
    try:
        return value if is_number(value) else float(str(value))
    except ValueError:
        raise CommandError(f"{key} is {value!r}, which is no number.") from None


def _when(written: Any) -> Mapping[str, Any]:
    if not isinstance(written, Mapping):
        raise CommandError(f"when is {written!r}. Write the values under which it is active: {{optimizer = 'sgd'}}.")
    return written


def _check(key: str, value: Any) -> None:
    """Refuse an entry that is unknown or of another kind."""
    if key not in KINDS:
        near = difflib.get_close_matches(key, KINDS, 1)
        hint = f"Do you mean {near[0]!r}?" if near else f"Known are {', '.join(KINDS)}."
        raise CommandError(f"{key!r} is unknown. {hint}")
    kind, fits = KINDS[key]
    if not fits(value):
        raise CommandError(f"{key} is {wording.given(value)}. Give {kind}.")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_positive(value: Any) -> bool:
    return is_finite(value) and value > 0


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


KINDS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "name": ("a text", _is_text),
    "maximize": ("the name of a metric", _is_text),
    "minimize": ("the name of a metric", _is_text),
    "judged": ("true or false", lambda value: isinstance(value, bool)),
    "command": ("a list of texts, or a text", lambda value: _is_texts(value) or _is_text(value)),
    "parameters": (f"a table of parameters, such as {FORMS}", _is_table),
    "when": ("a list of conditions, such as 'momentum: optimizer=sgd'", _is_texts),
    "constraints": ("a list of constraints, such as 'x1 + x2 <= 1.5'", _is_texts),
    "outcome_constraints": ("a list of bounds, such as 'latency <= 20'", _is_texts),
    "trials": (f"a whole number from 1 to {MOST:,}", lambda value: is_whole(value, 1)),
    "steps": (f"a whole number from 1 to {MOST:,}", lambda value: is_whole(value, 1)),
    "seconds": ("a positive number", _is_positive),
    "cost": ("a positive number", _is_positive),
    "target": ("a number", is_number),
    "patterns": (
        "a table with a regular expression for each metric",
        lambda v: _is_table(v) and _is_texts([*v.values()]),
    ),
    "results": ("a path", _is_text),
    "tensorboard": ("a folder", _is_text),
    "pass": (f"one of {', '.join(Passing)}", lambda value: value in list(Passing)),
    "timeout": ("a positive number of seconds", _is_positive),
    "grace": ("a positive number of seconds", _is_positive),
    "workers": (f"a whole number from 1 to {MOST_AT_ONCE:,}", lambda value: is_whole(value, 1, MOST_AT_ONCE)),
    "gpus": ("a list of GPUs by number or UUID, or 'all'", lambda value: isinstance(value, list | str)),
    "gpus_per_trial": ("a positive number", _is_positive),
    "executor": ("'ray', or leave it out for this machine", lambda value: value == "ray"),
    "address": ("the address of a Ray cluster, or 'auto'", _is_text),
    "resources": ("a table such as {CPU = 2, GPU = 1}, or CPU=2,GPU=1", lambda v: _is_text(v) or _is_table(v)),
    "seed": (f"a whole number from 0 to {LARGEST:,}", lambda value: is_whole(value, 0, LARGEST)),
    "storage": ("a URL, such as 'sqlite:///headstock.db'", _is_text),
}
"""Every entry that there is: what it has to be, and a check of it."""

_OF_DESIGNS: Final = frozenset(
    {
        "name",
        "maximize",
        "minimize",
        "judged",
        "parameters",
        "when",
        "constraints",
        "outcome_constraints",
        "seed",
        *BOUNDS,
    }
)

_MISSING: Final = {
    "name": "Give the experiment one with --name, so that the same command finds it again.",
    "parameters": f"Write each as --name and its values: {FORMS}.",
    "command": "Write it at the end: ... -- python train.py",
}
