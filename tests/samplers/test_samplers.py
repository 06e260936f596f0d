import subprocess
import sys

import pytest

from headstock.errors import StorageError
from headstock.samplers import Sampler, sampler_from_json
from headstock.samplers.random import Random


@pytest.mark.parametrize("stored", [{"kind": "tpe"}, {}, {"kind": "random", "temperature": 3}])
def test_a_stored_sampler_that_cannot_be_read_is_refused(stored):
    with pytest.raises(StorageError, match="newer headstock"):
        sampler_from_json(stored)


def test_a_plug_in_need_only_have_the_methods():
    class Always:
        def suggest(self, *_):
            return []

        def to_json(self):
            return None

    assert isinstance(Always(), Sampler)
    assert isinstance(Random(), Sampler)
    assert not isinstance(object(), Sampler)


def test_samplers_load_without_scipy():
    code = "import sys, headstock.samplers.sobol, headstock.samplers.grid; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
