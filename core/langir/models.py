"""Vision-language models behind descriptions: the bundled chat model, or any OpenAI-compatible endpoint by URL."""

import base64
import os
from typing import Protocol

import httpx

from core.errors import InputError
from core.langir.prompts import Turn
from core.palettes import png_bytes

MAX_TOKENS = 160  # 50 words with room to end the sentence
TIMEOUT = 120.0  # seconds for one answer


class VisionLanguageModel(Protocol):
    """Anything that answers turns with text; `name` is recorded as the origin of what it says."""

    name: str

    def answer(self, turns: list[Turn]) -> str:
        """The model's text."""


class ChatModel:
    """The bundled chat model, a local folder or a Hub id, through core.irgpt. Reads one image; roles become text."""

    def __init__(self, name: str = "bundled/irgpt") -> None:
        from core.irgpt.predictor import IRGPT

        self.name = name
        self.model = IRGPT.from_weights(name)

    def answer(self, turns: list[Turn]) -> str:
        """The model's text."""
        if len([turn for turn in turns if turn.image]) != 1:
            raise InputError(f"{self.name} reads one image a question; give examples as text.")
        image = next(turn.image for turn in turns if turn.image)
        question = " ".join(turn.text for turn in turns)
        return self.model.session(image).answer(question, MAX_TOKENS)


class ChatEndpoint:
    """An OpenAI-compatible chat completions endpoint, for example https://api.openai.com/v1 or a local server's /v1.

    The key is read from OPENAI_API_KEY where the endpoint wants one. Images go as 8-bit PNG in a data URL.
    """

    def __init__(self, url: str, model: str, client: httpx.Client | None = None) -> None:
        self.url, self.name = url.rstrip("/") + "/chat/completions", model
        key = os.environ.get("OPENAI_API_KEY")
        self.client = client or httpx.Client(timeout=TIMEOUT, headers={"Authorization": f"Bearer {key}"} if key else {})

    def answer(self, turns: list[Turn]) -> str:
        """The model's text.

        Raises:
            InputError: the endpoint can't be reached, refuses, or answers in another format.
        """
        body = {"model": self.name, "max_tokens": MAX_TOKENS, "messages": [message(turn) for turn in turns]}
        try:
            response = self.client.post(self.url, json=body)
            response.raise_for_status()
            return str(response.json()["choices"][0]["message"]["content"] or "")
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise InputError(f"{self.url} refused ({status}); check the model's name and OPENAI_API_KEY.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InputError(f"{self.url} can't be reached ({type(error).__name__}); check the URL.") from error
        except (ValueError, LookupError, TypeError) as error:
            raise InputError(f"{self.url} does not answer like an OpenAI chat endpoint; check the URL.") from error


def message(turn: Turn) -> dict:
    """A turn in the format of the OpenAI API."""
    if turn.image is None:
        return {"role": turn.role, "content": turn.text}
    picture = base64.b64encode(png_bytes(turn.image.view8())).decode()
    return {
        "role": turn.role,
        "content": [
            {"type": "text", "text": turn.text},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
        ],
    }
