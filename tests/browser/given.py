"""What several tests of the dashboard are given."""

import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

HOSTILE = "<img src=x onerror=alert(1)></script>'\"&"
ON_BOTH = pytest.mark.parametrize("new_url", ["sqlite", "postgresql"], indirect=True)


def hindrances(page) -> list[tuple[str, str]]:
    """What axe finds that keeps people from using a page; Plotly's own pictures are left to Plotly."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: .ci/services installs it")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")
    return [
        (rule["id"], node["html"][:200])
        for rule in found["violations"]
        for node in rule["nodes"]
        if "plotly" not in node["html"] and "main-svg" not in node["html"] and ".figure" not in str(node["target"])
    ]


def png(matrix: np.ndarray) -> bytes:
    """A matrix of shares as a picture, 24 pixels a cell, from white to blue."""
    cells = np.repeat(np.repeat(matrix, 24, axis=0), 24, axis=1)[:, :, None]
    pixels = (255 - cells * np.array([255, 141, 77])).astype(np.uint8)
    rows = np.pad(pixels.reshape(len(pixels), -1), ((0, 0), (1, 0)))
    head = struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    )


def tone(path, hertz: float) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes((8_000 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 8_000)).astype("<i2").tobytes())
