"""Chat models that look at pictures: any OpenAI-compatible server, any local folder or Hub id."""

import base64
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from core.errors import InputError

MAX_NEW_TOKENS = 160  # 50 words with room to end the sentence
LONGEST_SIDE = 1024  # pixels sent to a server
KEY = "OPENAI_API_KEY"  # the environment variable with the server's key; local servers need none


@dataclass(frozen=True)
class Turn:
    """One message: role "system", "user" or "assistant", a text, and an 8-bit grey or RGB picture or none."""

    role: str
    text: str
    picture: Image.Image | None = None


@dataclass(frozen=True)
class Reply:
    """What a model said and how many tokens it read and wrote for it (0 where a server doesn't say)."""

    text: str
    tokens_in: int
    tokens_out: int


class Talker(Protocol):
    """A chat model. `name`: what is recorded as the origin of what it says."""

    name: str

    def ask(self, turns: Sequence[Turn]) -> Reply:
        """The answer to the last turn. Raises InputError when no answer can be had."""
        ...


class Server:
    """A model behind an OpenAI-compatible URL. Busy or failing servers are asked again, later each time."""

    def __init__(self, url: str, name: str, per_minute: float | None = None, retries: int = 6):
        """`per_minute`: at most so many requests a minute; None = as fast as the server answers."""
        from openai import OpenAI

        if not url.startswith(("http://", "https://")):
            raise InputError(f"{url}: write a whole address, such as http://localhost:8000/v1.")
        self.name, self.pause, self._last = name, 60 / per_minute if per_minute else 0.0, -1e9
        self._client = OpenAI(base_url=url, api_key=os.environ.get(KEY) or "none", max_retries=retries, timeout=120)

    def ask(self, turns: Sequence[Turn]) -> Reply:
        from openai import OpenAIError

        time.sleep(max(0.0, self._last + self.pause - time.monotonic()))
        self._last = time.monotonic()
        messages: Any = [{"role": turn.role, "content": _content(turn)} for turn in turns]
        try:
            answer = self._client.chat.completions.create(
                model=self.name, messages=messages, max_tokens=MAX_NEW_TOKENS, temperature=0.2
            )
            text, usage = answer.choices[0].message.content or "", answer.usage
        except OpenAIError as error:
            reason = " ".join(str(error).split())[:150]
            raise InputError(
                f"The server at {self._client.base_url} gave no answer ({reason}); mend that and run the same command "
                "again: it goes on where it stopped."
            ) from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{self._client.base_url} does not answer like an OpenAI server; check the URL."
            ) from error
        return Reply(text, usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0)


class Local:
    """A model of a local folder or a Hub id, run here."""

    def __init__(self, name: str):
        """`name`: bundled/irgpt, a folder, or the Hub id of an `AutoModelForImageTextToText`. Raises InputError."""
        from transformers import AutoProcessor

        from core.device import compute_dtype, device
        from core.irgpt.loading import load_model
        from core.weights import resolve

        folder = resolve(name)
        self.name = name
        self._model = load_model(folder, compute_dtype(), nf4=False).to(device())
        try:
            self._processor = AutoProcessor.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise InputError(f"'{name}' has no processor that transformers can load; give a whole folder.") from error

    def ask(self, turns: Sequence[Turn]) -> Reply:
        messages = []
        for turn in turns:
            picture = [{"type": "image", "image": turn.picture.convert("RGB")}] if turn.picture else []
            messages.append({"role": turn.role, "content": [*picture, {"type": "text", "text": turn.text}]})
        inputs = self._processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(self._model.device, self._model.dtype)
        read = inputs["input_ids"].shape[1]
        said = self._model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)[0, read:]
        return Reply(self._processor.tokenizer.decode(said, skip_special_tokens=True), read, len(said))


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    """A turn's content in the format of the OpenAI API; pictures as lossless PNG, small targets are a few pixels."""
    if turn.picture is None:
        return turn.text
    small, packed = turn.picture.copy(), io.BytesIO()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    small.save(packed, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"
    return [{"type": "text", "text": turn.text}, {"type": "image_url", "image_url": {"url": url}}]
