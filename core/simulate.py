"""Rendered infrared scenes with known truth: examples, demonstrations and tests without anyone's photographs.

A scene is a map of apparent temperature (kelvin). Planck's law at 10 um makes radiance of it, the optics blur it,
point targets are added through the same blur at sub-pixel positions, the sensor adds noise and digitises.

    python -m core.simulate --out DIR [--n 6] [--seed 0]
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage, special

from core import cli, scenes
from core.errors import InputError
from core.palettes import png_bytes
from core.thermal import ThermalImage, from_array

SECOND_RADIATION_CONSTANT = 14387.77  # um K
WAVELENGTH = 10.0  # um, the middle of the long-wave band
REFERENCE = 288.0  # K, where the camera is calibrated
COUNTS_PER_KELVIN = 40  # a 14-bit core at high gain
COUNTS_AT_REFERENCE = 8000
NOISE = 0.05  # K at REFERENCE, noise-equivalent temperature difference of an uncooled sensor
COLUMN_NOISE = 0.4  # of NOISE, what non-uniformity correction leaves behind
BLUR = 0.7  # px, standard deviation of the optics' Gaussian point-spread function
TRUTH_LEVEL = 0.5  # a pixel belongs to a target from this part of the target's peak on


@dataclass(frozen=True)
class SimulatedTarget:
    """category: "point", "person" or "vehicle"; pixels, centre of the top left one = (0, 0); contrast in kelvin."""

    category: str
    centre_xy: tuple[float, float]
    contrast_k: float
    area_px: int
    box_xyxy: tuple[int, int, int, int]  # pixel edges: x2 and y2 are one past the last pixel


@dataclass(frozen=True, eq=False)
class Simulation:
    """image: what the camera gives; mask: bool (H, W) exact truth; kelvin: float64 (H, W) scene without noise."""

    image: ThermalImage
    mask: np.ndarray
    targets: tuple[SimulatedTarget, ...]
    kelvin: np.ndarray


@dataclass(frozen=True)
class View:
    """What to render: a scene of `scenes.SCENES`, the number of targets in it, bits a pixel."""

    scene: str
    targets: int
    bit_depth: int


PLAN = (
    View("sky", 1, 16),
    View("clouds", 2, 16),
    View("ground", 1, 8),
    View("sea", 2, 16),
    View("clouds", 0, 8),
    View("aerial", 9, 8),
)


def radiance(kelvin: np.ndarray) -> np.ndarray:
    """Planck's law at WAVELENGTH, relative to a black body at REFERENCE."""
    exponent = SECOND_RADIATION_CONSTANT / WAVELENGTH
    return np.expm1(exponent / REFERENCE) / np.expm1(exponent / kelvin)


def radiance_per_kelvin() -> float:
    """Slope of `radiance` at REFERENCE: the camera reports temperatures on this straight line."""
    x = SECOND_RADIATION_CONSTANT / (WAVELENGTH * REFERENCE)
    return float(x / REFERENCE / -np.expm1(-x))


def point_spread(shape: tuple[int, int], x: float, y: float, sigma: float) -> np.ndarray:
    """float64 (H, W): a Gaussian of peak 1 and deviation `sigma` px at (x, y), integrated over each pixel's area."""

    def along(length: int, centre: float) -> np.ndarray:
        edges = special.erf((np.arange(length + 1) - 0.5 - centre) / (sigma * np.sqrt(2)))
        return np.diff(edges) * sigma * np.sqrt(np.pi / 2)

    return along(shape[0], y)[:, None] * along(shape[1], x)[None]


