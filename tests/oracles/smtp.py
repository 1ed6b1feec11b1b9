"""A mail server made by others (PyPI's aiosmtpd) on a loopback port: STARTTLS, then a login, then letters.

Prints `ready PORT`, then each letter that it takes as a line of JSON. Refuses `nobody@…` for good, and `busy@…` the first time.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

cert, key, user, password = sys.argv[1:]
seen = set()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy@") and address not in seen:
            seen.add(address)
            return "451 4.3.2 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = {"to": envelope.rcpt_tos, "tls": session.ssl is not None, "letter": envelope.content.decode()}
        print(json.dumps(letter), flush=True)
        return "250 2.0.0 taken"


def sign_in(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
    return AuthResult(success=right, handled=right)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    def session():
        return SMTP(Handler(), hostname="mail.county", tls_context=context, require_starttls=True, authenticator=sign_in,
                    auth_required=True, auth_require_tls=True)
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
