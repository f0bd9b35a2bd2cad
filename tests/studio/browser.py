"""A headless Chromium, driven through DevTools over a pair of pipes, with nothing beyond Python's own library."""
import base64, json, os, select, shutil, subprocess, tempfile, time


def chromium():
    """Where it is; None where it is not."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and shutil.which(name):
            return shutil.which(name)
    return None


class Page:
    """One page of a browser of its own. `run` evaluates JavaScript and waits for what it promises."""

    def __init__(self, width=1280, height=860, dark=False):
        self.profile = tempfile.mkdtemp(prefix="weft chromium ")
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def hand_over():                               # DevTools' pipes are 3 and 4
            os.dup2(to_read, 100), os.dup2(from_write, 101)
            os.dup2(100, 3), os.dup2(101, 4)

        words = [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                 "--remote-debugging-pipe", "--user-data-dir=" + self.profile, "--lang=en-GB", "--hide-scrollbars", "about:blank"]
        self.process = subprocess.Popen(words, preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "LANGUAGE": "en"})
        os.close(to_read), os.close(from_write)
        self.to, self.come, self.rest, self.count = to_write, from_read, b"", 0
        self.requests, self.troubles = [], []          # addresses that were asked for; what went wrong on the page
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM", "Log"):
            self.call(domain + ".enable")
        self.resize(width, height)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    session = None

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        wanted, until = self.count, time.time() + 120
        while time.time() < until:
            if not select.select([self.come], [], [], 1)[0]:
                continue
            self.rest += os.read(self.come, 1 << 20)
            *whole, self.rest = self.rest.split(b"\0")
            for text in whole:
                answer = json.loads(text)
                self.hear(answer)
                if answer.get("id") == wanted:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']['message']}")
                    found = answer["result"]
                    return found
        raise RuntimeError(f"{method}: the browser does not answer")

    def hear(self, event):
        kind, said = event.get("method"), event.get("params", {})
        if kind == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        if kind == "Runtime.exceptionThrown":
            self.troubles.append(said["exceptionDetails"].get("exception", {}).get("description") or said["exceptionDetails"]["text"])
        if kind == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.troubles.append(said["entry"]["text"] + " " + said["entry"].get("url", ""))

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)

    def go(self, address):
        self.call("Page.navigate", url=address)

    def run(self, script):
        """The value of an expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "?") + "\nin: " + script)
        return answer["result"].get("value")

    def until(self, condition, seconds=240):
        """Waits until an expression is true, and returns its value."""
        end = time.time() + seconds
        while time.time() < end:
            try:
                value = self.run(condition)
            except RuntimeError as trouble:            # the page may be on its way
                value = None
                if "context" not in str(trouble) and "null" not in str(trouble) and "undefined" not in str(trouble) and "not defined" not in str(trouble):
                    raise
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {condition}\nstatus: {self.run('document.body.innerText.slice(0, 600)')}\ntroubles: {self.troubles}")

    def click(self, id):
        self.run(f"document.getElementById('{id}').click()")

    def press(self, key, code=None, text=""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, text=text if kind == "keyDown" else "", windowsVirtualKeyCode={"Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, " ": 32}.get(key, 0))

    def give(self, id, *files):
        """Files into an input, as a file dialog does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector="#" + id)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=list(files))

    def drop(self, id, *files):
        """Files dragged onto an element, as from a desktop."""
        self.run(f"document.getElementById('{id}').scrollIntoView({{block: 'center'}})")
        box = self.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])(document.getElementById('{id}').getBoundingClientRect())")
        data = {"items": [], "files": list(files), "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=box[0], y=box[1], data=data)

    def drag(self, id, *points):
        """The mouse, pressed, over shares of an element."""
        left, top, width, height = self.run(f"(b => [b.x, b.y, b.width, b.height])(document.getElementById('{id}').getBoundingClientRect())")
        for i, (x, y) in enumerate(points):
            kind = "mousePressed" if i == 0 else "mouseMoved"
            self.call("Input.dispatchMouseEvent", type=kind, x=left + x * width, y=top + y * height, button="left", buttons=1, clickCount=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=left + points[-1][0] * width, y=top + points[-1][1] * height, button="left", clickCount=1)

    def dial(self, id, value):
        self.run(f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input', {{bubbles: true}})); e.dispatchEvent(new Event('change', {{bubbles: true}})); }})(document.getElementById('{id}'))")

    def shot(self, path, whole=True):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to), os.close(self.come)
        shutil.rmtree(self.profile, ignore_errors=True)
