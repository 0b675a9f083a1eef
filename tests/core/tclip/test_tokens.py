from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer

from core.tclip import tokens

ORACLE = SimpleTokenizer()
PLAIN = st.text(
    st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"], exclude_characters="&"), max_size=60
)


@settings(max_examples=60)
@given(PLAIN)
def test_the_count_is_open_clips(text: str) -> None:
    assert tokens.count(text) == len(ORACLE.encode(text)) + 2


def test_captions_count_as_open_clip_counts_them() -> None:
    for text in ("", "An infrared image of a clear sky with 1 point target.", "it's 25.3 °C — über-hot; x=241, y=124"):
        assert tokens.count(text) == len(ORACLE.encode(text)) + 2


def test_the_vocabulary_knows_words_and_no_slips() -> None:
    assert {"infrared", "temperature", "bicycle"} <= tokens.words()
    assert not {"infared", "temprature", "bycicle"} & tokens.words()
