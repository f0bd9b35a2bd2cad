// The studio's page. Four benches (Dress, Swatch, Garments, Training) over one small set of helpers: words in two languages, calls that
// carry the token, and jobs that tell how far they are. The page keeps no state that matters: pictures and settings are the server's.
'use strict';

// ---------- helpers

const $ = id => document.getElementById(id);
const token = document.querySelector('meta[name=weft-token]').content;
let language = 0;
const t = (key, ...values) => (words[key] || [key, key])[language].replace(/\{(\d)\}/g, (_, i) => Array.isArray(values[i]) ? t(...values[i]) : values[i]);
const lines = {};                                                     // what each status line says, to be said again in another language
const say = (id, ...what) => { lines[id] = what, $(id).textContent = what.length ? t(...what) : ''; };
const address = (path, more = {}) => path + '?' + new URLSearchParams({...more, token});
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== 'list') element[key] = value;
    else element.setAttribute(key, value);
  element.append(...children);
  return element;
};

let hush;
function toast(text) {
  $('toast').textContent = text;
  $('toast').classList.add('on');
  clearTimeout(hush);
  hush = setTimeout(() => $('toast').classList.remove('on'), 5000);
}

async function call(method, path, body, more) {
  let answer;
  try {
    answer = await fetch(address(path, more), {method, body: body === undefined ? undefined : body instanceof Blob ? body : JSON.stringify(body), headers: {'X-Weft-Token': token}, keepalive: method === 'DELETE'});
  } catch {
    throw new Error(t('lost'));
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error || answer.status);
  return told;
}
const get = path => call('GET', path);
const post = (path, body, more) => call('POST', path, body, more);
/// Whatever goes wrong in `work` is said, and ends there; the status line `id` says no longer that it goes on.
const said = (work, id) => async (...given) => { try { return await work(...given); } catch (trouble) { if (id) say(id, 'failed'); toast(trouble.message); } };

const jobs = new Set();
addEventListener('pagehide', () => { for (const job of jobs) job.cancel(); });      // or the page that comes next would wait for them

/// A job of the server: `job.result` comes true when it is done (null: cancelled), `job.cancel()` gives it up.
function begin(kind, asked, progress) {
  const job = {id: null, unwanted: false, cancel() { job.unwanted = true; if (job.id) call('DELETE', '/api/jobs/' + job.id).catch(() => {}); }};
  job.result = (async () => {
    try {
      jobs.add(job);
      job.id = (await post('/api/jobs', {kind, asked})).id;
      if (job.unwanted) { job.cancel(); return null; }
      for (;;) {
        const status = await call('GET', '/api/jobs/' + job.id, undefined, {wait: kind === 'dress' ? 400 : 4000});
        if (progress && !job.unwanted) progress(status);
        if (status.state === 'failed') throw new Error(status.error);
        if (status.state === 'cancelled') return null;
        if (status.state === 'done') return {...status.result, took: status.seconds};
      }
    } finally { jobs.delete(job); }
  })();
  return job;
}
const doing = (kind, asked) => begin(kind, asked).result;

const kept = (key, otherwise) => { try { return JSON.parse(localStorage.getItem('weft ' + key)) ?? otherwise; } catch { return otherwise; } };
/// False where the browser keeps nothing, or no more.
const keep = (key, value) => { try { localStorage.setItem('weft ' + key, JSON.stringify(value)); return true; } catch { return false; } };
const time = seconds => seconds < 90 ? t('s', Math.round(seconds)) : seconds < 5400 ? t('min', Math.round(seconds / 60)) : t('h', (seconds / 3600).toFixed(1));
const short = value => Math.abs(value) >= 1000 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toPrecision(3);

async function bring(file) {
  if (file.type && !file.type.startsWith('image/')) throw new Error(t('not_a_picture'));
  return post('/api/pictures', file, {name: file.name || 'picture'});
}

/// A place to drop files on, with its file input.
function receive(zone, input, take) {
  const each = said(async files => { for (const file of files) await take(await bring(file)); });
  for (const name of ['dragenter', 'dragover']) zone.addEventListener(name, event => { event.preventDefault(); event.stopPropagation(); zone.classList.add('over'); });
  for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => zone.classList.remove('over'));
  zone.addEventListener('drop', event => { event.preventDefault(); event.stopPropagation(); each([...event.dataTransfer.files]); });
  if (input) input.addEventListener('change', async () => { await each([...input.files]); input.value = ''; });
}

function choices(into, name, values, word, chosen) {
  const box = make('div', {className: 'choices'});
  for (const value of values) box.append(make('label', {className: 'choice'}, make('input', {type: 'radio', name, value, checked: value === values[0], onchange: () => chosen(value)}), make('span', {'data-t': word(value)})));
  into.append(box);
}
const choice = name => document.querySelector(`input[name=${name}]:checked`).value;

function translate() {
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const id in lines) say(id, ...lines[id]);
  document.documentElement.lang = language ? 'zh' : 'en';
  $('language').textContent = language ? 'English' : '中文';
  $('language').lang = language ? 'en' : 'zh';
  for (const redraw of [dress, swatch, garments, training]) redraw.translate?.();
}

