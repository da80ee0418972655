"""As much of Google Cloud Storage's JSON API as a client of files needs, by its documentation, in memory."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET = "books"


class Handler(BaseHTTPRequestHandler):
    objects: dict[str, tuple[bytes, dict[str, Any]]]
    uploads: dict[str, tuple[str, bytearray]]

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        bucket, is_list, name = self._asked(address.path)
        if bucket != BUCKET or (name and name not in self.objects):
            self._answer(404, {"error": {"code": 404, "message": "Not Found"}})
        elif name and query.get("alt") == "media":
            self._send(200, self.objects[name][0], {"x-goog-generation": self.objects[name][1]["generation"]})
        elif name:
            self._answer(200, self.objects[name][1])
        elif is_list:
            self._answer(200, self._listed(query.get("prefix", ""), query.get("delimiter", "")))
        else:
            self._answer(200, {"kind": "storage#bucket", "id": bucket, "name": bucket})

    def do_POST(self) -> None:
        self._body()
        address = urlsplit(self.path)
        if "/rewriteTo/" in address.path:
            source, target = (self._asked(path)[2] for path in address.path.split("/rewriteTo"))
            if source not in self.objects:
                self._answer(404, {"error": {"code": 404, "message": "Not Found"}})
                return
            resource = self._store(target, self.objects[source][0])
            size = resource["size"]
            done = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
            self._answer(200, {**done, "resource": resource})
            return
        [name] = parse_qs(address.query)["name"]
        if self._asked(address.path)[0] != BUCKET:
            self._answer(404, {"error": {"code": 404, "message": "Not Found"}})
            return
        session = f"/session/{len(self.uploads)}"
        self.uploads[session] = name, bytearray()
        self._send(200, b"", {"Location": f"http://{self.headers['Host']}{session}"})

    def do_PUT(self) -> None:
        name, received = self.uploads[self.path]
        received += self._body()
        if self.headers["Content-Range"].endswith("/*"):
            self._send(308, b"", {"Range": f"bytes=0-{len(received) - 1}"} if received else {})
        else:
            self._answer(200, self._store(name, bytes(received)))

    def do_DELETE(self) -> None:
        found = self.objects.pop(self._asked(urlsplit(self.path).path)[2], None)
        self._send(204 if found else 404, b"" if found else b'{"error": {"code": 404, "message": "Not Found"}}')

    def log_message(self, *arguments: Any) -> None:
        pass

    def _asked(self, path: str) -> tuple[str, bool, str]:
        """Returns the bucket, whether a list is asked for, and the object."""
        found = re.fullmatch(r".*?/b/([^/]+)(/o)?(?:/(.+))?", path)
        assert found, path
        return found[1], bool(found[2]), unquote(found[3] or "")

    def _listed(self, prefix: str, delimiter: str) -> dict[str, Any]:
        """With a delimiter the API has objects right below the prefix only, and the folders' names apart."""
        items, prefixes = [], set()
        for name, (_, facts) in sorted(self.objects.items()):
            deeper = name.removeprefix(prefix).find(delimiter) if delimiter else -1
            if name.startswith(prefix) and deeper < 0:
                items.append(facts)
            elif name.startswith(prefix):
                folder = name[: len(prefix) + deeper + 1]
                prefixes.add(folder)
                items += [facts] if name == folder else []
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(prefixes)}

    def _store(self, name: str, content: bytes) -> dict[str, Any]:
        time = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        facts = {"kind": "storage#object", "name": name, "bucket": BUCKET, "size": str(len(content))}
        facts |= {"etag": hashlib.md5(content).hexdigest(), "generation": "1", "timeCreated": time, "updated": time}
        self.objects[name] = content, facts
        return facts

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode())

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def gcs_server() -> Iterator[tuple[str, dict[str, Any]]]:
    """Runs a server with one empty bucket, `books`. Yields its address and its objects."""
    objects: dict[str, Any] = {}
    handler = type("Store", (Handler,), {"objects": objects, "uploads": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", objects
        server.shutdown()