def simulate(view: View, seed: int, width: int = 320, height: int = 256) -> Simulation:
    """Render one view. The same arguments give the same picture. Raises InputError for an unknown scene."""
    if view.scene not in scenes.SCENES:
        raise InputError(f"'{view.scene}' is no scene: choose one of {', '.join(scenes.SCENES)}.")
    rng = np.random.default_rng(seed)
    scene = scenes.SCENES[view.scene](rng, (height, width), view.targets)
    signal = ndimage.gaussian_filter(radiance(scene.kelvin), BLUR, mode="nearest")
    mask = np.zeros((height, width), bool)
    targets = []
    for point in scene.points:
        spread = point_spread((height, width), point.x, point.y, point.sigma)
        signal += point.contrast_k * radiance_per_kelvin() * spread
        own = spread >= TRUTH_LEVEL * spread.max()
        targets.append(_target("point", own, point.contrast_k, (point.x, point.y)))
        mask |= own
    for body in scene.bodies:
        targets.append(_target(body.category, body.mask, body.contrast_k))
        mask |= body.mask
    counts = _expose(signal, rng)
    name = f"{view.scene}_{seed}.png"
    if view.bit_depth == 8:
        image = from_array(ThermalImage(counts, bit_depth=16).view8(0.05, 99.95), bit_depth=8, name=name)
    else:
        image = from_array(counts, bit_depth=16, name=name)
    return Simulation(image, mask, tuple(targets), scene.kelvin)


def _expose(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Relative radiance (H, W) -> whole counts (H, W): shot noise grows with the square root of the signal."""
    noise = NOISE * radiance_per_kelvin()
    columns = COLUMN_NOISE * noise * rng.standard_normal((1, signal.shape[1]))
    noisy = signal + noise * np.sqrt(signal) * rng.standard_normal(signal.shape) + columns
    kelvin_from_reference = (noisy - 1) / radiance_per_kelvin()
    return np.clip(np.rint(COUNTS_AT_REFERENCE + COUNTS_PER_KELVIN * kelvin_from_reference), 0, 65535)


def _target(
    category: str, mask: np.ndarray, contrast_k: float, centre_xy: tuple[float, float] | None = None
) -> SimulatedTarget:
    rows, columns = np.nonzero(mask)
    x, y = centre_xy or (columns.mean(), rows.mean())
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return SimulatedTarget(category, (round(float(x), 3), round(float(y), 3)), round(contrast_k, 2), rows.size, box)


def render(out: Path, n: int, seed: int, plan: tuple[View, ...] = PLAN) -> list[dict[str, Any]]:
    """Write n pictures, their masks and truth.json; the plan's views in turn, with seeds seed, seed + 1, ..."""
    (out / "masks").mkdir(parents=True, exist_ok=True)
    truth = []
    for number in range(n):
        view = plan[number % len(plan)]
        simulation = simulate(view, seed + number)
        image = simulation.image
        pixels = image.pixels.astype(np.uint8 if view.bit_depth == 8 else np.uint16)
        (out / image.name).write_bytes(png_bytes(pixels))
        (out / "masks" / image.name).write_bytes(png_bytes(simulation.mask))
        entry = {"image": image.name, "mask": f"masks/{image.name}", "seed": seed + number, **asdict(view)}
        truth.append(entry | {"targets": [asdict(target) for target in simulation.targets]})
    (out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return truth


def _command(args: argparse.Namespace) -> dict[str, Any]:
    if args.n < 1 or args.seed < 0:
        raise InputError("--n must be at least 1 and --seed at least 0.")
    plan = PLAN if args.scene is None else tuple(view for view in PLAN if view.scene == args.scene)
    truth = render(args.out, args.n, args.seed, plan)
    print(f"{args.n} images, their masks and truth.json are in {args.out}")
    return {"images": truth}


def main() -> None:
    parser = argparse.ArgumentParser("python -m core.simulate", description="Render infrared scenes with known truth.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the images, masks/ and truth.json")
    parser.add_argument("--n", type=int, default=len(PLAN), help="how many images")
    parser.add_argument("--seed", type=int, default=0, help="of the first image; the others count up from it")
    parser.add_argument("--scene", choices=list(scenes.SCENES), help="only this kind of scene")
    cli.run(parser, _command)


if __name__ == "__main__":
    main()