const seen = picture => make('img', {src: address('/api/pictures/' + picture.id, {side: 160}), alt: ''});
function piece(picture, away, ...more) {
  const remove = event => {                                           // whoever goes by keyboard stays where they are
    const box = event.target.closest('.drop'), buttons = () => [...box.querySelectorAll('.piece button')], at = buttons().indexOf(event.target);
    away();
    (buttons()[at] || buttons().at(-1) || box.querySelector('input[type=file]')).focus();
  };
  return make('div', {className: 'piece'}, seen(picture), make('span', {className: 'name', textContent: picture.name, title: picture.name}),
    make('button', {className: 'quiet', textContent: '×', 'aria-label': t('remove') + ' ' + picture.name, onclick: remove}), ...more);
}
const someSeed = () => Math.floor(Math.random() * 20000);
const copy = box => navigator.clipboard.writeText(box.value).then(() => toast(t('copied')), () => box.select());

// ---------- Dress

const dress = (() => {
  const state = {content: null, styles: [], shown: null, seed: 0};
  const dials = {structure: [0, 1, .05, .5], strength: [0, 1, .05, .5], brush: [.25, 4, .05, 1], lay: [0, 1, .05, 0], size: [128, 1536, 32, 512]};
  let working = null, again = false, later = 0, painted = null;      // painted: the mask's sum on the server, until it is painted on
  const canvas = $('paint'), pen = canvas.getContext('2d');

  for (const [name, [min, max, step, value]] of Object.entries(dials))
    $('dials').append(make('label', {className: 'dial'}, make('span', {'data-t': name}),
      make('input', {type: 'range', id: name, min, max, step, value, ondblclick: event => { event.target.value = value; changed(); }, oninput: () => { steps(name); changed(); }}),
      make('output', {id: name + '-out', 'aria-hidden': true}), make('small', {'data-t': name + '_help'})));
  const ends = {...dials, feather: [0, 60, 1, 2]};
  /// A dial at the very value that a picture was made with, between its steps or beyond its ends, until a hand moves it.
  const put = (name, value) => { const [min, max] = ends[name]; Object.assign($(name), {min: Math.min(min, value), max: Math.max(max, value), step: 'any', value}); };
  const steps = name => { const [min, max, step] = ends[name]; Object.assign($(name), {min, max, step}); };
  choices($('colours'), 'colour', ['style', 'content', 'luminance'], value => 'colours_' + value, () => changed());
  $('shading').onchange = () => changed();

  /// What serves best for a picture in a style's manner, and for a garment cut from a cloth.
  async function recipe(values, cloth) {
    for (const [dial, value] of Object.entries(values)) $(dial).value = value;
    $('shading').checked = cloth;
    if (cloth && state.content?.mask && !painted) await paintFrom(state.content.mask), painted = state.content.mask;
    if (cloth && painted) $('masked').checked = true, paint(false);
    if (cloth && $('masked').checked) $('lay').value = 1;             // without a mask the picture has to show through the cloth
    if (!cloth) { $('masked').checked = false; maskTools(); }
    changed();
  }
  $('recipe-manner').onclick = said(() => recipe({structure: .5, strength: .5, brush: 1, lay: 0}, false));
  $('recipe-cloth').onclick = said(() => recipe({structure: 1, strength: .5, brush: 1, lay: .5}, true));

  const settings = () => ({content: state.content.id, styles: state.styles.map(s => ({id: s.id, weight: s.weight})), mask: $('masked').checked && painted || '', lay: +$('lay').value,
    structure: +$('structure').value, strength: +$('strength').value, brush: +$('brush').value, colours: choice('colour'), shading: $('shading').checked,
    feather: $('masked').checked ? +$('feather').value : 0, size: +$('size').value, seed: state.seed});
  const ready = () => state.content && state.styles.length > 0;
  const status = (...what) => say('status', ...what);

  function show(source, ...tag) {
    if ($('after').src.startsWith('blob:')) URL.revokeObjectURL($('after').src);
    $('after').src = source;
    $('after').hidden = !source;
    $('after').alt = source ? t('after') : '';
    say('tag', ...tag);
  }

  function draw() {
    $('content-piece').replaceChildren(...(state.content ? [piece(state.content, () => setContent(null))] : []));
    $('style-pieces').replaceChildren(...state.styles.map((style, i) => piece(style, () => { state.styles.splice(i, 1); draw(); changed(); },
      ...(state.styles.length > 1 ? [make('label', {className: 'mix'}, t('share'), make('input', {type: 'range', min: 0, max: 1, step: .05, value: style.weight, 'aria-label': t('share') + ' ' + style.name,
        oninput: event => { style.weight = +event.target.value; changed(); }}))] : []))));
    $('content-empty').hidden = !!state.content;
    $('styles-empty').hidden = state.styles.length > 0;
    $('stage-empty').hidden = !!state.content;
    $('sheet').hidden = !state.content;
    $('below').hidden = !ready();
    $('mask-garment').hidden = !state.content?.mask;
    canvas.setAttribute('aria-label', t('mask_hint'));
    outputs();
  }
  function outputs() {
    for (const name of [...Object.keys(dials), 'tip', 'feather']) $(name + '-out').textContent = $(name).value;
    $('mask-none').hidden = !!painted;
  }

  function setContent(picture) {
    state.content = picture;
    painted = null;
    if (picture) {
      $('before').src = address('/api/pictures/' + picture.id, {side: 1024});
      $('before').alt = t('before') + ': ' + picture.name;
      const scale = Math.min(1, 1024 / Math.max(picture.width, picture.height));
      canvas.width = Math.max(1, Math.round(picture.width * scale)), canvas.height = Math.max(1, Math.round(picture.height * scale));
      put('size', Math.max(128, Math.min(512, Math.max(picture.width, picture.height))));
      $('masked').checked = false, maskTools();
    }
    show('');
    draw(), changed();
  }
  function addStyle(picture) {
    if (state.styles.length >= 8) state.styles.shift();
    state.styles.push({...picture, weight: 1});
    draw(), changed();
  }
  /// A picture of the studio brings its settings back; any other becomes what the place is for.
  const taking = use => async picture => picture.settings ? restore(picture.settings, picture.name) : use(picture);

  /// @param result  the picture that the settings made, where it is at hand: then nothing has to be made again
  async function restore(s, name, result = null) {
    const there = await Promise.all([s.content, s.mask, ...s.styles.map(x => x.id)].filter(Boolean).map(async id => (await fetch(address('/api/pictures/' + id, {side: 16}))).ok));
    if (there.includes(false)) throw new Error(t('missing', name));
    working?.cancel(), clearTimeout(later);
    again = false, state.restoring = true;
    try { await lay(s); } finally { state.restoring = false; }
    toast(t('restored', name));
    draw();
    if (!result) { changed(); return; }
    present(result);
    status();
    $('command').value = (await post('/api/command', settings())).command;
  }
  async function lay(s) {
    const whole = new Image();
    whole.src = address('/api/pictures/' + s.content);
    await whole.decode();
    (document.querySelector(`input[name=colour][value=${CSS.escape(s.colours)}]`) || {}).checked = true;
    $('shading').checked = s.shading, state.seed = s.seed || 0;
    state.styles = s.styles.map((x, i) => ({id: x.id, weight: x.weight, name: t('styles') + ' ' + (i + 1)}));
    setContent({id: s.content, name: t('content'), width: whole.naturalWidth, height: whole.naturalHeight});
    for (const dial of Object.keys(ends)) put(dial, Number.isFinite(s[dial]) ? s[dial] : ends[dial][3]);
    if (!s.size) put('size', Math.max(whole.naturalWidth, whole.naturalHeight));
    if (s.mask) { $('masked').checked = true; await paintFrom(s.mask); painted = s.mask; paint(false); }
  }
  function present(name) {
    state.shown = name;
    show(address('/api/history/' + name));
    $('save').disabled = $('to-swatch').disabled = false;
    $('download').hidden = false, $('download').href = address('/api/history/' + name, {download: 1});
  }

  // A look at once for every change, the last one wins; then, when the hand rests, the whole picture.
  function changed() {
    outputs();
    if (state.restoring) return;
    clearTimeout(later);
    $('save').disabled = $('to-swatch').disabled = true, $('download').hidden = true;
    state.shown = null;
    if (!ready()) { again = false; working?.cancel(); return; }
    if (working?.kind === 'look') { again = true; return; }
    working?.cancel();
    look();
  }
  const look = said(async () => {
    again = false;
    status('looking');
    $('bar').removeAttribute('value'), $('cancel').hidden = true;
    const start = performance.now(), job = working = begin('look', settings());
    job.kind = 'look';
    try {
      const result = await job.result;
      if (working === job) working = null;
      if (result && ready() && !job.unwanted) {
        const picture = await (await fetch(address(`/api/jobs/${job.id}/picture`))).blob();
        show(URL.createObjectURL(picture), 'first_look', Math.round(performance.now() - start));
      }
    } finally {
      if (working === job) working = null;
      $('bar').value = 0;
    }
    if (again) return look();
    if (job.unwanted) return;
    later = setTimeout(refine, 450);
  }, 'status');
  const refine = said(async () => {
    if (!ready() || working) return;
    const asked = settings(), start = performance.now();
    $('command').value = (await post('/api/command', asked)).command;
    let pictures = 0;
    const job = working = begin('dress', asked, told => {
      $('bar').value = told.done;
      const left = told.done > .03 ? Math.ceil(told.seconds * (1 - told.done) / told.done) : '…';
      if (told.state === 'waiting') status('waiting');
      else if (told.state === 'working') {
        const percent = Math.floor(told.done * 20) * 5;               // in steps of five, or a screen reader would never be silent
        status('refining', percent, left);
        if (told.pictures > pictures && working === job) pictures = told.pictures, show(address(`/api/jobs/${job.id}/picture`, {n: pictures}), percent + ' %');
      }
    });
    $('cancel').hidden = false;
    let result;
    try { result = await job.result; } finally { if (working === job) { working = null; $('cancel').hidden = true; $('bar').value = 0; } }
    if (job.unwanted) return;
    if (!result) { status('cancelled'); return; }
    present(result.name);
    status('done', result.width, result.height, ((performance.now() - start) / 1000).toFixed(1));
    remembered();
  }, 'status');
  $('cancel').onclick = () => { working?.cancel(); $('cancel').hidden = true; status('cancelled'); $('bar').value = 0; };

  const remembered = said(async () => {
    const all = (await get('/api/history')).history;
    $('history-empty').hidden = all.length > 0;
    $('history').replaceChildren(...all.map((name, i) => make('button', {'aria-label': t('result') + ' ' + (all.length - i), title: name, onclick: said(async () => {
      const s = (await get(`/api/history/${name}/settings`)).settings;
      if (s) await restore(s, name, name);
    })}, make('img', {src: address('/api/history/' + name, {side: 160}), alt: '', loading: 'lazy'}))));
  });

  $('save').onclick = said(async () => toast(t('saved', (await post('/api/save', {result: state.shown})).file)));
  $('to-swatch').onclick = said(async () => {
    const bytes = await (await fetch(address('/api/history/' + state.shown))).blob();
    const whole = new Image();
    whole.src = URL.createObjectURL(bytes);
    await whole.decode();
    const plain = document.createElement('canvas');                   // without its settings, or it would bring them back
    plain.width = whole.naturalWidth, plain.height = whole.naturalHeight;
    plain.getContext('2d').drawImage(whole, 0, 0);
    setContent(await bring(new File([await new Promise(done => plain.toBlob(done))], 'result.png', {type: 'image/png'})));
  });
  $('copy').onclick = () => copy($('command'));
  const cut = value => { $('sheet').style.setProperty('--cut', value + '%'); $('compare').value = value; };
  $('compare').oninput = () => cut(+$('compare').value);
  $('sheet').addEventListener('pointerdown', event => {
    if (!canvas.hidden) return;
    const move = at => { const box = $('sheet').getBoundingClientRect(); cut(Math.max(0, Math.min(100, 100 * (at.clientX - box.left) / box.width))); };
    move(event);
    const end = () => { removeEventListener('pointermove', move); removeEventListener('pointerup', end); };
    addEventListener('pointermove', move), addEventListener('pointerup', end);
  });

  // The mask: painted in one colour on a canvas over the picture, sent white on black.
  const spot = {x: 0, y: 0, on: false};
  function dab(x, y, from) {
    pen.globalCompositeOperation = $('mask-erase').getAttribute('aria-pressed') === 'true' ? 'destination-out' : 'source-over';
    pen.strokeStyle = '#d2402a', pen.lineWidth = +$('tip').value * canvas.width / canvas.clientWidth, pen.lineCap = 'round';
    pen.beginPath(), pen.moveTo(from?.x ?? x, from?.y ?? y), pen.lineTo(x + .01, y), pen.stroke();
  }
  const at = event => { const box = canvas.getBoundingClientRect(); return {x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height}; };
  canvas.onpointerdown = event => { Object.assign(spot, at(event), {on: true}); canvas.setPointerCapture(event.pointerId); dab(spot.x, spot.y); };
  canvas.onpointermove = event => { if (spot.on) { const to = at(event); dab(to.x, to.y, spot); Object.assign(spot, to); } };
  canvas.onpointerup = canvas.onpointercancel = () => { if (spot.on) { spot.on = false; send(); } };
  canvas.onkeydown = event => {
    const by = canvas.width / 40, moves = {ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by]}[event.key];
    if (!moves && event.key !== ' ') return;
    event.preventDefault();
    if (moves) spot.x = Math.max(0, Math.min(canvas.width, spot.x + moves[0])), spot.y = Math.max(0, Math.min(canvas.height, spot.y + moves[1]));
    else dab(spot.x, spot.y), send();
    $('dot').hidden = false;
    $('dot').style.left = 100 * spot.x / canvas.width + '%', $('dot').style.top = 100 * spot.y / canvas.height + '%';
  };
  canvas.onblur = () => { $('dot').hidden = true; };
  const send = said(async () => {
    const sheet = document.createElement('canvas'), ink = sheet.getContext('2d');
    sheet.width = canvas.width, sheet.height = canvas.height;
    ink.drawImage(canvas, 0, 0);
    ink.globalCompositeOperation = 'source-in', ink.fillStyle = '#fff', ink.fillRect(0, 0, sheet.width, sheet.height);
    ink.globalCompositeOperation = 'destination-over', ink.fillStyle = '#000', ink.fillRect(0, 0, sheet.width, sheet.height);
    const empty = !pen.getImageData(0, 0, canvas.width, canvas.height).data.some((value, i) => i % 4 === 3 && value > 127);
    painted = empty ? null : (await post('/api/masks', await new Promise(done => sheet.toBlob(done)), {content: state.content.id})).id;
    changed();
  });
  async function paintFrom(id) {
    const mask = new Image();
    mask.src = address('/api/pictures/' + id);
    await mask.decode();
    pen.globalCompositeOperation = 'source-over';
    pen.clearRect(0, 0, canvas.width, canvas.height), pen.drawImage(mask, 0, 0, canvas.width, canvas.height);
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i], pixels.data[i] = 210, pixels.data[i + 1] = 64, pixels.data[i + 2] = 42;
    pen.putImageData(pixels, 0, 0);
  }
  function maskTools() {
    $('mask-tools').hidden = !$('masked').checked;
    canvas.hidden = !$('masked').checked || $('painting').getAttribute('aria-pressed') !== 'true';
    spot.x = canvas.width / 2, spot.y = canvas.height / 2;
    if (!painted) pen.clearRect(0, 0, canvas.width, canvas.height);
  }
  const paint = on => { $('painting').setAttribute('aria-pressed', on); maskTools(); };
  $('painting').onclick = () => paint($('painting').getAttribute('aria-pressed') !== 'true');
  $('masked').onchange = () => { paint(true); changed(); };
  $('mask-erase').onclick = () => $('mask-erase').setAttribute('aria-pressed', $('mask-erase').getAttribute('aria-pressed') !== 'true');
  $('mask-clear').onclick = () => { pen.clearRect(0, 0, canvas.width, canvas.height); painted = null; changed(); };
  $('mask-garment').onclick = said(async () => { await paintFrom(state.content.mask); painted = state.content.mask; changed(); });
  $('tip').oninput = outputs, $('feather').oninput = () => { steps('feather'); changed(); };

  receive($('content-drop'), $('content-file'), taking(setContent));
  receive($('styles-drop'), $('styles-file'), taking(addStyle));
  receive($('stage'), null, taking(picture => state.content ? addStyle(picture) : setContent(picture)));
  const drawn = set => () => doing('draw', {set, index: someSeed()});
  $('content-draw').onclick = said(async () => setContent(await drawn('garments')()));
  $('style-draw').onclick = said(async () => addStyle(await drawn('swatches')()));
  addEventListener('paste', event => { if (!$('dress').hidden) for (const file of event.clipboardData.files) said(async () => taking(state.content ? addStyle : setContent)(await bring(file)))(); });
  return {translate: draw, setContent, addStyle, remembered, state};
})();

