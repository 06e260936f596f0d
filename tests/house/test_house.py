import ast
import subprocess
import sys
from pathlib import Path

import pytest

import headstock
from headstock import errors

SOURCE = Path(headstock.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
# Of the standard library, what takes longer to load than all of `import headstock` may.
SLOW = {
    "asyncio",
    "concurrent",
    "ctypes",
    "email",
    "http",
    "inspect",
    "logging",
    "multiprocessing",
    "sqlite3",
    "unittest",
}


def test_importing_headstock_loads_nothing_heavy():
    listing = "import sys; before = set(sys.modules); import headstock; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"headstock"}
    assert not loaded & SLOW


@pytest.mark.parametrize("statement", ["from headstock import Experiment, optimize", "import headstock.cli"])
def test_what_most_calls_do_without_is_not_loaded(statement: str):
    listing = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "pandas", "plotly", "scipy.stats", "sqlalchemy", "ray", "starlette"}


def test_every_public_name_is_there():
    for name in headstock.__all__:
        assert getattr(headstock, name) is not None
    assert set(headstock.__all__) <= set(dir(headstock))


def test_every_error_has_the_base_and_stands_in_the_tree():
    named = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert all(issubclass(e, errors.HeadstockError) for e in named)
    assert errors.__doc__ is not None
    assert all(e.__name__ in errors.__doc__ for e in named)


def test_files_and_functions_are_short():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 600, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                documented = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
                assert (node.end_lineno or 0) - (documented or 0) <= 80, (path, node.name)


def test_time_and_randomness_come_from_outside():
    callers = {"experiment.py", "demo.py", "serving.py", "workers.py"}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert path.name in callers or "time.time" not in text, path
        assert "default_rng()" not in text, path
        assert "np.random.seed" not in text, path
        assert "pickle.load" not in text, path
