"""A proxy that passes requests on to one place and keeps what it saw, byte for byte."""

import http.client
import http.server
import threading
import urllib.parse

HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "host"}


class Recorder:
    """Listens on loopback; `base` is what stands in for `target`, a base URL."""

    def __init__(self, target):
        self.seen, self.lock = [], threading.Lock()
        parts = urllib.parse.urlsplit(target)
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                headers = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP]
                onward = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
                try:
                    onward.request(self.command, self.path, body or None, dict(headers))
                    answer = onward.getresponse()
                    text = answer.read()
                except OSError:
                    # Silence and resets of the far side are the near side's too.
                    recorder.note(self, body, None, {}, b"")
                    self.close_connection = True
                    return
                finally:
                    onward.close()
                recorder.note(self, body, answer.status, dict(answer.getheaders()), text)
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}{parts.path}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, handler, body, status, headers, text):
        lower = {name.lower(): value for name, value in handler.headers.items()}
        split = urllib.parse.urlsplit(handler.path)
        with self.lock:
            self.seen.append(
                {
                    "method": handler.command,
                    "path": split.path,
                    "query": dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True)),
                    "headers": lower,
                    "body": body,
                    "status": status,
                    "answer_headers": {name.lower(): value for name, value in headers.items()},
                    "answer": text,
                }
            )

    def requests(self, method=None):
        with self.lock:
            return [one for one in self.seen if method in (None, one["method"])]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