// ---------- Swatch

const swatch = (() => {
  let picture = null, first = null, tile = null, colours = [];
  choices($('layouts'), 'layout', ['straight', 'half-drop', 'brick', 'mirror'], value => value, () => repeat());
  const dials = ['count', 'hue', 'saturation'];
  const outputs = () => { for (const name of dials) $(name + '-out').textContent = $(name).value; };
  const word = (...what) => say('swatch-status', ...what);
  const hang = () => { if (tile) $('cloth').style.backgroundSize = tile.width * $('zoom').value / 100 + 'px'; };

  function draw() {
    outputs();
    $('swatch-piece').replaceChildren(...(picture ? [piece(picture, () => set(null))] : []));
    $('swatch-empty').hidden = !!picture, $('cloth-empty').hidden = !!picture;
    for (const id of ['cloth', 'zoom-row', 'swatch-actions', 'swatch-command-row']) $(id).hidden = !tile;
    $('recolour').disabled = !picture, $('recolour-undo').hidden = !first;
    if (tile) $('cloth').setAttribute('aria-label', t('swatch') + ': ' + t(tile.layout));
    $('palette').replaceChildren(...colours.map((colour, i) => make('label', {}, make('input', {type: 'color', value: colour.hex, 'aria-label': t('colours') + ' ' + (i + 1),
      oninput: event => { colour.hex = event.target.value; event.target.parentNode.style.background = colour.hex; event.target.nextSibling.textContent = colour.hex; }}), make('span', {textContent: colour.hex}))));
    [...$('palette').children].forEach((label, i) => { label.style.background = colours[i].hex; label.style.flexGrow = Math.max(.06, colours[i].share) * 10; });
  }
  const tell = () => word(tile.smaller ? 'tile_shown' : 'tile_done', tile.width, tile.height, [tile.how], tile.score.toFixed(2));
  const repeat = said(async () => {
    if (!picture) return;
    const of = picture;
    word('making');
    const layout = choice('layout'), made = await doing('tile', {id: of.id, layout});
    if (of !== picture || !made) return;
    tile = {...made, layout};
    $('cloth').style.backgroundImage = `url("${address('/api/pictures/' + tile.id)}")`;
    $('swatch-command').value = (of.command?.startsWith('weft recolor') ? of.command + '\n' : '') + tile.command;
    tell(), draw(), hang();
  }, 'swatch-status');
  const extract = said(async () => {
    if (!picture) return;
    colours = (await doing('palette', {id: (first || picture).id, count: +$('count').value})).colours.map(colour => ({...colour, found: colour.hex}));
    draw();
  });
  async function set(next, before = null) {
    picture = next, first = before, tile = null;
    if (!next) word();
    if (!before) colours = [];
    draw();
    await repeat();
    if (!before) await extract();                                     // after recolouring those that were chosen stay, to be chosen from again
  }
  $('recolour').onclick = said(async () => {
    const others = colours.some(colour => colour.hex !== colour.found) ? colours.map(({hex, share}) => ({hex, share})) : [];
    const asked = {id: (first || picture).id, colours: others, hue: +$('hue').value, saturation: +$('saturation').value, flat: $('flat').checked ? colours.length : 0};
    if (!others.length && !asked.hue && asked.saturation === 1 && !asked.flat) return toast(t('nothing_to_recolour'));
    word('making');
    const made = await doing('recolour', asked);
    if (made) await set(made, first || picture);
  }, 'swatch-status');
  $('recolour-undo').onclick = said(() => set(first));
  $('count').onchange = extract;
  for (const name of dials) $(name).addEventListener('input', outputs);
  $('zoom').oninput = hang;
  $('swatch-save').onclick = said(async () => {
    let whole = tile;
    if (tile.smaller) word('making'), whole = await doing('tile', {id: picture.id, layout: tile.layout, whole: true}), tell();
    toast(t('saved', (await post('/api/save', {id: whole.id})).file));
  }, 'swatch-status');
  $('swatch-save-picture').onclick = said(async () => toast(t('saved', (await post('/api/save', {id: picture.id})).file)));
  $('swatch-dress').onclick = said(async () => { dress.addStyle(await doing('cloth', {id: picture.id, layout: choice('layout'), repeat: 4})); open('dress'); });
  $('swatch-draw').onclick = said(async () => set(await doing('draw', {set: 'swatches', index: someSeed()})));
  receive($('swatch-drop'), $('swatch-file'), set);
  receive($('swatch'), null, set);
  return {translate: draw, set};
})();

