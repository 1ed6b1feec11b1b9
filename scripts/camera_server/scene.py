"""A hall as its camera sees it: the room, the people in it, and what a recorder burns into the picture."""
import datetime
import random
import zoneinfo

import cairo

from . import people
from .crowd import Crowd
from .room import DESK, Room
from .view import caption

WEEKDAYS = "一二三四五六日"


class Scene:
    """One camera's picture, drawn frame by frame into `surface` (BGRx)."""

    def __init__(self, seed, hall, title, windows, width, height, zone="Asia/Shanghai"):
        rng = random.Random(f"{seed}:{hall}:{title}")
        self.zone = zoneinfo.ZoneInfo(zone)
        self.room = Room(rng, random.Random(f"{seed}:{hall}"), hall, windows, width, height)
        self.crowd = Crowd(rng, self.room)
        self.surface = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
        self.ctx = cairo.Context(self.surface)
        self.still = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
        self.room.back(cairo.Context(self.still))
        self.base = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
        self.bench = cairo.ImageSurface(cairo.FORMAT_ARGB32, width, height)
        self.desks, self.desks_of = None, None
        size = max(12, round(height / 27))
        self.size = size
        self.name = caption(title, size)
        self.clock, self.clock_of = None, None
        self.next_base = 0.0
        self.lamps = random.Random(rng.random())

    def frame(self, dt, now):
        """Moves the hall on by `dt` seconds and draws it with the clock at `now` (seconds since 1970), or without one (None)."""
        self.crowd.step(dt)
        if self.crowd.time >= self.next_base:
            self._draw_base()
            self.next_base = self.crowd.time + 0.5
        ctx = self.ctx
        ctx.set_source_surface(self.base)
        ctx.paint()
        view = self.room.view
        if any(0 < c.away < 1 for c in self.crowd.clerks):
            self._walking_clerks(ctx)
        for visitor in self.crowd.people():
            going = bool(visitor.path)
            facing = visitor.dz < -0.25 if going else False
            people.standing(ctx, view, visitor.looks, visitor.x, visitor.z, facing,
                            visitor.stride if going else None, visitor.dx if going else 0.0)
        ctx.set_source_surface(self.bench)
        ctx.rectangle(0, self.bench_top, view.width, view.height)
        ctx.fill()
        self._captions(ctx, now)
        self.surface.flush()
        return self.surface

    def _draw_base(self):
        """What changes seldom: the clerks at their desks, the counter, those who are served or sit."""
        view, crowd, room = self.room.view, self.crowd, self.room
        ctx = cairo.Context(self.base)
        ctx.set_source_surface(self.still)
        ctx.paint()
        # Lamps are never quite steady: a picture without any such change would be a frozen one.
        ctx.set_source_rgba(0, 0, 0, self.lamps.uniform(0, 0.02))
        ctx.paint()
        for x, clerk in zip(room.seats_x, crowd.clerks):
            people.clerk_chair(ctx, view, x, room.front + 1.25)
            if clerk.away == 0.0:
                people.clerk(ctx, view, clerk.looks, x, room.front + 0.95, round(clerk.typing * 2) / 2, clerk.turn)
        self._paint_desks(ctx)
        for i, (x, clerk) in enumerate(zip(room.seats_x, crowd.clerks)):
            people.stool(ctx, view, x, room.front - 0.5)
            if clerk.customer is not None and clerk.customer.place == "served":
                people.seated_from_behind(ctx, view, clerk.customer.looks, x, room.front - 0.55)
        bench = cairo.Context(self.bench)
        bench.set_operator(cairo.OPERATOR_CLEAR)
        bench.paint()
        bench.set_operator(cairo.OPERATOR_OVER)
        for seat, visitor in crowd.resting.items():
            people.seated_from_behind(bench, view, visitor.looks, room.bench[seat], room.bench_z + 0.2)
        room.bench_backs(bench)
        ends = (view.project(x, 1.75, room.bench_z)[1] for x in (room.bench[0], room.bench[-1]))
        self.bench_top = max(0, int(min(ends)))

    def _paint_desks(self, ctx):
        paused = frozenset(i for i, c in enumerate(self.crowd.clerks) if c.paused and c.away > 0.1)
        if paused != self.desks_of:
            self.desks = cairo.ImageSurface(cairo.FORMAT_ARGB32, self.room.view.width, self.room.view.height)
            self.room.desks(cairo.Context(self.desks), paused)
            self.desks_of = paused
        ctx.set_source_surface(self.desks)
        ctx.paint()

    def _walking_clerks(self, ctx):
        """Clerks on their way behind the desks, which hide their legs."""
        room = self.room
        half, side = room.breadth / 2, -room.door_side
        ctx.save()
        for x, y, z in ((-half, 2.08, 0), (half, 2.08, 0), (half, DESK, 0.62), (-half, DESK, 0.62)):
            ctx.line_to(*room.view.project(x, y, room.front + z)[:2])
        ctx.clip()
        for x, clerk in zip(room.seats_x, self.crowd.clerks):
            if 0 < clerk.away < 1:
                goal = side * (half + 0.6)
                at = x + (goal - x) * clerk.away
                people.clerk_walking(ctx, room.view, clerk.looks, at, room.front + 1.7, clerk.away * 22, side)
        ctx.restore()

    def _captions(self, ctx, now):
        width, height, edge = self.room.view.width, self.room.view.height, self.size
        second = now and int(now)
        if second is not None:
            if second != self.clock_of:
                self.clock_of = second
                at = datetime.datetime.fromtimestamp(second, self.zone)
                self.clock = caption(f"{at:%Y-%m-%d} 星期{WEEKDAYS[at.weekday()]} {at:%H:%M:%S}", self.size)
            ctx.set_source_surface(self.clock, width - self.clock.get_width() - edge, edge * 0.6)
            ctx.paint()
        ctx.set_source_surface(self.name, edge, height - self.name.get_height() - edge * 0.4)
        ctx.paint()
