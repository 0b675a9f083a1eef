import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.filters import CLASSES, faults, rejected
from core.data.records import Caption

NAMED = {
    "heat": "hot hottest hotspot heat heated overheated warm warmer warmth cold coldest cool cooler cooling chilly "
    "frozen burning insulated",
    "temperature": "temperature temperatures celsius Fahrenheit kelvin thermometer",
    "material": "metal metallic steel concrete asphalt brick wooden glass plastic emissivity emits reflectance "
    "radiance radiating material",
    "colour": "red reddish orange yellow green blue purple pink brown beige cyan golden silver color colours colorful "
    "RGB",
}  # fmt: skip
WORDS = [(name, word) for name, words in NAMED.items() for word in words.split()]
GOOD = Caption("An infrared thermal image of a road.", "Thermal infrared image of a road.", "A dark frame.")


@pytest.mark.parametrize(("name", "word"), WORDS)
def test_each_word_is_rejected_under_its_class(name: str, word: str) -> None:
    assert rejected(f"The frame shows a {word} thing") == {name: [word.casefold()]}


@given(st.sampled_from(WORDS), st.text("abc XYZ,.;-", max_size=20), st.text("abc XYZ,.;-", max_size=20))
def test_a_rejected_word_is_found_anywhere_in_any_case(pair: tuple[str, str], before: str, after: str) -> None:
    name, word = pair
    assert name in rejected(f"{before} {word.upper()} {after}")


@pytest.mark.parametrize("text", [
    "a thermal image", "an infrared frame in gray levels, black and white", "a shot of a hotel",
    "a warmonger's coldframes", "scattered trees", "a reduced view", "a tanker", "looking down at 30 degrees",
    "a greenhouse in the irons' field",
    "high contrast with a sharp outline", "the thermal camera looks left",
])  # fmt: skip
def test_words_that_only_look_alike_may_stay(text: str) -> None:
    assert rejected(text) == {}


@pytest.mark.parametrize(("text", "name"), [
    ("a thermal signature", "heat"), ("red-hot", "heat"), ("heat_map", "heat"), ("at 25 °C", "temperature"),
    ("30°C", "temperature"), ("20 degrees F", "temperature"), ("ｗａｒｍ air", "heat"), ("wa\u00adrm", "heat"),
    ("multi-coloured", "colour"),
])  # fmt: skip
def test_hyphens_signs_and_other_writings_do_not_hide_a_word(text: str, name: str) -> None:
    assert name in rejected(text)


def test_every_class_is_tested() -> None:
    assert set(NAMED) == set(CLASSES)


def test_a_good_caption_has_no_faults_and_each_fault_is_named() -> None:
    assert faults(GOOD) == []
    assert "fine: heat word 'warm'" in faults(Caption(GOOD.global_, "Thermal infrared image of a warm road."))
    assert faults(Caption("A road.", "A road.")) == [
        'global: does not start with "An infrared thermal image of"',
        'fine: does not start with "Thermal infrared image"',
    ]  # fmt: skip
    assert "more than 77" in faults(Caption(f"{GOOD.global_} {'and one more road ' * 30}", GOOD.fine))[0]


def test_temperatures_are_told_of_radiometric_images_and_in_inferred_claims_only() -> None:
    measured = Caption(GOOD.global_, "Thermal infrared image of a road, from 3.0 to 21.5 degrees Celsius.")
    assert faults(measured, radiometric=True) == [] != faults(measured)
    assert faults(Caption(GOOD.global_, GOOD.fine, inferred="Inferred, not measured: the car is warm.")) == []
