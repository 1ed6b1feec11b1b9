"""What happens in a hall: people come, wait, are served and go; clerks leave their desk now and then."""
import math

from .people import Looks

PACE = 1.15  # metres a second
OPENS_AFTER = 40  # seconds


class Visitor:
    """Somebody with business in the hall, on their way along `path` or waiting where it ended."""

    def __init__(self, rng, at):
        self.looks = Looks(rng)
        self.x, self.z = at
        self.path, self.place, self.until = [], "queue", 0.0
        self.stride, self.dx, self.dz = rng.uniform(0, 6), 0.0, 0.0
        self.speed = PACE * rng.uniform(0.85, 1.15)

    def walk(self, dt):
        """One step along the path; true while still under way."""
        if not self.path:
            return False
        tx, tz = self.path[0]
        dx, dz = tx - self.x, tz - self.z
        far, step = math.hypot(dx, dz), self.speed * dt
        if far <= step:
            self.x, self.z = tx, tz
            self.path.pop(0)
            return bool(self.path)
        self.dx, self.dz = dx / far, dz / far
        self.x, self.z = self.x + self.dx * step, self.z + self.dz * step
        self.stride += step * 5.2
        return True


class Clerk:
    """`away` is 0 at the desk and 1 when out of sight."""

    def __init__(self, rng):
        self.looks = Looks(rng)
        self.present, self.away, self.paused = True, 0.0, False
        self.until, self.customer, self.turn, self.typing = 0.0, None, 0.0, rng.uniform(0, 6)


class Crowd:
    def __init__(self, rng, room):
        self.rng, self.room, self.time = rng, room, 0.0
        self.clerks = [Clerk(rng) for _ in room.seats_x]
        for clerk in self.clerks:
            clerk.until = rng.uniform(20, 400)
        self.queue, self.serving, self.leaving, self.resting = [], [], [], {}
        self.next_arrival = 0.0
        self.period, self.phase = rng.uniform(240, 420), rng.uniform(0, 6.28)
        self.door = (room.door_side * (room.breadth / 2 - 0.3), room.front - 2.85)
        self.calls = 0
        for _ in range(600):
            self.step(0.5)
        # The clerks come when the camera has seen their empty seats.
        self.serving = []
        for clerk in self.clerks:
            clerk.present, clerk.away, clerk.paused, clerk.customer = False, 1.0, False, None
            clerk.until = self.time + OPENS_AFTER + rng.uniform(0, 20)

    def people(self):
        """All visitors on their feet, the farthest first."""
        return sorted(self.queue + self.leaving + [v for v in self.serving if v.place != "served"], key=lambda v: -v.z)

    def step(self, dt):
        self.time += dt
        self._clerks(dt)
        self._arrivals()
        self._queue(dt)
        self._served(dt)
        self.leaving = [v for v in self.leaving if v.walk(dt)]
        for seat in [s for s, v in self.resting.items() if v.until < self.time]:
            visitor = self.resting.pop(seat)
            visitor.path = [self.door]
            self.leaving.append(visitor)

    def _clerks(self, dt):
        for clerk in self.clerks:
            clerk.typing += dt * (5 if clerk.customer else 0.8)
            if self.rng.random() < dt / 4:
                clerk.turn = self.rng.uniform(-1, 1)
            if clerk.until < self.time and clerk.customer is None:
                clerk.present = not clerk.present
                clerk.paused = not clerk.present and self.rng.random() < 0.5
                clerk.until = self.time + (self.rng.uniform(150, 600) if clerk.present else self.rng.uniform(25, 140))
            goal = 0.0 if clerk.present else 1.0
            clerk.away += max(-dt / 4, min(dt / 4, goal - clerk.away))
            if clerk.away == 0.0:
                clerk.paused = False

    def _arrivals(self):
        if self.time < self.next_arrival:
            return
        # The stream of people swells and ebbs; windows in number set its size.
        busy = 0.75 + 0.55 * math.sin(self.phase + 2 * math.pi * self.time / self.period)
        self.next_arrival = self.time + self.rng.expovariate(busy * len(self.clerks) / 42)
        if len(self.queue) >= len(self.room.queue):
            free = [s for s in range(len(self.room.bench)) if s not in self.resting]
            if free:
                visitor = Visitor(self.rng, self.door)
                visitor.until = self.time + self.rng.uniform(40, 150)
                self.resting[self.rng.choice(free)] = visitor
            return
        visitor = Visitor(self.rng, self.door)
        self.queue.append(visitor)

    def _queue(self, dt):
        for slot, visitor in enumerate(self.queue):
            visitor.path = [self.room.queue[slot]]
            visitor.walk(dt)
        free = [i for i, c in enumerate(self.clerks) if c.present and c.away == 0.0 and c.customer is None]
        if self.queue and free:
            head = self.queue[0]
            if not head.path or self.time > head.until > 0:
                window = min(free, key=lambda i: abs(self.room.seats_x[i] - head.x) + self.rng.random() * 3)
                head.path = [(self.room.seats_x[window], self.room.front - 0.62)]
                head.place, head.window = "called", window
                self.clerks[window].customer = head
                self.calls += 1
                self.serving.append(self.queue.pop(0))

    def _served(self, dt):
        for visitor in list(self.serving):
            if visitor.place == "called" and not visitor.walk(dt):
                visitor.place = "served"
                visitor.until = self.time + self.rng.uniform(18, 75)
            elif visitor.place == "served" and visitor.until < self.time:
                self.serving.remove(visitor)
                self.clerks[visitor.window].customer = None
                visitor.path = [(visitor.x, self.room.front - 1.3), self.door]
                self.leaving.append(visitor)
