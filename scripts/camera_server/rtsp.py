"""An RTSP server of GStreamer on loopback: digest authentication, mounts that can be cut, an end that comes by itself."""
import os
import stat
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

Gst.init(None)


def elements_needed(*names):
    """Ends with one sentence when GStreamer lacks an element."""
    missing = [name for name in names if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"{os.path.basename(sys.argv[0])}: GStreamer lacks {', '.join(missing)}: run scripts/setup run")


class Server:
    """Mounts by path. A mount that is cut drops its clients and answers 404 until it is put back."""

    def __init__(self, port, user=None, password=None):
        self.server = GstRtspServer.RTSPServer.new()
        self.server.set_address("127.0.0.1")
        self.server.set_service(str(port))
        self.mounts = self.server.get_mount_points()
        self.factories, self.cuts = {}, set()
        self.setups = {}  # of each mount, how many streams were asked for
        self.clients = {}  # each connection, and the path it last asked for
        self.source = self.port = 0
        self.closed = user is not None
        if self.closed:
            self._authenticate(user, password)
        self.server.connect("client-connected", self._connected)

    def _authenticate(self, user, password):
        token = GstRtspServer.RTSPToken.new()
        token.set_string("media.factory.role", "viewer")
        auth = GstRtspServer.RTSPAuth.new()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
        self.server.set_auth(auth)

    def start(self):
        """Listens; ends the program with one sentence when the port is taken. Returns the port."""
        if not self._listen():
            sys.exit(f"{os.path.basename(sys.argv[0])}: port {self.server.get_service()} is taken by another program")
        self.port = self.server.get_bound_port()
        return self.port

    def _listen(self):
        self.source = self.server.attach(None)
        return self.source != 0

    def close(self):
        """Drops every connection and gives the port up: what a camera without power looks like from afar."""
        if self.source:
            GLib.source_remove(self.source)
            self.source = 0
            for client in self.connections():
                client.close()

    def reopen(self):
        """Listens again, on the port it had."""
        if not self.source:
            self.server.set_service(str(self.port))
            if not self._listen():
                raise OSError(f"port {self.port} is taken by another program")

    def connections(self):
        return list(self.clients)

    def mount(self, path, factory):
        factory.set_shared(True)
        if self.closed:
            permissions = GstRtspServer.RTSPPermissions.new()
            for what in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role("viewer", what, True)
            factory.set_permissions(permissions)
        self.factories[path] = factory
        self.mounts.add_factory(path, factory)

    def cut(self, path):
        """Takes the mount away and closes the connections that used it."""
        if path in self.cuts:
            return
        self.cuts.add(path)
        self.mounts.remove_factory(path)
        for client, used in list(self.clients.items()):
            if used == path:
                client.close()

    def restore(self, path):
        if path in self.cuts:
            self.cuts.discard(path)
            self.mounts.add_factory(path, self.factories[path])

    def _connected(self, _server, client):
        self.clients[client] = None
        client.connect("describe-request", self._described)
        client.connect("setup-request", self._set_up)
        client.connect("closed", lambda c: self.clients.pop(c, None))

    def _set_up(self, _client, context):
        mount = context.uri.abspath.rsplit("/", 1)[0]
        self.setups[mount] = self.setups.get(mount, 0) + 1

    def _described(self, client, context):
        self.clients[client] = context.uri.abspath


def run(loop, stay=False):
    """Runs the loop until it is told to stop, the starter ends, or standard input, when it is a pipe, is closed."""
    for signal in (2, 15):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal, loop.quit)
    if not stay:
        mode = os.fstat(0).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
        starter = os.getppid()

        def orphaned():
            if os.getppid() != starter:
                loop.quit()
            return True

        GLib.timeout_add(1000, orphaned)
    loop.run()
