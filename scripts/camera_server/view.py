"""A camera on the ceiling of a hall: where a point of the room falls in the picture, and flat shapes drawn there.

The room is measured in metres: x to the right, y up from the floor, z away from the camera towards the counters.
"""
import math

import cairo

FONT = "Noto Sans CJK SC"


class View:
    """A pinhole camera at (cx, height, 0), looking down by `pitch` and aside by `yaw` (radians)."""

    def __init__(self, width, height, cx, eye, pitch, yaw, focal):
        self.width, self.height = width, height
        self.cx, self.eye, self.focal = cx, eye, focal
        self.sp, self.cp = math.sin(pitch), math.cos(pitch)
        self.sy, self.cy = math.sin(yaw), math.cos(yaw)

    def project(self, x, y, z):
        """The point's place in the picture and the scale there (pixels a metre)."""
        dx, dy = x - self.cx, y - self.eye
        right = dx * self.cy - z * self.sy
        ahead = dx * self.sy + z * self.cy
        depth = max(0.3, ahead * self.cp - dy * self.sp)
        up = dy * self.cp + ahead * self.sp
        scale = self.focal / depth
        return self.width / 2 + right * scale, self.height / 2 - up * scale, scale

    def quad(self, ctx, points, colour):
        """A filled polygon given by points of the room."""
        ctx.new_path()
        for x, y, z in points:
            ctx.line_to(*self.project(x, y, z)[:2])
        ctx.close_path()
        ctx.set_source_rgb(*colour)
        ctx.fill()

    def upright(self, ctx, x0, x1, y0, y1, z, colour):
        """A board that faces the camera."""
        self.quad(ctx, [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], colour)

    def flat(self, ctx, x0, x1, z0, z1, y, colour):
        """A board that lies level."""
        self.quad(ctx, [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)], colour)

    def box(self, ctx, x0, x1, y0, y1, z0, z1, colour):
        """A box of which the camera sees the front, the top and the side that is turned to it."""
        if x0 > self.cx:
            self.quad(ctx, [(x0, y0, z0), (x0, y0, z1), (x0, y1, z1), (x0, y1, z0)], shade(colour, 0.78))
        elif x1 < self.cx:
            self.quad(ctx, [(x1, y0, z0), (x1, y0, z1), (x1, y1, z1), (x1, y1, z0)], shade(colour, 0.78))
        self.flat(ctx, x0, x1, z0, z1, y1, shade(colour, 1.12))
        self.upright(ctx, x0, x1, y0, y1, z0, colour)

    def text(self, ctx, string, x0, x1, y0, y1, z, colour, bold=True):
        """Text fitted into an upright board, leaning with it."""
        left, bottom, _ = self.project(x0, y0, z)
        right, bottom_right, _ = self.project(x1, y0, z)
        _, top, _ = self.project(x0, y1, z)
        width, height = right - left, bottom - top
        if width < 4 or height < 4 or not string:
            return
        ctx.save()
        ctx.translate(left, bottom)
        ctx.transform(cairo.Matrix(1, (bottom_right - bottom) / width, 0, 1, 0, 0))
        set_font(ctx, height * 0.86, bold)
        advance = ctx.text_extents(string).x_advance
        squeeze = min(1.0, width * 0.94 / advance)
        ctx.scale(squeeze, 1)
        ctx.move_to((width / squeeze - advance) / 2, -height * 0.2)
        ctx.set_source_rgb(*colour)
        ctx.show_text(string)
        ctx.new_path()
        ctx.restore()


def shade(colour, factor):
    """The colour darkened (below 1) or lightened (above 1)."""
    return tuple(max(0.0, min(1.0, part * factor)) for part in colour)


def rgb(code):
    """A colour from its hexadecimal notation."""
    return tuple(int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))


def set_font(ctx, size, bold=False):
    weight = cairo.FONT_WEIGHT_BOLD if bold else cairo.FONT_WEIGHT_NORMAL
    ctx.select_font_face(FONT, cairo.FONT_SLANT_NORMAL, weight)
    ctx.set_font_size(size)


def caption(string, size):
    """Text as a recorder burns it in: white with a dark edge, on a surface of its own."""
    probe = cairo.Context(cairo.ImageSurface(cairo.FORMAT_A8, 1, 1))
    set_font(probe, size, True)
    advance = probe.text_extents(string).x_advance
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, int(advance) + 8, int(size * 1.5) + 4)
    ctx = cairo.Context(surface)
    set_font(ctx, size, True)
    ctx.move_to(4, size * 1.1)
    ctx.text_path(string)
    ctx.set_source_rgba(0, 0, 0, 0.75)
    ctx.set_line_width(size * 0.16)
    ctx.set_line_join(cairo.LINE_JOIN_ROUND)
    ctx.stroke_preserve()
    ctx.set_source_rgb(1, 1, 1)
    ctx.fill()
    return surface
