// How the page looks, and the little that moves on it: choosing a picture, reading a chart under the pointer.
#include "report_parts.h"

namespace weft::gan {

const char* const page_style = R"css(
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1c1b1a;--soft:#6a6763;--rule:#e4e0da;--mark:#8a6d1d;--c0:#1f5fa8;--c1:#c4501b;--c2:#13805c;--c3:#8a3f9c;--c4:#a06a00;--c5:#57606a}
@media (prefers-color-scheme:dark){:root{--paper:#161514;--card:#1f1e1c;--ink:#ece9e4;--soft:#a09b94;--rule:#35322e;--mark:#d8b75a;--c0:#6fb1f5;--c1:#f59a68;--c2:#5fd0a6;--c3:#d79be6;--c4:#e3b341;--c5:#b1bac4}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:2rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
header p{margin:.25rem 0 1.5rem;color:var(--soft);overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:3rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:0}
p{max-width:46rem;overflow-wrap:anywhere}
a{color:var(--c0)}
.note,footer{color:var(--soft);font-size:.875rem}
footer{margin-top:3rem}
.figures{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:1.5rem 0}
.figures dt{color:var(--soft);font-size:.8125rem}
.figures dd{margin:0;font-size:1.5rem;font-variant-numeric:tabular-nums}
.view{margin:0;text-align:center}
.view img{max-width:100%;height:auto;image-rendering:pixelated;border-radius:4px;display:block;margin:0 auto}
.row{display:flex;flex-wrap:wrap;gap:1rem}
.row .view{flex:1 1 15rem;max-width:31rem}
.row img{width:100%;image-rendering:auto}
.view figcaption{color:var(--soft);padding:.5rem;font-variant-numeric:tabular-nums}
input[type=range]{display:block;width:min(100%,760px);margin:0 auto 1rem;accent-color:var(--c0)}
input[hidden]{display:none}
.strip{display:flex;gap:.5rem;overflow-x:auto;padding:.25rem .25rem .75rem}
.strip button{flex:none;border:0;padding:0;background:none;color:var(--soft);font:inherit;font-size:.75rem;cursor:pointer;font-variant-numeric:tabular-nums}
.strip img{display:block;width:auto;height:7rem;border-radius:3px;outline:2px solid transparent;outline-offset:1px}
.strip button[aria-pressed=true] img{outline-color:var(--c0)}
.strip button[aria-pressed=true]{color:var(--ink)}
.chart{margin:1.5rem 0 2.5rem}
.chart figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.25rem 1.5rem;margin-bottom:.75rem}
.legend{display:flex;flex-wrap:wrap;gap:0 1.25rem;font-size:.875rem;color:var(--soft)}
.key::before{content:"";display:inline-block;width:1.1em;height:3px;border-radius:2px;background:currentColor;vertical-align:middle;margin-right:.45em}
.key b{font-weight:600;font-variant-numeric:tabular-nums}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}
.plot{position:relative;height:15rem;margin:0 .75rem 1.75rem 3.75rem;border-bottom:1px solid var(--soft)}
.plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:hidden}
.line{fill:none;stroke:currentColor;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
.grid,.mark{position:absolute;left:0;right:0;border-top:1px solid var(--rule)}
.mark{border-top:1px dashed var(--mark);font-style:normal;z-index:1}
.mark span{position:absolute;right:0;bottom:1px;font-size:.75rem;color:var(--mark);background:var(--paper);padding:0 .25rem}
.below span{bottom:auto;top:1px}
.yt,.xt{position:absolute;font-size:.75rem;color:var(--soft);white-space:nowrap;font-variant-numeric:tabular-nums}
.yt{right:100%;padding-right:.5rem;transform:translateY(-50%)}
.xt{top:100%;padding-top:.25rem;transform:translateX(-50%)}
.rule{position:absolute;top:0;bottom:0;border-left:1px solid var(--soft);pointer-events:none}
.tip{position:absolute;top:.25rem;z-index:1;background:var(--card);border:1px solid var(--rule);border-radius:4px;padding:.25rem .5rem;font-size:.8125rem;white-space:nowrap;pointer-events:none;font-variant-numeric:tabular-nums;color:var(--ink)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem}
th,td{text-align:left;padding:.3rem 1.5rem .3rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{color:var(--soft);font-weight:500}
td:nth-child(2){font-variant-numeric:tabular-nums;overflow-wrap:anywhere;min-width:8rem}
td:first-child{white-space:nowrap}
td:last-child:nth-child(n+3){min-width:14rem}
pre{background:var(--card);border:1px solid var(--rule);border-radius:4px;padding:.75rem 1rem;overflow-x:auto;font:.8125rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
summary{cursor:pointer;color:var(--soft);padding:.5rem 0}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#ccc}body{font-size:11pt}input[type=range]{display:none}.strip{flex-wrap:wrap;overflow:visible}.strip img{height:5rem}.chart,.view{break-inside:avoid}pre{white-space:pre-wrap}}
)css";

const char* const page_script = R"js(
for (const gallery of document.querySelectorAll('.gallery')) {
  const view = gallery.querySelector('.view'), image = view.querySelector('img'), caption = view.querySelector('figcaption');
  const all = [...gallery.querySelectorAll('.strip button')], range = gallery.querySelector('input');
  if (!range) continue;
  const large = image.src, width = image.width, height = image.height;
  const show = k => {
    const last = k === all.length - 1;
    image.src = last ? large : all[k].querySelector('img').src;
    image.width = width, image.height = height;
    caption.textContent = all[k].textContent;
    all.forEach((b, i) => b.setAttribute('aria-pressed', i === k));
    range.value = k;
  };
  all.forEach((b, k) => b.onclick = () => show(k));
  range.max = all.length - 1, range.hidden = false;
  range.oninput = () => { show(+range.value); const b = all[range.value]; b.parentNode.scrollLeft = b.offsetLeft - b.parentNode.clientWidth / 2; };
  show(all.length - 1);
}
for (const plot of document.querySelectorAll('.plot')) {
  const numbers = text => text ? text.split(' ').map(Number) : [];
  const lines = [...plot.querySelectorAll('.line')].map(l => ({x: numbers(l.dataset.x), y: l.dataset.y.split(' '), c: l.getAttribute('class').split(' ')[1]}));
  const keys = [...plot.parentNode.querySelectorAll('.key')].map(k => k.dataset.name);
  const low = +plot.dataset.low, high = +plot.dataset.high, first = lines.findIndex(l => l.x.length);
  if (first < 0) continue;
  const rule = document.createElement('i'), tip = document.createElement('div');
  rule.className = 'rule', tip.className = 'tip', rule.hidden = tip.hidden = true;
  plot.append(rule, tip);
  plot.onpointermove = e => {
    const box = plot.getBoundingClientRect(), at = low + (high - low) * (e.clientX - box.left) / box.width;
    const near = lines.map(l => l.x.reduce((best, x, i) => Math.abs(x - at) < Math.abs(l.x[best] - at) ? i : best, 0));
    const x = lines[first].x[near[first]], share = (x - low) / (high - low);
    tip.replaceChildren('step ' + x.toLocaleString('en'), ...lines.map((l, k) => {
      const row = document.createElement('div');
      row.className = l.c, row.textContent = keys[k] + ' ' + (l.y[near[k]] ?? '');
      return row;
    }));
    rule.style.left = 100 * share + '%';
    tip.style.left = share < .5 ? 'calc(' + 100 * share + '% + 8px)' : 'auto', tip.style.right = share < .5 ? 'auto' : 'calc(' + 100 * (1 - share) + '% + 8px)';
    rule.hidden = tip.hidden = false;
  };
  plot.onpointerleave = () => rule.hidden = tip.hidden = true;
}
)js";

}  // namespace weft::gan
