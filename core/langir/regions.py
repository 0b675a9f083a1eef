"""Places in an image in words."""


def region_words(x: float, y: float, width: int, height: int) -> str:
    """Place of a point on a 3 x 3 grid in words: "upper left", "center", "lower center" ..."""
    column = ("left", "center", "right")[min(2, int(3 * x / width))]
    row = ("upper", "middle", "lower")[min(2, int(3 * y / height))]
    if row == "middle":
        return column
    return f"{row} {column}"
