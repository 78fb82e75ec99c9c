"""Draw the course's bundled pictures: a small CIFAR-10 of our own, and a folder of ants and bees.

    python data/draw_sample.py              write data/cifar10-sample/ and data/ants_bees/, print the md5 sums
    python data/draw_sample.py --check      draw again and compare with what is there; write nothing
    python data/draw_sample.py --sheets     also write the contact sheets of data/README.md

How a picture comes about: a class's function builds a small 3D model out of solids (balls, tubes, wedges), with random
proportions, colours and pose; the camera takes a random place; a backdrop is painted; `render` shades each solid and
casts its shadow, three times finer than wanted; the picture is reduced with antialiasing and gets the exposure, colour
cast and noise of a snapshot. Picture number i has a random generator of its own, so any picture can be drawn alone.

World coordinates of a model: x where it looks, y up, z towards its right-hand side; the ground is y = 0. Colours are RGB
triples from 0 to 1.
"""

import argparse
import colorsys
import hashlib
import io
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SEED = 20
TRAIN_PER_CLASS, TEST_PER_CLASS = 300, 60
STEP = 4  # grey values are multiples of it, which no eye sees and which halves the compressed size

Array = np.ndarray
# One colour, or a function of points and normals, both (M, 3).
Paint = Sequence[float] | Callable[[Array, Array], Array]


# ---------------------------------------------------------------------------------------------------------------------
# Solids: an intersection of at most one quadric (ball, tube) with any number of half-spaces (box, wedge, hull).


@dataclass
class Solid:
    axes: Array  # (3, 3) rows: the local axes in world coordinates, divided by the size of a local unit
    centre: Array  # (3,) in world coordinates
    half: Array  # (3,) half of its local bounding box
    paint: Paint
    weights: Array | None = None  # quadric: sum(weights * p**2) <= 1
    planes: Array | None = None  # (K, 4) half-spaces: planes[:, :3] @ p <= planes[:, 3]
    shine: float = 0.0
    clear: float = 0.0  # how much of what lies behind shows through


def rotation(yaw: float = 0, pitch: float = 0, roll: float = 0) -> Array:
    """Matrix whose columns are the turned x, y, z axes. Degrees: yaw turns x towards +z, pitch lifts x, roll tips z."""
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    lift = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    return turn @ lift @ tip


class Model:
    """A list of solids, built in a frame of reference that can be moved, turned and scaled."""

    def __init__(self) -> None:
        self.solids: list[Solid] = []
        self.focus: list[int] = []  # the solids a close-up shows; all of them if empty
        self.turn, self.at, self.size = np.eye(3), np.zeros(3), 1.0
        self.beads, self.gap = 14, 0.6  # a limb: at most so many balls, so many radii apart

    @contextmanager
    def frame(self, at=(0, 0, 0), yaw=0.0, pitch=0.0, roll=0.0, size=1.0):
        old = self.turn, self.at, self.size
        self.at = self.at + self.size * self.turn @ np.asarray(at, float)
        self.turn, self.size = self.turn @ rotation(yaw, pitch, roll), self.size * size
        yield self
        self.turn, self.at, self.size = old

    def add(self, at, half, paint, turn=None, weights=None, planes=None, shine=0.0) -> None:
        axes = (self.turn if turn is None else self.turn @ turn).T / self.size
        centre = self.at + self.size * self.turn @ np.asarray(at, float)
        weights = None if weights is None else np.asarray(weights, float)
        self.solids.append(Solid(axes, centre, np.asarray(half, float), paint, weights, planes, shine))

    def ball(self, at, radii, paint, yaw=0.0, pitch=0.0, roll=0.0, shine=0.0, cut=None) -> None:
        """An ellipsoid; `cut` keeps the part where cut[:3] @ p <= cut[3]."""
        radii = np.broadcast_to(np.asarray(radii, float), 3)
        planes = None if cut is None else np.asarray([cut], float)
        self.add(at, radii, paint, rotation(yaw, pitch, roll), 1 / radii**2, planes, shine)

    def limb(self, start, end, r0, r1, paint) -> None:
        """A round stick from `start` to `end` that tapers from radius r0 to r1: a chain of balls."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        count = 2 + int(np.linalg.norm(end - start) / (self.gap * min(r0, r1)))
        for t in np.linspace(0, 1, min(count, self.beads)):
            self.ball(start + t * (end - start), r0 + t * (r1 - r0), paint)

    def path(self, points, radii, paint) -> None:
        for i in range(len(points) - 1):
            self.limb(points[i], points[i + 1], radii[i], radii[i + 1], paint)

    def tube(
        self, at, axis: int, radius, half_length, paint, shine=0.0, yaw=0.0, pitch=0.0, roll=0.0
    ) -> None:
        """A cylinder along local axis 0, 1 or 2."""
        weights, half = np.full(3, 1 / radius**2), np.full(3, float(radius))
        weights[axis], half[axis] = 1e-9, half_length
        ends = np.zeros((2, 4))
        ends[0, axis], ends[1, axis], ends[:, 3] = 1, -1, half_length
        self.add(at, half, paint, rotation(yaw, pitch, roll), weights, ends, shine)

    def faces(self, points, faces, paint, shine=0.0) -> None:
        """A convex body given by its corners and its faces (lists of corner numbers)."""
        points = np.asarray(points, float)
        low, high = points.min(0), points.max(0)
        at, centre = (low + high) / 2, points.mean(0)
        planes = []
        for face in faces:
            a, b, c = points[face[0]], points[face[1]], points[face[2]]
            normal = np.cross(b - a, c - a)
            length = np.linalg.norm(normal)
            if length < 1e-12:
                continue
            normal = normal / length
            if normal @ (centre - a) > 0:
                normal = -normal
            planes.append([*normal, normal @ (a - at)])
        self.add(at, (high - low) / 2, paint, planes=np.asarray(planes), shine=shine)

    def loft(self, bottom, top, paint, shine=0.0) -> None:
        """A convex body between two polygons with the same number of corners, each corner (x, y, z)."""
        n = len(bottom)
        sides = [[i, (i + 1) % n, n + i] for i in range(n)]
        self.faces([*bottom, *top], [[0, 1, 2], [n, n + 1, n + 2], *sides], paint, shine)

    def block(self, x, y, z, paint, top_x=None, top_z=None, shine=0.0) -> None:
        """A box over the intervals x, y, z; its top may span other intervals, which makes it a frustum."""
        tx, tz = top_x or x, top_z or z
        bottom = [(x[0], y[0], z[0]), (x[1], y[0], z[0]), (x[1], y[0], z[1]), (x[0], y[0], z[1])]
        top = [(tx[0], y[1], tz[0]), (tx[1], y[1], tz[0]), (tx[1], y[1], tz[1]), (tx[0], y[1], tz[1])]
        self.loft(bottom, top, paint, shine)

    def plate(self, outline, plane: str, at: float, thick: float, paint, shine=0.0) -> None:
        """A flat convex plate: a polygon in plane "xy" or "xz", `at` on the third axis."""
        make = (lambda a, b, t: (a, b, t)) if plane == "xy" else (lambda a, b, t: (a, t, b))
        low = [make(a, b, at - thick / 2) for a, b in outline]
        high = [make(a, b, at + thick / 2) for a, b in outline]
        self.loft(low, high, paint, shine)

    def fin(self, outline3, thick: float, paint, shine=0.0) -> None:
        """A thin flat body through coplanar corners (x, y, z), such as a dihedral wing."""
        points = np.asarray(outline3, float)
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        normal *= thick / 2 / max(np.linalg.norm(normal), 1e-9)
        self.loft(points - normal, points + normal, paint, shine)

    def spike(self, base, tip, radius, paint, flat=1.0) -> None:
        """A six-sided pyramid; `flat` thins it along x, as an ear is."""
        base, tip = np.asarray(base, float), np.asarray(tip, float)
        axis = tip - base
        side = np.cross(axis, (1.0, 0, 0) if abs(axis[0]) < 0.7 * np.linalg.norm(axis) else (0, 1.0, 0))
        side /= np.linalg.norm(side)
        other = np.cross(axis, side)
        other /= np.linalg.norm(other)
        angles = np.arange(6) * np.pi / 3
        ring = [base + radius * (np.cos(a) * side + flat * np.sin(a) * other) for a in angles]
        self.faces([*ring, tip], [[0, 1, 2], *([i, (i + 1) % 6, 6] for i in range(6))], paint)


# ---------------------------------------------------------------------------------------------------------------------
# Camera, light, shadow.


def hit(solid: Solid, origins: Array, direction: Array) -> tuple[Array, Array, Array]:
    """Where the lines origins + t * direction (local, (3, M) and (3,)) leave a solid: (t, normals (3, M), hit (M,))."""
    low = np.full(origins.shape[1], -np.inf)
    high = np.full(origins.shape[1], np.inf)
    normals = np.zeros_like(origins)
    if solid.weights is not None:
        w = solid.weights[:, None]
        a = float(solid.weights @ direction**2)
        b = (solid.weights * direction) @ origins
        c = (w * origins**2).sum(0) - 1
        inside = b * b - a * c
        root = np.sqrt(np.maximum(inside, 0))
        high, low = (root - b) / a, (-root - b) / a
        normals = w * (origins + high * direction[:, None])
        high[inside <= 0] = -np.inf
    if solid.planes is not None:
        for plane in solid.planes:
            slope = plane[:3] @ direction
            room = plane[3] - plane[:3] @ origins
            if slope > 1e-9:
                t = room / slope
                nearer = t < high
                high = np.where(nearer, t, high)
                normals[:, nearer] = plane[:3, None]
            elif slope < -1e-9:
                low = np.maximum(low, room / slope)
            else:
                high = np.where(room < 0, -np.inf, high)
    return high, normals, high > low


def view(elevation: float, roll: float = 0.0) -> Array:
    """Camera axes as rows right, up, towards the viewer, for a camera `elevation` degrees above the ground."""
    e, r = np.radians([elevation, roll])
    right, up, near = np.array([[1, 0, 0], [0, np.cos(e), -np.sin(e)], [0, np.sin(e), np.cos(e)]])
    return np.array([np.cos(r) * right + np.sin(r) * up, np.cos(r) * up - np.sin(r) * right, near])


def extent(solid: Solid, camera: Array) -> tuple[Array, Array]:
    """Centre and half-size of a solid on the picture plane."""
    axes = np.linalg.inv(solid.axes @ camera.T)  # local to camera
    spread = np.abs(axes * solid.half)
    half = np.sqrt((spread**2).sum(1)) if solid.planes is None else spread.sum(1)
    return (camera @ solid.centre)[:2], half[:2]


@dataclass
class Shot:
    """How a model stands in its picture."""

    elevation: float = 10.0
    roll: float = 0.0
    fill: float = 0.85  # the longer side of the model over that of the picture
    middle: tuple[float, float] = (0.5, 0.5)  # where the model's middle comes, as parts of width and height
    light: tuple[float, float, float] = (-0.4, 0.8, 0.5)  # towards the light: right, up, near
    warm: tuple[float, float, float] = (1.0, 1.0, 1.0)  # colour of the light
    ambient: float = 0.5
    ground: bool = True  # cut at y = 0 and cast a shadow on it
    shadow: float = 0.5


def render(model: Model, shot: Shot, backdrop: Array) -> tuple[Array, Array]:
    """Draw a model over a backdrop (H, W, 3); returns the picture and the mask (H, W) of the model."""
    height, width = backdrop.shape[:2]
    camera = view(shot.elevation, shot.roll)
    boxes = [extent(s, camera) for s in model.solids]
    chosen = [boxes[i] for i in model.focus] or boxes
    low = np.min([c - h for c, h in chosen], 0)
    high = np.max([c + h for c, h in chosen], 0)
    scale = shot.fill * min(width / (high[0] - low[0]), height / (high[1] - low[1]))  # pixels per unit
    zero = (
        np.array([shot.middle[0] * width, shot.middle[1] * height])
        - np.array([1, -1]) * (low + high) / 2 * scale
    )
    light = np.asarray(shot.light) / np.linalg.norm(shot.light)
    half_way = light + [0, 0, 1]
    half_way = half_way / np.linalg.norm(half_way)
    picture, depth = backdrop.copy(), np.full((height, width), -np.inf)
    warm = np.asarray(shot.warm)

    if shot.ground and shot.elevation > 2:
        step = max(2, width // 150)
        v, u = np.mgrid[0:height:step, 0:width:step]
        x, y = (u.ravel() - zero[0]) / scale, (zero[1] - v.ravel()) / scale
        z = -(camera[0, 1] * x + camera[1, 1] * y) / camera[2, 1]
        world = camera.T @ np.stack([x, y, z])
        ray = camera.T @ light
        dark = np.zeros(x.size)
        for solid in model.solids:
            t, _, found = hit(solid, solid.axes @ (world - solid.centre[:, None]), solid.axes @ ray)
            dark[found & (t > 0)] = 1
        dark = blur(dark.reshape(u.shape), 0.012 * width / step)
        dark = resize(dark, height, width)
        picture *= 1 - shot.shadow * dark[..., None]

    for solid, (centre, half) in sorted(
        zip(model.solids, boxes, strict=True), key=lambda pair: pair[0].clear
    ):
        u0, u1 = zero[0] + (centre[0] - half[0]) * scale, zero[0] + (centre[0] + half[0]) * scale
        v0, v1 = zero[1] - (centre[1] + half[1]) * scale, zero[1] - (centre[1] - half[1]) * scale
        u0, u1 = max(int(u0), 0), min(int(u1) + 2, width)
        v0, v1 = max(int(v0), 0), min(int(v1) + 2, height)
        if u0 >= u1 or v0 >= v1:
            continue
        v, u = np.mgrid[v0:v1, u0:u1]
        axes = solid.axes @ camera.T
        x = (u.ravel() + 0.5 - zero[0]) / scale - centre[0]
        y = (zero[1] - v.ravel() - 0.5) / scale - centre[1]
        t, normals, found = hit(solid, axes[:, :1] * x + axes[:, 1:2] * y, axes[:, 2])
        z = t + camera[2] @ solid.centre
        if shot.ground:
            found &= camera[0, 1] * (x + centre[0]) + camera[1, 1] * (y + centre[1]) + camera[2, 1] * z > 0
        found &= z > depth[v0:v1, u0:u1].ravel()
        if not found.any():
            continue
        points = axes @ np.stack([x[found], y[found], t[found]])
        normals = normals[:, found]
        colour = solid.paint(points.T, normals.T) if callable(solid.paint) else np.asarray(solid.paint, float)
        normals = axes.T @ normals
        normals /= np.maximum(np.linalg.norm(normals, axis=0), 1e-12)
        bright = shot.ambient * (0.75 + 0.25 * normals[1]) + (1.05 - shot.ambient) * np.maximum(
            light @ normals, 0
        )
        shaded = colour * (bright[:, None] * warm)
        if solid.shine:
            shaded = shaded + solid.shine * np.maximum(half_way @ normals, 0)[:, None] ** 24
        rows, columns = v.ravel()[found], u.ravel()[found]
        if solid.clear:
            shaded = shaded * (1 - solid.clear) + picture[rows, columns] * solid.clear
        else:
            depth[rows, columns] = z[found]
        picture[rows, columns] = shaded
    return picture, depth > -np.inf


# ---------------------------------------------------------------------------------------------------------------------
# Colours, noise and patterns.


def hsv(h: float, s: float, v: float) -> Array:
    return np.array(colorsys.hsv_to_rgb(h % 1, min(max(s, 0), 1), min(max(v, 0), 1)))


def near(rng: Generator, colour, spread=0.05) -> Array:
    """A colour a little off the given one."""
    colour = np.asarray(colour, float)
    return np.clip(
        colour * rng.uniform(1 - 2 * spread, 1 + 2 * spread) + rng.normal(0, spread / 2, 3), 0.02, 1
    )


def pick(rng: Generator, table: dict):
    """A key of `table`, drawn with its value as the weight."""
    weights = np.array(list(table.values()), float)
    return list(table)[rng.choice(len(table), p=weights / weights.sum())]


def resize(plane: Array, height: int, width: int) -> Array:
    return np.asarray(
        Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC), float
    )


def blur(plane: Array, sigma: float) -> Array:
    """Gaussian blur of a plane (H, W) or picture (H, W, C), edges repeated."""
    radius = int(2.5 * sigma + 0.5)
    if radius < 1:
        return plane
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if i == axis else (0, 0) for i in range(plane.ndim)]
        wide, length = np.pad(plane, padding, mode="edge"), plane.shape[axis]
        parts = (k * np.take(wide, range(i, i + length), axis) for i, k in enumerate(kernel))
        plane = sum(parts)
    return plane


def clouds(rng: Generator, height: int, width: int, rows: float, columns: float, octaves=3) -> Array:
    """Smooth noise from 0 to 1 (H, W) whose largest blots are about 1/rows high and 1/columns wide."""
    total = np.zeros((height, width))
    for i in range(octaves):
        grid = rng.random((max(2, round(rows * 2**i) + 1), max(2, round(columns * 2**i) + 1)))
        total += resize(grid, height, width) / 2**i
    total -= total.min()
    return total / max(total.max(), 1e-9)


def mix(a, b, t: Array) -> Array:
    """a where t = 0, b where t = 1; t of shape (...,) and colours of shape (3,) or (..., 3)."""
    t = np.clip(t, 0, 1)[..., None]
    return np.asarray(a) * (1 - t) + np.asarray(b) * t


def spots(rng: Generator, base, other, count=9, size=0.45, belly=None) -> Paint:
    """Round blots of another colour; `belly` colours what faces down."""
    spots_at = rng.normal(size=(count, 3))
    spots_at /= np.linalg.norm(spots_at, axis=1, keepdims=True)
    edge = np.cos(size * rng.uniform(0.6, 1.3, count))

    def paint(p, n):
        way = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
        colour = mix(base, other, ((way @ spots_at.T) > edge).any(1).astype(float))
        return colour if belly is None else mix(colour, belly, (-way[:, 1] - 0.25) * 4)

    return paint


def stripes(base, other, axis=0, period=0.3, part=0.4, bend=0.0, belly=None) -> Paint:
    """Bands across an axis, bent like a tabby's."""

    def paint(p, n):
        phase = (p[:, axis] + bend * np.abs(p[:, 2])) / period
        way = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
        colour = mix(base, other, ((phase % 1) < part) * 1.0)
        return colour if belly is None else mix(colour, belly, (-way[:, 1] - 0.25) * 4)

    return paint


