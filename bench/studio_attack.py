#!/usr/bin/env python3
"""What strangers and accidents do to weft studio: malformed and hostile requests, slow clients, oversize bodies, kills in the middle of a job.

    python3 bench/studio_attack.py build/weft                     100,000 requests, a kill at every call that writes
    python3 bench/studio_attack.py build/weft --requests 3000 --kills 3       the share that runs with the tests

It must stay up, answer its own page all the while, hold a bounded amount of memory, give nothing to whoever has no token or comes from another
origin, and, killed, leave only whole pictures. The requests are drawn from a seed. Python's own library is all that it needs.
"""
import argparse, concurrent.futures, glob, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, threading, time, urllib.error, zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/studio"))
from studio import Studio

parser = argparse.ArgumentParser()
parser.add_argument("weft")
parser.add_argument("--requests", type=int, default=100_000)
parser.add_argument("--kills", type=int, default=0, help="how many calls that write to kill it at; 0: every one")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--sanitized", action="store_true", help="of a build with sanitizers, which keeps freed memory for a while")
options = parser.parse_args()
options.weft = os.path.abspath(options.weft)
draw = random.Random(options.seed)
folder = tempfile.mkdtemp(prefix="weft attack ")


def expect(what, condition):
    assert condition, what
    print("ok   " + what, flush=True)


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(width, height, rows=None):
    """Grey; `rows` bytes of pixels, all that it needs unless said."""
    data = b"".join(b"\0" + bytes((x * 7 + y * 13) % 256 for x in range(width)) for y in range(height)) if rows is None else rows
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0") + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def is_whole(file):
    data = open(file, "rb").read()
    return data.startswith(b"\x89PNG") and data.endswith(chunk(b"IEND", b""))


def speak(studio, raw, wait=20.0):
    """Raw bytes, and all that comes back."""
    with socket.create_connection(("127.0.0.1", studio.port), timeout=wait) as s:
        heard = b""
        try:
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
            while len(heard) < 1 << 20:
                part = s.recv(65536)
                if not part:
                    break
                heard += part
        except OSError:
            pass
        return heard


def request(studio, method="GET", path="/api/state", token=True, host=None, headers=(), body=b"", length=None):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {f'127.0.0.1:{studio.port}' if host is None else host}", "Connection: close"]
    if token:
        lines.append("X-Weft-Token: " + (studio.token if token is True else token))
    lines += headers
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def who_is_let_in(studio):
    refused = lambda raw: (lambda a: status(a) in (0, 400, 403) and b"{" not in a and b"<" not in a)(speak(studio, raw))
    expect("its own page is answered", status(speak(studio, request(studio))) == 200)
    expect("without the token there is nothing", all(refused(request(studio, path=p, token=False)) for p in ("/", "/page.js", "/api/state", "/api/runs", "/api/history")))
    expect("nor with another one", refused(request(studio, token="0" * 32)) and refused(request(studio, token=studio.token[:-1])) and refused(request(studio, token=studio.token + "0")))
    expect("another origin gets nothing, the token notwithstanding", all(refused(request(studio, headers=[h])) for h in
           ("Origin: http://evil.example", "Origin: null", f"Origin: http://127.0.0.1:{studio.port + 1}", f"Origin: https://127.0.0.1:{studio.port}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site")))
    expect("a name that was made to point here gets nothing", all(refused(request(studio, host=h)) for h in ("evil.example", f"evil.example:{studio.port}", "127.0.0.1", f"127.0.0.1:{studio.port + 1}", "")))
    lines = [line.split() for table in glob.glob(f"/proc/{studio.process.pid}/net/tcp*") for line in open(table)]       # its own address second, its state fourth: 0A listens
    expect("nobody listens elsewhere", [l[1] for l in lines if l[1].endswith(f":{studio.port:04X}") and l[3] == "0A"] == [f"0100007F:{studio.port:04X}"])
    answer = speak(studio, request(studio, path="/"))
    expect("the page may load from here alone, and stand in no frame", b"default-src 'none'" in answer and b"frame-ancestors 'none'" in answer and b"nosniff" in answer and b"no-referrer" in answer)


