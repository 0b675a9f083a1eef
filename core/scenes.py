"""The scenes of core.simulate: apparent temperature maps in kelvin, and what stands in them.

Values are round numbers of the long-wave infrared: clear sky is cold at the zenith and near air temperature at the
horizon, clouds are warmer than the sky behind them, roofs and metal reflect cold sky, people are near 304 K.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Shape = tuple[int, int]  # (H, W)


@dataclass(frozen=True)
class Point:
    """A target smaller than a pixel: position in px, peak contrast in K after the blur of `sigma` px."""

    x: float
    y: float
    contrast_k: float
    sigma: float


@dataclass(frozen=True, eq=False)
class Body:
    """A resolved target: category, bool (H, W) mask, mean contrast in K to what was there before."""

    category: str
    mask: np.ndarray
    contrast_k: float


@dataclass(frozen=True, eq=False)
class Scene:
    """kelvin: float64 (H, W)."""

    kelvin: np.ndarray
    points: tuple[Point, ...] = ()
    bodies: tuple[Body, ...] = ()


def clutter(rng: np.random.Generator, shape: Shape, exponent: float, stretch: float = 1.0) -> np.ndarray:
    """float64 (H, W), mean 0, deviation 1, power spectrum 1/f^exponent; `stretch` > 1 draws it out sideways."""
    fy = np.fft.fftfreq(shape[0])[:, None]
    fx = np.fft.fftfreq(shape[1])[None] * stretch
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf  # no mean
    spectrum = np.fft.fft2(rng.standard_normal(shape)) * frequency ** (-exponent / 2)
    field = np.fft.ifft2(spectrum).real
    return field / field.std()


def sky(rng: np.random.Generator, shape: Shape, targets: int) -> Scene:
    """Clear sky with thin haze: colder with elevation."""
    kelvin = _clear_sky(rng, shape) + 0.25 * clutter(rng, shape, 3.0, stretch=3)
    return Scene(kelvin, _points(rng, shape, targets, contrast=(2.5, 5.0), rows=(0.1, 0.9)))


def clouds(rng: np.random.Generator, shape: Shape, targets: int) -> Scene:
    """Broken cloud, warmer than the clear sky between."""
    field = clutter(rng, shape, 3.2, stretch=1.8)
    cover = 1 / (1 + np.exp(-3.0 * (field - 0.1)))
    kelvin = _clear_sky(rng, shape) + cover * (9 + 2.0 * field + 0.5 * clutter(rng, shape, 2.4))
    return Scene(kelvin, _points(rng, shape, targets, contrast=(5.0, 9.0), rows=(0.1, 0.9)))


def ground(rng: np.random.Generator, shape: Shape, targets: int) -> Scene:
    """Fields and tree lines under a horizon; targets fly low over it."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    horizon = 0.45 * height
    hills = 0.02 * height * (1.5 + clutter(rng, (1, width), 3.0)).clip(0)
    skyline = horizon - hills - 0.004 * height * np.abs(clutter(rng, (1, width), 1.0))  # trees on the hills
    depth = np.clip((y - horizon) / (height - horizon), 0.01, 1)
    # Each field is a cell around a random seed in ground coordinates: perspective shrinks the far ones.
    seeds = np.stack([rng.uniform(-6, 6, 160), np.exp(rng.uniform(0, np.log(40), 160))])
    ground_x, ground_z = (x / width - 0.5) / depth * 2, 1 / depth
    apart = (ground_x[..., None] - seeds[0]) ** 2 + (2 * np.log(ground_z[..., None] / seeds[1])) ** 2
    field = apart.argmin(axis=2)
    emissivity, warmth = rng.uniform(0.93, 0.98, 160)[field], rng.uniform(284, 290, 160)[field]
    texture = 0.7 * clutter(rng, shape, 2.0, stretch=2) * (0.4 + depth)
    land = emissivity * (warmth + texture) + (1 - emissivity) * 255  # the rest reflects the sky
    haze = np.exp(-6 * depth)
    land = (1 - haze) * land + haze * 283.5
    land[(y < horizon) & (y > skyline)] -= 1.5  # trees are near air temperature
    above = 281 - 30 * np.clip(horizon - y, 0, None) / height + 0.6 * clutter(rng, shape, 3.0, stretch=3)
    kelvin = np.where(y > skyline, land, above)
    return Scene(kelvin, _points(rng, shape, targets, contrast=(6.0, 10.0), rows=(0.12, 0.36)))


def sea(rng: np.random.Generator, shape: Shape, targets: int) -> Scene:
    """Waves that shorten towards the horizon; targets are distant vessels and low flyers near it."""
    height, width = shape
    horizon = round(0.38 * height)
    rows = np.arange(height - horizon, dtype=np.float64)
    depth = (rows + 1) / rows.size
    swell = clutter(rng, (4 * height, 2 * width), 1.5, stretch=3)
    far = np.clip(1 / depth, 1, 60)  # one over the distance to the viewer, near = 1
    at_y = (3.5 * height * (1 - 1 / np.sqrt(far)))[:, None] + np.zeros((1, width))
    at_x = (np.arange(width) - width / 2)[None] * np.sqrt(far)[:, None] * 0.5 + width
    waves = ndimage.map_coordinates(swell, [at_y, at_x], order=1, mode="wrap")
    water = 286.5 - 3.0 * np.exp(-5 * depth)[:, None] + (0.3 + 0.5 * depth)[:, None] * waves
    elevation = (horizon - np.arange(horizon))[:, None] / height
    above = 283.2 - 26 * elevation + 0.35 * clutter(rng, (horizon, width), 3.0, stretch=3)
    kelvin = np.concatenate([above, water])
    return Scene(kelvin, _points(rng, shape, targets, contrast=(5.0, 9.0), rows=(0.33, 0.44)))


