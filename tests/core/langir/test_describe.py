import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.langir.describe import Describer, within_limit
from core.langir.layout import read_origins
from core.langir.models import ChatEndpoint, ChatModel
from core.langir.prompts import EXAMPLES, QUESTION, WORD_LIMIT, Turn, prompt
from core.langir.rules import describe_mask
from core.langir.words import place_counts
from core.thermal import from_array
from tests.commands import run_command
from tests.core.langir.test_layout import folder

IMAGE = from_array(np.arange(48, dtype=np.float32).reshape(6, 8), name="scene.png")


class FakeModel:
    """Answers with a fixed text and keeps what it was asked."""

    name = "a fake"

    def __init__(self, text="A small target lies in the lower right."):
        self.text, self.asked = text, []

    def answer(self, turns):
        self.asked.append(turns)
        return self.text


@pytest.fixture
def endpoint():
    """(URL, received bodies and headers, answer to give) of a local server that speaks the OpenAI chat format."""

    class Handler(BaseHTTPRequestHandler):
        received, status, reply = [], 200, {"choices": [{"message": {"content": "A target in the upper left."}}]}

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            Handler.received.append((self.path, dict(self.headers), body))
            content = json.dumps(Handler.reply).encode()
            self.send_response(Handler.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", Handler
    server.shutdown()
    server.server_close()


def test_the_three_styles_ask_what_the_paper_specifies():
    (zero,) = prompt("zero-shot", IMAGE)
    assert zero == Turn("user", QUESTION, IMAGE)
    (few,) = prompt("few-shot", IMAGE)
    assert all(example in few.text for example in EXAMPLES)
    shown = prompt("few-shot", IMAGE, ((IMAGE, "It is in the center."),))
    assert [t.role for t in shown] == ["user", "assistant", "user"] and shown[1].text == "It is in the center."
    role, task = prompt("system", IMAGE)
    assert role.role == "system" and "expert" in role.text
    assert f"{WORD_LIMIT} words" in task.text and "target" in task.text and "targets" not in task.text


def test_a_description_records_its_origin_and_style():
    said = Describer(FakeModel(), "system").describe(IMAGE)
    assert (said.text, said.origin, said.style) == ("A small target lies in the lower right.", "a fake", "system")
    with pytest.raises(InputError, match="no prompt style"):
        Describer(FakeModel(), "poem")
    with pytest.raises(InputError, match="said nothing about scene"):
        Describer(FakeModel("  \n")).describe(IMAGE)


def test_long_answers_are_cut_at_a_sentence_within_the_limit_of_the_system_style_only():
    long = "It is upper left. " + "Then many words follow " * 20 + "."
    assert Describer(FakeModel(long), "system").describe(IMAGE).text == "It is upper left."
    assert len(Describer(FakeModel(long), "zero-shot").describe(IMAGE).text.split()) > WORD_LIMIT
    assert len(within_limit("word " * 80).split()) == WORD_LIMIT


def test_an_endpoint_gets_the_prompt_and_the_exact_image(endpoint, monkeypatch):
    url, server = endpoint
    server.received.clear()
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    said = Describer(ChatEndpoint(url, "some-vlm"), "system").describe(IMAGE)
    assert said.text == "A target in the upper left." and said.origin == "some-vlm"
    path, headers, body = server.received[0]
    assert path == "/v1/chat/completions" and headers["Authorization"] == "Bearer a key"
    assert body["model"] == "some-vlm" and [m["role"] for m in body["messages"]] == ["system", "user"]
    data = body["messages"][1]["content"][1]["image_url"]["url"].removeprefix("data:image/png;base64,")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), IMAGE.view8())


@pytest.mark.parametrize(
    ("status", "reply", "says"), [(401, {}, "refused .401."), (200, {"no": "choices"}, "does not answer like")]
)
def test_an_endpoint_that_fails_is_one_clear_sentence(endpoint, monkeypatch, status, reply, says):
    url, server = endpoint
    monkeypatch.setattr(server, "status", status)
    monkeypatch.setattr(server, "reply", reply)
    with pytest.raises(InputError, match=says):
        ChatEndpoint(url, "m").answer(prompt("zero-shot", IMAGE))
    with pytest.raises(InputError, match="can't be reached"):
        ChatEndpoint("http://127.0.0.1:9/v1", "m").answer(prompt("zero-shot", IMAGE))


def test_the_chat_model_is_asked_about_its_one_image():
    class FakeSession:
        def answer(self, question, most):
            return f"answer to: {question}"

    class FakeChat:
        def session(self, image):
            assert image is IMAGE
            return FakeSession()

    chat = ChatModel.__new__(ChatModel)
    chat.name, chat.model = "bundled/irgpt", FakeChat()
    assert "expert" in chat.answer(prompt("system", IMAGE)) and QUESTION in chat.answer(prompt("few-shot", IMAGE))
    with pytest.raises(InputError, match="one image a question"):
        chat.answer(prompt("few-shot", IMAGE, ((IMAGE, "text"),)))


def test_rules_say_presence_region_and_scene():
    mask = np.zeros((90, 90), bool)
    assert describe_mask(mask).text == "There is no small target in the infrared image."
    mask[5:7, 5:7] = True
    said = describe_mask(mask, "A photo of a sky target in the sky and tree background")
    assert said.text == (
        "One small target lies in the upper left of the infrared image. The background is sky and tree."
    )
    assert (said.origin, said.style) == ("rules", "presence, region, scene")
    mask[8, 12] = mask[85, 45] = True
    assert describe_mask(mask).text == (
        "Three small targets lie in the infrared image: two in the upper left, one in the lower center."
    )


def test_the_commands_describe_a_folder_and_count_its_words(tmp_path):
    root = folder(tmp_path / "set")
    (root / "trainval.txt").write_text("Misc_1\nMisc_2\n")
    (root / "test.txt").write_text("Misc_10\n")
    missing = run_command("core.langir.words", "--data", root)
    assert missing.code == 2 and "no descriptions yet" in missing.err
    assert run_command("core.langir.describe", "--data", root, "--limit", 2).code == 0
    result = run_command("core.langir.describe", "--data", root, "--json", tmp_path / "out.json")
    assert result.code == 0 and json.loads((tmp_path / "out.json").read_text())["written"] == 1
    assert {d.origin for d in read_origins(root).values()} == {"rules"}
    assert run_command("core.langir.words", "--data", root, "--json", tmp_path / "words.json").code == 0
    counts = json.loads((tmp_path / "words.json").read_text())
    assert set(counts) == {"trainval", "test"} and set(counts["test"]) == {"left", "right", "center", "lower", "upper"}
    wrong = run_command("core.langir.describe", "--data", root, "--by", "magic")
    assert wrong.code == 2 and "--by is" in wrong.err


def test_a_folder_is_described_by_an_endpoint(tmp_path, endpoint):
    root = folder(tmp_path / "set")
    assert run_command("core.langir.describe", "--data", root, "--by", endpoint[0]).code == 2  # which model?
    result = run_command("core.langir.describe", "--data", root, "--by", endpoint[0], "--model", "vlm", "--limit", 1)
    assert result.code == 0, result.err
    assert read_origins(root)["Misc_1"].style == "system"


def test_places_are_counted_as_whole_words_in_both_spellings():
    assert place_counts(["Upper left, near the centre.", "The leftover is bright; LEFT."]) == {
        "left": 2, "right": 0, "center": 1, "lower": 0, "upper": 1,
    }  # fmt: skip
