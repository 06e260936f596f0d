"""Search spaces written as a list of dictionaries, the form of Ax's tutorials.

[{"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True},
 {"name": "optimizer", "type": "choice", "values": ["sgd", "adam"]},
 {"name": "epochs", "type": "fixed", "value": 10}]
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from headstock import wording
from headstock.errors import SpaceError
from headstock.scalars import is_number, native
from headstock.space import Choice, Fixed, Float, Int, Parameter, Space, Value

_COMMON: Final = {"name", "type", "value_type", "when", "is_task", "is_fidelity", "target_value"}
_KEYS: Final[Mapping[str, set[str]]] = MappingProxyType(
    {
        "range": _COMMON | {"bounds", "log_scale", "step"},
        "choice": _COMMON | {"values", "is_ordered"},
        "fixed": _COMMON | {"value"},
    }
)
_CASTS: Final[Mapping[str, Callable[[Any], Value]]] = MappingProxyType(
    {"int": int, "float": float, "bool": bool, "str": str}
)


def space_from_dictionaries(parameters: Iterable[Mapping[str, Any]], constraints: Iterable[str] = ()) -> Space:
    """The space that a list of dictionaries describes.

    Args:
        parameters: one dictionary a parameter. `type` is "range" (with `bounds`, and optionally `log_scale` and
            `step`), "choice" (with `values`, optionally `is_ordered`) or "fixed" (with `value`). `value_type` ("int",
            "float", "bool", "str") is inferred where it is left out: a range is whole if both of its bounds are.
            `when` makes a parameter conditional.
        constraints: linear constraints such as "x1 + x2 <= 1.5".

    Raises:
        SpaceError: if a dictionary has unknown or missing keys, a name is repeated, or the space makes no sense.
    """
    if isinstance(parameters, Mapping | str) or not isinstance(parameters, Iterable):
        raise SpaceError(f"parameters={parameters!r} is no list. Give a list of dictionaries, or a Space.")
    given: dict[str, Parameter] = {}
    for entry in parameters:
        name, parameter = _read(entry)
        if name in given:
            raise SpaceError(f"The parameter {name!r} is given twice. Give each parameter one name.")
        given[name] = parameter
    return Space(given, constraints=constraints)


def _read(entry: Mapping[str, Any]) -> tuple[str, Parameter]:
    if not isinstance(entry, Mapping):
        raise SpaceError(f"{entry!r} is no parameter. Give a dictionary with at least 'name' and 'type'.")
    for key in ("name", "type"):
        if key not in entry:
            raise SpaceError(f"The parameter {dict(entry)!r} has no {key!r}. Add it.")
    name, kind = entry["name"], entry["type"]
    if kind not in _KEYS:
        raise SpaceError(f"The parameter {name!r} is of type {kind!r}. Use one of {', '.join(map(repr, _KEYS))}.")
    unknown = sorted(map(str, set(entry) - _KEYS[kind]))
    if unknown:
        known = ", ".join(sorted(_KEYS[kind] - {"is_task", "is_fidelity", "target_value"}))
        raise SpaceError(f"The {kind} parameter {name!r} has the unknown key {unknown[0]!r}. Known: {known}.")
    for key in ("is_task", "is_fidelity"):
        if entry.get(key):
            raise SpaceError(f"The parameter {name!r} has {key}=True, which headstock does not offer. Leave it out.")
    if "value_type" in entry and entry["value_type"] not in _CASTS:
        raise SpaceError(f"The parameter {name!r} has value_type={entry['value_type']!r}. Use one of {list(_CASTS)}.")
    readers = {"range": _range, "choice": _choice, "fixed": _fixed}
    try:
        return name, readers[kind](name, entry)
    except SpaceError as error:
        raise SpaceError(f"The parameter {name!r}: {error}") from None


def _range(name: str, entry: Mapping[str, Any]) -> Parameter:
    bounds = entry.get("bounds")
    if not isinstance(bounds, Sequence) or isinstance(bounds, str) or len(bounds) != 2:
        raise SpaceError(f"bounds={bounds!r}. A range needs two bounds: 'bounds': [low, high].")
    low, high = (native(b) for b in bounds)
    kind = entry.get("value_type") or ("int" if isinstance(low, int) and isinstance(high, int) else "float")
    log, when = bool(entry.get("log_scale", False)), entry.get("when")
    if kind == "int":
        return Int(low, high, log=log, step=entry.get("step") or 1, when=when)
    if kind == "float":
        return Float(low, high, log=log, step=entry.get("step"), when=when)
    raise SpaceError(f"{name!r} is a range of {kind}s. A range is of ints or floats; use a choice.")


def _choice(_: str, entry: Mapping[str, Any]) -> Parameter:
    values = entry.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise SpaceError(f"values={values!r}. A choice needs a list of values: 'values': ['sgd', 'adam'].")
    typed = [_cast(entry, v) for v in values]
    if len(typed) == 1:
        return Fixed(typed[0], when=entry.get("when"))
    # Ascending numbers lie on a scale unless their owner says otherwise; of two values no order could help.
    numbers = [v for v in typed if is_number(v)]
    ordered = entry.get("is_ordered", len(typed) > 2 and numbers == typed and numbers == sorted(numbers))
    return Choice(*typed, ordered=bool(ordered), when=entry.get("when"))


def _fixed(_: str, entry: Mapping[str, Any]) -> Parameter:
    if "value" not in entry:
        raise SpaceError("it is fixed, but has no 'value'. Add it.")
    return Fixed(_cast(entry, entry["value"]), when=entry.get("when"))


def _cast(entry: Mapping[str, Any], value: Any) -> Value:
    """`value` as the type that the dictionary names, refused if that would change it."""
    plain: Value = native(value)
    if "value_type" not in entry or plain is None:
        return plain
    try:
        typed = _CASTS[entry["value_type"]](plain)
    except (ValueError, OverflowError):
        typed = None
    if typed != plain:
        raise SpaceError(f"the value {wording.given(value)} is no {entry['value_type']}.")
    return typed