def aerial(rng: np.random.Generator, shape: Shape, targets: int) -> Scene:
    """A warm street seen from a drone: asphalt, roofs, trees, vehicles on the road, people beside it."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    kelvin = 289 + 0.8 * clutter(rng, shape, 2.2)
    tilt = rng.uniform(-0.35, 0.35)
    across = (y - rng.uniform(0.42, 0.58) * shape[0]) * np.cos(tilt) - (x - shape[1] / 2) * np.sin(tilt)
    along = (y - shape[0] / 2) * np.sin(tilt) + (x - shape[1] / 2) * np.cos(tilt)
    for edge in range(-1, 2, 2):
        for start in np.arange(-0.7, 0.7, 0.22) * shape[1]:
            long, deep = rng.uniform(38, 58), rng.uniform(28, 48)
            roof = _rectangle(along, across, start, edge * (52 + deep / 2), long, deep)
            kelvin[roof] = rng.uniform(283, 291) + 0.5 * clutter(rng, shape, 1.5, stretch=2)[roof]
            trees = (along - start - 34) ** 2 + (across - edge * rng.uniform(46, 90)) ** 2 < rng.uniform(6, 11) ** 2
            kelvin[trees] = 286.5 + 0.6 * clutter(rng, shape, 1.5)[trees]
    pavement, road = np.abs(across) < 34, np.abs(across) < 22
    kelvin[pavement] = 291 + 0.3 * clutter(rng, shape, 2.0)[pavement]
    kelvin[road] = 293.5 + 0.35 * clutter(rng, shape, 2.0)[road]
    kelvin[(np.abs(across) < 0.8) & (along % 18 < 9)] -= 0.9  # paint emits less
    bodies = []
    vehicles = targets // 3
    slots = rng.permutation(np.linspace(-0.42, 0.42, max(vehicles, 1)) * shape[1])
    for number in range(vehicles):
        lane = 11 if number % 2 else -11
        mask = _rectangle(along, across, slots[number], lane, 19, 8.5)
        hood = mask & (np.sign(lane) * (along - slots[number]) > 4)
        bodies.append(_body("vehicle", kelvin, mask, np.where(hood, 304.0, 296.5 + rng.uniform(-1, 1))))
    spots = rng.permutation(np.linspace(-0.45, 0.45, max(targets - vehicles, 1)) * shape[1])
    for number in range(targets - vehicles):
        aside = rng.uniform(25, 31) * rng.choice([-1, 1])
        turn = rng.uniform(0, np.pi)
        u, v = along - spots[number] - rng.uniform(-4, 4), across - aside
        mask = ((u * np.cos(turn) + v * np.sin(turn)) / 2.9) ** 2 + (
            (v * np.cos(turn) - u * np.sin(turn)) / 1.8
        ) ** 2 < 1
        bodies.append(_body("person", kelvin, mask, np.full(shape, rng.uniform(300, 304))))
    return Scene(kelvin, bodies=tuple(body for body in bodies if body is not None))


SCENES: dict[str, Callable[[np.random.Generator, Shape, int], Scene]] = {
    "sky": sky,
    "clouds": clouds,
    "ground": ground,
    "sea": sea,
    "aerial": aerial,
}


def _clear_sky(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Brightness temperature follows the air mass: steepest near the horizon, which is at the bottom."""
    elevation = np.linspace(np.radians(rng.uniform(28, 36)), np.radians(rng.uniform(8, 12)), shape[0])[:, None]
    return np.broadcast_to(238 + 9.0 / np.sin(elevation) ** 0.6, shape).copy()


def _points(
    rng: np.random.Generator, shape: Shape, number: int, contrast: tuple[float, float], rows: tuple[float, float]
) -> tuple[Point, ...]:
    """Points in the band of `rows` (parts of the height), each in its own column band so that none overlap."""
    bands = rng.permutation(number)
    return tuple(
        Point(
            x=float(shape[1] * (0.06 + 0.88 * (band + rng.uniform(0.1, 0.9)) / number)),
            y=float(shape[0] * rng.uniform(*rows)),
            contrast_k=float(rng.uniform(*contrast)),
            sigma=float(rng.uniform(0.8, 1.4)),
        )
        for band in bands
    )


def _rectangle(along: np.ndarray, across: np.ndarray, at: float, side: float, long: float, deep: float) -> np.ndarray:
    return (np.abs(along - at) <= long / 2) & (np.abs(across - side) <= deep / 2)


def _body(category: str, kelvin: np.ndarray, mask: np.ndarray, temperature: np.ndarray) -> Body | None:
    """Put a body into the scene, in place; None when it fell outside the picture."""
    if not mask.any():
        return None
    contrast = float((temperature[mask] - kelvin[mask]).mean())
    kelvin[mask] = temperature[mask]
    return Body(category, mask, contrast)
