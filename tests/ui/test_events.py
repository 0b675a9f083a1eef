import inspect
import logging
from collections.abc import Iterator

import gradio as gr
import pytest

from core.errors import InputError
from ui.events import guarded, sentence


def test_bad_input_is_shown_as_its_own_sentence() -> None:
    assert sentence(InputError("Drop an image first.")) == ("Please check", "Drop an image first.")


def test_an_unforeseen_failure_is_logged_and_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "studio"):
        _, text = sentence(RuntimeError("secret path /srv/x"))
    assert "secret" not in text and "Try again" in text
    assert "secret path" in caplog.text


def test_a_guarded_function_warns_once_and_leaves_the_page_as_it_is() -> None:
    @guarded
    def handler(value: int) -> int:
        raise InputError(f"{value} is <b>too</b> large: give a smaller one.")

    with pytest.warns(UserWarning, match="7 is &lt;b&gt;too&lt;/b&gt; large"):
        assert handler(7) == gr.skip()


def test_a_guarded_generator_keeps_what_it_yielded_before_it_failed() -> None:
    @guarded
    def handler() -> Iterator[str]:
        yield "half"
        raise InputError("No more: start again.")

    assert inspect.isgeneratorfunction(handler)  # Gradio streams only what it recognises as a generator
    with pytest.warns(UserWarning, match="No more"):
        assert list(handler()) == ["half", gr.skip()]


def test_closing_a_guarded_generator_closes_the_inner_one() -> None:
    closed = []

    @guarded
    def handler() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    running = handler()
    next(running)
    running.close()
    assert closed == [True]


def test_gradio_sees_the_signature_of_a_guarded_handler() -> None:
    @guarded
    def handler(path: str, request: gr.Request, progress=gr.Progress()) -> None:  # noqa: B008
        """Nothing."""

    assert list(inspect.signature(handler).parameters) == ["path", "request", "progress"]
