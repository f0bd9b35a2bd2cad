"""The studio as a designer meets it, in a headless Chromium: dress, paint, keep and take back; repeat and recolour; breed; train, pause, go on.

flows_test.py WEFT [--shots FOLDER]      ends with 77 where there is no Chromium
"""
import argparse, glob, json, os, shutil, signal, subprocess, sys, tempfile, time, urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Page, chromium
from studio import Studio

parser = argparse.ArgumentParser()
parser.add_argument("weft")
parser.add_argument("--shots", help="keep what the page looked like in this folder")
options = parser.parse_args()
options.weft = os.path.abspath(options.weft)
if not chromium():
    print("skipped: no Chromium here (package chromium)")
    sys.exit(77)

folder = tempfile.mkdtemp(prefix="weft studio ü ")
out, runs = folder + "/out", folder + "/runs"


def weft(*words):
    done = subprocess.run([options.weft, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"weft {' '.join(words)}: {done.stderr}"
    return done.stdout


def expect(what, condition):
    assert condition, what
    print("ok   " + what, flush=True)


def pixels(file):
    """Whether two pictures are the same is asked of what is in them, not of what is written beside it."""
    import zlib
    data, at, found = open(file, "rb").read(), 8, b""
    while at < len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if kind in (b"IHDR", b"IDAT"):
            found += data[at + 8:at + 8 + size] if kind == b"IHDR" else b""
            if kind == b"IDAT":
                pixels.parts.append(data[at + 8:at + 8 + size])
        at += size + 12
    packed, pixels.parts = b"".join(pixels.parts), []
    return found + zlib.decompress(packed)


pixels.parts = []
shots = 0


def shot(page, name):
    if options.shots:
        os.makedirs(options.shots, exist_ok=True)
        page.shot(f"{options.shots}/{name}.png")


weft("generate", "garments", "--seed", "7", "--count", "1", "--size", "96", "--out", "dress.png")
weft("generate", "swatches", "--seed", "38", "--count", "1", "--size", "64", "--out", "tartan.png")
weft("generate", "swatches", "--seed", "14", "--count", "1", "--size", "64", "--out", "dots.png")
weft("train", "dcgan", "--data", "garments", "--out", runs + "/small", "--size", "16", "--width", "4", "--batch", "4", "--steps", "4", "--set", "model.condition=concat", "--set", "run.log_every=1",
     "--samples-every", "2", "--threads", "1", "--set", "run.samples=4")
studio = Studio(options.weft, out, runs)
page = Page(1280, 900)
value = lambda id, what="value": page.run(f"document.getElementById('{id}').{what}")
finished = "!document.getElementById('save').disabled"

try:
    page.go(studio.address)
    page.until("document.querySelector('#dials label') && document.getElementById('history-empty').textContent")
    expect("an empty table says what to do", "Drop a garment photo" in page.run("document.body.innerText"))

    # Dress
    page.drop("content-drop", folder + "/dress.png")
    page.until("!document.getElementById('sheet').hidden")
    page.give("styles-file", folder + "/tartan.png", folder + "/dots.png")
    page.until("document.querySelectorAll('#style-pieces input').length == 2")
    page.dial("size", 128), page.dial("strength", .2)
    page.until("document.getElementById('tag').textContent.includes('ms')")
    page.until(finished)
    page.until("document.getElementById('after').naturalWidth == 128")
    expect("a picture dropped and two styles chosen: a look first, then the whole picture", True)
    expect("the command is told", value("command").startswith("weft transfer --content ") and value("command").count("--style") == 2)
    page.dial("compare", 40)
    expect("before and after are compared by a slider", "40%" in page.run("getComputedStyle(document.getElementById('after')).clipPath"))
    page.run("document.querySelector('input[value=luminance]').click()")
    page.until(finished)
    page.click("save")
    page.until("document.getElementById('toast').textContent.includes('.png')")
    saved = out + "/dressed-001.png"
    expect("it is saved, with its settings in the file", os.path.exists(saved) and '"colours":"luminance"' in weft("inspect", saved, "--json").replace('\\"', '"'))
    words = page.run("document.getElementById('command').value").replace(out + "/dressed.png", folder + "/again.png")
    subprocess.run(["bash", "-c", words.replace("weft ", "'" + options.weft + "' ", 1) + " --threads 1"], check=True, capture_output=True)
    expect("the command makes the very same pixels", pixels(saved) == pixels(folder + "/again.png"))

    # mask, undone by dropping a saved picture
    page.run("document.getElementById('masked').click()")
    page.drag("paint", (.3, .3), (.5, .5), (.7, .7))
    page.until("document.getElementById('tag').textContent.includes('ms')")
    page.until(finished)
    expect("a mask is painted by hand", "--mask" in value("command"))
    page.run("document.getElementById('paint').focus()")
    for key in ("ArrowRight", " "):
        page.press(key, text=key if key == " " else "")
    page.until(finished + " && document.getElementById('command').value")
    shot(page, "mask")
    page.click("cancel")
    page.drop("stage", saved)
    page.until("!document.getElementById('masked').checked && document.querySelector('input[value=luminance]').checked")
    page.until(finished)
    expect("a saved picture brings its settings back", "--mask" not in value("command") and "--colors luminance" in value("command"))
    expect("results gather in the history", page.run("document.querySelectorAll('#history img').length") >= 3)
    before = page.run("document.querySelectorAll('#history img').length")
    page.run("[...document.querySelectorAll('#history button')].at(-1).click()")
    page.until("document.querySelector('input[value=style]').checked && !document.getElementById('save').disabled && document.getElementById('command').value")
    expect("a result of before is there again at once", page.run("document.querySelectorAll('#history img').length") == before and "--colors" not in value("command"))
    page.dial("size", 1024), page.dial("strength", 1)
    page.until("!document.getElementById('cancel').hidden")
    page.click("cancel")
    page.until("document.getElementById('status').textContent == 'Cancelled'")
    expect("long work is given up", value("save", "disabled"))
    page.dial("size", 128), page.dial("strength", .2)
    page.until(finished)
    shot(page, "dress")

    weft("transfer", "--content", "dress.png", "--style", "tartan.png", "--structure", "0.8", "--strength", "0.1", "--colors", "content", "--threads", "1", "--out", "typed.png")
    page.drop("stage", folder + "/typed.png")
    page.until("document.getElementById('structure').value == '0.8' && document.querySelector('input[value=content]').checked && document.querySelectorAll('#style-pieces .piece').length == 1")
    page.until(finished)
    expect("and so does a picture of the command line's", "--colors content" in value("command"))
    shutil.copy(folder + "/dots.png", folder + "/two dots.png")
    weft("transfer", "--content", "dress.png", "--style", "tartan.png", "--style=two dots.png:0.3", "--structure=0.9", "--blend=tartan.png:0.7", "--keep=shading", "--strength", "0.1", "--threads", "1", "--out", "mixed.png")
    told = studio.call("POST", "/api/pictures?name=mixed.png", open(folder + "/mixed.png", "rb").read())["settings"]
    expect("with weights and shares, whichever way they were typed",
           [s["weight"] for s in told["styles"]] == [1, .3] and (told["structure"], told["lay"], told["shading"]) == (.9, .7, True))
    named = studio.call("POST", "/api/pictures?name=" + urllib.parse.quote("中国传统蓝印花布连衣裙照片第一号样品.png"), open(folder + "/dress.png", "rb").read() + b"\0")
    expect("a long name is cut between two characters", os.path.basename(studio.call("POST", "/api/save", {"id": named["id"]})["file"]) == "中国传统蓝印花布连衣裙照片-001.png")

    # Swatch
    page.click("tab-swatch")
    page.give("swatch-file", folder + "/dots.png")
    page.until("document.querySelectorAll('#palette input').length > 1")
    page.run("document.querySelector('input[value=brick]').click()")
    page.until("document.getElementById('swatch-command').value.includes('--layout brick')")
    expect("a swatch repeats, and its palette is told", "png" in page.run("document.getElementById('cloth').style.backgroundImage") or "/api/pictures/" in page.run("document.getElementById('cloth').style.backgroundImage"))
    page.run("(e => { e.value = '#1b2a41'; e.dispatchEvent(new Event('input')); })(document.querySelector('#palette input'))")
    page.click("recolour")
    page.until("!document.getElementById('recolour-undo').hidden")
    page.until("!document.getElementById('cloth').hidden && document.getElementById('swatch-status').textContent.includes('seam')")
    page.click("swatch-save")
    page.until("document.getElementById('toast').textContent.includes('tile')")
    expect("the tile is saved", bool(glob.glob(out + "/tile-*.png")))
    shot(page, "swatch")

    # Garments
    page.click("tab-garments")
    page.until("document.querySelectorAll('#grid button').length == 24")
    expect("a sheet of a run, with its classes", page.run("document.querySelectorAll('#class option').length") == 6)
    page.run("[0, 5].forEach(i => document.querySelectorAll('#grid button')[i].click())")
    page.click("keep")
    page.click("breed")
    page.until("document.getElementById('garment-status').textContent == '24 children'")
    page.run("document.querySelectorAll('#favourites .garment')[0].click()")
    page.click("vary")
    page.until("document.getElementById('garment-status').textContent == '24 relatives'")
    expect("kept garments have children and relatives", page.run("document.querySelectorAll('#favourites .garment').length") == 2)
    shot(page, "garments")
    page.run("document.querySelectorAll('#grid button')[3].click()")
    page.click("send")
    page.until("!document.getElementById('dress').hidden && document.getElementById('content-piece').innerText.includes('small.png')")
    expect("one of them is sent to be dressed", True)

    # Training
    page.click("tab-training")
    page.until("document.querySelectorAll('#runs button').length == 1")
    page.run("document.querySelector('#runs button').click()")
    page.until("document.querySelectorAll('#charts svg').length > 0 && document.getElementById('samples').naturalWidth > 0")
    expect("a run's curves and sheets are shown", "Step 4 of 4" in value("watch-status", "textContent"))
    for id, text in (("start-name", "from-page"), ("start-steps", "100000"), ("start-data", "garments"), ("start-size", "16")):
        page.run(f"document.getElementById('{id}').value = '{text}'")
    page.run("document.getElementById('start').requestSubmit()")
    page.until("document.getElementById('watch-name').textContent == 'from-page' && /Step [1-9]/.test(document.getElementById('watch-status').textContent)")
    shot(page, "training")
    expect("a run is begun from the page", os.path.exists(runs + "/from-page/log.jsonl"))

    # Chinese; phone
    page.click("language")
    expect("every word is there in Chinese", "训练" in page.run("document.body.innerText") and not page.run("Object.values(words).some(w => w.length != 2 || !w[0] || !w[1])"))
    expect("what was done is told in Chinese as well", "Done" not in value("status", "textContent"))
    page.resize(390, 844)
    for tab in ("dress", "swatch", "garments", "training"):
        page.click("tab-" + tab)
        time.sleep(.3)
        shot(page, "phone-" + tab)
        expect(f"{tab} fits a phone", page.run("document.documentElement.scrollWidth") <= 390)
    page.click("language"), page.resize(1280, 900)

    # for a keyboard and a screen reader
    nameless = page.run("[...document.querySelectorAll('button, input, select, textarea, a')].filter(e => !e.textContent.trim() && !e.getAttribute('aria-label') && !e.closest('label')?.textContent.trim() && !e.title).map(e => e.outerHTML)")
    expect("every control has a name", nameless == [])
    page.run("document.getElementById('tab-dress').focus()")
    page.press("ArrowRight")
    expect("arrows walk over the tabs", page.run("document.activeElement.id") == "tab-swatch" and not value("swatch", "hidden"))
    foreign = [u for u in page.requests if not u.startswith(studio.base + "/") and not u.startswith(("data:", "blob:", "about:"))]
    expect("nothing was asked of anybody else", foreign == [])
    expect(f"the page met no error {page.troubles or ''}", page.troubles == [])

    # the page is closed, then the studio is killed: the run goes on
    page.close()
    watch = lambda: studio.call("GET", "/api/runs/from-page")
    before = watch()["step"]
    studio.close(signal.SIGKILL)
    studio = Studio(options.weft, out, runs)

    def later(condition, seconds=240):
        end = time.time() + seconds
        while time.time() < end and not condition(told := watch()):
            time.sleep(.2)
        return told

    told = later(lambda run: run["step"] > before)
    expect("a run outlives the page and the studio", told["running"] and told["step"] > before)
    studio.call("POST", "/api/runs/pause", {"name": "from-page"})
    paused = later(lambda run: not run["running"])
    expect(f"it is paused, and has saved (step {paused['step']}, {paused['checkpoints']} checkpoints)", not paused["running"] and paused["checkpoints"] > 0)
    studio.call("POST", "/api/runs/go-on", {"name": "from-page", "steps": paused["step"] + 3})
    expect("and goes on to its new end", later(lambda run: run["step"] == paused["step"] + 3)["step"] == paused["step"] + 3)
    expect("the studio closes at Ctrl-C", studio.close(signal.SIGINT) == 0)
finally:
    page.process.kill()
    studio.process.kill()
    for line in subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout.splitlines():
        if runs in line and " train " in line:
            os.kill(int(line.split()[0]), signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
