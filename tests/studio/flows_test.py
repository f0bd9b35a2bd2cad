"""The studio as a designer meets it, in a headless Chromium: dress, paint, keep and take back; repeat and recolour; breed; train, pause, go on.

flows_test.py WEFT [--shots FOLDER]      ends with 77 where there is no Chromium
"""
import argparse, concurrent.futures, glob, hashlib, json, os, shutil, signal, subprocess, sys, tempfile, time, urllib.parse

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


def difference(page, *addresses):
    """Of two pictures as the browser shows them at 64 pixels, of 255."""
    return page.run("""(async (...both) => {
      const [a, b] = await Promise.all(both.map(async address => {
        const picture = new Image(), canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
        picture.src = address, canvas.width = canvas.height = 64;
        await picture.decode(), pen.drawImage(picture, 0, 0, 64, 64);
        return pen.getImageData(0, 0, 64, 64).data;
      }));
      return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
    })(%s)""" % ", ".join(addresses))


def run(line, instead_of, file):
    """What the page tells to type, with its result in `file`."""
    subprocess.run(["bash", "-c", line.replace(instead_of, file).replace("weft ", "'" + options.weft + "' ", 1)], check=True, capture_output=True)
    return pixels(file)




def shot(page, name):
    if options.shots:
        os.makedirs(options.shots, exist_ok=True)
        page.shot(f"{options.shots}/{name}.png")


weft("generate", "garments", "--seed", "7", "--count", "1", "--size", "96", "--out", "dress.png")
weft("generate", "swatches", "--seed", "38", "--count", "1", "--size", "64", "--out", "tartan.png")
weft("generate", "swatches", "--seed", "14", "--count", "1", "--size", "64", "--out", "dots.png")
weft("generate", "swatches", "--seed", "14", "--count", "1", "--size", "8", "--out", "scrap.png")
weft("tile", "--swatch", "tartan.png", "--size", "370", "--out", "one.png", "--preview", "large.png")     # three each way
weft("generate", "garments", "--seed", "8", "--count", "1", "--size", "64", "--out", "elsewhere.png")
weft("train", "dcgan", "--data", "garments", "--out", runs + "/small", "--size", "16", "--width", "4", "--batch", "4", "--steps", "4", "--set", "model.condition=concat", "--set", "run.log_every=1",
     "--samples-every", "2", "--threads", "1", "--set", "run.samples=4")
log = open(runs + "/small/log.jsonl").read().rstrip()
with open(runs + "/small/log.jsonl", "w") as file:
    file.write(log[:-1] + ', "metric_kid": 0.5}\n')                    # one measure, at the last step
