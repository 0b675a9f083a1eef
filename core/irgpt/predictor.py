"""Talk about one infrared image: the image is read once, every question after that only adds its own tokens."""

import threading
from collections.abc import Generator
from typing import Any, Literal, Self

import torch
from torch import Tensor
from transformers import AutoProcessor, DynamicCache, PreTrainedModel, ProcessorMixin

from core.device import compute_dtype, device
from core.errors import InputError
from core.irgpt.loading import load_model
from core.irgpt.processor import picture
from core.thermal import ThermalImage
from core.weights import resolve

Message = dict[str, Any]


class IRGPT:
    """An image-text-to-text model with its processor. One lock: whoever generates has the model to himself."""

    def __init__(self, model: PreTrainedModel, processor: ProcessorMixin):
        self.model, self.processor = model, processor
        self.lock = threading.Lock()

    @classmethod
    def from_weights(cls, name: str = "bundled/irgpt", quantise: Literal["nf4"] | None = "nf4") -> Self:
        """`name`: bundled/irgpt, a local folder, or the Hub id of any `AutoModelForImageTextToText`.

        `quantise`: "nf4" = language model in 4 bits by bitsandbytes, also faster than bfloat16 on the CPU measured
        (docs/BENCHMARKS.md); None = bfloat16.

        Raises:
            InputError: nothing usable lies under that name.
        """
        folder = resolve(name)
        model = load_model(folder, compute_dtype(), nf4=quantise == "nf4")
        try:
            processor = AutoProcessor.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise InputError(
                f"'{name}' has no processor that transformers can load; give a complete folder."
            ) from error
        return cls(model.to(device()), processor)

    def session(self, image: ThermalImage) -> "ChatSession":
        """A conversation about one image. Reads the image (vision tower and prefill) before it returns."""
        return ChatSession(self, image)


class ChatSession:
    """One image, its questions and answers, and the key-value cache of everything read so far."""

    def __init__(self, irgpt: IRGPT, image: ThermalImage):
        self.irgpt, self.image = irgpt, image
        self.messages: list[Message] = []
        self._picture = picture(image)
        self._cache = DynamicCache(config=irgpt.model.config.get_text_config())
        self._read: list[int] = []  # the token ids the cache stands for
        probes = [self._inputs([*self._turn(text)]) for text in ("a", "b")]
        with irgpt.lock:
            self._advance(probes[0], upto=_shared(*(probe["input_ids"][0].tolist() for probe in probes)))

    def ask(self, question: str, max_new_tokens: int = 128) -> Generator[str]:
        """The answer, piece by piece (greedy). Closing the iterator stops within one token and frees the model.

        What was said up to then stays in the conversation; a question stopped before its first piece is forgotten.

        Raises:
            InputError: the question is empty, or the conversation has outgrown what the model can read.
        """
        if not question.strip():
            raise InputError("The question is empty; type one.")
        inputs = self._inputs([*self.messages, *self._turn(question.strip())])
        limit = self.irgpt.model.config.get_text_config().max_position_embeddings
        if inputs["input_ids"].shape[1] + max_new_tokens > limit:
            raise InputError(f"This conversation is longer than the model can read ({limit} tokens); start a new one.")
        return self._generate(question.strip(), inputs, max_new_tokens)

    def answer(self, question: str, max_new_tokens: int = 128) -> str:
        """The whole answer at once."""
        return "".join(self.ask(question, max_new_tokens))

    def _generate(self, question: str, inputs: dict[str, Tensor], max_new_tokens: int) -> Generator[str]:
        tokenizer, stops = self.irgpt.processor.tokenizer, _stop_tokens(self.irgpt)
        said: list[int] = []
        text = ""
        try:
            with self.irgpt.lock:
                token = self._advance(inputs)
                while token not in stops and len(said) < max_new_tokens:
                    said.append(token)
                    whole = tokenizer.decode(said, skip_special_tokens=True)
                    if not whole.endswith("\N{REPLACEMENT CHARACTER}") and len(whole) > len(
                        text
                    ):  # else half a character
                        piece, text = whole[len(text) :], whole
                        yield piece
                    if len(said) < max_new_tokens:
                        token = self._step(token)
        finally:
            if text:
                self.messages += [
                    *self._turn(question),
                    {"role": "assistant", "content": [{"type": "text", "text": text}]},
                ]

    @torch.inference_mode()
    def _advance(self, inputs: dict[str, Tensor], upto: int | None = None) -> int:
        """Bring the cache to the first `upto` tokens of `inputs` (default all); returns the likeliest next token.

        Only what differs from the cached tokens is read; vision inputs only while their tokens are not cached.
        """
        ids = inputs["input_ids"][0].tolist()[:upto]
        kept = min(_shared(self._read, ids), len(ids) - 1)
        if surplus := self._cache.get_seq_length() - kept:
            self._cache.crop(-surplus)
        per_token = {k: v[:, kept : len(ids)] for k, v in inputs.items() if v.shape == inputs["input_ids"].shape}
        vision = {k: v for k, v in inputs.items() if k not in per_token} if not kept else {}
        per_token.pop("attention_mask", None)  # one unpadded sequence
        output = self.irgpt.model(**per_token, **vision, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self._read = ids
        return int(output.logits[0, -1].argmax())

    @torch.inference_mode()
    def _step(self, token: int) -> int:
        ids = torch.tensor([[token]], device=self.irgpt.model.device)
        output = self.irgpt.model(input_ids=ids, past_key_values=self._cache, use_cache=True)
        self._read = [*self._read, token]
        return int(output.logits[0, -1].argmax())

    def _turn(self, question: str) -> list[Message]:
        """The user's message; the first one carries the image."""
        image = [] if self.messages else [{"type": "image", "image": self._picture}]
        return [{"role": "user", "content": [*image, {"type": "text", "text": question}]}]

    def _inputs(self, messages: list[Message]) -> dict[str, Tensor]:
        batch = self.irgpt.processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        return {name: value.to(self.irgpt.model.device) for name, value in batch.items()}


def _shared(a: list[int], b: list[int]) -> int:
    """Length of the common prefix."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _stop_tokens(irgpt: IRGPT) -> set[int]:
    configured = irgpt.model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return {token for token in [*listed, irgpt.processor.tokenizer.eos_token_id] if token is not None}
