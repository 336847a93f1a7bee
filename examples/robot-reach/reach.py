"""The collision stage in pure Python: the maths of kinematics.ts, distances.ts and collision.ts.

A test holds the two against one another on the same cells. Nothing here knows of a server.
"""

from __future__ import annotations

import json
import struct
from math import cos, radians, sin, sqrt
from typing import NamedTuple

# Denavit-Hartenberg parameters of the UR5: d, a, cos(alpha), sin(alpha) of each joint.
UR5 = (
    (0.089159, 0.0, 0.0, 1.0),
    (0.0, -0.425, 1.0, 0.0),
    (0.0, -0.39225, 1.0, 0.0),
    (0.10915, 0.0, 0.0, 1.0),
    (0.09465, 0.0, 0.0, -1.0),
    (0.0823, 0.0, 1.0, 0.0),
)
UPPER_ARM_ASIDE, FOREARM_ASIDE = 0.136, 0.0165
RADII = (0.075, 0.065, 0.058, 0.055, 0.048, 0.042, 0.042, 0.04)
# By link: the later links that it can meet.
PARTNERS = ((4, 5, 6, 7, 8), (4, 5, 6, 7, 8), (5, 6, 7, 8), (8,), (7, 8), (8,))
POSES_MAX, SOLUTIONS_MAX = 100_000, 8


class Capsule(NamedTuple):
    start: tuple
    end: tuple
    radius: float


class Box(NamedTuple):
    center: tuple
    half: tuple
    cos_yaw: float
    sin_yaw: float
    ball: tuple


class Scene(NamedTuple):
    tool_length: float
    tool_radius: float
    clearance: float
    boxes: tuple
    rods: tuple  # Capsules with the balls around them; a sphere is a capsule of no length.


def load_scene(file: str) -> Scene:
    with open(file, encoding="utf-8") as opened:
        scene = json.load(opened)
    arm = scene["arm"]
    boxes = []
    for box in scene.get("boxes", []):
        yaw = radians(box["yaw_degrees"])
        half = tuple(side * 0.5 for side in box["size"])
        center = tuple(box["center"])
        ball = (center, sqrt(_dot(box["size"], box["size"])) / 2)
        boxes.append(Box(center, half, cos(yaw), sin(yaw), ball))
    rods = [(s["center"], s["center"], s["radius"]) for s in scene.get("spheres", [])]
    rods += [(c["from"], c["to"], c["radius"]) for c in scene.get("capsules", [])]
    capsules = [Capsule(tuple(start), tuple(end), radius) for start, end, radius in rods]
    return Scene(
        arm["tool"]["length"],
        arm["tool"]["radius"],
        arm["clearance"],
        tuple(boxes),
        tuple((capsule, ball_around(capsule)) for capsule in capsules),
    )


def forward(joints) -> list:
    """The frames behind each joint as three rows of four, seen from the base."""
    frames = []
    frame = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    for (d, a, ca, sa), angle in zip(UR5, joints):
        c, s = cos(angle), sin(angle)
        rows = []
        for row in (0, 4, 8):
            x, y, z, origin = frame[row : row + 4]
            across = y * c - x * s
            rows += (
                x * c + y * s,
                across * ca + z * sa,
                z * ca - across * sa,
                (x * c + y * s) * a + z * d + origin,
            )
        frame = tuple(rows)
        frames.append(frame)
    return frames


def link_capsules(joints, scene: Scene) -> list:
    """The arm as capsules: base, shoulder, upper arm, elbow, forearm, three wrists, tool."""
    frames = forward(joints)
    shoulder, elbow, wrist1, wrist2, wrist3, flange = (f[3::4] for f in frames)
    aside = frames[0][2::4]
    upper_from = _along(shoulder, aside, UPPER_ARM_ASIDE)
    upper_to = _along(elbow, aside, UPPER_ARM_ASIDE)
    forearm_from = _along(elbow, aside, FOREARM_ASIDE)
    forearm_to = _along(wrist1, aside, FOREARM_ASIDE)
    tip = _along(flange, frames[5][2::4], scene.tool_length)
    points = (
        ((0.0, 0.0, 0.0), (0.0, 0.0, UR5[0][0])),
        (shoulder, upper_from),
        (upper_from, upper_to),
        (upper_to, forearm_from),
        (forearm_from, forearm_to),
        (forearm_to, wrist2),
        (wrist2, wrist3),
        (wrist3, flange),
        (flange, tip),
    )
    return [Capsule(*ends, r) for ends, r in zip(points, RADII + (scene.tool_radius,))]


def is_free(joints, scene: Scene) -> bool:
    """True if the arm keeps its clearance from itself, the table and everything in the scene."""
    links = link_capsules(joints, scene)
    clearance = scene.clearance
    # The table is everything below z = 0; the base stands on it.
    for start, end, radius in links[1:]:
        if min(start[2], end[2]) - radius < clearance:
            return False
    balls = [ball_around(link) for link in links]
    for link, ball in zip(links, balls):
        reach = link.radius + clearance
        for box in scene.boxes:
            if not is_beyond(ball, box.ball, reach) and box_distance(link, box) < reach:
                return False
        for rod, rod_ball in scene.rods:
            apart = reach + rod.radius
            if not is_beyond(ball, rod_ball, apart) and segment_to_segment(rod, link) < apart:
                return False
    for index, others in enumerate(PARTNERS):
        for other in others:
            apart = links[index].radius + links[other].radius + clearance
            if is_beyond(balls[index], balls[other], apart):
                continue
            if segment_to_segment(links[index], links[other]) < apart:
                return False
    return True


