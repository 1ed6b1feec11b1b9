"""People as simple figures: those who walk, queue and sit, and the clerks behind the counter."""
import math

from .view import rgb, shade

SKIN = [rgb(c) for c in ("f0c8a4", "e8b98f", "deab80")]
HAIR = [rgb(c) for c in ("1d1b1a", "2a211c", "3a2d25", "55504c", "8c8a88")]
TOPS = [rgb(c) for c in ("5b7c99", "8a5a5a", "6b7f5e", "c2a878", "7a6a8f", "44546a", "b8bfc6", "9c6b4a", "d7d3c8", "3d5a5a")]
TROUSERS = [rgb(c) for c in ("2f3542", "4a4a48", "3b4a63", "5d5346", "22262e")]
UNIFORM, SHIRT, SCARF = rgb("27406b"), rgb("f2f4f7"), rgb("b3363a")


class Looks:
    """What a person wears; drawn once, so that they stay themselves."""

    def __init__(self, rng):
        self.skin, self.hair = rng.choice(SKIN), rng.choice(HAIR)
        self.top, self.trousers = rng.choice(TOPS), rng.choice(TROUSERS)
        self.height = rng.uniform(0.92, 1.06)
        self.long_hair = rng.random() < 0.45
        self.bag = rng.choice([None, None, rgb("6e4b34"), rgb("2d2d33"), rgb("9a3b3b")])


def _limb(ctx, x0, y0, x1, y1, width, colour):
    ctx.set_line_width(width)
    ctx.set_source_rgb(*colour)
    ctx.move_to(x0, y0)
    ctx.line_to(x1, y1)
    ctx.stroke()


def _ellipse(ctx, x, y, rx, ry, colour, alpha=1.0):
    ctx.new_path()
    ctx.save()
    ctx.translate(x, y)
    ctx.scale(rx, ry)
    ctx.arc(0, 0, 1, 0, 2 * math.pi)
    ctx.restore()
    ctx.set_source_rgba(*colour, alpha)
    ctx.fill()


def _torso(ctx, low, high, shoulder, hip, colour):
    ctx.move_to(-hip, -low)
    ctx.curve_to(-hip, -(low + high) / 2, -shoulder, -high + 0.14, -shoulder, -high + 0.1)
    ctx.curve_to(-shoulder, -high, -0.1, -high - 0.02, 0, -high - 0.02)
    ctx.curve_to(0.1, -high - 0.02, shoulder, -high, shoulder, -high + 0.1)
    ctx.curve_to(shoulder, -high + 0.14, hip, -(low + high) / 2, hip, -low)
    ctx.close_path()
    ctx.set_source_rgb(*colour)
    ctx.fill()


def _head(ctx, looks, y, facing, turn=0.0):
    """`facing`: whether the face is turned to the camera; `turn`: the head's sideways turn, -1 to 1."""
    if looks.long_hair:
        _ellipse(ctx, 0, -y + 0.05, 0.125, 0.17, looks.hair)
    _limb(ctx, 0, -y + 0.1, 0, -y + 0.17, 0.09, looks.skin)
    if facing:
        _ellipse(ctx, 0, -y - 0.02, 0.12, 0.14, looks.hair)
        _ellipse(ctx, 0.02 * turn, -y + 0.025, 0.098, 0.115, looks.skin)
        for side in (-0.04, 0.04):
            _ellipse(ctx, side + 0.03 * turn, -y + 0.01, 0.012, 0.012, (0.15, 0.12, 0.1))
    else:
        if not looks.long_hair:
            _ellipse(ctx, 0, -y + 0.06, 0.085, 0.11, looks.skin)
        for side in (-0.115, 0.115):
            _ellipse(ctx, side, -y + 0.03, 0.022, 0.035, looks.skin)
        _ellipse(ctx, 0, -y - 0.005, 0.115, 0.14, looks.hair)
        if looks.long_hair:
            _ellipse(ctx, 0, -y + 0.06, 0.12, 0.16, looks.hair)


def _at(ctx, view, x, z, height=1.0):
    px, py, scale = view.project(x, 0, z)
    ctx.save()
    ctx.translate(px, py)
    ctx.scale(scale * height, scale * height * 0.96)
    ctx.set_line_cap(1)


