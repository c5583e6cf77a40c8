"""A mail server for tests: aiosmtpd, with recipients that behave badly by their name.

later@   refused for now, once        gone@   refused for good
cut@     taken, then cut off          slow@   taken, answered after a minute
Usage: mail_server.py PORT FILE; prints the port, appends one JSON line for each mail that it took.
"""
import asyncio
import base64
import json
import sys

from aiosmtpd.smtp import SMTP


class Box:
    def __init__(self, path):
        self.path = path
        self.seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 no such user " + address
        if address.startswith("later") and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 greylisted " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        for address in envelope.rcpt_tos:
            line = {"to": address, "from": envelope.mail_from, "mail": base64.b64encode(envelope.content).decode()}
            with open(self.path, "a") as file:
                file.write(json.dumps(line) + "\n")
        if envelope.rcpt_tos[0].startswith("cut"):
            server.transport.abort()
        if envelope.rcpt_tos[0].startswith("slow"):
            await asyncio.sleep(60)
        return "250 2.0.0 queued as 4F2A"


async def main(port, path):
    box = Box(path)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.test", loop=loop), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