def paths_and_pictures(studio):
    steps = ["../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "/etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "small/../../../etc/passwd", "..", ".", "%00", "\\..\\..\\etc\\passwd", "a" * 4000, ".studio"]
    for step in steps:
        for base in ("/", "/api/pictures/", "/api/history/", "/api/runs/", "/api/runs/x/sheets/", "/api/jobs/"):
            answer = speak(studio, request(studio, path=base + step))
            assert (status(answer) != 200 or step == "%00") and b"root:" not in answer, base + step          # a NUL ends the path
        for kind, asked in (("tile", {"id": step}), ("garments", {"run": step}), ("look", {"content": step, "styles": [{"id": step}]})):
            body = json.dumps({"kind": kind, "asked": asked}).encode()
            answer = speak(studio, request(studio, "POST", "/api/jobs", body=body))
            assert b"root:" not in answer
    for name in ("../../x", "..", "/tmp/x", "x/y", "x\0y", "-rf", "a b", "ü", ""):
        assert status(speak(studio, request(studio, "POST", "/api/runs", body=json.dumps({"name": name, "model": "dcgan", "data": "garments"}).encode()))) == 400, name
    for data in ("/etc", "../x", "garments --set a=b", "points.csv"):
        assert status(speak(studio, request(studio, "POST", "/api/runs", body=json.dumps({"name": "new", "model": "dcgan", "data": data}).encode()))) == 400
    expect("no path from outside leads anywhere", True)
    bombs = {"a header of 16384 x 16384": png(16384, 16384, b"\0" * 1000), "30,000 pixels a side": png(30000, 30000, b"\0"), "half a picture": png(64, 64)[:len(png(64, 64)) // 2], "text": b"hello", "nothing": b"", "JPEG's first bytes": b"\xff\xd8\xff" + b"\0" * 100}
    for name, data in bombs.items():
        assert status(speak(studio, request(studio, "POST", "/api/pictures?name=x", body=data, length=len(data)))) == 400, name
    deep = b'{"kind": "tile", "asked": ' + b"[" * 120_000 + b"]" * 120_000 + b"}"
    assert status(speak(studio, request(studio, "POST", "/api/jobs", body=deep))) in (200, 400) and studio.process.poll() is None
    expect("bombs, broken pictures and bottomless JSON are refused", True)


def large_bodies(studio):
    before = studio.memory()[0]
    told = speak(studio, request(studio, "POST", "/api/pictures?name=x", length=10 << 30))
    assert status(told) == 413, told[:80]
    assert status(speak(studio, request(studio, "POST", "/api/jobs", length=1 << 20))) == 413
    endless = request(studio, "POST", "/api/pictures?name=x", headers=["Transfer-Encoding: chunked"]) + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 80
    assert status(speak(studio, endless)) != 200
    without = request(studio, "POST", "/api/pictures?name=x", token=False, headers=["Transfer-Encoding: chunked"]) + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 20
    assert status(speak(studio, without)) in (0, 403)
    long = request(studio, "POST", "/api/pictures?name=x", length=60 << 20) + b"x" * (60 << 20)
    threads = [threading.Thread(target=speak, args=(studio, long)) for _ in range(6)]                     # together beyond what may be in flight
    for t in threads: t.start()
    for t in threads: t.join()
    most = studio.memory()[0]
    expect(f"bodies without end are cut: at most {most - before:.0f} MiB more, and it answers", most - before < (1200 if options.sanitized else 250) and status(speak(studio, request(studio))) == 200)


def large_masks(studio):
    content, before = studio.call("POST", "/api/pictures?name=a.png", png(24, 20))["id"], studio.memory()[0]
    mask = request(studio, "POST", f"/api/masks?content={content}", body=png(8000, 8000, b"\0" * (8001 * 8000)))
    with concurrent.futures.ThreadPoolExecutor(8) as several:
        answers = list(several.map(lambda _: status(speak(studio, mask, 100)), range(8)))
    most = studio.memory()[0]
    expect(f"large masks are read one at a time: at most {most - before:.0f} MiB more for eight", answers == [200] * 8 and most - before < (1200 if options.sanitized else 300))


def slow_clients(studio):
    """More than there is room for, each a byte now and then; meanwhile the page must get in again within a while."""
    slow = []
    for i in range(80):
        try:
            s = socket.create_connection(("127.0.0.1", studio.port), timeout=5)
            s.sendall(b"GET /api/state HTTP/1.1\r\nX-Slow: " if i % 2 else request(studio, "POST", "/api/pictures?name=x", token=False, length=1000)[:60])
            slow.append(s)
        except OSError:
            break
    start, first, gone = time.time(), None, False
    while time.time() - start < 40:
        for s in slow:
            try: s.send(b"a")
            except OSError: pass
        if status(speak(studio, request(studio), 2)) == 200:
            first = time.time() - start
            break
        time.sleep(.5)
    for s in slow: s.close()
    expect(f"slow clients are put out: its page waits {first if first is None else round(first, 1)} s at most", first is not None and first < 30)


def noise(studio, count):
    """Malformed, mutated and merely strange requests, from eight at once."""
    good = [request(studio), request(studio, path="/"), request(studio, "POST", "/api/jobs", body=b'{"kind": "palette", "asked": {"id": "0"}}'), request(studio, "DELETE", "/api/jobs/job-1"),
            request(studio, "POST", "/api/pictures?name=a.png", body=png(9, 7)), request(studio, path="/api/runs/small"), request(studio, "POST", "/api/command", body=b'{"content": "x", "styles": []}')]
    known = studio.call("POST", "/api/pictures?name=a.png", png(24, 20))["id"]
    values = [known, known, [{"id": known}], None, True, -1, 1e308, "x" * 300, [], {}, [[]], "\ud800", 2**70, "NaN"]

    def one(random_):
        way = random_.randrange(8)
        raw = bytearray(random_.choice(good))
        if way == 0:
            for _ in range(random_.randrange(1, 12)): raw[random_.randrange(len(raw))] = random_.randrange(256)
        elif way == 1:
            raw = raw[:random_.randrange(len(raw))]
        elif way == 2:
            at = random_.randrange(len(raw)); raw[at:at] = random_.randbytes(random_.randrange(1, 3000))
        elif way == 3:
            raw = bytearray(random_.randbytes(random_.randrange(1, 2000)))
        elif way == 4:
            raw = bytearray(request(studio, random_.choice(["GET", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "DELETE", "BREW"]), "/" + "".join(random_.choice("/.%?&=#;\\a0{}\xff") for _ in range(random_.randrange(60)))))
        elif way == 5:
            raw = bytearray(request(studio, headers=[f"X-{i}: " + "y" * random_.randrange(2000) for i in range(random_.randrange(60))]))
        elif way == 6:
            asked = {key: random_.choice(values) for key in random_.sample(["id", "content", "styles", "mask", "structure", "count", "layout", "colours", "run", "parents", "latent", "seed", "size", "set", "index", "class", "truncation", "lay", "palette", "flat"], 6)}
            body = json.dumps({"kind": random_.choice(["look", "dress", "tile", "cloth", "palette", "recolour", "draw", "garments", "pick", "x", None]), "asked": asked}).encode()
            raw = bytearray(request(studio, "POST", random_.choice(["/api/jobs", "/api/command", "/api/save", "/api/runs", "/api/runs/pause", "/api/runs/go-on"]), body=body))
        else:
            raw = bytearray(request(studio, token=False, body=random_.randbytes(random_.randrange(5000)), length=random_.choice([None, -1, 0, 10**25, 3])))
        try:
            answer = speak(studio, bytes(raw), 10)
        except OSError:
            answer = b""
        if way == 7:
            assert status(answer) != 200
        return 1

    done = [0] * 8
    troubles = []

    def many(k):
        random_ = random.Random(options.seed * 8 + k)
        try:
            for _ in range(count // 8): done[k] += one(random_)
        except Exception as trouble:                                   # assertions, above all
            troubles.append(trouble)

    threads = [threading.Thread(target=many, args=(k,)) for k in range(8)]
    early = None
    for t in threads: t.start()
    while any(t.is_alive() for t in threads):
        time.sleep(.2)
        if early is None and sum(done) > count // 4: early = studio.memory()[1]
    for t in threads: t.join()
    if troubles: raise troubles[0]
    most, now = studio.memory()
    started = os.listdir(folder + "/runs")
    expect(f"{sum(done):,} hostile requests: up, at most {most:.0f} MiB ever, {now:.0f} now against {early or now:.0f} after a quarter; no run was begun", studio.process.poll() is None and most < (3000 if options.sanitized else 500) and now - (early or now) < (600 if options.sanitized else 64) and
           all(name in ("small", ".studio") for name in started) and status(speak(studio, request(studio))) == 200)
    open_files = len(os.listdir(f"/proc/{studio.process.pid}/fd"))
    expect(f"no file is left open: {open_files}", open_files < 80)


def kills():
    """kill -9 at the n-th call that writes, half of a write done, through the file faults that the program has for tests."""
    picture, dress = png(40, 40), {"structure": .5, "strength": .1, "size": 0}
    survived, n, tried = False, 1, 0
    wanted = None if not options.kills else sorted(draw.sample(range(8, 60), options.kills))
    while not survived and (wanted is None or wanted):
        if wanted is not None: n = wanted.pop(0)
        out = f"{folder}/killed-{n}"
        os.environ["WEFT_FILE_FAULT"] = f"{n}:kill"
        finished = []
        try:
            studio = Studio(options.weft, out, folder + "/runs")
            del os.environ["WEFT_FILE_FAULT"]
            id = studio.call("POST", "/api/pictures?name=a.png", picture)["id"]
            for seed in range(2):
                done = studio.job("dress", {"content": id, "styles": [{"id": id}], "seed": seed, **dress})
                finished.append(studio.call("POST", "/api/save", {"result": done["result"]["name"]})["file"])
            survived = studio.process.poll() is None
        except (RuntimeError, OSError, urllib.error.URLError):
            pass
        os.environ.pop("WEFT_FILE_FAULT", None)
        if "studio" in locals(): studio.close(signal.SIGKILL)
        for file in finished: assert is_whole(file), f"call {n}: {file} was saved, and is broken"
        for file in glob.glob(out + "/**/*.png", recursive=True): assert is_whole(file), f"call {n}: {file} is half written"
        again = Studio(options.weft, out, folder + "/runs")                                             # and it starts over all that
        assert len(again.call("GET", "/api/history")["history"]) >= len(finished)
        again.close()
        n, tried = n + 1, tried + 1
    expect(f"killed at {tried} calls that write: every saved picture is whole, and there is no half of one", tried > 0)


try:
    subprocess.run([options.weft, "train", "dcgan", "--data", "garments", "--out", folder + "/runs/small", "--size", "16", "--width", "4", "--batch", "4", "--steps", "2", "--threads", "1", "--set", "run.samples=4"], check=True, capture_output=True)
    studio = Studio(options.weft, folder + "/out", folder + "/runs")
    try:
        for attack in (who_is_let_in, paths_and_pictures, large_bodies, large_masks, slow_clients): attack(studio)
        noise(studio, options.requests)
        expect("it closes as it should", studio.close() == 0)
    finally:
        studio.process.kill()
    kills()
finally:
    shutil.rmtree(folder, ignore_errors=True)
