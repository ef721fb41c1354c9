"""The page of ``examples/browser`` in a headless Chromium, with onnxruntime-web of npm, where both are there."""

import functools
import html
import http.server
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from examples.browser.build import build, watched_model
from tests.tolerances import assert_close

RECORD = Path(__file__).parents[2] / "examples" / "models" / "digits_bilstm.record.npz"
ONNXRUNTIME = next(
    (
        folder
        for place in os.environ.get("NODE_PATH", "").split(os.pathsep)
        if (folder := Path(place or ".") / "onnxruntime-web").is_dir()
    ),
    None,
)
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ONNXRUNTIME is None, reason="npm's onnxruntime-web is not in NODE_PATH"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]

Look = Callable[[str], str]


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """The page as the browser has it when all has run, for what follows its address."""
    folder = tmp_path_factory.mktemp("browser")
    assert ONNXRUNTIME is not None
    assert CHROMIUM is not None
    build(ONNXRUNTIME, folder / "site")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    handler = functools.partial(Handler, directory=str(folder / "site"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--virtual-time-budget=60000", "--dump-dom"]

    def look(address: str) -> str:
        url = f"http://127.0.0.1:{server.server_port}/{address}"
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=120)
        return html.unescape(done.stdout)

    yield look
    server.shutdown()
    server.server_close()


def _numbers(page: str, element: str, tag: str) -> torch.Tensor:
    """The numbers that an element's entries have in their titles."""
    found = re.search(rf'id="{element}".*?(?=</figure>|</ol>|<figcaption)', page, re.DOTALL)
    assert found is not None
    return torch.tensor([float(number) for number in re.findall(rf'<{tag} [^>]*?title="([^"]+)"', found[0])])


def test_a_digit_is_read_in_the_browser(look: Look) -> None:
    with np.load(RECORD) as record:
        columns, expected = torch.from_numpy(record["x0"][3:4]), record["y0"][3]
    counts = (columns[0].T * 16).round().int()
    page = look("?pixels=" + ",".join(map(str, counts.flatten().tolist())))
    assert 'data-state="ready"' in page
    assert_close(_numbers(page, "probabilities", "li"), expected, "float32 model")
    assert f'<output id="prediction">{expected.argmax()}</output>' in page
    with torch.no_grad():
        _, both_ways, reader = watched_model()(columns)
    assert_close(_numbers(page, "both_ways", "i"), both_ways.flatten(), "float32 model")
    assert_close(_numbers(page, "reader", "i"), reader.flatten(), "float32 model")


def test_nothing_is_drawn_yet(look: Look) -> None:
    page = look("")
    assert 'data-state="ready"' in page
    assert '<output id="prediction">?</output>' in page


def test_an_address_that_is_none(look: Look) -> None:
    page = look("?pixels=1,2,x")
    assert 'data-state="failed"' in page
    assert "`pixels` must be 64 whole numbers from 0 to 16, separated by commas." in page