// ---------- Garments

const garments = (() => {
  let shown = [], chosen = [];                                        // shown: {latent, class, truncation, picture}; chosen: some of those and of the kept ones, in order
  let tray = [];
  const same = (a, b) => ['picture', 'latent', 'class', 'truncation'].every(key => String(a[key]) === String(b[key]));
  const favourites = () => kept('kept ' + $('run').value, []).map(g => tray.find(here => same(g, here)) || g);      // another tab may have kept some as well
  const store = all => { if (!keep('kept ' + $('run').value, all)) throw new Error(t('keeps_nothing')); tray = all; };

  function card(garment, i) {
    return make('button', {className: 'garment', 'aria-pressed': chosen.includes(garment), 'aria-label': t('garment', i + 1), title: garment.class || '', onclick: () => {
      chosen = chosen.includes(garment) ? chosen.filter(other => other !== garment) : [...chosen, garment];
      draw();
    }}, make('img', {src: 'data:image/png;base64,' + garment.picture, alt: '', className: 'pixels'}));
  }
  function draw() {
    const buttons = () => [...$('garments').querySelectorAll('#grid button, #favourites button')], focus = buttons().indexOf(document.activeElement);
    $('grid').replaceChildren(...shown.map((g, i) => card(g, i)));
    $('favourites').replaceChildren(...tray.map((g, i) => make('span', {className: 'shelf'}, card(g, i), make('button', {className: 'away', textContent: '×', 'aria-label': t('remove') + ' ' + t('garment', i + 1), onclick: said(() => {
      store(favourites().filter(other => other !== g)), chosen = chosen.filter(other => other !== g), draw();
    })}))));
    if (focus >= 0) (buttons()[focus] || buttons().at(-1))?.focus();
    $('favourites-empty').hidden = tray.length > 0;
    $('keep').disabled = !chosen.some(g => !tray.includes(g)), $('breed').disabled = chosen.length < 2, $('vary').disabled = $('send').disabled = chosen.length !== 1;
    $('truncation-out').textContent = $('truncation').value === '3' ? '∞' : $('truncation').value;
    if (chosen.length) say('garment-status', 'chosen', chosen.length);
  }
  const asked = more => ({run: $('run').value, class: $('class').value, truncation: $('truncation').value === '3' ? 0 : +$('truncation').value, ...more});
  const sheet = said(async (more, word) => {
    if (!$('run').value) return;
    say('garment-status', 'making');
    const made = await doing('garments', asked({count: 24, ...more}));
    shown = made.garments, chosen = [];
    $('sheet-command').value = made.command;
    const before = $('class').value;
    $('class-row').hidden = made.classes.length === 0;
    $('class').replaceChildren(make('option', {value: '', textContent: t('all_classes'), 'data-t': 'all_classes'}), ...made.classes.map(name => make('option', {value: name, textContent: name})));
    $('class').value = before;
    draw();
    say('garment-status', word, shown.length);
  }, 'garment-status');
  const of = garment => ({latent: garment.latent, class: garment.class, truncation: garment.truncation});
  const fresh = () => sheet({seed: Math.max(0, Math.floor(+$('seed').value || 0))}, 'sheet_of');
  $('fresh').onclick = () => { if (shown.length) $('seed').value = +$('seed').value + 1; fresh(); };
  $('seed').onchange = $('class').onchange = $('truncation').onchange = fresh;
  $('truncation').oninput = draw;
  $('run').onchange = () => { tray = favourites(); $('class').value = ''; fresh(); };
  $('keep').onclick = said(() => { const more = chosen.filter(g => !tray.includes(g)); store([...favourites(), ...more]), draw(); });
  $('breed').onclick = () => sheet({parents: chosen.map(of)}, 'children');
  $('vary').onclick = () => sheet({parents: [of(chosen[0])], far: +$('far').value, seed: someSeed()}, 'relatives');
  $('send').onclick = said(async () => { dress.setContent(await doing('pick', {run: $('run').value, ...of(chosen[0])})); open('dress'); });

  const enter = said(async () => {
    const runs = (await get('/api/runs')).runs.filter(run => run.generates), before = $('run').value;
    $('no-generators').hidden = runs.length > 0, $('fresh').disabled = runs.length === 0;
    $('run').replaceChildren(...runs.map(run => make('option', {value: run.name, textContent: run.name})));
    if (runs.some(run => run.name === before)) $('run').value = before;
    if (runs.length && (!shown.length || $('run').value !== before)) tray = favourites(), await fresh();
    draw();
  });
  const translate = () => { $('far').replaceChildren(...[1, 2, 3].map(i => make('option', {value: i, textContent: t('far' + i), selected: i === 2}))); $('far').setAttribute('aria-label', t('vary')); $('sheet-command').placeholder = t('no_command'); draw(); };
  return {translate, enter};
})();