def ball_around(capsule: Capsule) -> tuple:
    """Centre and radius of the ball around a segment: most pairs are far apart, and it tells so."""
    (ax, ay, az), (bx, by, bz), _ = capsule
    center = ((ax + bx) * 0.5, (ay + by) * 0.5, (az + bz) * 0.5)
    return center, _distance(capsule.start, capsule.end) / 2


def is_beyond(one: tuple, other: tuple, reach: float) -> bool:
    (ax, ay, az), one_radius = one
    (bx, by, bz), other_radius = other
    x, y, z = ax - bx, ay - by, az - bz
    together = one_radius + other_radius + reach
    return x * x + y * y + z * z > together * together


def point_to_segment(point, segment: Capsule) -> float:
    start, end, _ = segment
    along = _minus(end, start)
    squared = _dot(along, along)
    share = 0.0 if squared == 0 else _dot(_minus(point, start), along) / squared
    return _distance(point, _along(start, along, _unit(share)))


def segment_to_segment(first: Capsule, second: Capsule) -> float:
    u, v = _minus(first.end, first.start), _minus(second.end, second.start)
    between = _minus(first.start, second.start)
    uu, uv, vv = _dot(u, u), _dot(u, v), _dot(v, v)
    ub, vb = _dot(u, between), _dot(v, between)
    if uu == 0:
        return point_to_segment(first.start, second)
    if vv == 0:
        return point_to_segment(second.start, first)
    determinant = uu * vv - uv * uv
    on_first = _unit((uv * vb - ub * vv) / determinant) if determinant > 0 else 0.0
    on_second = _unit((uv * on_first + vb) / vv)
    on_first = _unit((uv * on_second - ub) / uu)
    return _distance(_along(first.start, u, on_first), _along(second.start, v, on_second))


def box_distance(segment: Capsule, box: Box) -> float:
    """Of a segment to a box that may be turned about the vertical; see segmentToBounds."""
    start, end = (_into(box, point) for point in (segment.start, segment.end))
    along, half = _minus(end, start), box.half

    def slope_at(share: float) -> float:
        slope = 0.0
        for s, d, h in zip(start, along, half):
            at = s + share * d
            slope += (max(at - h, 0.0) - max(-h - at, 0.0)) * d
        return slope

    before, slope_before = 0.0, slope_at(0.0)
    if slope_before >= 0:
        return _point_to_box(start, half)
    planes = ((s, d, plane) for s, d, h in zip(start, along, half) if d != 0 for plane in (-h, h))
    shares = sorted(share for s, d, plane in planes if 0 < (share := (plane - s) / d) < 1)
    for share in (*shares, 1.0):
        slope = slope_at(share)
        if slope >= 0:
            rise = slope - slope_before
            best = before - slope_before * (share - before) / rise if rise > 0 else share
            return _point_to_box(_along(start, along, best), half)
        before, slope_before = share, slope
    return _point_to_box(end, half)


def decode_samples(data: bytes) -> tuple:
    """The cell, the number of poses tried, and the solutions of each pose that has some."""
    magic, cell, poses, count = struct.unpack_from("<4sIII", data, 0)
    if magic != b"RRS1":
        raise ValueError("These bytes are no samples: they do not begin with RRS1.")
    if count > poses or poses > POSES_MAX:
        raise ValueError(f"Samples cannot hold {count} poses.")
    at, reached = 16, []
    for _ in range(count):
        (solution_count,) = struct.unpack_from("<I", data, at + 28)
        if solution_count > SOLUTIONS_MAX:
            raise ValueError(f"A pose has {solution_count} solutions.")
        starts = range(at + 32, at + 32 + 24 * solution_count, 24)
        reached.append([struct.unpack_from("<6f", data, start) for start in starts])
        at += 32 + 24 * solution_count
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes follow the samples.")
    return cell, poses, reached


def collide(payload: bytes, scene: Scene) -> bytes:
    """The `collide` stage: counts the poses that the arm reaches without collision."""
    cell, poses, reached = decode_samples(payload)
    free = [sum(is_free(joints, scene) for joints in solutions) for solutions in reached]
    counts = {
        "cell": cell,
        "poses": poses,
        "reachable": len(reached),
        "free": sum(count > 0 for count in free),
        "solutions": sum(map(len, reached)),
        "free_solutions": sum(free),
    }
    return json.dumps(counts, separators=(",", ":")).encode()


def _minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _along(start, direction, share):
    return (
        start[0] + direction[0] * share,
        start[1] + direction[1] * share,
        start[2] + direction[2] * share,
    )


def _distance(a, b):
    between = _minus(a, b)
    return sqrt(_dot(between, between))


def _unit(value):
    return min(max(value, 0.0), 1.0)


def _into(box: Box, point):
    x, y = point[0] - box.center[0], point[1] - box.center[1]
    c, s = box.cos_yaw, box.sin_yaw
    return c * x + s * y, c * y - s * x, point[2] - box.center[2]


def _point_to_box(point, half):
    outside = [max(-h - p, 0.0, p - h) for p, h in zip(point, half)]
    return sqrt(_dot(outside, outside))
