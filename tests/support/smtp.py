"""A real SMTP server (RFC 5321) in a thread, for tests: it keeps what it accepts, and replies as it is told to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import NamedTuple

EXTENSIONS = ("8BITMIME", "SMTPUTF8")


class Arrived(NamedTuple):
    """One accepted message."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    options: str
    """What the client asked for with `MAIL`, such as `BODY=8BITMIME`."""

    @property
    def message(self) -> EmailMessage:
        parsed: EmailMessage = message_from_bytes(self.data, policy=SMTP)
        return parsed


class SmtpTestServer(socketserver.ThreadingTCPServer):
    """Listens on a port of the loopback interface."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.arrived: list[Arrived] = []
        self.replies: dict[str, list[str]] = {}
        """Replies to the next commands of a name, such as `RCPT`, in place of the usual one. Empty: hang up."""
        self.connections = 0
        self.extensions: tuple[str, ...] = EXTENSIONS

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, SmtpTestServer)
        server.connections += 1
        sender, recipients, options = "", list[str](), ""
        self.say("220 test")
        while line := self.rfile.readline():
            command, _, rest = line.decode().strip().partition(" ")
            command = command.upper()
            if told := server.replies.get(command):
                reply = told.pop(0)
                if not reply:
                    return
                self.say(reply)
                continue
            address = rest.partition(":")[2].partition(">")[0].strip().lstrip("<")
            if command == "EHLO":
                self.say("250-test", *(f"250-{name}" for name in server.extensions), "250 HELP")
            elif command == "MAIL":
                sender, recipients, options = address, [], rest.rpartition(">")[2].strip()
                self.say("250 ok")
            elif command == "RCPT":
                recipients.append(address)
                self.say("250 ok")
            elif command == "DATA":
                self.say("354 go on")
                data = b"".join(iter(self.rfile.readline, b".\r\n")).replace(b"\r\n..", b"\r\n.")
                server.arrived.append(Arrived(sender, tuple(recipients), data, options))
                self.say("250 ok")
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def smtp_server() -> Iterator[SmtpTestServer]:
    """Run a server while the block runs."""
    with SmtpTestServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
