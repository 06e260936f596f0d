"""Install the other libraries, each in an environment of its own under .venv-peers/, so that their pins cannot clash.

    python benchmarks/regret/install_peers.py [ax optuna ...]

The newest versions, except where a library runs only with older ones of what it needs. What is there is left alone;
delete a folder to install it again. PyTorch goes in first: `TORCH` names the build (as in the Makefile).
"""

import argparse
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / ".venv-peers"
TORCH: Final = os.environ.get("TORCH", "torch==2.13.0")

PACKAGES: Final = {
    "optuna": [TORCH, "optuna", "scipy"],
    "optuna-dashboard": ["optuna-dashboard"],
    "ax": [TORCH, "ax-platform"],
    "botorch": [TORCH, "botorch"],
    "hebo": [
        TORCH,
        "HEBO==0.3.6",
        "numpy==1.24.4",
        "pandas==2.0.3",
        "scipy==1.11.4",
        "scikit-learn==1.3.2",
        "GPy==1.13.2",
    ],
    "smac": ["smac"],
    "skopt": ["scikit-optimize"],
    "syne-tune": ["syne-tune", "huggingface_hub"],
    "vizier": ["google-vizier[jax]==0.1.24", "jax==0.4.35", "flax==0.10.2", "numpy<2.2", "optax<0.2.5"],
}
"""What pip is asked for, in this order of usefulness. Pins: where newer versions break the library."""


def interpreter(environment: str) -> Path:
    """The Python of an environment."""
    return FOLDER / environment / "bin" / "python"


def install(environment: str) -> None:
    """Make the environment and fill it; a stamp, written last, says that it is whole."""
    stamp = FOLDER / environment / ".ready"
    if stamp.exists():
        print(f"{environment}: is there")
        return
    started = time.monotonic()
    venv.create(FOLDER / environment, clear=True, with_pip=True)
    pip = [str(interpreter(environment)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    packages = PACKAGES[environment]
    if TORCH in packages:
        subprocess.run([*pip, TORCH], check=True)
    subprocess.run([*pip, *packages], check=True)
    stamp.touch()
    print(f"{environment}: installed in {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    """Install what is named, or everything; one that fails does not keep the others from being installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", nargs="*", metavar="NAME", help=f"which of {', '.join(PACKAGES)}; all if none")
    wanted = parser.parse_args().environments or list(PACKAGES)
    failed = []
    for environment in wanted:
        if environment not in PACKAGES:
            parser.error(f"there is no {environment!r}; there are {', '.join(PACKAGES)}")
        try:
            install(environment)
        except subprocess.CalledProcessError as error:
            failed.append(environment)
            print(f"{environment}: {error}", file=sys.stderr, flush=True)
    return len(failed) > 0


if __name__ == "__main__":
    sys.exit(main())
