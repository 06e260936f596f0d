import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from headstock.checkpoints import Checkpoints, Plain  # noqa: E402
from headstock.errors import CheckpointError  # noqa: E402
from headstock.training.states import Torch  # noqa: E402

FRAMEWORKS = (Plain(), Torch())
pytestmark = pytest.mark.torch


def through_a_file(state):
    file = io.BytesIO()
    Torch().write(state, file)
    file.seek(0)
    return Torch().read(file)


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(found, torch.Tensor):
        assert torch.equal(found, expected)
    elif isinstance(found, dict):
        assert list(found) == list(expected)
        for key, value in found.items():
            assert_same(value, expected[key])
    else:
        assert found == expected


def trained() -> dict:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=9)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    scaler = torch.amp.GradScaler("cpu")
    network(torch.randn(8, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    plateau.step(0.5)
    return {"model": network, "optimizer": optimizer, "scheduler": scheduler, "plateau": plateau, "scaler": scaler}


def test_what_a_training_is_made_of_comes_back(tmp_path: Path):
    files = Checkpoints(tmp_path)
    things = trained()
    states = {name: thing.state_dict() for name, thing in things.items()}
    files.save(0, 1, states, FRAMEWORKS, tried=False)
    _, found = files.load(0, FRAMEWORKS) or (0, {})
    others = trained()
    for name, thing in others.items():
        thing.load_state_dict(found[name])
    for name, thing in things.items():
        assert_same(others[name].state_dict(), thing.state_dict())


def test_nothing_of_a_file_is_run(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was run",))

    file = io.BytesIO()
    torch.save({"weights": Evil()}, file)
    file.seek(0)
    with pytest.raises(CheckpointError, match="weights_only"):
        Torch().read(file)
    assert not (tmp_path / "was run").exists()


def test_what_would_not_load_is_refused_at_the_first_save(tmp_path: Path):
    files = Checkpoints(tmp_path)
    state = {"weights": torch.zeros(2), "share": Fraction(1, 3)}
    with pytest.raises(CheckpointError, match=r"state of 'model' cannot be read.*Fraction"):
        files.save(0, 1, {"model": state}, FRAMEWORKS, tried=False)
    assert files.saved(0) == []
    with pytest.raises(CheckpointError, match="PyTorch cannot save it"):
        Torch().write({"schedule": lambda step: step}, io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02c__builtin__\nprint\n."])
def test_what_is_no_state_is_refused(content: bytes):
    with pytest.raises(CheckpointError):
        Torch().read(io.BytesIO(content))


def test_generators_tensors_and_global_randomness_go_on():
    generator = torch.Generator().manual_seed(3)
    sources = [Torch().stateful(generator), Torch().randomness()["torch"]]
    saved = [through_a_file(source.state_dict()) for source in sources]
    expected = torch.randn(3, generator=generator), torch.randn(3)
    for source, state in zip(sources, saved, strict=True):
        source.load_state_dict(state)
    torch.testing.assert_close((torch.randn(3, generator=generator), torch.randn(3)), expected, rtol=0, atol=0)
    tensor = nn.Parameter(torch.zeros(2))
    Torch().stateful(tensor).load_state_dict(torch.ones(2))
    assert tensor.tolist() == [1, 1]
    with pytest.raises(CheckpointError, match="does not fit"):
        Torch().stateful(tensor).load_state_dict(torch.ones(3))


@pytest.mark.parametrize("own", [True, False])
def test_a_loader_shuffles_on(own: bool):
    def batches() -> list[list[float]]:
        return [batch.tolist() for (batch,) in loader]

    data = TensorDataset(torch.arange(10.0))
    loader = DataLoader(data, 3, shuffle=True, generator=torch.Generator().manual_seed(1) if own else None)
    batches()
    sources = {"loader": Torch().stateful(loader), **Torch().randomness()}
    saved = {name: through_a_file(source.state_dict()) for name, source in sources.items()}
    expected = [batches(), batches()]
    assert expected[0] != expected[1]
    for name, source in sources.items():
        source.load_state_dict(saved[name])
    assert [batches(), batches()] == expected


def test_arrays_among_tensors_are_refused():
    with pytest.raises(CheckpointError, match=r"GLOBAL numpy.*Let state_dict"):
        through_a_file({"a": np.arange(3), "t": torch.ones(1)})


def test_an_unknown_object_is_nobodys():
    assert Torch().stateful(object()) is None
