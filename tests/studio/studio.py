"""A weft studio, started for a test, and asked as its page asks it."""
import json, signal, subprocess, time, urllib.error, urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))       # no proxy leads to this machine


class Studio:
    """weft studio, started, with its address; `call` speaks to it as the page does."""

    def __init__(self, weft, out, runs, *more, threads=1):
        self.process = subprocess.Popen([weft, "studio", "--no-open", "--port", "0", "--out", out, "--runs", runs, "--threads", str(threads), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError("the studio did not start: " + self.process.stderr.read())
        self.base, self.token = self.address.split("/?token=")
        self.port = int(self.base.rsplit(":", 1)[1])

    def call(self, method, path, body=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        asked = urllib.request.Request(self.base + path, data=body, method=method, headers={"X-Weft-Token": self.token})
        try:
            with direct.open(asked, timeout=60) as answer:
                data = answer.read()
                return json.loads(data) if answer.headers["Content-Type"] == "application/json" else data
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{method} {path}: {refused.code} {refused.read().decode(errors='replace')}") from None

    def job(self, kind, asked, seconds=100):
        id = self.call("POST", "/api/jobs", {"kind": kind, "asked": asked})["id"]
        end = time.time() + seconds
        while time.time() < end:
            status = self.call("GET", f"/api/jobs/{id}?wait=4000")
            if status["state"] in ("done", "failed", "cancelled"):
                return status
        raise AssertionError(f"{kind} takes more than {seconds} s")

    def memory(self):
        """MiB that it has ever held at once, and holds now."""
        text = open(f"/proc/{self.process.pid}/status").read()
        return tuple(int(text.split(key)[1].split()[0]) / 1024 for key in ("VmHWM:", "VmRSS:"))

    def close(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=60)
