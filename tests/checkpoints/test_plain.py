import io
import random

import numpy as np
import pytest

from headstock.checkpoints import Plain
from headstock.errors import CheckpointError


def through_a_file(state):
    file = io.BytesIO()
    Plain().write(state, file)
    file.seek(0)
    return Plain().read(file)


def test_values_come_back_with_their_types():
    state = {
        "nested": [1, 2.5, None, True, "é", b"\x00\xff", (1, (2,))],
        0: {"int keys": -0.0},
        ("a", 1): 2**200,
        "odd": [float("inf"), float("-inf"), 0.1 + 0.2],
        "array": {"array": 3},  # looks like what stands for an array
    }
    found = through_a_file(state)
    assert found == state
    assert repr(found) == repr(state)
    assert str(through_a_file(float("nan"))) == "nan"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint64", "bool", "complex64", "datetime64[s]", "<U3"])
def test_arrays_come_back_bit_by_bit(dtype):
    array = np.arange(6).astype(dtype).reshape(2, 3)
    found, scalar, empty = through_a_file([array, array[1, 2], array[:0]])
    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()
    assert type(scalar) is type(array[1, 2])
    assert scalar == array[1, 2]
    assert empty.shape == (0, 3)


@pytest.mark.parametrize("state", [object(), {1, 2}, np.array([None]), [lambda: 0], random.Random(0)])
def test_what_is_not_plain_is_refused_before_a_byte_is_written(state):
    file = io.BytesIO()
    with pytest.raises(CheckpointError, match="Plain states hold"):
        Plain().write({"deep": [state]}, file)
    assert file.getvalue() == b""


def test_subclasses_are_left_to_others():
    class Counts(dict):
        pass

    with pytest.raises(CheckpointError, match="of type Counts"):
        Plain().write(Counts(), io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04N."])
def test_what_is_no_state_is_refused(content):
    with pytest.raises(CheckpointError):
        Plain().read(io.BytesIO(content))


def test_a_pickled_array_is_not_loaded():
    file = io.BytesIO()
    np.savez(file, tree=np.frombuffer(b'{"array": 0}', np.uint8), **{"0": np.array([print], dtype=object)})
    file.seek(0)
    with pytest.raises(CheckpointError):
        Plain().read(file)


@pytest.mark.parametrize(
    ("make", "draw"),
    [
        (lambda: np.random.default_rng(3), lambda rng: rng.standard_normal()),
        (lambda: np.random.Generator(np.random.MT19937(3)), lambda rng: rng.integers(2**40)),
        (lambda: np.random.RandomState(3), lambda rng: rng.normal()),
        (lambda: random.Random(3), lambda rng: rng.gauss()),
    ],
)
def test_generators_of_random_numbers_go_on(make, draw):
    first, second = make(), make()
    draw(first)
    saved = through_a_file(Plain().stateful(first).state_dict())
    expected = [draw(first) for _ in range(5)]
    Plain().stateful(second).load_state_dict(saved)
    assert [draw(second) for _ in range(5)] == expected


def test_containers_and_arrays_are_restored_in_place():
    for thing, changed in (({"a": 1}, {"b": 2}), ([1, 2], [3])):
        state = through_a_file(Plain().stateful(thing).state_dict())
        alias = type(thing)(changed)
        Plain().stateful(alias).load_state_dict(state)
        assert alias == thing
    array = np.zeros(3)
    Plain().stateful(array).load_state_dict(np.arange(3.0))
    assert array.tolist() == [0, 1, 2]
    with pytest.raises(CheckpointError, match=r"float64\[2\], which does not fit into float64\[3\]"):
        Plain().stateful(array).load_state_dict(np.zeros(2))


def test_global_randomness_goes_on():
    sources = Plain().randomness()
    saved = {name: through_a_file(source.state_dict()) for name, source in sources.items()}

    def draw() -> tuple[float, float]:
        return random.random(), np.random.random()  # noqa: NPY002 - what users call

    expected = draw()
    assert draw() != expected
    for name, source in sources.items():
        source.load_state_dict(saved[name])
    assert draw() == expected


def test_an_unknown_object_is_nobodys():
    assert Plain().stateful(object()) is None
