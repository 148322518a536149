# SPDX-License-Identifier: GPL-2.0-only
"""The HTTP API of the fake gmmd (testbed/fake-gmmd), and the web console's files: for tests and pictures of that console.

Paths and roles are those of docs/openapi.yaml, files those of gmm/web/files.txt, so what is asked for here is what gmmd has. Headers are
not gmmd's: tests that are about them ask gmmd.
"""

import asyncio
import base64
import importlib.machinery
import importlib.util
import json
import pathlib
import re
import urllib.parse

from . import fake_facts

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
OPENAPI = TOP / "docs" / "openapi.yaml"
FILES = TOP / "gmm" / "web" / "files.txt"
TOKENS = {"operator" * 5: ("alice", "operator"), "readonly" * 5: ("display", "read-only")}
ERRORS = {1: 403, 2: 404, 16: 409, 17: 409, 22: 400, 114: 409}
COMMENT_S = 15  # between two lines that keep a stream alive
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
PIECE_BYTES = 3072


def load_embed():
    loader = importlib.machinery.SourceFileLoader("embed_web", str(TOP / "tools" / "embed-web"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("embed_web", loader))
    loader.exec_module(module)
    return module


def read_routes():
    """[(method, pattern of the path, command, role)], from the description."""
    routes, path, method, command = [], None, None, None
    for line in OPENAPI.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"  (/\S+):", line):
            path = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", found[1]))
        elif found := re.fullmatch(r"    (get|post|patch|delete):", line):
            method = found[1].upper()
        elif found := re.fullmatch(r"      operationId: (\S+)", line):
            command = found[1]
        elif found := re.fullmatch(r"      x-role: (\S+)", line):
            routes.append((method, path, command, found[1]))
    return routes


class Request:
    def __init__(self, head, body):
        line, *fields = head.decode("latin-1").split("\r\n")
        self.method, target, _ = line.split(" ")
        parts = urllib.parse.urlsplit(target)
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.headers = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in fields if ":" in field)}
        self.body = json.loads(body) if body else {}

    def token(self):
        return TOKENS.get(self.headers.get("authorization", "").removeprefix("Bearer "))


