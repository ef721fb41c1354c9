"""Send the logs to a server."""

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from torch_keras_lstm.callbacks.callback import Callback, Logs


class RemoteMonitor(Callback):
    """Posts the logs of each epoch, with its number as ``epoch``, to a server; a warning says when nobody is there.

    Args:
        root: the server's address.
        path: behind it.
        field: the name of the form's field in which the logs go as JSON.
        headers: of the request.
        send_as_json: send the logs as JSON instead of a form.

    Example:
        >>> import http.server, threading
        >>> class Server(http.server.BaseHTTPRequestHandler):
        ...     def do_POST(self):
        ...         print(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode())
        ...         self.send_response(200)
        ...         self.end_headers()
        ...     def log_message(self, *args): pass
        >>> server = http.server.HTTPServer(("localhost", 0), Server)
        >>> thread = threading.Thread(target=server.handle_request)
        >>> thread.start()
        >>> RemoteMonitor(f"http://localhost:{server.server_port}", send_as_json=True).on_epoch_end(0, {"loss": 0.5})
        /publish/epoch/end/ {"epoch": 0, "loss": 0.5}
        >>> thread.join(), server.server_close()
        (None, None)
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send.

        Raises:
            ImportError: when the library ``requests`` is not installed.
        """
        try:
            import requests
        except ImportError:
            raise ImportError("RemoteMonitor sends by the library `requests`: `pip install requests`.") from None
        sent: dict[str, Any] = {"epoch": epoch}
        for name, value in (logs or {}).items():
            sent[name] = value.item() if isinstance(value, np.ndarray | np.generic) else value
        body: dict[str, Any] = {"json": sent} if self.send_as_json else {"data": {self.field: json.dumps(sent)}}
        try:
            requests.post(self.root + self.path, headers=self.headers, **body)
        except requests.exceptions.RequestException as error:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}: {error}", stacklevel=2)
