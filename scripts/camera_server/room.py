"""The parts of a hall that do not move: floor, walls, counter, signs, benches."""
import math

import cairo

from .view import View, rgb, shade

STYLES = [
    # wall, fascia, counter, counter top, floor light, floor dark
    [rgb(c) for c in ("e9e4d8", "9c2f2b", "b78d5f", "e6dccb", "d9d5cb", "cdc8bc")],
    [rgb(c) for c in ("e3e9ee", "1f4e86", "8f9fb0", "dfe6ec", "d3d8dc", "c5ccd1")],
    [rgb(c) for c in ("efeae3", "7d2a2a", "8a6446", "d9cfc0", "cfc6b8", "c2b8a8")],
    [rgb(c) for c in ("e6ece6", "2f6a5b", "a8b3a4", "e3e8df", "d5d9d2", "c8cdc4")],
]
GAP = 1.75  # from the middle of a window to the next
DESK = 0.80


class Room:
    """A hall with `windows` (their signs, left to right), furnished by `rng`, and the camera that looks at it.

    `hall_rng` gives what all rooms of a hall share, `rng` the rest."""

    def __init__(self, rng, hall_rng, title, windows, width, height):
        self.title, self.windows = title, windows
        self.wall, self.fascia, self.counter, self.top, self.tile, self.tile_dark = hall_rng.choice(STYLES)
        count = len(windows)
        self.breadth = max(count * GAP + 1.6, 6.0)
        focal = width * 0.64
        distance = max(7.4, (self.breadth + 0.6) * 0.70)
        self.front = distance  # depth of the counter's front
        shift = rng.uniform(-0.16, 0.16) * self.breadth
        yaw = -math.atan2(shift, distance) * 0.85
        eye = 2.9 + 0.13 * distance
        pitch = math.atan2(eye - 0.75, distance)
        self.view = View(width, height, shift, eye, pitch, yaw, focal)
        self.seats_x = [(-(count - 1) / 2 + i) * GAP for i in range(count)]
        self.kiosk_side = rng.choice([-1, 1])
        self.door_side = -self.kiosk_side
        # A row of seats at the near edge of the picture, and how many people fit on it.
        self.bench_z = distance - rng.uniform(3.9, 4.2)
        middle = rng.uniform(-0.9, 0.9)
        self.bench = [middle + (i - 2.5) * 0.62 for i in range(6)]
        # The queue runs aside, so that its people do not hide one another.
        self.queue = [(self.door_side * (0.62 * i - 0.6), distance - 1.85 - 0.16 * i) for i in range(5)]
        self.plants = [rng.random() < 0.8, rng.random() < 0.8]

    def seat(self, window):
        """Where the clerk of a window sits: corners in fractions of the picture."""
        x, z, view = self.seats_x[window], self.front + 0.95, self.view
        corners = ((x - 0.34, 0.9), (x - 0.34, 1.38), (x + 0.44, 1.38), (x + 0.44, 0.9))
        places = (view.project(x, y, z) for x, y in corners)
        return [[round(min(1, max(0, px / view.width)), 4), round(min(1, max(0, py / view.height)), 4)] for px, py, _ in places]

    # --- behind everything that moves

    def back(self, ctx):
        """The office behind the counter, the walls and the floor."""
        v, front, half = self.view, self.front, self.breadth / 2
        ctx.set_source_rgb(*shade(self.wall, 0.97))
        ctx.paint()
        # Office: floor, back wall with cabinets.
        v.flat(ctx, -half, half, front, front + 3.2, 0, shade(self.tile, 0.8))
        v.upright(ctx, -half, half, 0, 2.6, front + 3.2, shade(self.wall, 0.88))
        x = -half + 0.3
        while x < half - 0.9:
            v.upright(ctx, x, x + 0.85, 0, 1.75, front + 3.15, rgb("9fa8ae"))
            v.upright(ctx, x + 0.05, x + 0.41, 0.08, 1.68, front + 3.14, rgb("b4bcc1"))
            v.upright(ctx, x + 0.45, x + 0.81, 0.08, 1.68, front + 3.14, rgb("b4bcc1"))
            x += 1.0
        # The hall's floor with its tiles.
        wide = half + 6
        v.flat(ctx, -wide, wide, -1.0, front + 0.5, 0, self.tile)
        self._tiles(ctx, wide)
        self._side_walls(ctx, half)
        self._fascia(ctx, half)
        # One-metre line.
        v.flat(ctx, -half + 0.4, half - 0.4, front - 1.45, front - 1.36, 0.002, rgb("d9a520"))
        self._kiosk(ctx, half)
        for side, there in zip((-1, 1), self.plants):
            if there:
                self._plant(ctx, side * (half - 0.35), front - 0.7)

    def _tiles(self, ctx, wide):
        v, z = self.view, 0.0
        ctx.set_line_width(1.0)
        ctx.set_source_rgb(*self.tile_dark)
        while z < self.front:
            ctx.move_to(*v.project(-wide, 0, z)[:2])
            ctx.line_to(*v.project(wide, 0, z)[:2])
            z += 0.8
        for i in range(int(-wide / 0.8), int(wide / 0.8) + 1):
            ctx.move_to(*v.project(i * 0.8, 0, 0)[:2])
            ctx.line_to(*v.project(i * 0.8, 0, self.front)[:2])
        ctx.stroke()
        # Light falls from the ceiling: the far floor is a little brighter.
        y = v.project(0, 0, self.front)[1]
        light = cairo.LinearGradient(0, y, 0, v.height)
        light.add_color_stop_rgba(0, 1, 1, 1, 0.22)
        light.add_color_stop_rgba(1, 0, 0, 0, 0.10)
        ctx.rectangle(0, y, v.width, v.height - y)
        ctx.set_source(light)
        ctx.fill()

    def _side_walls(self, ctx, half):
        v, front = self.view, self.front
        for side in (-1, 1):
            x = side * half
            v.quad(ctx, [(x, 0, 0), (x, 0, front + 3.2), (x, 5, front + 3.2), (x, 5, 0)], shade(self.wall, 0.93))
            v.quad(ctx, [(x, 0, 0), (x, 0, front), (x, 0.14, front), (x, 0.14, 0)], shade(self.counter, 0.8))
            if side == self.door_side:
                z0, z1 = front - 3.7, front - 2.0
                v.quad(ctx, [(x, 0, z0), (x, 0, z1), (x, 2.3, z1), (x, 2.3, z0)], rgb("8fa6b5"))
                v.quad(ctx, [(x, 0, (z0 + z1) / 2 - 0.03), (x, 0, (z0 + z1) / 2 + 0.03), (x, 2.3, (z0 + z1) / 2 + 0.03), (x, 2.3, (z0 + z1) / 2 - 0.03)], rgb("5d6b75"))
            else:
                for z0 in (front - 2.6, front - 4.2):
                    v.quad(ctx, [(x, 1.1, z0), (x, 1.1, z0 + 1.1), (x, 1.95, z0 + 1.1), (x, 1.95, z0)], rgb("c9d6de"))
                    for row in range(3):
                        y = 1.22 + 0.22 * row
                        v.quad(ctx, [(x, y, z0 + 0.12), (x, y, z0 + 0.98), (x, y + 0.1, z0 + 0.98), (x, y + 0.1, z0 + 0.12)], rgb("e9eff3"))

    def _fascia(self, ctx, half):
        """The wall above the counter with the hall's name and a plate over each window."""
        v, front = self.view, self.front
        v.upright(ctx, -half, half, 2.12, 6.0, front, shade(self.wall, 1.03))
        v.upright(ctx, -half, half, 2.12, 2.62, front - 0.01, self.fascia)
        v.upright(ctx, -half, half, 2.08, 2.13, front - 0.02, shade(self.fascia, 0.6))
        wide = min(self.breadth * 0.8, 0.5 * len(self.title) + 0.6)
        v.text(ctx, self.title, -wide / 2, wide / 2, 2.72, 3.2, front - 0.02, self.fascia)
        for number, (x, name) in enumerate(zip(self.seats_x, self.windows), 1):
            digits = "".join(c for c in name if c.isdigit())
            sign = name.lstrip("0123456789号 ") or "综合"
            v.upright(ctx, x - 0.78, x - 0.34, 2.17, 2.57, front - 0.03, rgb("f6d77a"))
            v.text(ctx, digits or str(number), x - 0.78, x - 0.34, 2.2, 2.54, front - 0.04, rgb("5a1f1b"))
            v.text(ctx, sign, x - 0.32, x + 0.84, 2.2, 2.54, front - 0.04, (1, 1, 1))

    def _kiosk(self, ctx, half):
        x, z = self.kiosk_side * (half - 0.55), self.front - 2.6
        v = self.view
        v.box(ctx, x - 0.3, x + 0.3, 0, 1.35, z, z + 0.4, rgb("d7dde2"))
        v.upright(ctx, x - 0.23, x + 0.23, 0.85, 1.28, z - 0.01, rgb("2c6fb0"))
        v.text(ctx, "自助", x - 0.2, x + 0.2, 0.95, 1.18, z - 0.02, (1, 1, 1))

    def _plant(self, ctx, x, z):
        v = self.view
        v.box(ctx, x - 0.16, x + 0.16, 0, 0.34, z, z + 0.3, rgb("a5553a"))
        px, py, scale = v.project(x, 0.34, z + 0.1)
        for i in range(9):
            angle = math.pi * (0.12 + 0.76 * i / 8)
            length = scale * (0.62 + 0.16 * math.sin(i * 2.1))
            tip = px + math.cos(angle) * length * 0.62, py - math.sin(angle) * length
            ctx.move_to(px, py)
            ctx.curve_to(px + math.cos(angle) * length * 0.1, py - length * 0.6, *tip, *tip)
            ctx.curve_to(*tip, px + math.cos(angle) * length * 0.4, py - length * 0.4, px, py)
            ctx.set_source_rgb(*shade(rgb("4f8a4c"), 0.85 + 0.05 * (i % 5)))
            ctx.fill()

    # --- in front of the clerks

    def desks(self, ctx, paused):
        """The counter; `paused` are the windows whose clerk put up the sign."""
        v, front, half = self.view, self.front, self.breadth / 2
        v.flat(ctx, -half, half, front, front + 0.62, DESK, self.top)
        for i, x in enumerate(self.seats_x):
            # Screen with its back to the public, papers, and a plate with the window's number on the front.
            v.box(ctx, x + 0.26, x + 0.66, DESK + 0.07, DESK + 0.36, front + 0.42, front + 0.46, rgb("30343a"))
            v.box(ctx, x + 0.42, x + 0.5, DESK, DESK + 0.08, front + 0.42, front + 0.48, rgb("30343a"))
            v.flat(ctx, x - 0.52, x - 0.3, front + 0.14, front + 0.4, DESK + 0.01, rgb("fbfbf8"))
            if i in paused:
                v.upright(ctx, x - 0.24, x + 0.24, DESK + 0.01, DESK + 0.2, front + 0.1, rgb("b3261e"))
                v.text(ctx, "暂停服务", x - 0.24, x + 0.24, DESK + 0.03, DESK + 0.18, front + 0.09, (1, 1, 1))
        for i in range(len(self.seats_x) + 1):
            x = (-len(self.seats_x) / 2 + i) * GAP
            v.box(ctx, x - 0.02, x + 0.02, DESK, DESK + 0.5, front + 0.02, front + 0.6, rgb("cfd9df"))
        v.upright(ctx, -half, half, 0, DESK, front, self.counter)
        v.upright(ctx, -half, half, DESK - 0.07, DESK, front - 0.01, shade(self.top, 0.9))
        v.upright(ctx, -half, half, 0, 0.1, front - 0.01, shade(self.counter, 0.6))
        for x in self.seats_x:
            v.upright(ctx, x - GAP / 2 + 0.06, x + GAP / 2 - 0.06, 0.14, 0.68, front - 0.01, shade(self.counter, 1.1))

    # --- before everything that moves

    def bench_backs(self, ctx):
        v, z = self.view, self.bench_z
        for x in self.bench:
            v.box(ctx, x - 0.27, x + 0.27, 0.40, 0.46, z, z + 0.42, rgb("6f8597"))
            v.upright(ctx, x - 0.26, x + 0.26, 0.5, 0.84, z - 0.02, rgb("7d95a8"))
            for row in range(4):
                y = 0.55 + 0.08 * row
                v.upright(ctx, x - 0.21, x + 0.21, y, y + 0.025, z - 0.03, rgb("6a8092"))
        left, right = self.bench[0] - 0.27, self.bench[-1] + 0.27
        v.box(ctx, left, right, 0.34, 0.40, z + 0.1, z + 0.16, rgb("54616b"))
        for x in (left + 0.1, (left + right) / 2, right - 0.1):
            v.upright(ctx, x - 0.03, x + 0.03, 0, 0.36, z + 0.1, rgb("54616b"))