def standing(ctx, view, looks, x, z, facing, stride=None, side=0.0):
    """A person on their feet; `stride` is the phase of the walk, None when they stand."""
    _at(ctx, view, x, z, looks.height)
    swing = math.sin(stride) if stride is not None else 0.0
    lean = 0.5 if abs(side) > 0.6 else 0.22
    _ellipse(ctx, 0, 0, 0.34, 0.11, (0, 0, 0), 0.18)
    for leg, sign in ((-0.09, 1), (0.09, -1)):
        foot = leg + sign * swing * 0.16 * lean * 2 * (1 if side >= 0 else -1)
        rise = max(0.0, sign * swing) * 0.07
        _limb(ctx, leg, -0.84, foot, -0.06 - rise, 0.155, looks.trousers)
        _ellipse(ctx, foot + 0.02 * side, -0.03 - rise, 0.085, 0.045, (0.13, 0.12, 0.12))
    bounce = abs(swing) * 0.018
    ctx.translate(0, -bounce)
    back_arm = shade(looks.top, 0.82)
    _limb(ctx, -0.22, -1.32, -0.25 + swing * 0.1 * lean * 2, -0.9, 0.1, back_arm)
    _limb(ctx, 0.22, -1.32, 0.25 + swing * 0.1 * lean * 2, -0.9, 0.1, back_arm)
    _torso(ctx, 0.78, 1.42, 0.235, 0.19, looks.top)
    if looks.bag:
        _limb(ctx, -0.16, -1.36, 0.2, -0.92, 0.03, shade(looks.bag, 0.8))
        ctx.rectangle(0.12, -0.98, 0.2, 0.22)
        ctx.set_source_rgb(*looks.bag)
        ctx.fill()
    _head(ctx, looks, 1.6, facing, side)
    ctx.restore()


def seated_from_behind(ctx, view, looks, x, z, sway=0.0):
    """Somebody on a chair with their back to the camera."""
    _at(ctx, view, x, z, looks.height)
    ctx.translate(sway * 0.02, 0)
    _limb(ctx, -0.22, -0.98, -0.24, -0.66, 0.1, shade(looks.top, 0.82))
    _limb(ctx, 0.22, -0.98, 0.24, -0.66, 0.1, shade(looks.top, 0.82))
    _torso(ctx, 0.44, 1.08, 0.235, 0.21, looks.top)
    _head(ctx, looks, 1.26, False)
    ctx.restore()


def stool(ctx, view, x, z):
    _at(ctx, view, x, z)
    _ellipse(ctx, 0, 0, 0.24, 0.08, (0, 0, 0), 0.15)
    _limb(ctx, 0, -0.05, 0, -0.42, 0.06, (0.55, 0.57, 0.6))
    _ellipse(ctx, 0, -0.44, 0.2, 0.075, (0.25, 0.32, 0.42))
    ctx.restore()


def clerk_chair(ctx, view, x, z):
    _at(ctx, view, x, z)
    ctx.rectangle(-0.2, -1.08, 0.4, 0.56)
    ctx.set_source_rgb(0.2, 0.22, 0.25)
    ctx.fill()
    ctx.restore()


def clerk(ctx, view, looks, x, z, typing, turn):
    """A clerk at the desk, facing the camera; the counter in front hides the lap."""
    _at(ctx, view, x, z)
    _torso(ctx, 0.5, 1.1, 0.235, 0.2, UNIFORM)
    ctx.move_to(-0.07, -1.12)
    ctx.line_to(0.07, -1.12)
    ctx.line_to(0, -0.86)
    ctx.close_path()
    ctx.set_source_rgb(*SHIRT)
    ctx.fill()
    _limb(ctx, 0, -1.05, 0, -0.92, 0.035, SCARF)
    reach = 0.03 * math.sin(typing)
    _limb(ctx, -0.22, -1.0, -0.16, -0.74 - reach, 0.095, shade(UNIFORM, 0.85))
    _limb(ctx, 0.22, -1.0, 0.16, -0.74 + reach, 0.095, shade(UNIFORM, 0.85))
    _head(ctx, looks, 1.29, True, turn)
    ctx.restore()


def clerk_walking(ctx, view, looks, x, z, stride, side):
    """A clerk on the way from or to the desk."""
    dressed = Looks.__new__(Looks)
    dressed.__dict__.update(looks.__dict__, top=UNIFORM, trousers=shade(UNIFORM, 0.7), bag=None)
    standing(ctx, view, dressed, x, z, True, stride, side)
