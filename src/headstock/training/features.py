"""Features of images from a frozen backbone: computed once, then trained on by every trial."""

import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from headstock.training.backbones import Backbone
from headstock.training.computing import one_thread
from headstock.training.preparation import to_unit

Progress = Callable[[int, int], None]
"""Called with (images done, images in all) while features are computed."""

_MEAN: Final = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue, as torchvision's weights expect
_STD: Final = (0.229, 0.224, 0.225)


def features(
    pixels: UInt8[np.ndarray, "n height width 3"],
    backbone: Backbone,
    *,
    size: int,
    device: torch.device,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Float32[np.ndarray, "n features"]:
    """The features of images, read from the cache where they were computed before.

    Args:
        pixels: the images.
        backbone: the frozen network.
        size: height and width in pixels to which images are brought first.
        device: where to compute.
        cache: a folder to keep the features in; nothing is kept if None.
        progress: told how far it is.
    """
    backbone.network.to(device)
    if cache is None:
        return _computed(pixels, backbone, size, device, progress)
    path = cache / f"{backbone.name}-{size}-{_key(pixels, backbone, size, device)}.npy"
    kept = _read(path, len(pixels))
    if kept is not None:
        return kept
    computed = _computed(pixels, backbone, size, device, progress)
    _write(path, computed)
    return computed


def embed(backbone: Backbone, images: Float32[Tensor, "m 3 h w"], size: int) -> Float32[Tensor, "m features"]:
    """The features of a batch of images whose values lie between 0 and 1, on the backbone's device."""
    mean, std = (images.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
    resized = nn.functional.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
    with torch.no_grad():
        embedded: Tensor = backbone.network((resized - mean) / std)
    return embedded


def _computed(
    pixels: UInt8[np.ndarray, "n height width 3"],
    backbone: Backbone,
    size: int,
    device: torch.device,
    progress: Progress | None,
) -> Float32[np.ndarray, "n features"]:
    """The features batch by batch; on a CPU one batch a core, each on one thread, so that no core waits for another."""
    on_cpu = device.type == "cpu"
    batch_size, workers = (32, torch.get_num_threads()) if on_cpu else (256, 1)  # 32 images stay in a CPU's cache
    batches = [pixels[start : start + batch_size] for start in range(0, len(pixels), batch_size)]
    computed: list[Float32[np.ndarray, "m features"]] = []

    def compute(batch: UInt8[np.ndarray, "m height width 3"]) -> Float32[np.ndarray, "m features"]:
        images = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2)
        return embed(backbone, to_unit(images), size).cpu().numpy()

    with one_thread(), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for values in pool.map(compute, batches):
            computed.append(values)
            if progress is not None:
                progress(min(len(computed) * batch_size, len(pixels)), len(pixels))
    return np.concatenate(computed)


def _key(pixels: UInt8[np.ndarray, "n height width 3"], backbone: Backbone, size: int, device: torch.device) -> str:
    """A digest of everything that the features depend on; devices round differently."""
    digest = hashlib.sha256(f"{backbone.fingerprint} {size} {device.type} {torch.__version__}".encode())
    digest.update(f"{pixels.shape}".encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()[:32]


def _read(path: Path, count: int) -> Float32[np.ndarray, "n features"] | None:
    """Features that were kept; None where there are none that can be used."""
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept if kept.dtype == np.float32 and kept.ndim == 2 and len(kept) == count else None


def _write(path: Path, values: Float32[np.ndarray, "n features"]) -> None:
    """Keep features, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            np.save(file, values, allow_pickle=False)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