def two_tone(top, bottom, sharp=4.0, level=-0.25) -> Paint:
    """One colour above, another below, by where the surface faces."""

    def paint(p, n):
        way = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
        return mix(top, bottom, (level - way[:, 1]) * sharp + 0.5)

    return paint


# ---------------------------------------------------------------------------------------------------------------------
# Backdrops. Each returns a picture (S, S, 3). All classes share them, so that none is given away by its surroundings.

GROUNDS = {
    "grass": ((0.24, 0.42, 0.13), (0.38, 0.55, 0.20)),
    "meadow": ((0.55, 0.50, 0.26), (0.70, 0.64, 0.38)),
    "soil": ((0.36, 0.26, 0.18), (0.52, 0.40, 0.29)),
    "sand": ((0.74, 0.65, 0.49), (0.86, 0.79, 0.64)),
    "snow": ((0.80, 0.84, 0.90), (0.95, 0.96, 0.98)),
    "asphalt": ((0.33, 0.33, 0.35), (0.46, 0.46, 0.47)),
    "pavement": ((0.58, 0.56, 0.53), (0.70, 0.68, 0.65)),
    "leaves": ((0.34, 0.22, 0.10), (0.62, 0.40, 0.16)),
    "sea": ((0.12, 0.30, 0.45), (0.30, 0.52, 0.66)),
    "lake": ((0.16, 0.26, 0.24), (0.34, 0.45, 0.40)),
    "greysea": ((0.42, 0.48, 0.53), (0.60, 0.66, 0.70)),
    "mud": ((0.30, 0.27, 0.18), (0.48, 0.44, 0.32)),
    "ice": ((0.66, 0.76, 0.80), (0.86, 0.91, 0.93)),
    "gold": ((0.55, 0.35, 0.25), (0.90, 0.62, 0.36)),
}
WATERS = ("sea", "lake", "greysea", "mud", "ice", "gold")
SKIES = {
    "blue": ((0.25, 0.48, 0.80), (0.66, 0.80, 0.93)),
    "pale": ((0.62, 0.74, 0.86), (0.86, 0.90, 0.93)),
    "grey": ((0.62, 0.65, 0.69), (0.80, 0.81, 0.82)),
    "white": ((0.88, 0.90, 0.92), (0.96, 0.96, 0.96)),
    "deep": ((0.08, 0.22, 0.52), (0.30, 0.52, 0.78)),
    "sunset": ((0.45, 0.36, 0.48), (0.95, 0.62, 0.38)),
    "dusk": ((0.16, 0.18, 0.34), (0.58, 0.45, 0.52)),
    "night": ((0.03, 0.04, 0.10), (0.10, 0.12, 0.22)),
}


def ramp(top, bottom, height: int, width: int) -> Array:
    t = np.linspace(0, 1, height)[:, None] * np.ones(width)
    return mix(top, bottom, t)


def sky(rng: Generator, kind: str, size: int) -> Array:
    top, bottom = (near(rng, c, 0.04) for c in SKIES[kind])
    picture = ramp(top, bottom, size, size)
    if kind == "night":
        stars = rng.random((size, size)) > 0.9985
        picture[stars] = 0.9
    elif rng.random() < 0.65:
        puff = clouds(rng, size, size, rng.uniform(2, 5), rng.uniform(1, 3), 4)
        white = np.minimum(near(rng, (0.95, 0.94, 0.94), 0.02) * (0.55 + 0.5 * bottom.mean()), 1)
        picture = mix(picture, white, (puff - rng.uniform(0.4, 0.7)) * 3 * rng.uniform(0.4, 1))
    return picture


