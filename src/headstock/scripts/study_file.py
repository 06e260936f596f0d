"""A study written in a file, TOML or YAML, with the line of each entry."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from headstock.errors import CommandError, MissingDependencyError
from headstock.scripts.plan import Settings

ENDINGS: Final = (".toml", ".yaml", ".yml")
"""How the name of a study file ends."""

_KEY: Final = re.compile(r"""\s*(?P<path>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TABLE: Final = re.compile(r"\s*\[(?P<path>[^\[\]]+)\]\s*(?:#.*)?")
_PART: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def read_study_file(path: Path) -> Settings:
    """The settings in a file.

    Raises:
        CommandError: if it is not there, or is not written in its language; the message names the line.
        MissingDependencyError: if it is YAML, and PyYAML is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}. Check the path.") from None
    values, lines = _toml(path, text) if path.suffix == ".toml" else _yaml(path, text)
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise CommandError(f"{path} holds no entries. Write name: ..., command: ... and so on, one a line.")
    return Settings(values, {entry: f"{path}, line {line}" for entry, line in lines.items()})


def _toml(path: Path, text: str) -> tuple[Any, dict[tuple[str, ...], int]]:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is no TOML: {error}.") from None
    return values, _toml_lines(text)


def _toml_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of each entry, from how it looks: the library that reads TOML does not tell."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.fullmatch(line):
            table = _parts(header["path"])
            lines.setdefault(table, number)
        elif entry := _KEY.match(line):
            own = table + _parts(entry["path"])
            for length in range(len(table) + 1, len(own) + 1):
                lines.setdefault(own[:length], number)
    return lines


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(path))


def _yaml(path: Path, text: str) -> tuple[Any, dict[tuple[str, ...], int]]:
    try:
        import yaml
    except ImportError:
        raise MissingDependencyError(f"{path} is YAML: pip install pyyaml, or write the study as TOML.") from None
    try:
        lines = dict(_yaml_lines(path, yaml, yaml.compose(text, Loader=yaml.SafeLoader), ()))
        return yaml.safe_load(text), lines
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = path if mark is None else f"{path}, line {mark.line + 1}"
        raise CommandError(f"{place}: this is no YAML: {getattr(error, 'problem', error)}.") from None


def _yaml_lines(path: Path, yaml: Any, node: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The line of each entry; one that is there twice is refused, of which YAML would take the last."""
    seen: Mapping[str, None] = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        line = key.start_mark.line + 1
        if key.value in seen:
            raise CommandError(f"{path}, line {line}: {key.value!r} is given twice.")
        seen = {**seen, str(key.value): None}
        yield (*above, str(key.value)), line
        yield from _yaml_lines(path, yaml, value, (*above, str(key.value)))
