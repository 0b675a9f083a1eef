import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.chatting import Local, Server, Turn
from core.errors import InputError
from tests.core.chat_server import SENTENCE, ChatServer, chat_server  # noqa: F401
from tests.core.irgpt.conftest import irgpt, model, processor  # noqa: F401

PICTURE = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8))
TURNS = [Turn("system", "You look."), Turn("user", "What is it?", PICTURE)]


def test_a_server_gets_roles_texts_the_exact_picture_and_the_key(
    chat_server: ChatServer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    reply = Server(chat_server.url, "looker").ask(TURNS)
    assert (reply.text, reply.tokens_in, reply.tokens_out) == (SENTENCE, 321, 14)
    (body,) = chat_server.seen
    assert chat_server.headers[0]["authorization"] == "Bearer a key" and body["model"] == "looker"
    assert body["messages"][0] == {"role": "system", "content": "You look."}
    text, image = body["messages"][1]["content"]
    assert text["text"] == "What is it?"
    sent = base64.b64decode(image["image_url"]["url"].removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(sent))), np.asarray(PICTURE))


def test_a_busy_and_a_broken_server_are_asked_again(chat_server: ChatServer) -> None:  # noqa: F811
    chat_server.faults = [429, 500]
    assert Server(chat_server.url, "looker").ask(TURNS).text == SENTENCE and len(chat_server.seen) == 3


def test_a_server_that_gives_no_answer_is_one_clear_sentence(chat_server: ChatServer) -> None:  # noqa: F811
    chat_server.faults = [401]
    with pytest.raises(InputError, match=r"gave no answer .*goes on where it stopped"):
        Server(chat_server.url, "looker").ask(TURNS)
    chat_server.reply = {"no": "choices"}
    with pytest.raises(InputError, match="does not answer like an OpenAI server"):
        Server(chat_server.url, "looker").ask(TURNS)
    with pytest.raises(InputError, match="gave no answer"):
        Server("http://127.0.0.1:9/v1", "looker", retries=0).ask(TURNS)
    with pytest.raises(InputError, match="whole address"):
        Server("localhost:8000", "looker")


def test_requests_keep_the_rate(chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    slept: list[float] = []
    monkeypatch.setattr("core.chatting.time.sleep", slept.append)
    talker = Server(chat_server.url, "looker", per_minute=6)
    for _ in range(2):
        talker.ask(TURNS)
    assert slept[0] == 0 and 8 < slept[1] <= 10


def test_a_local_model_answers_and_counts_its_tokens(irgpt, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    irgpt.model.save_pretrained(tmp_path / "toy")
    irgpt.processor.save_pretrained(tmp_path / "toy")
    reply = Local(str(tmp_path / "toy")).ask(TURNS)
    assert isinstance(reply.text, str) and reply.tokens_in > 20 and 0 < reply.tokens_out <= 160
    with pytest.raises(InputError, match="no local folder"):
        Local("nobody/no-such-model")
