"""A local server that speaks the OpenAI chat format, for tests of what asks chat models."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

SENTENCE = "This photo shows a street with two parked cars on the left."


class ChatServer(HTTPServer):
    """Keeps what it was asked in `seen` and `headers`; gives the statuses in `faults` first, then `reply`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[int] = []
        self.reply: Any = {
            "id": "1", "object": "chat.completion", "created": 0, "model": "looker",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": SENTENCE}}],
            "usage": {"prompt_tokens": 321, "completion_tokens": 14, "total_tokens": 335},
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        self.server.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        status = self.server.faults.pop(0) if self.server.faults else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("retry-after", "0.01")
        self.end_headers()
        answer = self.server.reply if status == 200 else {"error": {"message": "no"}}
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """A running server."""
    server = ChatServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
