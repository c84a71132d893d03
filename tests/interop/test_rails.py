"""A form as Rails sends it: `rest-client`, under Mailgun's gem and many Rails programs, marks lists with brackets.

Not run by Ruby: written by hand after how `rest-client` marks the members of arrays, `{to: [...], attachment: [File]}`.
"""

from __future__ import annotations

import httpx

from omnivery.emulator import Emulator

BOUNDARY = "----RubyFormBoundaryxZ2yT9nJbJHcsmVv"


def part(name: str, value: str, more: str = "") -> str:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def test_a_multipart_form_of_rest_client(emu: Emulator) -> None:
    file = '; filename="bericht.txt"\r\nContent-Type: text/plain'
    body = "".join(
        (
            part("from[]", f"Nachrichten <news@{emu.domain}>"),
            part("to[]", "ann@example.org"),
            part("to[]", "Bob <bob@example.org>"),
            part("subject[]", "Grüße"),
            part("text[]", "Hallo"),
            part("o:tag[]", "a"),
            part("o:tag[]", "b"),
            part("h:Message-Id", f"<rails-1@{emu.domain}>"),
            part("attachment[]", "Inhalt", file),
            f"--{BOUNDARY}--\r\n",
        )
    )
    response = post(emu, body, f"multipart/form-data; boundary={BOUNDARY}")
    assert (response.status_code, response.json()["id"]) == (200, f"<rails-1@{emu.domain}>")
    (message,) = emu.messages
    assert (message.sender, message.subject, message.text) == (f"news@{emu.domain}", "Grüße", "Hallo")
    assert (message.to, message.values("o:tag")) == (("ann@example.org", "bob@example.org"), ["a", "b"])
    assert [(file.name, file.content) for file in message.attachments] == [("bericht.txt", b"Inhalt")]


def test_a_url_encoded_form_of_to_query(emu: Emulator) -> None:
    """`Hash#to_query` quotes the brackets, too."""
    body = f"from=news%40{emu.domain}&subject=Hi&text=Hello&to%5B%5D=ann%40example.org&to%5B%5D=bob%40example.org"
    assert post(emu, body, "application/x-www-form-urlencoded").status_code == 200
    assert emu.messages[0].to == ("ann@example.org", "bob@example.org")


def post(emu: Emulator, body: str, media_type: str) -> httpx.Response:
    url, headers = f"{emu.mailgun_url}/{emu.domain}/messages", {"content-type": media_type}
    return httpx.post(url, content=body.encode(), headers=headers, auth=("api", emu.sending_key), trust_env=False)