def surface(rng: Generator, kind: str, height: int, width: int, far=True) -> Array:
    """Ground or water; `far`: seen at a slant, finer towards its upper edge."""
    low, high = (near(rng, c, 0.04) for c in GROUNDS[kind])
    water = kind in WATERS
    if water:
        grain = clouds(rng, height, width, rng.uniform(6, 14), rng.uniform(1, 3), 3)
    elif far:
        grain = clouds(rng, height, width, rng.uniform(4, 9), rng.uniform(2, 5), 4)
    else:
        grain = clouds(rng, height, width, *[rng.uniform(4, 10)] * 2, 4)
    picture = mix(low, high, (grain - 0.5) * rng.uniform(0.9, 1.8) + 0.5)
    if kind == "asphalt" and rng.random() < 0.5:  # a painted line
        line = np.zeros((height, width))
        v = rng.uniform(0.15, 0.9)
        thick = max(1, int(0.03 * height))
        line[int(v * height) : int(v * height) + thick] = 1
        if rng.random() < 0.6:
            line[:, (np.arange(width) // (width // 6)) % 2 == 0] = 0
        picture = mix(picture, (0.9, 0.9, 0.85), line * 0.8)
    if kind == "grass" and rng.random() < 0.3:  # flowers
        bloom = rng.random((height, width)) > 0.995
        picture = mix(picture, near(rng, pick(rng, {(0.95, 0.9, 0.3): 1, (0.95, 0.95, 0.95): 1, (0.9, 0.5, 0.7): 1})),
                      np.minimum(blur(bloom.astype(float), 1.0) * 8, 1))  # fmt: skip
    if far:
        picture = picture * np.linspace(1.06, 0.92, height)[:, None, None]
    return picture


def skyline(rng: Generator, kind: str, picture: Array, horizon: int) -> None:
    """Paint what stands on the horizon, in place."""
    size = picture.shape[0]
    column = np.arange(size)
    haze = picture[max(horizon - 2, 0), size // 2]
    v = np.arange(size)[:, None]
    if kind in ("hills", "mountains", "forest", "hedge"):
        high = {"hills": 0.16, "mountains": 0.32, "forest": 0.45, "hedge": 0.25}[kind] * rng.uniform(0.6, 1.3)
        rough = {"hills": 2, "mountains": 4, "forest": 9, "hedge": 12}[kind]
        edge = clouds(rng, 2, size, 1, rough, 3)[0]
        if kind in ("forest", "hedge"):
            edge = 0.7 + 0.3 * edge
        top = horizon - size * high * edge
        body = {"hills": (0.36, 0.46, 0.34), "mountains": (0.46, 0.50, 0.58), "forest": (0.15, 0.27, 0.13),
                "hedge": (0.22, 0.36, 0.16)}[kind]  # fmt: skip
        if kind == "forest" and rng.random() < 0.35:
            body = pick(rng, {(0.50, 0.34, 0.14): 1, (0.30, 0.28, 0.26): 1})
        grain = clouds(rng, size, size, 9, 9, 3)
        leaf = near(rng, body, 0.08)
        colour = (
            mix(leaf * 0.6, leaf * 1.5, grain)
            if kind in ("forest", "hedge")
            else mix(leaf, leaf * 1.25, grain)
        )
        if kind in ("hills", "mountains"):
            colour = mix(colour, haze, np.full((size, size), rng.uniform(0.15, 0.5)))
        picture[:] = mix(picture, colour, ((v > top) & (v < horizon)) * 1.0)
        if kind == "forest" and rng.random() < 0.6:
            for _ in range(rng.integers(3, 8)):
                u, w = rng.integers(0, size), rng.integers(1, max(2, size // 24) + 1)
                picture[:horizon, u : u + w] = near(rng, (0.25, 0.19, 0.14), 0.1)
    elif kind == "town":
        u = 0
        while u < size:
            w = int(rng.integers(size // 12, size // 3))
            top = int(horizon - size * rng.uniform(0.12, 0.5))
            wall = near(rng, hsv(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.35, 0.85)), 0.05)
            picture[max(top, 0) : horizon, u : u + w] = wall
            if rng.random() < 0.8:
                rows = np.arange(max(top, 0) + 3, max(horizon - 4, 0), 7)
                lit = column[u + 2 : u + w - 2]
                for r in rows:
                    picture[r : r + 3, lit[(lit - u) % 6 < 3]] = wall * 0.55
            u += w
    elif kind == "fence":
        post = near(rng, (0.75, 0.70, 0.62), 0.1)
        top = int(horizon - size * rng.uniform(0.05, 0.12))
        for r in (top, top + (horizon - top) // 2):
            picture[r : r + 2] = post
        picture[top : horizon + 3, (column % (size // 5)) < 3] = post


def outdoors(rng: Generator, size: int, ground: str, behind: str, heaven: str, horizon: float) -> Array:
    row = max(int(size * horizon), 0)
    picture = sky(rng, heaven, size)
    if row > 0:
        picture[:row] = resize_picture(picture, row, size)
        skyline(rng, behind, picture, row)
    if row < size:
        floor = surface(rng, ground, size - row, size)
        if heaven in ("night", "dusk", "sunset"):
            floor = floor * {"night": 0.35, "dusk": 0.6, "sunset": 0.8}[heaven]
        picture[max(row, 0) :] = floor
    soft = rng.uniform(0.8, 2.6)
    return blur(picture, soft * size / 96)


def resize_picture(picture: Array, height: int, width: int) -> Array:
    return np.stack([resize(picture[..., i], height, width) for i in range(3)], -1)


def indoors(rng: Generator, size: int, horizon: float) -> Array:
    """A wall, a floor, and perhaps a window, a picture, a sofa or a curtain."""
    row = int(size * horizon)
    wall = near(rng, pick(rng, {(0.86, 0.82, 0.74): 2, (0.55, 0.68, 0.80): 2, (0.64, 0.76, 0.60): 2, (0.78, 0.55, 0.46): 0.7,
                                (0.90, 0.90, 0.90): 2, (0.40, 0.36, 0.34): 1, (0.52, 0.30, 0.30): 0.7}), 0.06)  # fmt: skip
    floor = near(rng, pick(rng, {(0.60, 0.42, 0.26): 2, (0.75, 0.70, 0.62): 2, (0.45, 0.46, 0.50): 2, (0.55, 0.22, 0.20): 0.7,
                                 (0.25, 0.32, 0.48): 1.2, (0.34, 0.46, 0.28): 1.2}), 0.06)  # fmt: skip
    picture = np.empty((size, size, 3))
    picture[:row] = wall * np.linspace(0.85, 1.05, max(row, 1))[:, None, None]
    below = np.ones((size - row, size, 3)) * floor * np.linspace(0.85, 1.08, size - row)[:, None, None]
    style = rng.integers(3)
    if style == 0:  # planks
        below[np.arange(size - row) % max(size // 14, 2) == 0] *= 0.75
    elif style == 1:  # carpet
        below = mix(below * 0.85, below * 1.12, clouds(rng, size - row, size, 8, 12, 3))
    picture[row:] = below
    picture[row : row + max(size // 48, 1)] = near(rng, (0.92, 0.9, 0.86), 0.04)
    thing = rng.integers(6)
    u, w = int(rng.integers(-size // 6, size * 3 // 4)), int(rng.integers(size // 4, size // 2))
    a, b = max(u, 0), max(u + w, 0)
    if thing == 0:  # window
        top = int(row * 0.15)
        picture[top : int(row * 0.75), a:b] = near(rng, (0.95, 0.95, 0.92), 0.03)
        picture[top + 3 : int(row * 0.75) - 3, a + 3 : max(b - 3, 0)] = near(
            rng, SKIES[pick(rng, {k: 1 for k in SKIES})][1]
        )
    elif thing in (1, 2):  # sofa or cupboard
        colour = near(rng, hsv(rng.random(), rng.uniform(0.15, 0.7), rng.uniform(0.25, 0.8)), 0.05)
        picture[int(row * rng.uniform(0.3, 0.6)) : row + size // 10, a:b] = colour
        picture[row : row + size // 10, a:b] *= 0.8
    elif thing == 3:  # picture on the wall
        picture[int(row * 0.2) : int(row * 0.55), a : a + w // 2] = (0.25, 0.2, 0.15)
        picture[int(row * 0.2) + 3 : int(row * 0.55) - 3, a + 3 : a + w // 2 - 3] = near(
            rng, hsv(rng.random(), 0.4, 0.7)
        )
    elif thing == 4:  # curtain
        folds = 0.85 + 0.15 * np.sin(np.arange(size) / size * 60)
        picture[: row + 2, a:b] = near(rng, hsv(rng.random(), 0.4, 0.7))[None, None] * folds[None, a:b, None]
    return blur(picture, rng.uniform(0.5, 1.8) * size / 96)


def from_above(rng: Generator, size: int, kind: str) -> Array:
    """A surface that fills the picture."""
    if kind == "floor":
        base = near(
            rng,
            pick(
                rng,
                {(0.62, 0.44, 0.28): 2, (0.80, 0.76, 0.70): 2, (0.30, 0.34, 0.42): 1, (0.6, 0.3, 0.26): 1},
            ),
        )
        return mix(base * 0.88, base * 1.1, clouds(rng, size, size, 3, 9, 3))
    return blur(surface(rng, kind, size, size, far=False), rng.uniform(0.4, 1.5) * size / 96)


def studio(rng: Generator, size: int) -> Array:
    """A plain or out-of-focus backdrop of any colour."""
    if rng.random() < 0.45:
        grey = rng.uniform(0.75, 0.98)
        return ramp(near(rng, (grey,) * 3, 0.02), near(rng, (grey * 0.93,) * 3, 0.02), size, size)
    a = hsv(rng.random(), rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.85))
    b = near(rng, a, 0.2)
    return mix(a, b * rng.uniform(0.6, 1.3), clouds(rng, size, size, 2, 2, 2))


# Which settings a class is seen in. "air": no ground; "on water": ground is water; "land", "room", "above", "studio".
SETTINGS = {
    "airplane": {"air": 44, "land": 46, "studio": 7, "on water": 3},
    "automobile": {"land": 78, "studio": 13, "room": 5, "above": 4},
    "bird": {"air": 18, "land": 46, "on water": 14, "studio": 12, "room": 5, "above": 5},
    "cat": {"room": 26, "land": 54, "studio": 14, "above": 6},
    "deer": {"land": 80, "studio": 11, "on water": 6, "above": 3},
    "dog": {"room": 24, "land": 58, "studio": 13, "above": 5},
    "frog": {"above": 14, "land": 50, "studio": 16, "on water": 10, "room": 10},
    "horse": {"land": 80, "studio": 11, "room": 4, "on water": 5},
    "ship": {"on water": 74, "land": 15, "studio": 11},
    "truck": {"land": 80, "studio": 13, "room": 5, "above": 2},
}
LAND = {
    "grass": 2.2,
    "meadow": 1.3,
    "soil": 1.6,
    "sand": 1.3,
    "snow": 1.5,
    "leaves": 1,
    "asphalt": 2,
    "pavement": 1.5,
}
BEHIND = {"nothing": 2, "hills": 2, "mountains": 1.2, "forest": 2.5, "hedge": 1.2, "town": 1.5, "fence": 0.8}
HEAVEN = {"blue": 4, "pale": 3, "grey": 2, "white": 2, "deep": 1.5, "sunset": 1.2, "dusk": 0.6, "night": 0.3}
WATER = {"sea": 2, "lake": 2, "greysea": 2, "gold": 1.2, "mud": 1.4, "ice": 1}


def setting(rng: Generator, name: str, size: int) -> tuple[Array, Shot, str]:
    """A backdrop for class `name`, the camera and light that suit it, and its kind."""
    kind = pick(rng, SETTINGS[name])
    side = rng.choice([-1, 1])
    shot = Shot(light=(side * rng.uniform(0.1, 0.9), rng.uniform(0.5, 1.0), rng.uniform(0.1, 0.9)))
    shot.ambient = rng.uniform(0.38, 0.6)
    shot.roll = rng.normal(0, 2.5)
    heaven = pick(rng, HEAVEN)
    if kind in ("land", "on water"):
        shot.elevation = rng.uniform(3, 24)
        horizon = 0.58 - shot.elevation / 75 + rng.uniform(-0.22, 0.22)
        ground = pick(rng, WATER if kind == "on water" else LAND)
        behind = pick(rng, BEHIND if kind == "land" else BEHIND | {"nothing": 6, "town": 0.8, "fence": 0})
        if kind == "land" and rng.random() < 0.2:  # the sea behind
            picture = outdoors(rng, size, pick(rng, WATER), "nothing", heaven, horizon - 0.12)
            row = int(size * horizon)
            picture[row:] = surface(rng, ground, size - row, size)
            heaven = "blue"
        else:
            picture = outdoors(rng, size, ground, behind, heaven, horizon)
    elif kind == "air":
        shot.ground, shot.elevation = False, rng.uniform(-25, 25)
        chance = rng.random()
        if chance < 0.4:
            ground, horizon = pick(rng, LAND | WATER), rng.uniform(0.2, 1.0)
            picture = outdoors(rng, size, ground, pick(rng, BEHIND), heaven, horizon)
        elif chance < 0.58:  # land or sea far below, out of focus
            picture = blur(from_above(rng, size, pick(rng, LAND | WATER)), size / 48)
        else:
            picture = sky(rng, heaven, size)
    elif kind == "room":
        shot.elevation = rng.uniform(6, 26)
        picture, heaven = indoors(rng, size, 0.6 - shot.elevation / 75 + rng.uniform(-0.12, 0.12)), "room"
        shot.warm = tuple(near(rng, (1.02, 0.97, 0.88), 0.03))
    elif kind == "above":
        shot.elevation, heaven = rng.uniform(34, 55), "day"
        picture = from_above(rng, size, pick(rng, LAND | {"floor": 2, "lake": 1 if name == "frog" else 0}))
    else:
        shot.elevation, heaven = rng.uniform(4, 25), "studio"
        picture = studio(rng, size)
        shot.shadow = 0.3
    if heaven in ("night", "dusk", "sunset"):
        shot.warm = {"night": (0.62, 0.66, 0.85), "dusk": (0.8, 0.74, 0.82), "sunset": (1.05, 0.85, 0.68)}[
            heaven
        ]
        shot.shadow = 0.3
    if heaven in ("grey", "white"):
        shot.ambient, shot.shadow = rng.uniform(0.6, 0.75), 0.25
    return picture, shot, kind


# ---------------------------------------------------------------------------------------------------------------------
# The ten models. Each function gets the generator, an empty model and the setting, and builds the model in it.

DARK, GLASS, TYRE, STEEL = (0.06, 0.06, 0.07), (0.16, 0.22, 0.28), (0.09, 0.09, 0.10), (0.62, 0.64, 0.67)


def heading(rng: Generator, front=0.12, back=0.02, spread=20.0) -> float:
    """A yaw: mostly sideways to the left or right, sometimes towards the viewer, seldom away."""
    p = rng.random()
    if p < front:
        return 90 + rng.choice([-1, 1]) * rng.uniform(8, 40)
    if p < front + back:
        return -90 + rng.normal(0, 24)
    return float(rng.choice([0, 180])) + rng.normal(0, spread)


def lacquer(rng: Generator) -> Array:
    """A vehicle's colour."""
    if rng.random() < 0.45:
        return near(rng, (rng.choice([0.12, 0.3, 0.55, 0.75, 0.92]),) * 3, 0.03)
    return hsv(
        rng.choice([0.0, 0.02, 0.08, 0.13, 0.3, 0.45, 0.55, 0.6, 0.63, 0.85]),
        rng.uniform(0.5, 0.95),
        rng.uniform(0.4, 0.95),
    )


def airplane(rng: Generator, m: Model, kind: str) -> None:
    style = pick(rng, {"airliner": 5, "propeller": 2.5, "fighter": 2, "biplane": 0.8})
    body = near(rng, pick(rng, {(0.93, 0.93, 0.94): 4, (0.68, 0.70, 0.73): 2, (0.40, 0.44, 0.48): 1, (0.85, 0.75, 0.2): 0.7,
                                (0.75, 0.15, 0.15): 0.8, (0.2, 0.35, 0.65): 0.8, (0.42, 0.45, 0.32): 0.8, (0.2, 0.2, 0.22): 0.4}), 0.03)  # fmt: skip
    trim = hsv(rng.random(), rng.uniform(0.4, 0.95), rng.uniform(0.3, 0.9)) if rng.random() < 0.8 else body
    wing = near(rng, body * rng.uniform(0.75, 1.0), 0.02)
    grounded = kind not in ("air", "studio")
    yaw = heading(rng, 0.06, 0.02, 18)
    pitch, roll = (rng.uniform(-2, 3), 0) if grounded else (rng.normal(5, 9), rng.normal(0, 15))
    lift = {"airliner": 0.34, "propeller": 0.36, "fighter": 0.3, "biplane": 0.45}[style] if grounded else 0
    with m.frame((0, lift, 0), yaw, pitch, roll):
        if style == "airliner":
            r = rng.uniform(0.13, 0.18)

            def livery(p, n):
                colour = mix(body, trim, (np.abs(p[:, 1] + 0.02) < 0.022) * 1.0)
                return mix(
                    colour, GLASS, ((np.abs(p[:, 1] - 0.045) < 0.018) & ((p[:, 0] * 14) % 1 < 0.6)) * 1.0
                )

            m.tube((0, 0, 0), 0, r, 0.75, livery, shine=0.25)
            m.ball((0.75, 0, 0), (0.36, r, r), body, shine=0.25)
            m.ball((-0.75, 0.02, 0), (0.68, r, r), body, shine=0.2)
            m.ball((0.93, 0.055, 0), (0.1, 0.075, 0.11), GLASS)
            sweep, span = rng.uniform(0.35, 0.6), rng.uniform(1.0, 1.35)
            for s in (-1, 1):
                m.fin([(0.38, -0.06, 0), (0.38 - sweep - 0.1, 0.05, s * span), (0.22 - sweep - 0.1, 0.05, s * span),
                       (-0.22, -0.06, 0)], 0.05, wing)  # fmt: skip
                m.fin(
                    [(-1.0, 0.05, 0), (-1.3, 0.09, s * 0.45), (-1.4, 0.09, s * 0.45), (-1.3, 0.05, 0)],
                    0.035,
                    wing,
                )
                for z in (0.4, 0.75)[: rng.integers(1, 3)]:
                    m.ball(
                        (0.22 - 0.4 * z, -0.15, s * z),
                        (0.2, 0.085, 0.085),
                        trim if rng.random() < 0.4 else STEEL,
                    )
            m.plate([(-0.92, 0.1), (-1.28, 0.62), (-1.44, 0.62), (-1.36, 0.08)], "xy", 0, 0.05, trim)
            legs = [(0.7, 0), (-0.15, 0.2), (-0.15, -0.2)]
        elif style in ("propeller", "biplane"):
            m.ball((0, 0, 0), (0.95, 0.19, 0.17), body, shine=0.15)
            m.ball((0.62, 0, 0), (0.3, 0.21, 0.2), trim, shine=0.15)
            m.ball((0.12, 0.15, 0), (0.3, 0.15, 0.14), GLASS, shine=0.5)
            height = 0.27 if style == "biplane" or rng.random() < 0.5 else -0.1
            levels = [height, -0.14] if style == "biplane" else [height]
            for y in levels:
                m.plate(
                    [(0.42, -1.2), (0.42, 1.2), (0.30, 1.28), (0.05, 1.28), (0.05, -1.28), (0.30, -1.28)],
                    "xz",
                    y,
                    0.05,
                    wing,
                )
                m.plate([(0.42, 1.0), (0.42, 1.24), (0.05, 1.24), (0.05, 1.0)], "xz", y, 0.055, trim)
                m.plate([(0.42, -1.0), (0.42, -1.24), (0.05, -1.24), (0.05, -1.0)], "xz", y, 0.055, trim)
            if len(levels) == 2:
                for x in (0.1, 0.38):
                    for z in (-0.85, 0.85):
                        m.limb((x, -0.14, z), (x, height, z), 0.02, 0.02, DARK)
            m.plate([(-0.68, -0.42), (-0.68, 0.42), (-0.9, 0.42), (-0.9, -0.42)], "xz", 0.05, 0.04, wing)
            m.plate([(-0.62, 0.08), (-0.82, 0.45), (-0.96, 0.45), (-0.95, 0.05)], "xy", 0, 0.04, trim)
            m.ball((0.95, 0, 0), (0.09, 0.06, 0.06), trim)
            blade = rng.uniform(0, 180)
            with m.frame((0.98, 0, 0), roll=blade):
                m.block((-0.015, 0.015), (-0.4, 0.4), (-0.03, 0.03), DARK)
            for s in (-1, 1):
                m.limb((0.3, -0.12, s * 0.12), (0.36, -0.3, s * 0.3), 0.025, 0.025, DARK)
                m.ball((0.36, -0.3, s * 0.3), (0.09, 0.09, 0.04), TYRE)
            legs = []
        else:
            m.ball((0, 0, 0), (1.2, 0.15, 0.15), body, shine=0.15)
            m.block((-1.05, 0.1), (-0.13, 0.08), (-0.2, 0.2), body, top_x=(-1.05, -0.1), top_z=(-0.1, 0.1))
            m.ball((0.5, 0.12, 0), (0.34, 0.12, 0.1), GLASS, shine=0.6)
            span = rng.uniform(0.65, 0.9)
            for s in (-1, 1):
                m.fin(
                    [(0.35, -0.02, 0), (-0.55, -0.02, s * span), (-0.75, -0.02, s * span), (-0.85, -0.02, 0)],
                    0.05,
                    wing,
                )
                m.fin([(-0.8, 0, 0), (-1.1, 0, s * 0.45), (-1.25, 0, s * 0.45), (-1.15, 0, 0)], 0.04, wing)
                if rng.random() < 0.5:
                    m.ball((-0.35, -0.1, s * 0.45), (0.3, 0.04, 0.04), trim)
            tilt = rng.choice([0.0, 0.16])
            for s in (-1, 1):
                m.fin([(-0.7, 0.05, s * tilt), (-1.05, 0.5, s * tilt * 1.8), (-1.22, 0.5, s * tilt * 1.8), (-1.12, 0.05, s * tilt)],
                      0.04, trim)  # fmt: skip
            m.tube((-1.1, 0, 0), 0, 0.11, 0.1, DARK)
            legs = [(0.65, 0), (-0.3, 0.22), (-0.3, -0.22)]
        if grounded:
            for x, z in legs:
                m.limb((x, -0.1, z), (x, 0.07 - lift, z), 0.025, 0.025, STEEL)
                m.ball((x, 0.07 - lift, z), (0.07, 0.07, 0.05), TYRE)


def wheels(m: Model, places, radius: float, half_width: float, track: float) -> None:
    for x in places:
        for s in (-1, 1):
            m.tube((x, radius, s * track), 2, radius, half_width, TYRE)
            m.tube((x, radius, s * (track + 0.01)), 2, radius * 0.58, half_width, STEEL, shine=0.3)


def lamps(m: Model, front: float, back: float, y: float, z: float) -> None:
    """Headlights, tail lights and number plates."""
    for s in (-1, 1):
        m.ball((front, y, s * z), (0.04, 0.06, 0.09), (1.0, 0.98, 0.85), shine=0.8)
        m.ball((back, y, s * z), (0.03, 0.06, 0.09), (0.85, 0.08, 0.06))
    m.block((back - 0.02, front + 0.02), (y - 0.17, y - 0.09), (-0.12, 0.12), (0.92, 0.92, 0.88))


def automobile(rng: Generator, m: Model, kind: str) -> None:
    paint = lacquer(rng)
    style = pick(rng, {"saloon": 3, "hatchback": 3, "estate": 2, "sports": 2, "classic": 1, "open": 0.8})
    yaw = heading(rng, 0.12, 0.04, 16)
    wheel = rng.uniform(0.19, 0.23)
    long, wide = (
        {"saloon": 1.15, "hatchback": 0.92, "estate": 1.05, "sports": 1.1, "classic": 1.0, "open": 1.05}[
            style
        ],
        0.46,
    )
    waist = {"sports": 0.44, "open": 0.48, "estate": 0.6}.get(style, 0.54) * rng.uniform(0.95, 1.08)
    roof = waist + {"sports": 0.24, "estate": 0.42, "classic": 0.42}.get(style, 0.35) * rng.uniform(0.9, 1.1)
    base, top = {
        "saloon": ((-0.75, 0.5), (-0.45, 0.12)),
        "hatchback": ((-0.88, 0.42), (-0.7, 0.1)),
        "estate": ((-1.0, 0.48), (-0.85, 0.2)),
        "sports": ((-0.8, 0.4), (-0.35, 0.02)),
        "classic": ((-0.7, 0.4), (-0.42, 0.16)),
        "open": ((-0.45, 0.35), (-0.4, 0.1)),
    }[style]
    with m.frame((0, 0, 0), yaw):
        nose = waist - rng.uniform(0.04, 0.14)
        profile = [(-long, 0.16), (long, 0.16), (long + 0.04, 0.3), (long - 0.03, nose), (0.45, waist), (-long + 0.25, waist),
                   (-long, waist - 0.06), (-long - 0.03, 0.3)]  # fmt: skip
        m.plate(profile, "xy", 0, 2 * wide, paint, shine=0.35)
        if style == "classic":
            m.ball((0.75, nose - 0.02, 0), (0.35, 0.15, 0.4), paint, shine=0.4)
            for s in (-1, 1):
                for x in (0.66, -0.66):
                    m.ball((x, 0.3, s * 0.42), (0.33, 0.24, 0.14), paint, shine=0.4)
        if style == "open":
            m.block((-0.5, 0.3), (waist - 0.05, waist + 0.01), (-0.36, 0.36), (0.25, 0.15, 0.1))
            m.block(
                (0.28, 0.36),
                (waist, waist + 0.24),
                (-0.4, 0.4),
                GLASS,
                (0.12, 0.16),
                (-0.36, 0.36),
                shine=0.6,
            )
            for s in (-1, 1):
                m.block(
                    (-0.45, -0.3), (waist, waist + 0.2), (s * 0.2 - 0.12, s * 0.2 + 0.12), (0.35, 0.2, 0.12)
                )
        else:
            m.block(
                base,
                (waist, roof),
                (-wide + 0.02, wide - 0.02),
                paint,
                top,
                (-wide + 0.12, wide - 0.12),
                shine=0.3,
            )
            middle = (base[0] + base[1]) / 2 + 0.02
            for a, b, c, d in ((base[0] + 0.1, middle - 0.04, top[0] + 0.04, middle - 0.06),
                               (middle + 0.02, base[1] - 0.1, middle, top[1] - 0.03)):  # fmt: skip
                m.block((a, b), (waist + 0.03, roof - 0.06), (-wide + 0.005, wide - 0.005), GLASS, (c, d),
                        (-wide + 0.09, wide - 0.09), shine=0.5)  # fmt: skip
            m.block((base[0] - 0.012, base[1] + 0.012), (waist + 0.03, roof - 0.05), (-wide + 0.08, wide - 0.08), GLASS,
                    (top[0] - 0.01, top[1] + 0.01), (-wide + 0.16, wide - 0.16), shine=0.5)  # fmt: skip
        m.block(
            (-long - 0.06, long + 0.07),
            (0.14, 0.24),
            (-wide + 0.02, wide - 0.02),
            DARK if rng.random() < 0.6 else STEEL,
        )
        m.block((long - 0.1, long + 0.045), (0.27, 0.38), (-0.2, 0.2), DARK)
        lamps(m, long + 0.0, -long - 0.01, nose - 0.08, 0.35)
        wheels(m, (long * 0.62, -long * 0.62), wheel, 0.09, wide - 0.07)


def truck(rng: Generator, m: Model, kind: str) -> None:
    style = pick(
        rng, {"box": 3, "semi": 2.5, "dump": 1.8, "pickup": 0.8, "tanker": 1, "fire": 1.2, "flat": 0.8}
    )
    cab, load = lacquer(rng), lacquer(rng)
    if style == "fire":
        cab = load = near(rng, (0.80, 0.10, 0.08), 0.04)
    yaw = heading(rng, 0.12, 0.03, 16)
    w = 0.42
    with m.frame((0, 0, 0), yaw):
        if style == "pickup":
            m.plate(
                [(-1.1, 0.28), (1.1, 0.28), (1.14, 0.4), (1.1, 0.66), (0.5, 0.7), (-1.1, 0.7)],
                "xy",
                0,
                2 * w + 0.06,
                cab,
                0.3,
            )
            m.block((-1.05, -0.1), (0.6, 0.71), (-0.36, 0.36), DARK)
            m.block((-0.1, 0.6), (0.7, 1.06), (-w, w), cab, (0.0, 0.32), (-w + 0.08, w - 0.08), 0.3)
            m.block(
                (0.0, 0.5),
                (0.74, 1.0),
                (-w - 0.012, w + 0.012),
                GLASS,
                (0.06, 0.3),
                (-w + 0.07, w - 0.07),
                0.5,
            )
            m.block(
                (-0.11, 0.615),
                (0.74, 1.0),
                (-w + 0.06, w - 0.06),
                GLASS,
                (-0.01, 0.335),
                (-w + 0.12, w - 0.12),
                0.5,
            )
            lamps(m, 1.1, -1.11, 0.55, 0.33)
            m.block((1.0, 1.15), (0.42, 0.6), (-0.2, 0.2), DARK)
            wheels(m, (0.68, -0.68), 0.26, 0.1, w - 0.04)
            return
        hood = style == "semi" and rng.random() < 0.5
        x0, x1 = (0.45, 0.95) if hood else (0.55, 1.05)
        long = {"semi": 2.1, "flat": 1.3}.get(style, 1.2) * rng.uniform(0.9, 1.1)
        top = rng.uniform(1.05, 1.3)
        m.block((x0, x1), (0.25, top), (-w, w), cab, (x0, x1 - 0.08), (-w + 0.03, w - 0.03), 0.3)
        m.block(
            (x1 - 0.28, x1 + 0.012),
            (top - 0.5, top - 0.14),
            (-w + 0.06, w - 0.06),
            GLASS,
            (x1 - 0.3, x1 - 0.045),
            shine=0.5,
        )
        m.block((x0 + 0.12, x1 - 0.12), (top - 0.48, top - 0.15), (-w - 0.01, w + 0.01), GLASS, shine=0.5)
        front = x1
        if hood:
            front = x1 + 0.5
            m.block(
                (x1 - 0.05, front),
                (0.28, 0.78),
                (-w + 0.06, w - 0.06),
                cab,
                (x1 - 0.05, front - 0.06),
                shine=0.3,
            )
            for s in (-1, 1):
                m.tube((x0 - 0.06, 1.0, s * (w - 0.04)), 1, 0.04, 0.5, STEEL, 0.5)
        m.block(
            (front - 0.1, front + 0.03), (0.36, 0.64), (-0.24, 0.24), DARK if rng.random() < 0.6 else STEEL
        )
        m.block((front - 0.1, front + 0.05), (0.2, 0.32), (-w, w), STEEL)
        lamps(m, front + 0.01, x0 - long - 0.02, 0.45, 0.34)
        m.block((x0 - long, x0 + 0.1), (0.3, 0.4), (-w + 0.08, w - 0.08), DARK)
        rear, gap = x0 - long, x0 - 0.08
        if style in ("box", "semi"):
            high = rng.uniform(1.35, 1.7)
            badge = near(rng, load * 0.6, 0.2) if rng.random() < 0.5 else load

            def panel(p, n):
                return mix(load, badge, ((np.abs(p[:, 1]) < 0.18) & (np.abs(p[:, 0]) < 0.3 * long)) * 1.0)

            m.block((rear, gap), (0.4, high), (-w - 0.04, w + 0.04), panel)
        elif style == "dump":
            m.block(
                (rear + 0.1, gap),
                (0.5, 1.15),
                (-w + 0.02, w - 0.02),
                load,
                (rear - 0.1, gap + 0.04),
                (-w - 0.06, w + 0.06),
            )
            for _ in range(6):
                m.ball(
                    (rng.uniform(rear + 0.15, gap - 0.15), 1.13, rng.uniform(-0.25, 0.25)),
                    rng.uniform(0.14, 0.24),
                    near(rng, (0.45, 0.35, 0.26), 0.1),
                )
        elif style == "tanker":
            m.tube(((rear + gap) / 2, 0.88, 0), 0, 0.45, (gap - rear) / 2, load, 0.5)
            for x in (rear, gap):
                m.ball((x, 0.88, 0), (0.08, 0.44, 0.44), load * 0.9, shine=0.4)
        elif style == "fire":
            m.block((rear, gap), (0.38, 1.12), (-w, w), two_tone(load, load, 1), shine=0.2)
            m.block((rear + 0.05, gap - 0.05), (0.62, 0.7), (-w - 0.012, w + 0.012), (0.95, 0.95, 0.9))
            for s in (-1, 1):
                m.limb((rear + 0.05, 1.2, s * 0.14), (x1, 1.34, s * 0.14), 0.035, 0.035, STEEL)
            m.block((x0 + 0.1, x0 + 0.3), (top, top + 0.09), (-0.3, 0.3), (0.2, 0.35, 0.9))
        else:
            m.block((rear, gap), (0.4, 0.5), (-w, w), load)
            wood = near(rng, (0.62, 0.44, 0.26), 0.08)
            for i, (y, z) in enumerate([(0.62, -0.26), (0.62, 0), (0.62, 0.26), (0.84, -0.13), (0.84, 0.13)]):
                m.tube(((rear + gap) / 2, y, z), 0, 0.125, (gap - rear) / 2 - 0.04 * (i % 2), wood)
        r = rng.uniform(0.21, 0.26)
        places = [front - 0.32, rear + 0.3] + ([rear + 0.3 + 2.1 * r] if style != "flat" else [])
        if style == "semi":
            places.append(x0 - 0.12)
        wheels(m, places, r, 0.1, w - 0.06)


def ship(rng: Generator, m: Model, kind: str) -> None:
    style = pick(rng, {"cargo": 2.5, "cruise": 2, "sail": 2.6, "tug": 1.6, "war": 1.5, "motor": 1.2})
    white = near(rng, (0.93, 0.93, 0.92), 0.02)
    hue = near(rng, pick(rng, {(0.12, 0.16, 0.24): 2, (0.70, 0.14, 0.12): 2, (0.92, 0.92, 0.92): 2, (0.12, 0.36, 0.34): 1,
                               (0.16, 0.30, 0.58): 2, (0.55, 0.36, 0.20): 1, (0.85, 0.50, 0.14): 0.8}), 0.04)  # fmt: skip
    if style == "war":
        hue = white = near(rng, (0.52, 0.55, 0.58), 0.03)
    long = {"cargo": 1.7, "cruise": 1.7, "war": 1.7, "sail": 0.95, "tug": 0.8, "motor": 0.9}[
        style
    ] * rng.uniform(0.95, 1.1)
    wide = {"cargo": 0.26, "cruise": 0.26, "war": 0.2, "sail": 0.26, "tug": 0.3, "motor": 0.3}[style]
    deck = {"cargo": 0.32, "cruise": 0.3, "war": 0.24, "sail": 0.22, "tug": 0.28, "motor": 0.22}[
        style
    ] * rng.uniform(0.9, 1.2)
    with m.frame((0, 0, 0), heading(rng, 0.05, 0.02, 22), rng.normal(0, 1.5), rng.normal(0, 3)):
        outline = [(1.0, 0), (0.86, 0.5), (0.6, 0.9), (0.1, 1.0), (-0.8, 1.0), (-1.0, 0.8)]
        outline += [(x, -z) for x, z in outline[:0:-1]]
        low = [(x * 0.86 * long, -0.12, z * 0.7 * wide) for x, z in outline]
        high = [(x * long, deck, z * wide) for x, z in outline]
        red = near(rng, (0.55, 0.14, 0.10), 0.05) if rng.random() < 0.5 else hue
        m.loft(low, high, lambda p, n: mix(hue, red, (p[:, 1] < -0.35 * deck + 0.0) * 1.0))
        trim = [(x * 1.005, deck + 0.03, z * 1.02) for x, _, z in high]
        m.loft([(x, deck - 0.02, z) for x, _, z in trim], trim, white)
        foam = [(x * 0.92 * long, 0.0, z * 0.88 * wide) for x, z in outline]
        m.loft(
            [(x, -0.02, z) for x, _, z in foam],
            [(x * 1.01, 0.025, z * 1.1) for x, _, z in foam],
            (0.88, 0.92, 0.94),
        )

        def windows(p, n):
            return mix(
                white, GLASS, ((np.abs((p[:, 1] * 9) % 1 - 0.5) < 0.22) & (np.abs(n[:, 1]) < 0.5)) * 1.0
            )

        if style == "cargo":
            m.block((-0.95 * long, -0.66 * long), (deck, deck + 0.6), (-0.2, 0.2), windows)
            m.block((-0.9 * long, -0.8 * long), (deck + 0.6, deck + 0.8), (-0.07, 0.07), red)
            palette = [
                near(rng, hsv(h, 0.7, 0.7), 0.05) for h in rng.choice([0.0, 0.05, 0.12, 0.35, 0.55, 0.6], 3)
            ] + [white]
            x = -0.58 * long
            while x < 0.62 * long:
                for z in (-0.12, 0.12):
                    n = rng.integers(1, 4)
                    for k in range(n):
                        m.block(
                            (x, x + 0.24),
                            (deck + 0.15 * k, deck + 0.15 * (k + 1) - 0.01),
                            (z - 0.11, z + 0.11),
                            palette[rng.integers(4)],
                        )
                x += 0.27
            m.limb((0.8 * long, deck, 0), (0.8 * long, deck + 0.35, 0), 0.02, 0.015, white)
        elif style == "cruise":
            a, b = -0.9 * long, 0.62 * long
            for k in range(rng.integers(3, 5)):
                y = deck + 0.15 * k
                m.block(
                    (a + 0.08 * k, b - 0.14 * k),
                    (y, y + 0.15),
                    (-0.23 + 0.015 * k, 0.23 - 0.015 * k),
                    windows,
                )
            y = deck + 0.15 * (k + 1)
            for x in (-0.45, -0.2)[: rng.integers(1, 3)]:
                m.block(
                    (x * long, x * long + 0.18),
                    (y, y + 0.24),
                    (-0.08, 0.08),
                    hue if rng.random() < 0.5 else (0.75, 0.15, 0.12),
                    (x * long - 0.06, x * long + 0.1),
                )
            m.limb((0.25, y, 0), (0.25, y + 0.2, 0), 0.02, 0.015, white)
        elif style == "sail":
            mast, tall = rng.uniform(-0.05, 0.2), rng.uniform(1.5, 2.0)
            cloth = near(
                rng,
                pick(
                    rng,
                    {
                        (0.95, 0.95, 0.93): 5,
                        (0.80, 0.30, 0.22): 1,
                        (0.88, 0.78, 0.55): 1,
                        (0.25, 0.40, 0.65): 0.7,
                    },
                ),
                0.02,
            )
            m.limb((mast, deck, 0), (mast, tall, 0), 0.022, 0.018, (0.45, 0.33, 0.22))
            with m.frame((mast, 0, 0), yaw=rng.normal(0, 14)):
                m.plate(
                    [(-0.03, deck + 0.14), (-0.03, tall - 0.05), (-0.85 * long, deck + 0.14)],
                    "xy",
                    0,
                    0.03,
                    cloth,
                )
                m.limb((0, deck + 0.12, 0), (-0.85 * long, deck + 0.12, 0), 0.02, 0.02, (0.45, 0.33, 0.22))
            if rng.random() < 0.85:
                jib = cloth if rng.random() < 0.7 else near(rng, hsv(rng.random(), 0.6, 0.8))
                m.fin(
                    [
                        (mast + 0.05, tall * 0.9, 0),
                        (mast + 0.06, deck + 0.08, 0.14),
                        (0.98 * long, deck + 0.06, 0),
                    ],
                    0.03,
                    jib,
                )
            m.block((-0.3, 0.25), (deck, deck + 0.1), (-0.13, 0.13), white)
        elif style == "tug":
            m.block((-0.15, 0.42), (deck, deck + 0.32), (-0.2, 0.2), white)
            m.block((0.0, 0.38), (deck + 0.32, deck + 0.58), (-0.17, 0.17), windows, shine=0.2)
            m.block((-0.04, 0.42), (deck + 0.58, deck + 0.62), (-0.2, 0.2), hue)
            m.tube((-0.25, deck + 0.4, 0), 1, 0.09, 0.3, red)
            m.tube((-0.25, deck + 0.62, 0), 1, 0.095, 0.08, DARK)
            m.limb((-0.02, deck + 0.6, 0), (-0.02, deck + 1.0, 0), 0.02, 0.015, DARK)
            for x in (0.55, 0.15, -0.25):
                for s in (-1, 1):
                    m.ball((x * long, deck * 0.6, s * wide * 0.97), (0.07, 0.07, 0.04), TYRE)
        elif style == "war":
            for a, b, y0, y1 in ((-0.45, 0.3, 0, 0.22), (-0.2, 0.2, 0.22, 0.42), (-0.02, 0.16, 0.42, 0.56)):
                m.block(
                    (a * long, b * long),
                    (deck + y0, deck + y1),
                    (-0.13, 0.13),
                    hue * 0.96,
                    (a * long + 0.05, b * long - 0.06),
                )
            m.limb((0, deck + 0.4, 0), (0, deck + 1.0, 0), 0.03, 0.015, hue * 0.8)
            m.block((-0.06, 0.06), (deck + 0.72, deck + 0.76), (-0.14, 0.14), hue * 0.8)
            m.block((-0.3 * long, -0.2 * long), (deck + 0.2, deck + 0.5), (-0.08, 0.08), hue * 0.85)
            for x, s in ((0.55, 1), (-0.65, -1)):
                m.ball((x * long, deck + 0.05, 0), (0.12, 0.1, 0.1), hue)
                m.limb(
                    (x * long, deck + 0.08, 0), (x * long + s * 0.3, deck + 0.13, 0), 0.022, 0.02, hue * 0.7
                )
        else:
            m.block((-0.35, 0.35), (deck, deck + 0.25), (-0.2, 0.2), white, (-0.3, 0.1), (-0.17, 0.17))
            m.block(
                (-0.28, 0.3),
                (deck + 0.06, deck + 0.2),
                (-0.205, 0.205),
                GLASS,
                (-0.25, 0.14),
                (-0.18, 0.18),
                0.5,
            )
            m.block((-0.34, 0.1), (deck + 0.25, deck + 0.29), (-0.18, 0.18), white)
            if rng.random() < 0.5:
                m.limb((-0.1, deck + 0.25, 0), (-0.1, deck + 0.7, 0), 0.018, 0.014, STEEL)


def bird(rng: Generator, m: Model, kind: str) -> None:
    coat = near(rng, pick(rng, {(0.45, 0.33, 0.22): 3, (0.92, 0.92, 0.90): 2, (0.12, 0.12, 0.14): 1.3, (0.20, 0.40, 0.75): 1,
                                (0.80, 0.16, 0.12): 1, (0.90, 0.75, 0.15): 1, (0.35, 0.55, 0.25): 0.7, (0.55, 0.57, 0.60): 1.5}), 0.05)  # fmt: skip
    belly = near(
        rng,
        pick(
            rng, {(0.94, 0.90, 0.82): 3, (0.85, 0.45, 0.20): 1.2, (0.90, 0.80, 0.35): 0.8, tuple(coat): 1.5}
        ),
        0.03,
    )
    wing = near(rng, coat * rng.choice([0.55, 0.8, 1.1]), 0.03)
    beak = near(rng, pick(rng, {(0.95, 0.60, 0.12): 3, (0.25, 0.22, 0.2): 2, (0.80, 0.70, 0.45): 1}), 0.05)
    plumage = two_tone(coat, belly, 4, -0.05)
    styles = {
        "air": {"fly": 10},
        "on water": {"duck": 6, "wader": 2, "fly": 1},
        "above": {"song": 1, "fly": 1},
    }
    style = pick(rng, styles.get(kind, {"song": 6, "wader": 1.8, "duck": 1, "fly": 0.8, "hen": 1.2}))

    def head(at, r, bill, tilt=0.0):
        with m.frame(at, pitch=tilt, yaw=rng.normal(0, 22)):
            m.ball(
                (0, 0, 0), r, coat if style != "duck" or rng.random() < 0.5 else near(rng, coat * 0.6, 0.1)
            )
            m.spike((0.75 * r, -0.05 * r, 0), (r + bill, -0.2 * r, 0), 0.36 * r, beak)
            for s in (-1, 1):
                m.ball((0.45 * r, 0.25 * r, s * 0.78 * r), 0.24 * r, DARK, shine=0.8)
            if style == "hen":
                m.ball((0.1 * r, 1.0 * r, 0), (0.6 * r, 0.45 * r, 0.14 * r), (0.85, 0.1, 0.1))
                m.ball((0.85 * r, -0.75 * r, 0), (0.2 * r, 0.4 * r, 0.15 * r), (0.85, 0.1, 0.1))

    yaw = heading(rng, 0.06, 0, 18)
    if style == "fly":
        flap = rng.uniform(8, 55)
        with m.frame((0, 0.8, 0), yaw, rng.normal(5, 8), rng.normal(0, 12)):
            m.ball((0, 0, 0), (0.62, 0.26, 0.24), plumage)
            head((0.6, 0.12, 0), 0.23, rng.uniform(0.12, 0.3))
            m.plate(
                [(-0.45, 0.06), (-0.45, -0.06), (-1.0, -0.26), (-1.08, 0), (-1.0, 0.26)], "xz", 0, 0.05, wing
            )
            sweep, span, tips = rng.uniform(-0.1, 0.35), rng.uniform(0.95, 1.4), near(rng, wing * 0.5, 0.03)
            for s in (-1, 1):
                with m.frame((0.1, 0.08, s * 0.1), roll=-s * flap):
                    mid = 0.5 * span
                    m.fin(
                        [(0.26, 0, 0), (0.34, 0.0, s * mid), (-0.16, 0.0, s * mid), (-0.3, 0, 0)], 0.06, wing
                    )
                    with m.frame((0, 0, s * mid), roll=s * flap * 0.6):
                        m.fin([(0.34, 0, 0), (0.05 - sweep, 0, s * (span - mid)), (-0.2 - sweep, 0, s * (span - mid) * 0.93),
                               (-0.18, 0, 0)], 0.05, tips)  # fmt: skip
        return
    with m.frame((0, 0, 0), yaw):
        if style == "duck":
            m.ball((0, 0.16, 0), (0.7, 0.34, 0.36), plumage)
            m.spike((-0.5, 0.25, 0), (-0.95, 0.5, 0), 0.18, wing)
            for s in (-1, 1):
                m.ball((-0.08, 0.26, s * 0.28), (0.5, 0.2, 0.12), wing, pitch=8)
            tall = rng.choice([0.45, 0.62, 0.95])
            m.path(
                [(0.48, 0.3, 0), (0.62, 0.2 + tall * 0.6, 0), (0.58, 0.25 + tall, 0)],
                [0.17, 0.12, 0.12],
                coat,
            )
            head((0.62, 0.3 + tall, 0), 0.2, 0.24)
            return
        if style == "wader":
            leg, neck = rng.uniform(0.8, 1.1), rng.uniform(0.5, 0.9)
            for s in (-1, 1):
                m.path(
                    [(0, leg + 0.1, s * 0.1), (-0.08 + 0.1 * s, leg * 0.5, s * 0.1), (0.05 * s, 0, s * 0.1)],
                    [0.05, 0.04, 0.035],
                    beak,
                )
            m.ball((0, leg + 0.25, 0), (0.55, 0.28, 0.26), plumage, pitch=12)
            for s in (-1, 1):
                m.ball((-0.12, leg + 0.28, s * 0.2), (0.5, 0.2, 0.1), wing, pitch=14)
            m.path([(0.4, leg + 0.35, 0), (0.72, leg + 0.5, 0), (0.5, leg + 0.45 + neck * 0.7, 0), (0.62, leg + 0.5 + neck, 0)],
                   [0.14, 0.09, 0.08, 0.09], coat)  # fmt: skip
            head((0.66, leg + 0.52 + neck, 0), 0.15, rng.uniform(0.3, 0.45))
            return
        leg = 0.3 if style == "hen" else 0.24
        perch = style == "song" and kind in ("land", "studio") and rng.random() < 0.55
        for s in (-1, 1):
            m.limb((0, leg + 0.15, s * 0.13), (0.05, 0.03, s * 0.13), 0.04, 0.035, beak)
            for z in (-0.07, 0.07):
                m.limb((0.05, 0.03, s * 0.13), (0.2, 0.03, s * 0.13 + z), 0.03, 0.025, beak)
        if perch:
            wood = near(rng, (0.36, 0.26, 0.18), 0.1)
            with m.frame((0.05, -0.02, 0), yaw=90 + rng.normal(0, 20)):
                m.path(
                    [(-2.5, rng.uniform(-0.4, 0.3), 0), (0, 0, 0), (2.5, rng.uniform(-0.3, 0.4), 0)],
                    [0.1, 0.08, 0.06],
                    wood,
                )
        body = len(m.solids)  # the branch may leave the picture
        tilt = rng.uniform(15, 42) if style == "song" else 5
        with m.frame((0, leg + 0.36, 0), pitch=tilt):
            m.ball((0, 0, 0), (0.55, 0.36, 0.34), plumage)
            for s in (-1, 1):
                m.ball((-0.15, 0.05, s * 0.27), (0.46, 0.22, 0.1), wing, pitch=4)
            if style == "hen":
                m.plate([(-0.3, 0.0), (-0.45, 0.55), (-0.8, 0.5), (-0.6, 0.0)], "xy", 0, 0.2, wing)
            else:
                m.plate([(-0.4, 0.07), (-0.4, -0.08), (-1.05, -0.15), (-1.05, 0.12)], "xz", -0.02, 0.06, wing)
            m.ball((0.42, 0.26, 0), (0.25, 0.3, 0.24), plumage)
            up = 0.62 if style == "hen" else 0.48
            head((0.52, up, 0), 0.25, rng.uniform(0.12, 0.26), -tilt)
        if perch:
            m.focus = list(range(body, len(m.solids)))


COATS = {
    "cat": {(0.78, 0.46, 0.20): 3, (0.45, 0.43, 0.40): 3, (0.10, 0.10, 0.11): 2.2, (0.93, 0.91, 0.87): 2, (0.42, 0.33, 0.24): 2, (0.80, 0.70, 0.56): 1.5},
    "dog": {(0.62, 0.40, 0.20): 3, (0.83, 0.66, 0.42): 3, (0.12, 0.11, 0.11): 2.2, (0.93, 0.91, 0.87): 2.2, (0.36, 0.24, 0.16): 2, (0.52, 0.50, 0.48): 1},
    "deer": {(0.60, 0.40, 0.23): 4, (0.70, 0.42, 0.20): 2.5, (0.46, 0.37, 0.29): 3, (0.33, 0.26, 0.21): 1.2, (0.78, 0.66, 0.50): 1},
    "horse": {(0.42, 0.24, 0.13): 4, (0.62, 0.34, 0.16): 2.5, (0.13, 0.11, 0.10): 2.2, (0.90, 0.88, 0.84): 2, (0.55, 0.53, 0.52): 1.5, (0.82, 0.65, 0.40): 1.3},
}  # fmt: skip
FROG_SKINS = {(0.32, 0.55, 0.18): 4, (0.45, 0.36, 0.22): 3.2, (0.36, 0.40, 0.22): 2.5, (0.55, 0.50, 0.40): 1.5, (0.82, 0.22, 0.12): 1.2,
              (0.15, 0.32, 0.75): 0.9, (0.90, 0.70, 0.12): 1, (0.15, 0.15, 0.15): 0.7, (0.25, 0.65, 0.55): 0.8}  # fmt: skip


def coat_of(rng: Generator, name: str) -> tuple[Array, Array, Paint]:
    """Main colour, second colour and pattern of an animal's coat."""
    base = near(rng, pick(rng, COATS[name]), 0.06)
    white = near(rng, (0.93, 0.90, 0.85), 0.02)
    dark = base * rng.uniform(0.4, 0.6)
    kinds = {
        "cat": {"stripes": 5, "plain": 2, "bib": 2, "patches": 1.5},
        "dog": {"plain": 3, "bib": 2, "patches": 3, "saddle": 2.5},
        "deer": {"plain": 2, "bib": 5, "spots": 2},
        "horse": {"plain": 6, "patches": 1.5, "saddle": 1},
    }[name]
    kind = pick(rng, kinds)
    if kind == "stripes":
        return (
            base,
            white,
            stripes(
                base,
                dark,
                0,
                rng.uniform(0.2, 0.32),
                0.42,
                rng.uniform(-0.3, 0.3),
                white if rng.random() < 0.5 else None,
            ),
        )
    if kind == "bib":
        return base, white, two_tone(base, white, 4, rng.uniform(-0.5, -0.2))
    if kind == "patches":
        return (
            base,
            white,
            spots(rng, white, base, 5, 0.75) if rng.random() < 0.5 else spots(rng, base, white, 4, 0.7),
        )
    if kind == "saddle":
        return base, dark, two_tone(dark, base, 3, 0.1)
    if kind == "spots":
        return base, white, spots(rng, base, white, 26, 0.16, white)
    return base, base, base


def cat_head(rng: Generator, m: Model, coat, second, pattern) -> None:
    ear = near(rng, coat * rng.choice([0.6, 1.0]), 0.03)
    eye = near(
        rng,
        pick(
            rng, {(0.75, 0.80, 0.25): 3, (0.35, 0.65, 0.35): 2, (0.90, 0.65, 0.15): 2, (0.35, 0.60, 0.85): 1}
        ),
        0.04,
    )
    light = np.maximum(second, np.minimum(coat * 1.25, 1))
    m.ball((0, 0, 0), (0.9, 0.86, 1.0), pattern)
    for s in (-1, 1):
        m.ball((0.3, -0.28, s * 0.45), (0.52, 0.42, 0.48), coat)
        m.ball((0.72, -0.34, s * 0.18), (0.3, 0.22, 0.24), light)
        m.spike((0.0, 0.45, s * 0.58), (0.02, 1.6, s * 0.86), 0.56, ear, 0.5)
        m.spike((0.14, 0.6, s * 0.6), (0.14, 1.34, s * 0.8), 0.34, (0.86, 0.58, 0.55), 0.3)
        m.ball((0.72, 0.1, s * 0.42), (0.2, 0.21, 0.25), eye, shine=0.5)
        m.ball((0.86, 0.1, s * 0.45), (0.1, 0.19, 0.08), DARK, shine=0.6)
        for k in (-0.35, 0.0, 0.35):
            m.limb((0.8, -0.38, s * 0.3), (0.75, -0.38 + k, s * 1.25), 0.025, 0.02, (0.9, 0.9, 0.88))
    m.ball((1.0, -0.2, 0), (0.09, 0.09, 0.13), (0.80, 0.42, 0.42))
    m.ball((0.75, -0.58, 0), (0.2, 0.12, 0.2), light)


def dog_head(rng: Generator, m: Model, coat, second, pattern) -> None:
    ears = pick(rng, {"hanging": 8, "pricked": 0.3, "half": 0.7})
    ear = near(rng, coat * rng.choice([0.4, 0.55, 0.8]), 0.03)
    long = rng.uniform(0.75, 1.1)
    snout = second if rng.random() < 0.6 else near(rng, coat * rng.choice([0.4, 1.0]), 0.02)
    m.ball((0, 0, 0), (0.85, 0.8, 0.8), pattern)
    m.limb((0.5, -0.22, 0), (0.55 + long, -0.34, 0), 0.46, 0.33, snout)
    m.ball((0.85 + long, -0.2, 0), (0.16, 0.16, 0.2), DARK, shine=0.6)
    for s in (-1, 1):
        m.ball((0.68, 0.2, s * 0.36), (0.13, 0.15, 0.14), DARK, shine=0.8)
        if ears == "hanging":
            m.ball((-0.1, -0.12, s * 0.84), (0.36, 0.75, 0.17), ear, roll=s * 12)
        elif ears == "half":
            m.ball((0.0, 0.5, s * 0.75), (0.3, 0.28, 0.32), ear, roll=s * 25)
        else:
            m.spike((-0.15, 0.5, s * 0.45), (-0.15, 1.4, s * 0.6), 0.36, ear, 0.4)
    if rng.random() < 0.5:
        m.ball((0.5 + long, -0.72, 0), (0.2, 0.3, 0.17), (0.88, 0.42, 0.45))


def deer_head(rng: Generator, m: Model, coat, second, pattern) -> None:
    m.ball((0, 0, 0), (0.62, 0.56, 0.5), coat)
    m.limb((0.25, -0.08, 0), (1.25, -0.38, 0), 0.42, 0.25, coat)
    m.ball((1.42, -0.4, 0), (0.16, 0.18, 0.2), DARK)
    m.ball((1.1, -0.52, 0), (0.3, 0.14, 0.2), (0.92, 0.88, 0.80))
    for s in (-1, 1):
        m.ball((0.3, 0.18, s * 0.42), 0.15, DARK, shine=0.8)
        m.ball((-0.3, 0.4, s * 0.85), (0.14, 0.3, 0.6), coat, roll=-s * 25)
        m.ball((-0.22, 0.4, s * 0.85), (0.1, 0.18, 0.42), (0.85, 0.70, 0.62), roll=-s * 25)
    if rng.random() < 0.85:
        bone = near(rng, (0.68, 0.56, 0.40), 0.08)
        size, tines = rng.uniform(0.9, 1.6), rng.integers(1, 4)
        for s in (-1, 1):
            stem = np.array(
                [(0, 0.4, s * 0.25), (-0.45, 1.1, s * 0.75), (-0.2, 1.8, s * 1.1), (0.35, 2.3, s * 1.0)]
            ) * [1, size, size]
            m.path(stem, [0.13, 0.11, 0.1, 0.07], bone)
            for k in range(tines):
                start = stem[1] * (1 - k / 3) + stem[2] * (k / 3)
                m.limb(start, start + np.array([0.55, 0.5, 0.05 * s]) * size, 0.1, 0.06, bone)


def horse_head(rng: Generator, m: Model, coat, second, pattern, mane) -> None:
    m.ball((0.05, 0, 0), (0.62, 0.58, 0.46), coat)
    m.limb((0.25, -0.08, 0), (1.6, -0.32, 0), 0.46, 0.31, coat)
    muzzle = coat * 0.5 if rng.random() < 0.6 else np.minimum(coat * 1.2, 1)
    m.ball((1.68, -0.36, 0), (0.34, 0.34, 0.33), muzzle)
    for s in (-1, 1):
        m.ball((0.42, 0.2, s * 0.42), 0.13, DARK, shine=0.8)
        m.ball((1.88, -0.28, s * 0.24), 0.08, DARK)
        m.spike((-0.2, 0.4, s * 0.26), (-0.12, 1.05, s * 0.32), 0.2, coat, 0.5)
    if rng.random() < 0.45:
        m.limb((0.5, 0.33, 0), (1.6, 0.0, 0), 0.14, 0.1, (0.94, 0.92, 0.88))
    m.path([(-0.35, 0.5, 0), (0.1, 0.62, 0), (0.45, 0.3, 0)], [0.2, 0.18, 0.1], mane)
    if rng.random() < 0.35:
        strap = near(rng, pick(rng, {(0.15, 0.1, 0.08): 2, (0.7, 0.1, 0.1): 1, (0.1, 0.2, 0.6): 1}), 0.04)
        m.tube((1.2, -0.25, 0), 0, 0.42, 0.05, strap, pitch=-12)
        m.tube((0.35, -0.1, 0), 0, 0.55, 0.05, strap, pitch=-12)


@dataclass
class Build:
    """Proportions of a four-legged animal; the body is about 1.5 long."""

    body: tuple[float, float, float]
    leg: float
    thick: tuple[float, float]
    neck: tuple[float, float]  # forwards, upwards
    neck_radius: tuple[float, float]
    head: float
    tail: str


BUILDS = {
    "cat": Build((0.66, 0.27, 0.25), 0.42, (0.11, 0.075), (0.24, 0.24), (0.2, 0.2), 0.30, "long"),
    "dog": Build((0.70, 0.31, 0.27), 0.58, (0.13, 0.085), (0.26, 0.36), (0.22, 0.19), 0.33, "curved"),
    "deer": Build((0.80, 0.33, 0.28), 0.92, (0.10, 0.05), (0.34, 0.78), (0.2, 0.13), 0.28, "stub"),
    "horse": Build((0.95, 0.42, 0.37), 0.95, (0.16, 0.085), (0.52, 0.70), (0.34, 0.22), 0.36, "hair"),
}


def quadruped(rng: Generator, m: Model, name: str, kind: str) -> None:
    b = BUILDS[name]
    coat, second, pattern = coat_of(rng, name)
    mane = near(rng, pick(rng, {tuple(coat * 0.35): 3, (0.12, 0.1, 0.09): 2, (0.88, 0.82, 0.70): 1}), 0.03)
    poses = {
        "cat": {"stand": 3, "walk": 2, "sit": 4, "lie": 2},
        "dog": {"stand": 3.5, "walk": 3, "sit": 3, "lie": 1.2},
        "deer": {"stand": 5, "walk": 3, "graze": 0.7, "lie": 1},
        "horse": {"stand": 4, "walk": 4, "graze": 1.6, "rear": 0.6},
    }[name]
    pose = pick(rng, poses)
    portrait = rng.random() < {"cat": 0.4, "dog": 0.4, "deer": 0.12, "horse": 0.12}[name]
    size = rng.uniform(0.9, 1.12, 3)
    lx, ly, lz = np.asarray(b.body) * size
    leg, head_size = b.leg * rng.uniform(0.88, 1.12), b.head * rng.uniform(0.92, 1.15)
    look = rng.normal(0, 10)
    yaw = heading(rng, 0.5 if portrait else 0.08, 0, 16)
    sock = second if rng.random() < 0.4 else coat * rng.uniform(0.6, 1.0)
    collar = hsv(rng.random(), 0.8, 0.8) if name == "dog" and rng.random() < 0.6 else None

    def limb(hip, foot, bend=0.0):
        hip, foot = np.asarray(hip, float), np.asarray(foot, float)
        knee = (hip + foot) / 2 + np.array([bend, 0, 0])
        m.path([hip, knee], [b.thick[0], (b.thick[0] + b.thick[1]) / 2], coat)
        m.path([knee, foot], [(b.thick[0] + b.thick[1]) / 2, b.thick[1]], sock)
        paw = DARK if name in ("deer", "horse") else sock
        m.ball(foot + [0.03, 0, 0], (b.thick[1] * 1.5, b.thick[1] * 1.05, b.thick[1] * 1.15), paw)

    def head_at(at, pitch):
        first = len(m.solids)
        with m.frame(at, yaw=look, pitch=pitch, size=head_size):
            if name == "cat":
                cat_head(rng, m, coat, second, pattern)
            elif name == "dog":
                dog_head(rng, m, coat, second, pattern)
            elif name == "deer":
                deer_head(rng, m, coat, second, pattern)
            else:
                horse_head(rng, m, coat, second, pattern, mane)
        if portrait:
            m.focus = list(range(first, len(m.solids)))

    def neck_and_head(shoulder, forward, up, pitch):
        shoulder = np.asarray(shoulder, float)
        top = shoulder + [forward, up, 0]
        m.path([shoulder, top], b.neck_radius, coat)
        if collar is not None:
            m.ball(
                (shoulder + top) / 2,
                (b.neck_radius[0] * 1.15, 0.07, b.neck_radius[0] * 1.15),
                collar,
                pitch=-30,
            )
        if name == "horse":
            away = np.array([-up, forward, 0]) / np.hypot(up, forward)
            for t in np.linspace(0, 1, 7):
                r0 = b.neck_radius[0] * (1 - t) + b.neck_radius[1] * t
                m.ball(shoulder + t * (top - shoulder) + away * r0 * 0.85, (0.13, 0.17, 0.1), mane)
        head_at(top + np.array([0.1, 0.08, 0]) * head_size, pitch)

    def tail(root, lying=False):
        x, y, z = root
        if b.tail == "long":
            if lying:
                points = [(x, y, z), (x - 0.35, 0.08, 0.2), (x - 0.2, 0.07, 0.5)]
            else:
                up = rng.uniform(-0.2, 0.7)
                points = [
                    (x, y, z),
                    (x - 0.35, y + 0.3 * up, z),
                    (x - 0.5, y + up, z + 0.05),
                    (x - 0.38, y + up * 1.25, z),
                ]
            m.path(
                points, [0.085, 0.075, 0.07, 0.06][: len(points)], pattern if not callable(pattern) else coat
            )
        elif b.tail == "curved":
            up = rng.uniform(-0.15, 0.5)
            if lying:
                m.path([(x, y, z), (x - 0.4, 0.1, 0.15)], [0.09, 0.06], coat)
            else:
                m.path(
                    [
                        (x, y, z),
                        (x - 0.28, y + 0.4 * up, z),
                        (x - 0.36, y + up, z),
                        (x - 0.2, y + up * 1.3, z),
                    ],
                    [0.09, 0.085, 0.075, 0.06],
                    coat,
                )
        elif b.tail == "stub":
            m.ball((x - 0.04, y - 0.04, z), (0.1, 0.17, 0.11), (0.94, 0.92, 0.86))
        else:
            sway = rng.uniform(0.05, 0.4)
            m.path(
                [
                    (x, y, z),
                    (x - 0.18, y - 0.1, z),
                    (x - 0.2 - sway, y - 0.5, z),
                    (x - 0.15 - sway, y - 0.85, z),
                ],
                [0.09, 0.12, 0.13, 0.06],
                mane,
            )

    with m.frame((0, 0, 0), yaw):
        if pose == "sit":
            m.ball((-0.12, 0.36, 0), (0.42, 0.36, 0.36), pattern)
            m.ball((0.06, 0.62, 0), (0.34, 0.52, 0.31), pattern, pitch=-18)
            for s in (-1, 1):
                m.ball((0.02, 0.24, s * 0.3), (0.36, 0.25, 0.15), coat)
                m.ball((0.3, 0.06, s * 0.33), (0.2, 0.07, 0.09), sock)
                limb((0.26, 0.62, s * 0.16), (0.36, 0.05, s * 0.15))
            tail((-0.45, 0.12, 0.0), True)
            neck_and_head((0.16, 0.92, 0), 0.12, 0.26, rng.normal(-4, 8))
        elif pose == "lie":
            m.ball((0, ly * 0.9, 0), (lx, ly * 1.0, lz * 1.15), pattern)
            for s in (-1, 1):
                m.ball((-0.5 * lx, ly * 0.65, s * lz * 0.85), (0.3 * lx, ly * 0.62, 0.14), coat)
                m.limb(
                    (0.45 * lx, 0.1, s * 0.18),
                    (0.45 * lx + 0.5 * leg + 0.2, 0.07, s * 0.2),
                    b.thick[0],
                    b.thick[1],
                    sock,
                )
            tail((-lx * 0.95, ly * 0.7, 0), True)
            up = b.neck[1] * (1.0 if name in ("deer", "horse") else 0.9)
            neck_and_head((0.7 * lx, ly * 1.25, 0), b.neck[0] * 0.7, up, rng.normal(-6, 8))
        else:
            y = leg + ly * 0.55
            stride = {"stand": 0.06, "graze": 0.1, "walk": rng.uniform(0.18, 0.42), "rear": 0.1}[pose]
            tilt = 42 if pose == "rear" else rng.normal(0, 2)
            with m.frame((0, 0.25 if pose == "rear" else 0, 0), pitch=tilt if pose == "rear" else 0):
                m.ball((0, y, 0), (lx, ly * 0.92, lz), pattern, pitch=tilt if pose != "rear" else 0)
                m.ball((0.55 * lx, y + 0.03, 0), (0.42 * lx, ly * 1.02, lz * 1.0), pattern)
                m.ball((-0.55 * lx, y + 0.04, 0), (0.44 * lx, ly * 1.0, lz * 1.05), pattern)
                phase = rng.choice([-1, 1])
                for x, way in ((0.68 * lx, 1), (-0.7 * lx, -1)):
                    for s in (-1, 1):
                        step = leg * stride * s * phase * way + rng.normal(0, 0.03)
                        hip = (x, y - 0.1, s * lz * 0.62)
                        lift = max(0.0, abs(step) * 0.4 - 0.05) if s * phase > 0 else 0.0
                        if pose == "rear":
                            foot = (
                                (x + 0.35, y - leg * 0.75, s * lz * 0.6)
                                if way == 1
                                else (x + 0.55 * leg, y - leg * 0.75 - 0.1, s * lz * 0.6)
                            )
                            limb(hip, foot, 0.18 * way)
                        else:
                            limb(
                                hip,
                                (x + step, 0.04 + lift, s * lz * 0.6),
                                (0.05 if way == 1 else -0.07) * leg,
                            )
                tail((-lx * 0.97, y + ly * 0.45, 0))
                if name == "deer":
                    m.ball((-lx * 0.82, y + 0.02, 0), (0.2, ly * 0.7, lz * 0.8), (0.93, 0.90, 0.84))
                shoulder = (0.75 * lx, y + ly * 0.35, 0)
                if pose == "graze":
                    m.focus = []
                    portrait = False
                    drop = shoulder[1] - head_size * 1.1
                    neck_and_head(shoulder, b.neck[0] * 1.5, -drop * 0.82, -38)
                else:
                    raise_by = rng.uniform(0.8, 1.1)
                    pitch = {"cat": -4, "dog": -4, "deer": -14, "horse": -38}[name] + rng.normal(0, 7)
                    neck_and_head(shoulder, b.neck[0], b.neck[1] * raise_by, pitch)
                if name == "horse" and rng.random() < 0.35:
                    leather = near(rng, (0.3, 0.17, 0.1), 0.1)
                    m.ball(
                        (0.0, y + ly * 0.62, 0),
                        (0.34, 0.34, lz * 1.04),
                        near(rng, hsv(rng.random(), 0.6, 0.6)),
                    )
                    m.ball((0.0, y + ly * 0.86, 0), (0.27, 0.15, 0.2), leather)


def frog(rng: Generator, m: Model, kind: str) -> None:
    skin = near(rng, pick(rng, FROG_SKINS), 0.06)
    belly = near(
        rng,
        pick(rng, {(0.90, 0.88, 0.70): 3, (0.80, 0.82, 0.55): 1, tuple(np.minimum(skin * 1.3, 1)): 2}),
        0.04,
    )
    mark = skin * rng.uniform(0.35, 0.6) if rng.random() < 0.7 else np.minimum(skin * 1.5 + 0.1, 1)
    style = pick(rng, {"plain": 3, "spots": 4, "stripe": 1})
    back = two_tone(skin, belly, 4, -0.3)
    if style == "spots":
        back = spots(rng, skin, mark, rng.integers(7, 18), rng.uniform(0.2, 0.35), belly)
    leg = stripes(skin, mark, 0, 0.22, 0.4) if style == "stripe" else skin
    iris = near(rng, pick(rng, {(0.90, 0.70, 0.15): 3, (0.80, 0.15, 0.08): 1, (0.85, 0.85, 0.80): 1}), 0.05)
    pitch = rng.uniform(10, 30)
    leap = rng.random() < 0.1
    portrait = rng.random() < 0.22 and kind != "above"
    with m.frame((0, 0, 0), heading(rng, 0.25, 0, 20)):
        with m.frame((0, 0.34, 0), pitch=pitch):
            m.ball((-0.1, 0, 0), (0.72, 0.33, 0.55), back)
            first = len(m.solids)
            with m.frame((0.42, 0.1, 0), pitch=-pitch * 0.6):
                m.ball((0, 0, 0), (0.5, 0.27, 0.52), back)
                m.ball((0.02, -0.04, 0), (0.5, 0.035, 0.525), DARK)
                m.ball((0.02, -0.12, 0), (0.46, 0.2, 0.48), belly)
                for s in (-1, 1):
                    m.ball((0.08, 0.25, s * 0.34), (0.19, 0.19, 0.16), skin)
                    m.ball((0.13, 0.28, s * 0.39), (0.16, 0.155, 0.14), iris, shine=0.5)
                    m.ball((0.19, 0.28, s * 0.46), (0.11, 0.075, 0.09), DARK, shine=0.9)
                    m.ball((0.48, 0.08, s * 0.1), 0.025, DARK)
            if portrait:
                m.focus = list(range(first, len(m.solids)))
        out = rng.uniform(0.8, 1.05)
        for s in (-1, 1):
            if leap:
                m.path(
                    [
                        (-0.6, 0.3, s * 0.35),
                        (-1.1, 0.25, s * 0.6),
                        (-1.6, 0.12, s * 0.45),
                        (-2.0, 0.1, s * 0.6),
                    ],
                    [0.2, 0.14, 0.1, 0.06],
                    skin,
                )
            else:
                m.path([(-0.55, 0.28, s * 0.4), (0.08, 0.36, s * out * 0.85)], [0.22, 0.15], leg)
                m.path([(0.08, 0.36, s * out * 0.85), (-0.55, 0.1, s * out)], [0.15, 0.09], leg)
                for spread in (-0.12, 0.08, 0.28):
                    m.limb((-0.5, 0.06, s * out), (-0.05, 0.04, s * (out + spread)), 0.06, 0.04, skin)
            m.path(
                [(0.3, 0.3, s * 0.42), (0.42, 0.2, s * 0.68), (0.52, 0.06, s * 0.62)], [0.13, 0.1, 0.075], leg
            )
            for spread in (-0.14, 0.0, 0.14):
                m.limb((0.52, 0.05, s * 0.62), (0.74, 0.035, s * 0.62 + spread), 0.055, 0.04, skin)


BUILDERS: dict[str, Callable[[Generator, Model, str], None]] = {
    "airplane": airplane,
    "automobile": automobile,
    "bird": bird,
    "cat": lambda rng, m, kind: quadruped(rng, m, "cat", kind),
    "deer": lambda rng, m, kind: quadruped(rng, m, "deer", kind),
    "dog": lambda rng, m, kind: quadruped(rng, m, "dog", kind),
    "frog": frog,
    "horse": lambda rng, m, kind: quadruped(rng, m, "horse", kind),
    "ship": ship,
    "truck": truck,
}


def snapshot(rng: Generator, picture: Array, noise: float) -> Array:
    """Exposure, contrast, colour cast, saturation and noise of a snapshot; returns uint8."""
    picture = np.clip(picture, 0, 1.3)
    grey = picture.mean(-1, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.7, 1.15)
    picture = (picture - 0.5) * rng.uniform(0.88, 1.18) + 0.5
    picture = picture * (1 + rng.normal(0, 0.05, 3)) * np.exp(rng.normal(0, 0.1)) + rng.normal(0, 0.04)
    picture = picture + rng.normal(0, noise, picture.shape)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)


def set_off(picture: Array, mask: Array, least=0.16) -> None:
    """Make the backdrop lighter or darker, in place, where the model would hardly stand out from it."""
    if not mask.any() or mask.all():
        return
    model, rest = picture[mask].mean(0), picture[~mask].mean(0)
    gap = least - np.abs(model - rest).max()
    if gap > 0:
        lighter = rest.mean() > model.mean() if 0.2 < rest.mean() < 0.8 else rest.mean() < 0.5
        picture[~mask] += gap + 0.04 if lighter else -gap - 0.04


def draw(name: str, rng: Generator, size=32, finer=3) -> Array:
    """One picture of class `name` as uint8 (size, size, 3)."""
    big = size * finer
    backdrop, shot, kind = setting(rng, name, big)
    model = Model()
    BUILDERS[name](rng, model, kind)
    shot.fill = rng.uniform(0.76, 0.97) * (0.88 if model.focus else 1)
    shot.middle = (0.5 + rng.uniform(-0.08, 0.08), 0.5 + rng.uniform(-0.09, 0.09))
    backdrop = blur(backdrop, rng.uniform(0.8, 2.2) * finer / 3)  # the lens is focused on the model
    picture, mask = render(model, shot, backdrop)
    set_off(picture, mask)
    picture = picture.reshape(size, finer, size, finer, 3).mean((1, 3))
    return snapshot(rng, picture, 0.004) // STEP * STEP


# ---------------------------------------------------------------------------------------------------------------------
# Ants and bees, at the sizes of photographs.


def fuzz(base, other, grain=60.0, bands: Paint | None = None) -> Paint:
    """Short hair: two colours speckled, over bands if given."""

    def paint(p, n):
        cell = np.floor(p * grain).astype(np.int64)
        hashed = cell @ np.array([73856093, 19349663, 83492791])
        for _ in range(2):  # scramble the bits; overflow is meant
            hashed = (hashed ^ (hashed >> 15)) * 2654435761
        speck = ((hashed >> 20) % 1024) / 1024
        under = bands(p, n) if callable(bands) else np.asarray(base, float)
        return mix(under, other, speck * 0.55)

    return paint


def insect_legs(rng: Generator, m: Model, hips, reach, knee, thick, colour) -> None:
    for s in (-1, 1):
        for x, ahead in zip(hips, (0.62, 0.05, -0.75), strict=True):
            dx, out = ahead * reach + rng.normal(0, 0.07), reach * rng.uniform(0.85, 1.1)
            m.path([(x, 0.3, s * 0.12), (x + 0.3 * dx, knee, s * 0.5 * out), (x + 0.75 * dx, 0.12, s * 0.9 * out),
                    (x + dx, 0.03, s * 1.05 * out)], [thick, thick * 0.85, thick * 0.6, thick * 0.45], colour)  # fmt: skip


def ant(rng: Generator, m: Model) -> None:
    shell = near(
        rng,
        pick(
            rng,
            {(0.13, 0.10, 0.09): 3, (0.45, 0.18, 0.09): 3, (0.28, 0.15, 0.09): 3, (0.62, 0.36, 0.14): 1.2},
        ),
        0.05,
    )
    rear = near(rng, shell * rng.choice([0.5, 1.0]), 0.03)
    size = rng.uniform(0.9, 1.2)
    m.ball(
        (-0.9, 0.4, 0),
        (0.5 * size, 0.31 * size, 0.31 * size),
        stripes(rear, rear * 0.6, 0, 0.2, 0.18),
        pitch=rng.uniform(-4, 14),
        shine=0.5,
    )
    m.ball((-0.33, 0.34, 0), (0.1, 0.13, 0.09), shell, shine=0.3)
    m.ball((-0.02, 0.37, 0), (0.3, 0.16, 0.14), shell, shine=0.35)
    m.ball((0.2, 0.41, 0), (0.2, 0.17, 0.16), shell, shine=0.35)
    insect_legs(rng, m, (0.26, 0.06, -0.1), 0.95, 0.62, 0.055, shell * 0.9)
    with m.frame((0.36, 0.42, 0), yaw=rng.normal(0, 16), pitch=rng.uniform(-16, 4)):
        m.ball((0.24, 0, 0), (0.27, 0.2, 0.25), shell, shine=0.5)
        for s in (-1, 1):
            m.ball((0.3, 0.09, s * 0.2), (0.07, 0.06, 0.05), DARK, shine=0.9)
            m.path(
                [(0.46, -0.06, s * 0.13), (0.62, -0.08, s * 0.12), (0.68, -0.09, s * 0.02)],
                [0.055, 0.04, 0.02],
                shell * 0.7,
            )
            a, b = rng.uniform(0.2, 0.4), rng.uniform(0.3, 0.55)
            m.path(
                [(0.42, 0.06, s * 0.1), (0.62, 0.24, s * a), (1.05, 0.1, s * b)],
                [0.032, 0.028, 0.034],
                shell * 0.9,
            )


def wing_paint(p, n):
    """Clear skin with dark veins."""
    vein = np.min(
        [np.abs(p[:, 2] - k * p[:, 0] - c) for k, c in ((0.1, 0.08), (-0.12, -0.02), (0.0, -0.12))], 0
    )
    return mix((0.86, 0.88, 0.88), (0.35, 0.27, 0.2), (vein < 0.012) * 1.0)


def bee(rng: Generator, m: Model, flying: bool) -> None:
    bumble = rng.random() < 0.35
    yellow = near(rng, pick(rng, {(0.88, 0.62, 0.16): 3, (0.93, 0.76, 0.22): 2, (0.75, 0.48, 0.18): 2}), 0.04)
    dark = near(rng, (0.12, 0.09, 0.07), 0.03)
    fat = rng.uniform(1.2, 1.35) if bumble else rng.uniform(0.9, 1.05)
    bands = stripes(yellow, dark, 0, rng.uniform(0.24, 0.32) * (1.4 if bumble else 1), 0.5)
    m.ball(
        (-0.62, 0.44, 0),
        (0.58, 0.32 * fat, 0.32 * fat),
        fuzz(yellow, dark, 70, bands) if bumble else bands,
        pitch=rng.uniform(2, 14),
        shine=0.12,
    )
    m.ball(
        (0.14, 0.5, 0), (0.33, 0.3 * fat, 0.3 * fat), fuzz(yellow * 0.75, np.minimum(yellow * 1.15, 1), 45)
    )
    if bumble:
        m.ball((-1.1, 0.46, 0), (0.14, 0.24, 0.24), fuzz((0.93, 0.91, 0.85), (0.7, 0.68, 0.6), 60))
    insect_legs(rng, m, (0.3, 0.12, -0.08), 0.55 if flying else 0.62, 0.36, 0.055, dark)
    if rng.random() < 0.6:
        for s in (-1, 1):
            m.ball((-0.35, 0.2, s * 0.4), (0.14, 0.12, 0.1), fuzz((0.95, 0.7, 0.15), (0.8, 0.5, 0.1), 50))
    with m.frame((0.48, 0.46, 0), yaw=rng.normal(0, 12), pitch=rng.uniform(-24, -4)):
        m.ball((0.1, 0, 0), (0.19, 0.22, 0.24), fuzz(dark, yellow * 0.8, 50))
        for s in (-1, 1):
            m.ball((0.15, 0.05, s * 0.17), (0.12, 0.18, 0.1), (0.1, 0.07, 0.06), shine=0.9)
            m.path(
                [(0.26, 0.08, s * 0.06), (0.42, 0.2, s * 0.13), (0.66, 0.1, s * 0.2)],
                [0.03, 0.025, 0.03],
                dark,
            )
    lift = rng.uniform(15, 50) if flying else rng.uniform(4, 16)
    for s in (-1, 1):
        for angle, long, wide in (
            (rng.uniform(58, 80) if flying else rng.uniform(28, 46), 0.66, 0.23),
            (28, 0.46, 0.18),
        ):
            with m.frame((0.1, 0.72 * (0.6 + 0.4 * fat), s * 0.16), yaw=s * (180 - angle), pitch=lift):
                m.ball((long, 0, 0), (long, 0.012, wide), wing_paint, shine=0.5)
                m.solids[-1].clear = 0.5


def flower(rng: Generator, m: Model) -> None:
    """A big flower under the insect, its face near y = 0."""
    petal = near(
        rng,
        pick(
            rng,
            {
                (0.93, 0.90, 0.92): 2,
                (0.85, 0.45, 0.68): 2,
                (0.62, 0.42, 0.78): 2,
                (0.95, 0.75, 0.15): 2,
                (0.85, 0.25, 0.2): 1,
            },
        ),
        0.05,
    )
    heart = near(rng, pick(rng, {(0.92, 0.70, 0.12): 3, (0.35, 0.24, 0.12): 1, (0.55, 0.62, 0.2): 1}), 0.04)
    count, long = int(rng.integers(7, 17)), rng.uniform(1.2, 1.7)
    for k in range(count):
        with m.frame((0, -0.2, 0), yaw=360 * k / count + rng.normal(0, 4), pitch=rng.uniform(-14, 6)):
            m.ball(
                (0.5 + long * 0.55, 0, 0),
                (long * 0.65, 0.05, 3.4 / count + 0.12),
                stripes(petal, petal * 0.9, 2, 0.16, 0.3),
            )
    m.ball((0, -0.2, 0), (0.85, 0.24, 0.85), fuzz(heart, heart * 0.4, 22))


def macro_backdrop(rng: Generator, height: int, width: int, kind: str) -> Array:
    """What lies under or far behind an insect: (height, width, 3)."""
    side = max(height, width)
    if kind == "leaf":
        leaf = near(rng, (0.30, 0.50, 0.16), 0.08)
        picture = mix(leaf * 0.8, leaf * 1.2, clouds(rng, side, side, 3, 3, 4))
        v, u = np.mgrid[0:side, 0:side] / side - 0.5
        a = rng.uniform(0, np.pi)
        along, across = u * np.cos(a) + v * np.sin(a), v * np.cos(a) - u * np.sin(a)
        rib = np.abs(across) < 0.008
        rib |= (np.abs((along + 0.7 * np.abs(across)) * 9 % 1 - 0.5) < 0.035) & (np.abs(across) < 0.6)
        picture = mix(picture, leaf * 1.35 + 0.08, rib * 0.7)
        return blur(picture, side / 500)[:height, :width]
    if kind == "bokeh":
        a, b = (
            near(rng, hsv(rng.uniform(0.15, 0.4), 0.5, 0.45), 0.1),
            near(rng, hsv(rng.random(), 0.4, 0.6), 0.1),
        )
        picture = Image.fromarray(
            (mix(a, b, clouds(rng, side, side, 2, 2, 2)) * 255).clip(0, 255).astype(np.uint8)
        )
        glow = picture.copy()
        pen = ImageDraw.Draw(glow)
        for _ in range(rng.integers(6, 22)):
            u, v, radius = *rng.uniform(0, side, 2), side * rng.uniform(0.03, 0.1)
            colour = near(rng, pick(rng, {tuple(a): 1, tuple(b): 1, (0.9, 0.85, 0.6): 1}), 0.15)
            pen.ellipse(
                (u - radius, v - radius, u + radius, v + radius), fill=tuple(int(c * 255) for c in colour)
            )
        soft = np.asarray(Image.blend(picture, glow, 0.5), float) / 255
        return blur(soft, side / 70)[:height, :width]
    low, high = (near(rng, c, 0.05) for c in GROUNDS[kind])
    picture = mix(low, high, clouds(rng, side, side, 6, 6, 6))
    grit = clouds(rng, side, side, side / 24, side / 24, 3)[..., None]
    return blur(picture * (0.82 + 0.36 * grit), side / 450)[:height, :width]


def draw_insect(name: str, rng: Generator, width: int, height: int) -> Image.Image:
    """A picture of an ant or a bee, width x height, mode RGB."""
    flying = name == "bee" and rng.random() < 0.25
    on_flower = rng.random() < (0.0 if flying else 0.65 if name == "bee" else 0.15)
    kinds = (
        {"soil": 2.5, "sand": 2, "leaf": 3, "pavement": 1.5, "leaves": 1}
        if name == "ant"
        else {"leaf": 3, "soil": 0.5, "pavement": 0.7}
    )
    backdrop = macro_backdrop(rng, height, width, "bokeh" if flying or on_flower else pick(rng, kinds))
    backdrop = backdrop.repeat(2, 0).repeat(2, 1)
    m = Model()
    m.beads, m.gap = 90, 0.25
    yaw = rng.uniform(0, 360) if rng.random() < 0.5 else heading(rng)
    with m.frame((0, 0.5 if flying else 0, 0), yaw=yaw, pitch=rng.uniform(-5, 20) if flying else 0):
        if name == "bee":
            bee(rng, m, flying)
        else:
            ant(rng, m)
    m.focus = list(range(len(m.solids)))
    if on_flower:
        flower(rng, m)
    elif name == "ant" and rng.random() < 0.3 and width < 700:  # a second ant; the largest picture shows one
        with m.frame(
            (rng.uniform(-1.5, 1.5), 0, rng.choice([-1, 1]) * rng.uniform(1.8, 2.4)), yaw=rng.uniform(0, 360)
        ):
            ant(rng, m)
    shot = Shot(
        elevation=rng.uniform(28, 68),
        roll=rng.normal(0, 6),
        fill=rng.uniform(0.6, 0.85),
        ground=not (flying or on_flower),
    )
    shot.middle = (0.5 + rng.normal(0, 0.04), 0.5 + rng.normal(0, 0.04))
    shot.light = (rng.uniform(-0.8, 0.8), 0.9, rng.uniform(0.1, 0.7))
    shot.ambient, shot.shadow = rng.uniform(0.4, 0.55), 0.45
    picture, _ = render(m, shot, backdrop)
    picture = picture.reshape(height, 2, width, 2, 3).mean((1, 3))
    return Image.fromarray(snapshot(rng, picture, 0.01))


# ---------------------------------------------------------------------------------------------------------------------
# CIFAR-10's layout.


def sample_picture(job: tuple[int, int, int, int]) -> Array:
    """Picture (seed, split, label, number) of the sample, split 0 for training and 1 for test."""
    return draw(CLASSES[job[2]], np.random.default_rng(list(job)))


def order(seed: int, split: int) -> list[tuple[int, int]]:
    """(label, number) of every picture of a split, in the order of the files."""
    count = (TRAIN_PER_CLASS, TEST_PER_CLASS)[split]
    pairs = [(label, number) for label in range(10) for number in range(count)]
    return [pairs[i] for i in np.random.default_rng([seed, split]).permutation(len(pairs))]


def batch_files(seed: int, pictures: Callable[[list], list[Array]]) -> dict[str, bytes]:
    """The seven files of CIFAR-10's Python version, by name. `pictures` draws a list of jobs."""
    files = {}

    def pack(name: str, title: str, split: int, part: list[tuple[int, int]]) -> None:
        images = np.stack(pictures([(seed, split, *pair) for pair in part]))  # (N, 32, 32, 3)
        content = {
            "batch_label": title,
            "labels": [label for label, _ in part],
            "data": np.ascontiguousarray(images.transpose(0, 3, 1, 2).reshape(len(part), 3072)),
            "filenames": [f"{CLASSES[label]}_s_{number:06d}.png" for label, number in part],
        }
        files[name] = pickle.dumps(content, protocol=4)

    train = order(seed, 0)
    size = len(train) // 5
    for i in range(5):
        pack(f"data_batch_{i + 1}", f"training batch {i + 1} of 5", 0, train[i * size : (i + 1) * size])
    pack("test_batch", "testing batch 1 of 1", 1, order(seed, 1))
    meta = {"num_cases_per_batch": size, "label_names": CLASSES, "num_vis": 3072}
    files["batches.meta"] = pickle.dumps(meta, protocol=4)
    return files


# ---------------------------------------------------------------------------------------------------------------------
# The folder of ants and bees, and the command line.

SIZES = [
    (500, 375),
    (375, 500),
    (480, 360),
    (640, 427),
    (400, 300),
    (333, 500),
    (500, 333),
    (360, 480),
    (300, 400),
    (512, 512),
]
FIRST_ANT = "train/ants/0013035.jpg"
STRAYS = {  # what real folders hold besides plain colour JPEGs
    "train/ants/grey_0458.jpg": "a JPEG in grey (mode L)",
    "train/bees/palette_0731.gif": "a GIF with a palette (mode P)",
    "val/bees/0092276.jpeg": "a JPEG that ends in .jpeg",
    "train/ants/where_from.txt": "a text file",
}


def insect_jobs(seed: int) -> list[tuple[str, int, int, tuple[int, int]]]:
    """(path, seed, number, (width, height)) of every picture of the folder."""
    rng = np.random.default_rng([seed, 2])
    jobs, number = [], 0
    for split, count in (("train", 20), ("val", 10)):
        for kind in ("ants", "bees"):
            odd = [
                name for name in STRAYS if name.startswith(f"{split}/{kind}/") and not name.endswith(".txt")
            ]
            names = [f"{split}/{kind}/{n:07d}.jpg" for n in rng.integers(10_000, 9_999_999, count)]
            names[: len(odd)] = odd
            if (split, kind) == ("train", "ants"):
                names[-1] = FIRST_ANT
            for name in names:
                size = (768, 512) if name == FIRST_ANT else SIZES[rng.integers(len(SIZES))]
                jobs.append((name, seed, number, size))
                number += 1
    return jobs


def insect_file(job: tuple[str, int, int, tuple[int, int]]) -> bytes:
    path, seed, number, (width, height) = job
    kind = "ant" if "/ants/" in path else "bee"
    picture = draw_insect(kind, np.random.default_rng([seed, 3, number]), width, height)
    out = io.BytesIO()
    if path.endswith(".gif"):
        picture.quantize(128, Image.Quantize.MAXCOVERAGE).save(out, "GIF")
    else:
        picture.convert("L" if "grey" in path else "RGB").save(out, "JPEG", quality=80)
    return out.getvalue()


NOTE = "These pictures are drawn by data/draw_sample.py. A text file among pictures is here on purpose.\n"


def everything(seed: int, workers: int | None = None) -> dict[str, bytes]:
    """Every file of both folders: path below data/ to content."""
    with ProcessPoolExecutor(workers) as pool:
        files = batch_files(seed, lambda jobs: list(pool.map(sample_picture, jobs, chunksize=20)))
        files = {f"cifar10-sample/{name}": content for name, content in files.items()}
        jobs = insect_jobs(seed)
        for job, content in zip(jobs, pool.map(insect_file, jobs), strict=True):
            files[f"ants_bees/{job[0]}"] = content
    files["ants_bees/train/ants/where_from.txt"] = NOTE.encode()
    return files


def pixels(path: str, content: bytes) -> Array:
    """What a file shows, as numbers, however it is encoded."""
    if path.endswith((".jpg", ".jpeg", ".gif")):
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), int)
    if path.startswith("cifar10-sample/") and "batch_" in path:
        entry = pickle.loads(content)
        return np.concatenate([entry["data"].astype(int), np.array(entry["labels"])[:, None] * 256], 1)
    return np.frombuffer(content, np.uint8).astype(int)


def compare(folder: Path, files: dict[str, bytes]) -> int:
    """Print how the drawn files differ from those in `folder`; returns how many differ visibly."""
    worse = 0
    for path, content in files.items():
        there = (folder / path).read_bytes() if (folder / path).exists() else b""
        if there == content:
            continue
        known = hashlib.md5(there).hexdigest()
        old, new = (pixels(path, c) if c else np.zeros(0) for c in (there, content))
        gap = np.abs(old - new).mean() if old.shape == new.shape else np.inf
        print(
            f"{path}: not the same bytes (md5 there {known}); pixels differ by {gap:.3f} grey levels on average"
        )
        worse += gap > 0.5
    print(f"{len(files)} files compared in {folder}: {worse} differ visibly")
    return worse


def sheet(rows: list[tuple[str, list[Image.Image]]], cell: tuple[int, int], label: int) -> Image.Image:
    """A contact sheet: one row per name, its pictures centred in cells."""
    width = label + max(len(images) for _, images in rows) * (cell[0] + 4)
    page = Image.new("RGB", (width, len(rows) * (cell[1] + 4) + 4), "white")
    pen = ImageDraw.Draw(page)
    for row, (name, images) in enumerate(rows):
        top = 4 + row * (cell[1] + 4)
        pen.text((6, top + cell[1] // 2 - 6), name, fill="black")
        for column, image in enumerate(images):
            left = label + column * (cell[0] + 4)
            page.paste(image, (left + (cell[0] - image.width) // 2, top + (cell[1] - image.height) // 2))
    return page


def write_sheets(folder: Path, files: dict[str, bytes]) -> None:
    test = pickle.loads(files["cifar10-sample/test_batch"])
    data, labels = test["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.array(test["labels"])
    rows = []
    for label, name in enumerate(CLASSES):
        images = [
            Image.fromarray(image).resize((64, 64), Image.Resampling.NEAREST)
            for image in data[labels == label][:12]
        ]
        rows.append((name, images))
    sheet(rows, (64, 64), 80).save(folder / "contact_sheet.png", optimize=True)
    rows = []
    for name in ("train/ants", "train/bees", "val/ants", "val/bees"):
        paths = [
            path for path in files if path.startswith(f"ants_bees/{name}/") and not path.endswith(".txt")
        ]
        images = [Image.open(io.BytesIO(files[path])).convert("RGB") for path in paths[-6:]]
        for image in images:
            image.thumbnail((112, 112))
        rows.append((name, images))
    sheet(rows, (112, 112), 80).quantize(256).save(folder / "contact_sheet_ants_bees.png", optimize=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--to", type=Path, default=Path(__file__).resolve().parent, help="folder to write to (default: data/)"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help=f"another seed draws other pictures (default: {SEED})"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; compare with the files that are there"
    )
    parser.add_argument("--sheets", action="store_true", help="also write the contact sheets")
    parser.add_argument("--workers", type=int, default=None, help="processes (default: one per core)")
    options = parser.parse_args(arguments)
    files = everything(options.seed, options.workers)
    if options.check:
        return 1 if compare(options.to, files) else 0
    for path, content in files.items():
        (options.to / path).parent.mkdir(parents=True, exist_ok=True)
        (options.to / path).write_bytes(content)
    if options.sheets:
        write_sheets(options.to, files)
    for path, content in files.items():
        if path.startswith("cifar10-sample/"):
            print(hashlib.md5(content).hexdigest(), path)
    print(f"{len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB, in {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