os.symlink("round.safetensors", runs + "/round.safetensors")            # leads nowhere, and hides nothing else
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
    before = len(os.listdir(out + "/history"))
    page.until(f"document.querySelectorAll('#history img').length == {before}")
    page.run("[...document.querySelectorAll('#history button')].at(-1).click()")
    page.until("document.querySelector('input[value=style]').checked && !document.getElementById('save').disabled && !document.getElementById('command').value.includes('--colors')")
    expect("a result of before is there again at once", page.run("document.querySelectorAll('#history img').length") == before == len(os.listdir(out + "/history")))
    page.dial("size", 1024), page.dial("strength", 1)
    page.until("!document.getElementById('cancel').hidden")
    page.click("cancel")
    page.until("document.getElementById('status').textContent == 'Cancelled'")
    expect("long work is given up", value("save", "disabled"))
    page.dial("size", 128), page.dial("strength", .2)
    page.until(finished)
    shot(page, "dress")

    weft("transfer", "--content", "elsewhere.png", "--style", "tartan.png", "--strength", "0.7", "--size", "32", "--threads", "1", "--out", "foreign.png")
    page.drop("stage", folder + "/foreign.png")
    page.until("document.getElementById('toast').textContent.includes('foreign.png was made of are not in this studio')")
    expect("a picture whose inputs are not here changes nothing", value("strength") == "0.2" and page.run(finished) and value("status", "textContent").startswith("Done"))

    weft("transfer", "--content", "dress.png", "--style", "tartan.png", "--structure", "0.83", "--strength", "0.12", "--colors", "content", "--threads", "1", "--out", "typed.png")
    page.drop("stage", folder + "/typed.png")
    page.until("document.getElementById('structure').value == '0.83' && document.querySelector('input[value=content]').checked && document.querySelectorAll('#style-pieces .piece').length == 1")
    page.until(finished)
    expect("and so does a picture of the command line's, between a dial's steps and in its own size", all(" " + text in value("command") for text in ("--colors content", "--structure 0.83 --strength 0.12", "--size 96")))
    shutil.copy(folder + "/dots.png", folder + "/two dots.png")
    weft("transfer", "--content", "dress.png", "--style", "tartan.png", "--style=two dots.png:0.3", "--structure=0.9", "--blend=tartan.png:0.7", "--keep=shading", "--strength", "0.1", "--threads", "1", "--out", "mixed.png")
    told = studio.call("POST", "/api/pictures?name=mixed.png", open(folder + "/mixed.png", "rb").read())["settings"]
    expect("with weights and shares, whichever way they were typed",
           [s["weight"] for s in told["styles"]] == [1, .3] and (told["structure"], told["lay"], told["shading"]) == (.9, .7, True))
    named = studio.call("POST", "/api/pictures?name=" + urllib.parse.quote("中国传统蓝印花布连衣裙照片第一号样品.png"), open(folder + "/dress.png", "rb").read() + b"\0")
    expect("a long name is cut between two characters", os.path.basename(studio.call("POST", "/api/save", {"id": named["id"]})["file"]) == "中国传统蓝印花布连衣裙照片-001.png")

    with concurrent.futures.ThreadPoolExecutor(8) as several:
        files = [told["file"] for told in several.map(lambda _: studio.call("POST", "/api/save", {"id": named["id"]}), range(8))]
    expect("eight saves at once are eight files", len(set(files)) == 8 and all(os.path.exists(file) for file in files))
    brought = glob.glob(f"{out}/inputs/{named['id']}.*")[0]
    os.remove(brought)
    studio.call("POST", "/api/pictures?name=again.png", open(folder + "/dress.png", "rb").read() + b"\0")
    expect("a picture whose file is gone can be brought again", os.path.exists(brought))

    page.click("content-draw")
    page.until("!document.getElementById('mask-garment').hidden")
    for recipe in ("cloth", "manner", "cloth"):
        page.click("recipe-" + recipe)
        page.until("document.getElementById('masked').checked == " + str(recipe == "cloth").lower())
    expect("a garment is made of a cloth, the second time as the first", value("lay") == "1" and value("mask-none", "hidden"))
    page.click("mask-clear")
    expect("where nothing is painted it says so", not value("mask-none", "hidden"))
    page.dial("size", 128)

    # Swatch
    page.click("tab-swatch")
    page.give("swatch-file", folder + "/scrap.png")
    page.until("document.getElementById('swatch-status').textContent == 'That came to nothing'")
    expect("what fails is not at work for ever", "8x8" in value("toast", "textContent"))
    page.give("swatch-file", folder + "/large.png")
    page.until("document.getElementById('swatch-status').textContent.includes('saved in full')")
    page.click("swatch-save")
    page.until("document.getElementById('toast').textContent.includes('tile-straight-001')")
    expect("of a large swatch the very tile is saved that the command makes", pixels(out + "/tile-straight-001.png") == run(value("swatch-command"), out + "/tile.png", folder + "/tile.png"))
    page.give("swatch-file", folder + "/dots.png")
    page.until("document.querySelectorAll('#palette input').length > 1 && document.getElementById('swatch-piece').innerText.includes('dots')")
    page.run("document.querySelector('input[value=brick]').click()")
    page.until("document.getElementById('swatch-command').value.includes('--layout brick')")
    expect("a swatch repeats, and its palette is told", "png" in page.run("document.getElementById('cloth').style.backgroundImage") or "/api/pictures/" in page.run("document.getElementById('cloth').style.backgroundImage"))
    page.click("recolour")
    expect("nothing changed is nothing to recolour", "Choose another colour" in value("toast", "textContent") and value("recolour-undo", "hidden"))

    def recoloured(by):
        page.click("recolour")
        page.until(f"document.getElementById('swatch-command').value.includes('{by}') && document.getElementById('swatch-status').textContent.includes('seam')")
        return "document.querySelector('#swatch-piece img').src"

    page.run("window.uncoloured = document.querySelector('#swatch-piece img').src")
    page.dial("hue", 90)
    recoloured("--hue 90")
    expect("a hue that is turned brings no palette", "--palette" not in value("swatch-command"))
    page.dial("hue", 0)
    choose = "(e => { e.value = %s; e.dispatchEvent(new Event('input')); })(document.querySelector('#palette input'))"
    page.run(choose % "e.value.slice(0, 6) + (e.value[6] == '0' ? '1' : '0')")
    moved = difference(page, "uncoloured", recoloured("--palette"))
    expect(f"a colour that is hardly changed hardly changes the picture ({moved:.1f} of 255)", moved < 6)
    page.run(choose % "'#1b2a41'")
    page.click("flat")
    recoloured("--colors")
    made, tiled = value("swatch-command").split("\n")
    made_here = out + "/inputs/" + tiled.split("/inputs/")[1][:32] + ".png"
    expect("a print has the very inks, and the one that was chosen for most of it there", json.loads(weft("recolor", "--image", made_here, "--extract", "5", "--json"))["pictures"][0]["colours"][0]["hex"] == "#1b2a41")
    expect("the command makes the very same colours", run(made, out + "/recoloured.png", folder + "/recoloured.png") == pixels(made_here))
    page.click("swatch-save")
    page.until("document.getElementById('toast').textContent.includes('tile-brick')")
    expect("the tile is saved", bool(glob.glob(out + "/tile-brick-*.png")))
    shot(page, "swatch")

    # Garments
    page.click("tab-garments")
    page.until("document.querySelectorAll('#grid button').length == 24")
    expect("a sheet of a run, with its classes", page.run("document.querySelectorAll('#class option').length") == 6)
    page.run("[0, 4].forEach(i => document.querySelectorAll('#grid button')[i].click())")
    page.run("for (let n = 1 << 23; n; n >>= 1) try { localStorage.filler = (localStorage.filler || '') + 'x'.repeat(n); } catch {}")
    page.click("keep")
    expect("a browser that keeps no more says so", "keeps no more" in value("toast", "textContent") and page.run("document.querySelectorAll('#favourites .garment').length") == 0)
    page.run("localStorage.clear(), localStorage.setItem('weft kept small', JSON.stringify([{latent: [0], class: 'of another tab', truncation: 0, picture: ''}]))")
    page.click("keep")
    expect("what another tab has kept stays", page.run("JSON.parse(localStorage['weft kept small']).length") == 3)
    page.run("document.querySelectorAll('#favourites .away')[0].click()")
    page.click("breed")
    page.until("document.getElementById('garment-status').textContent == '24 children'")
    expect("children show no command, least of all that of the sheet before", value("sheet-command") == "" and "have none" in value("sheet-command", "placeholder"))
    page.dial("truncation", .3)
    page.until("document.getElementById('garment-status').textContent == '24 new garments'")
    expect("a new sheet shows its command", value("sheet-command").startswith("weft generate"))
    kept = "document.querySelectorAll('#favourites .garment')[1]"      # of the fifth class of five in turn, and more daring than the dial is now
    page.run(kept + ".focus(), " + kept + ".click()")
    expect("whoever chooses by keyboard stays there", page.run("document.activeElement == " + kept))
    page.click("vary")
    page.until("document.getElementById('garment-status').textContent == '24 relatives'")
    expect("kept garments have children and relatives", page.run("document.querySelectorAll('#favourites .garment').length") == 2)
    expect("relatives begin with the one that was kept, as it was", page.run("document.querySelector('#grid img').src == " + kept + ".querySelector('img').src"))
    shot(page, "garments")
    page.run(kept + ".click()")
    page.run("(ask => { window.fetch = (where, how) => { if (how?.body?.includes?.('pick')) window.picked = JSON.parse(how.body).asked; return ask(where, how); }; })(fetch)")
    page.click("send")
    page.until("!document.getElementById('dress').hidden && document.getElementById('content-piece').innerText.includes('small.png')")
    expect("one of them is sent to be dressed, as it was kept", page.run("picked.class == " + kept + ".title && picked.class == 'trousers' && picked.truncation == 0"))

    # Training
    page.click("tab-training")
    page.until("document.querySelectorAll('#runs button').length == 1")
    page.run("document.querySelector('#runs button').click()")
    page.until("document.querySelectorAll('#charts svg').length > 0 && document.getElementById('samples').naturalWidth > 0")
    expect("a run's curves and sheets are shown", "Step 4 of 4" in value("watch-status", "textContent"))
    expect("a measure that was taken once is a dot", page.run("document.querySelectorAll('#charts .dot').length") > 0)
    page.run("document.getElementById('resume-steps').focus(), document.getElementById('resume-steps').value = 3")
    page.click("resume")
    expect("a run goes on to what lies ahead only", not page.run("document.getElementById('resume-steps').checkValidity()") and not glob.glob(runs + "/.studio/small*"))
    page.run("document.getElementById('start-name').value = '-x'")
    expect("a name that the studio refuses is refused by the page", not page.run("document.getElementById('start-name').checkValidity()"))
    model = value("start-model")
    for id, text in (("start-name", "broken"), ("start-model", "resnet"), ("start-data", "garments"), ("start-size", "16")):
        page.run(f"document.getElementById('{id}').value = '{text}'")
    page.run("document.getElementById('start').requestSubmit()")
    page.until("document.getElementById('watch-name').textContent == 'broken' && document.getElementById('watch-status').textContent.includes('its process has ended: weft: ')")
    expect("a run that cannot begin says why, and shows nothing of another", page.run("document.getElementById('watch-state').textContent == 'at rest' && !document.querySelector('#charts svg') && document.getElementById('samples-row').hidden"))
    page.run(f"document.getElementById('start-model').value = '{model}'")
    for id, text in (("start-name", "from-page"), ("start-steps", "100000"), ("start-data", "garments"), ("start-size", "16")):
        page.run(f"document.getElementById('{id}').value = '{text}'")
    page.run("document.getElementById('start').requestSubmit()")
    page.until("document.getElementById('watch-name').textContent == 'from-page' && /Step [1-9]/.test(document.getElementById('watch-status').textContent)")
    shot(page, "training")
    expect("a run is begun from the page", os.path.exists(runs + "/from-page/log.jsonl"))

    # Chinese; phone
    page.click("language")
    expect("every word is there in Chinese", "训练" in page.run("document.body.innerText") and not page.run("Object.values(words).some(w => w.length != 2 || !w[0] || !w[1])"))
    expect("what was done is told in Chinese as well", not any(value(id, "textContent").isascii() for id in ("status", "swatch-status", "garment-status")))
    page.resize(390, 844)
    for tab in ("dress", "swatch", "garments", "training"):
        page.click("tab-" + tab)
        time.sleep(.3)
        shot(page, "phone-" + tab)
        expect(f"{tab} fits a phone", page.run("document.documentElement.scrollWidth") <= 390)
    page.click("language"), page.resize(1280, 900)

    # for a keyboard and a screen reader
    nameless = page.run("[...document.querySelectorAll('button, input, select, textarea, a, canvas')].filter(e => !e.textContent.trim() && !e.getAttribute('aria-label') && ![...e.labels || []].some(label => label.textContent.trim()) && !e.title).map(e => e.outerHTML)")
    expect(f"every control has a name {nameless or ''}", nameless == [])
    page.click("tab-dress")
    page.give("styles-file", folder + "/dots.png")
    page.until("document.querySelectorAll('#style-pieces .piece').length == 2")
    page.run("document.querySelectorAll('#style-pieces button')[1].focus()")
    page.press("Enter", text="\r")
    page.until("document.querySelectorAll('#style-pieces .piece').length == 1")
    expect("whoever removes a picture by keyboard stays there", page.run("document.activeElement == document.querySelector('#style-pieces button')"))
    page.run("document.getElementById('tab-dress').focus()")
    page.press("ArrowRight")
    expect("arrows walk over the tabs", page.run("document.activeElement.id") == "tab-swatch" and not value("swatch", "hidden"))
    foreign = [u for u in page.requests if not u.startswith(studio.base + "/") and not u.startswith(("data:", "blob:", "about:"))]
    expect("nothing was asked of anybody else", foreign == [])
    asked_in_vain = hashlib.sha256(open(folder + "/elsewhere.png", "rb").read()).hexdigest()[:32]
    troubles = [trouble for trouble in page.troubles if asked_in_vain not in trouble]
    expect(f"the page met no error {troubles or ''}", troubles == [])

    # work that the page leaves behind is given up
    page.click("tab-dress")
    page.dial("size", 1024), page.dial("strength", 1)
    page.until("document.getElementById('status').textContent.startsWith('Refining')")
    job = [u for u in page.requests if "/api/jobs/" in u][-1].split("/api/jobs/")[1].split("?")[0].split("/")[0]
    page.go("about:blank")
    state, end = "working", time.time() + 120                         # it looks round after each step
    while state == "working" and time.time() < end:
        state = studio.call("GET", f"/api/jobs/{job}?wait=4000")["state"]
    expect("a page that goes leaves no work behind", state == "cancelled")

    # the desktop's browser is begun as a shell would begin it
    os.mkdir(folder + "/bin")
    with open(folder + "/bin/xdg-open", "w") as file:
        file.write('#!/bin/sh\ncat /proc/self/status "$1" > "$0.told"\n')
    os.chmod(folder + "/bin/xdg-open", 0o755)
    other = subprocess.Popen([options.weft, "studio", "--port", "0", "--out", folder + "/other", "--runs", runs, "--threads", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env={**os.environ, "DISPLAY": ":0", "PATH": folder + "/bin:" + os.environ["PATH"]})
    told, end = "", time.time() + 60
    while "?token=" not in told and time.time() < end:
        time.sleep(.1)
        told = open(folder + "/bin/xdg-open.told").read() if os.path.exists(folder + "/bin/xdg-open.told") else ""
    other.send_signal(signal.SIGINT), other.wait(timeout=60)
    of = lambda key, signals: int(told.split(key)[1].split()[0], 16) & sum(1 << s - 1 for s in signals)
    expect("the browser may be interrupted, and hears of its pipes and children",
           of("SigBlk:", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)) == 0 and of("SigIgn:", (signal.SIGPIPE, signal.SIGCHLD)) == 0)

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