class Server:
    def __init__(self, rack, refused, shell, prompt):
        self.rack = rack
        self.refused = refused
        self.shell = shell
        self.prompt = prompt
        self.facts = fake_facts.Facts(rack, refused)
        self.routes = read_routes()
        self.files = {
            path: (kind, b"".join((TOP / name).read_bytes() for name in names)) for path, kind, _, names in load_embed().entries(FILES)
        }
        self.lines = {}

    async def start(self, port):
        return await asyncio.start_server(self.serve, "127.0.0.1", port)

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
                request = Request(head[:-4], await reader.readexactly(int(length[1])) if length else b"")
                await self.answer(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    # ---------------------------------------------------------------- answers

    def send(self, writer, http, kind, body, *more):
        lines = [f"HTTP/1.1 {http} x", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Cache-Control: no-store", *more, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    def send_json(self, writer, http, value):
        self.send(writer, http, "application/json", json.dumps(value).encode() + b"\n")

    def refuse(self, writer, http, code, message, status=-22):
        self.send_json(writer, http, {"error": {"code": code, "status": status, "message": message}})

    async def answer(self, request, writer):
        path = "/ui/index.html" if request.path in ("/", "/ui", "/ui/") else request.path
        if path in self.files:
            kind, contents = self.files[path]
            self.send(writer, 200, kind, contents, f"Content-Security-Policy: {POLICY}")
            return
        for method, pattern, command, role in self.routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                names = {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}
                await self.run(request, writer, command, role, {**names, **request.body})
                return
        self.refuse(writer, 404, "not-found", "there is no such path")

    async def run(self, request, writer, command, role, arguments):
        token = request.token()
        if not token:
            self.refuse(writer, 401, "unauthenticated", "the token is not known")
            return
        if role == "operator" and token[1] != role:
            self.refuse(writer, 403, "forbidden", f"the token '{token[0]}' is {token[1]}; this takes the role {role}")
            return
        streams = "text/event-stream" in request.headers.get("accept", "")
        if command == "token":
            self.send_json(writer, 200, {"name": token[0], "role": token[1]})
        elif streams:
            await (self.stream_events(request, writer) if command == "events" else self.stream_console(request, writer, arguments["name"]))
        else:
            await self.run_command(request, writer, token[0], command, role, arguments)

    async def run_command(self, request, writer, who, command, role, arguments):
        if role == "operator" and not arguments.get("dry_run") and command != "vm.type":
            self.facts.note(who, command, arguments, request.headers.get("idempotency-key"))
        try:
            if command == "vm.type":
                answer = self.type_at(arguments["name"], base64.b64decode(arguments["data"]))
            elif command == "events":
                answer = [event for event in self.rack.events if event["sequence"] > int(request.query.get("after", 0))]
            elif command == "operation.show":
                answer = await self.facts.wait_operation(int(arguments["id"]), float(request.query.get("wait", 0)))
            else:
                answer = self.facts.answer(command, arguments)
        except self.refused as refused:
            error = refused.answer["error"]
            http = ERRORS.get(-error["status"], 500)
            code = {404: "not-found", 409: "busy", 403: "forbidden"}.get(http, "invalid-argument")
            self.refuse(writer, http, code, error["message"], error["status"])
            return
        began = role == "operator" and isinstance(answer, dict) and "started_at" in answer
        self.send_json(writer, 202 if began else 200, answer)

    # ---------------------------------------------------------------- streams

    def begin_stream(self, writer):
        writer.write(b"HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")

    def give(self, writer, fields):
        text = "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n"
        writer.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())

    async def wait_for(self, news, writer):
        try:
            await asyncio.wait_for(news.wait(), COMMENT_S)
        except asyncio.TimeoutError:
            writer.write(b"3\r\n:\n\n\r\n")

    async def stream_events(self, request, writer):
        self.begin_stream(writer)
        sent = int(request.headers.get("last-event-id", 0))
        while not writer.is_closing():
            news = self.rack.changed
            for event in self.rack.events:
                if event["sequence"] > sent:
                    self.give(writer, {"id": event["sequence"], "data": json.dumps(event)})
                    sent = event["sequence"]
            await writer.drain()
            await self.wait_for(news, writer)

    def line_of(self, name):
        """What a VM wrote, and what is typed of its next line."""
        self.rack.vm(name)
        if name not in self.lines:
            self.lines[name] = {"output": (self.rack.record["console"] + self.prompt.format(name)).encode(), "typed": ""}
        return self.lines[name]

    async def stream_console(self, request, writer, name):
        try:
            line = self.line_of(name)
        except self.refused as refused:
            self.refuse(writer, 404, "not-found", refused.answer["error"]["message"])
            return
        self.begin_stream(writer)
        offset = int(request.headers.get("last-event-id", 0))
        self.give(writer, {"event": "state", "data": json.dumps({"state": self.rack.vm(name)["row"]["state"], "reason": ""})})
        while not writer.is_closing():
            news = self.rack.changed
            while piece := line["output"][offset : offset + PIECE_BYTES]:
                data = {"offset": offset, "data": base64.b64encode(piece).decode()}
                offset += len(piece)
                self.give(writer, {"id": offset, "data": json.dumps(data)})
            await writer.drain()
            await self.wait_for(news, writer)

    def type_at(self, name, data):
        """A shell that repeats what is typed, as a guest's tty does."""
        line = self.line_of(name)
        for character in data.decode(errors="replace"):
            if character != "\r":
                line["typed"] += character
                line["output"] += character.encode()
                continue
            line["output"] += ("\r\n" + self.shell(line["typed"]) + self.prompt.format(name)).encode()
            line["typed"] = ""
        self.rack.tell_change()
