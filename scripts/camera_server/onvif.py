"""Cameras that tell of themselves as ONVIF Core and Media 1 have it: found by WS-Discovery on loopback, asked by SOAP over HTTP."""
import base64
import collections
import hashlib
import http.server
import re
import socket
import threading
import time
from xml.sax.saxutils import escape

GROUP = "239.255.255.250", 3702
LONGEST = 64 * 1024  # bytes of a question

Stream = collections.namedtuple("Stream", "name codec size rate path")


def between(text, tag):
    """What stands in the first element of that name, whatever its prefix."""
    found = re.search(rf"<(?:\w+:)?{tag}(?:\s[^>]*)?>([^<]*)<", text)
    return found.group(1) if found else ""


def envelope(inner):
    return ('<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" '
            'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:ter="http://www.onvif.org/ver10/error" '
            'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
            f"<s:Body>{inner}</s:Body></s:Envelope>").encode()


class Cameras:
    """`known` is {path: (name, [Stream])}; whoever asks one for its streams gives user and password, where there are any."""

    def __init__(self, known, rtsp_port, user, password):
        self.known, self.rtsp_port, self.user, self.password = known, rtsp_port, user, password
        cameras = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length") or 0)
                question = self.rfile.read(length).decode(errors="replace") if length <= LONGEST else ""
                status, inner = cameras.answer(self.path, question)
                told = envelope(inner)
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        self.group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Several such servers on one machine hear the same questions.
        self.group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.group.bind(GROUP)
        self.group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP[0]) + socket.inet_aton("127.0.0.1"))
        for work in (self.http.serve_forever, self._found):
            threading.Thread(target=work, daemon=True).start()

    def service(self, path):
        return f"http://127.0.0.1:{self.port}/onvif/{path}/device_service"

    def _found(self):
        answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        answers.bind(("127.0.0.1", 0))
        while True:
            question, sender = self.group.recvfrom(LONGEST)
            if b"NetworkVideoTransmitter" not in question:
                continue
            for path, (name, _) in self.known.items():
                scopes = f"onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/{scope_word(name)} onvif://www.onvif.org/hardware/demo"
                matched = f"<d:ProbeMatch><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{self.service(path)}</d:XAddrs></d:ProbeMatch>"
                answers.sendto(envelope(f"<d:ProbeMatches>{matched}</d:ProbeMatches>"), sender)

    def _is_signed(self, question):
        if not self.user:
            return True
        digest, nonce, created = (between(question, tag) for tag in ("Password", "Nonce", "Created"))
        try:
            signed = base64.b64decode(nonce) + created.encode() + self.password.encode()
        except ValueError:
            return False
        return between(question, "Username") == self.user and base64.b64encode(hashlib.sha1(signed).digest()).decode() == digest

    def answer(self, path, question):
        """Status and body of an answer."""
        found = re.fullmatch(r"/onvif/([^/]+)/\w+", path)
        if not found or found.group(1) not in self.known:
            return 404, ""
        camera = found.group(1)
        _, streams = self.known[camera]
        if "GetSystemDateAndTime" in question:
            now = time.gmtime()
            return 200, ("<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
                         f"<tt:Time><tt:Hour>{now.tm_hour}</tt:Hour><tt:Minute>{now.tm_min}</tt:Minute><tt:Second>{now.tm_sec}</tt:Second></tt:Time>"
                         f"<tt:Date><tt:Year>{now.tm_year}</tt:Year><tt:Month>{now.tm_mon}</tt:Month><tt:Day>{now.tm_mday}</tt:Day></tt:Date>"
                         "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>")
        if not self._is_signed(question):
            return 400, "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code></s:Fault>"
        if "GetCapabilities" in question:
            media = f"http://127.0.0.1:{self.port}/onvif/{camera}/media_service"
            return 200, f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>{media}</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
        if "GetProfiles" in question:
            return 200, f"<trt:GetProfilesResponse>{''.join(profile(n, stream) for n, stream in enumerate(streams))}</trt:GetProfilesResponse>"
        token = between(question, "ProfileToken")
        if "GetStreamUri" in question and token.isdigit() and int(token) < len(streams):
            uri = f"rtsp://127.0.0.1:{self.rtsp_port}/{streams[int(token)].path}"
            return 200, f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(uri)}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>"
        return 400, "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>no such thing</s:Text></s:Reason></s:Fault>"


def scope_word(name):
    """A name as a part of an address."""
    return "".join(c if c.isascii() and c.isalnum() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in name)


def profile(n, stream):
    size = stream.size and f"<tt:Resolution><tt:Width>{stream.size[0]}</tt:Width><tt:Height>{stream.size[1]}</tt:Height></tt:Resolution>"
    rate = stream.rate and f"<tt:RateControl><tt:FrameRateLimit>{stream.rate}</tt:FrameRateLimit></tt:RateControl>"
    return (f'<trt:Profiles token="{n}"><tt:Name>{escape(stream.name)}</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>{stream.codec}</tt:Encoding>'
            f"{size or ''}{rate or ''}</tt:VideoEncoderConfiguration></trt:Profiles>")