// ---------- Training

const training = (() => {
  let name = null, timer = 0, told = null, pausing = false;
  const groups = [['losses', key => key.startsWith('loss_')], ['opinions', key => /^d_/.test(key)], ['metrics', key => /^(metric_|held_out|difference_)/.test(key)], ['slopes', key => key.startsWith('gradient_norm_')]];
  const ns = tag => document.createElementNS('http://www.w3.org/2000/svg', tag);

  function chart(title, names, run) {
    const values = names.flatMap(key => run.curves[key].filter(v => v !== null)), xs = run.steps;
    if (!values.length || xs.length < 2) return [];
    const low = Math.min(...values, ...(title === 'opinions' ? [0] : [])), high = Math.max(...values, ...(title === 'opinions' ? [1] : [])), span = high - low || 1, svg = ns('svg');
    svg.setAttribute('viewBox', '0 0 100 100'), svg.setAttribute('preserveAspectRatio', 'none'), svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', t(title) + ': ' + names.map(key => key + ' ' + short(run.last[key] ?? 0)).join(', '));
    for (const y of [0, 50, 100]) { const line = ns('line'); for (const [k, v] of Object.entries({x1: 0, x2: 100, y1: y, y2: y})) line.setAttribute(k, v); svg.append(line); }
    names.forEach((key, i) => {
      const line = ns('polyline'), points = run.curves[key].map((v, k) => v === null ? '' : `${(100 * (xs[k] - xs[0]) / (xs.at(-1) - xs[0] || 1)).toFixed(2)},${(100 - 100 * (v - low) / span).toFixed(2)}`).filter(Boolean);
      if (points.length === 1) points.push(points[0]), line.classList.add('dot');
      line.setAttribute('points', points.join(' '));
      line.classList.add('s' + i), svg.append(line);
    });
    return [make('div', {className: 'chart'}, make('h3', {textContent: t(title)}), make('div', {className: 'axis'}, make('span', {textContent: short(high)})), svg, make('div', {className: 'axis'}, make('span', {textContent: short(low)}), make('span', {textContent: t('sheet_step', Math.round(xs.at(-1)))})),
      make('div', {className: 'legend'}, ...names.map((key, i) => make('span', {}, make('i', {className: 's' + i}), key.replace(/^(loss|gradient_norm|metric)_/, '') + '  ' + short(run.last[key] ?? NaN)))))];
  }
  function draw() {
    $('watch-empty').hidden = !!told, $('watched').hidden = !told;
    if (!told) return;
    const run = told;
    $('watch-name').textContent = run.name;
    if (!run.running) pausing = false;
    $('watch-state').textContent = t(run.curves || run.error ? run.running ? 'running' : 'resting' : 'starting'), $('watch-state').classList.toggle('on', !!run.running);
    $('pause').hidden = !run.running, $('pause').disabled = pausing;
    $('resume').hidden = $('resume-row').hidden = !run.curves || run.running || !run.checkpoints;
    $('said-row').hidden = !run.said, $('said').textContent = run.said;
    if (!run.curves) {
      $('watch-status').textContent = run.error || t('starting'), $('watch-bar').value = 0, $('samples-row').hidden = true;
      for (const id of ['alarms', 'gauges', 'charts']) $(id).replaceChildren();     // of the run before
      return;
    }
    $('watch-bar').value = run.total ? run.step / run.total : run.minutes ? 1 - Math.max(0, run.left) / (60 * run.minutes) : 0;
    const steps = run.total ? t('watching', run.step, run.total) : t('watching_open', run.step);
    $('watch-status').textContent = pausing ? t('pausing') : steps + (run.running && run.left >= 0 ? ' · ' + t('left', time(run.left)) : '');
    $('resume-steps').min = run.step + 1;
    if (document.activeElement !== $('resume-steps')) $('resume-steps').value = Math.max(run.total, run.step >= run.total ? run.step + 400 : run.total);
    $('alarms').replaceChildren(...run.alarms.slice(-4).map(alarm => make('p', {textContent: alarm.text, className: alarm.step < .75 * run.step ? 'past' : ''})));
    const figures = [...['loss_g', 'loss_d', 'd_real', 'd_fake'].filter(key => key in run.last).map(key => [key, short(run.last[key])]), ...('images_per_second' in run.last ? [['images/s', run.last.images_per_second.toFixed(0)]] : [])];
    $('gauges').replaceChildren(...figures.map(([key, value]) => make('div', {}, make('b', {textContent: value}), make('span', {textContent: key}))));
    $('charts').replaceChildren(...groups.flatMap(([title, fits]) => chart(title, Object.keys(run.curves).filter(fits).slice(0, 4), run)));
    const slider = $('samples-step'), newest = +slider.value === +slider.max;
    slider.max = Math.max(0, run.sheets.length - 1);
    if (newest) slider.value = slider.max;
    sample();
  }
  function sample() {
    const step = told.sheets?.[+$('samples-step').value];
    $('samples-row').hidden = step === undefined;
    if (step === undefined) return;
    const source = address(`/api/runs/${encodeURIComponent(told.name)}/sheets/${step}`);
    if ($('samples').getAttribute('src') !== source) $('samples').src = source;
    $('samples').alt = $('samples-name').textContent = t('sheet_step', step);
  }
  $('samples-step').oninput = sample;

  async function look() {
    clearTimeout(timer);
    if ($('training').hidden) return;
    try {
      const runs = (await get('/api/runs')).runs.filter(run => run.model !== 'generator');
      $('no-runs').hidden = runs.length > 0;
      const shape = JSON.stringify([runs, name, language]);
      if (look.shape !== shape) {
        look.shape = shape;
        const focus = document.activeElement?.closest?.('#runs') ? document.activeElement.dataset.name : null;
        $('runs').replaceChildren(...runs.map(run => make('button', {'data-name': run.name, 'aria-pressed': run.name === name, onclick: () => watch(run.name)},
          ...(run.sheet !== null ? [make('img', {src: address(`/api/runs/${encodeURIComponent(run.name)}/sheets/${run.sheet}`), alt: ''})] : []),
          make('b', {textContent: run.name}), make('small', {textContent: `${run.model} · ${t('sheet_step', run.steps)} · ${t(run.running ? 'running' : 'resting')}`}))));
        if (focus) [...$('runs').children].find(button => button.dataset.name === focus)?.focus();
      }
      if (name) told = await get('/api/runs/' + encodeURIComponent(name)).catch(trouble => ({name, error: trouble.message, said: ''}));
      draw();
    } catch (trouble) { toast(trouble.message); }
    timer = setTimeout(look, 1500);
  }
  const watch = next => { name = next; told = null; pausing = false; $('samples-step').value = $('samples-step').max = 0; return look(); };
  $('pause').onclick = said(async () => { pausing = true; draw(); await post('/api/runs/pause', {name}); });
  $('resume').onclick = said(async () => { if (!$('resume-steps').reportValidity()) return; await post('/api/runs/go-on', {name, steps: +$('resume-steps').value}); look(); });
  $('start').onsubmit = event => {
    event.preventDefault();
    said(async () => {
      const made = await post('/api/runs', {name: $('start-name').value, model: $('start-model').value, data: $('start-data').value, size: +$('start-size').value, steps: +$('start-steps').value, condition: $('start-classes').checked ? 'concat' : 'none'});
      await watch(made.name);
    })();
  };
  const options = (select, list) => select.replaceChildren(...list.map(x => make('option', {value: x.name, textContent: x.name, title: x.what})));
  return {translate: look, enter: look, fill: all => { options($('start-model'), all.models); options($('start-data'), all.data); }};
})();

// ---------- all together

function open(name) {
  for (const tab of $('tabs').children) {
    const on = tab.id === 'tab-' + name;
    tab.setAttribute('aria-selected', on), tab.tabIndex = on ? 0 : -1;
    $(tab.getAttribute('aria-controls')).hidden = !on;
  }
  history.replaceState(null, '', location.search + '#' + name);
  ({garments, training})[name]?.enter();
}
$('tabs').onclick = event => event.target.id && open(event.target.id.slice(4));
$('tabs').onkeydown = event => {
  const by = {ArrowRight: 1, ArrowLeft: -1}[event.key], all = [...$('tabs').children];
  if (!by) return;
  const next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
  next.focus(), open(next.id.slice(4));
};
$('language').onclick = () => { language = 1 - language; keep('language', language); translate(); };
for (const name of ['dragover', 'drop']) addEventListener(name, event => event.preventDefault());     // a file that misses is not opened instead of the page

language = kept('language', navigator.language.startsWith('zh') ? 1 : 0);
said(async () => {
  const state = await get('/api/state');
  training.fill(state.choices);
  translate();
  await dress.remembered();
  open(['swatch', 'garments', 'training'].find(name => location.hash === '#' + name) || 'dress');
})();
