"""CLIP's tokens counted: how much of a caption the model reads. Needs neither torch nor the model."""

import functools
import gzip
import importlib.util
import itertools
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

LIMIT = 77  # tokens that CLIP reads, the two that mark start and end included (Radford et al., arXiv 2103.00020)
_MERGES = 49_152 - 256 - 2  # of the published vocabulary
_PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


def count(text: str) -> int:
    """Tokens of a text, start and end included. Equals open_clip's own for printable text of sound encoding."""
    return sum(map(_pieces, text.split())) + 2


@functools.lru_cache(1 << 16)
def _pieces(word: str) -> int:
    """Tokens of a text without white space; those of a sentence are the sum over its words."""
    return len(_tokenizer().encode(word).ids)


@functools.cache
def words() -> frozenset[str]:
    """The lower-case words that CLIP's vocabulary holds whole: the most frequent ones of captions on the web."""
    whole = (piece.removesuffix("</w>") for piece in _tokenizer().get_vocab() if piece.endswith("</w>"))
    return frozenset(word for word in whole if word.isalpha())


@functools.cache
def _tokenizer() -> Tokenizer:
    package = importlib.util.find_spec("open_clip")
    assert package is not None and package.origin is not None  # a requirement of the studio
    published = gzip.decompress((Path(package.origin).parent / "bpe_simple_vocab_16e6.txt.gz").read_bytes())
    lines = (line.split() for line in published.decode().splitlines()[1 : _MERGES + 1])
    merges = [(left, right) for left, right in lines]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    vocabulary = dict(zip(dict.fromkeys(pieces), itertools.count()))
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    return tokenizer
