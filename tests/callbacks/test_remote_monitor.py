import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from torch_keras_lstm.callbacks import RemoteMonitor


class Keeper(BaseHTTPRequestHandler):
    kept: list[tuple[str, str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        type(self).kept.append((self.path, self.headers.get("Token", ""), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("as_json", [False, True])
def test_logs_arrive(as_json: bool) -> None:
    Keeper.kept = []
    server = HTTPServer(("localhost", 0), Keeper)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        root = f"http://localhost:{server.server_address[1]}"
        monitor = RemoteMonitor(root, "/here", "field", {"Token": "t"}, send_as_json=as_json)
        monitor.on_epoch_end(3, {"loss": 0.5, "each": np.array([2.0]), "one": np.float32(0.25)})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    ((path, token, body),) = Keeper.kept
    assert (path, token) == ("/here", "t")
    sent = json.loads(body if as_json else parse_qs(body)["field"][0])
    assert sent == {"epoch": 3, "loss": 0.5, "each": 2.0, "one": 0.25}


def test_nobody_is_there() -> None:
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://localhost:9"):
        RemoteMonitor("http://localhost:9").on_epoch_end(0, {"loss": 0.5})
