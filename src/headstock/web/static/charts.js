// Figures in the page.
import { h, redraw } from "./parts.js";
import { brief } from "./words.js";

// Plotly is large and loaded when the first figure is looked at.
let drawer = null;
const load = (source) =>
  new Promise((done, failed) => document.head.append(h("script", { src: source, onload: done, onerror: failed })));

export async function draw(place, figure) {
  drawer ??= Promise.all([load("/static/plotly.js"), fetch("/static/templates.json").then((found) => found.json())]).then(
    ([, templates]) => figureDrawer(templates),
  );
  return (await drawer)(place, figure);
}

// A section as the report has it: the server wrote its HTML, in which what users wrote is escaped.
// Where there is a figure already it is kept, and drawn anew in its place.
export async function show(box, { html, data }) {
  const known = new Map([...box.querySelectorAll(".figure")].map((place) => [place.dataset.name, place]));
  const made = h("div");
  made.innerHTML = html;
  for (const place of made.querySelectorAll(".figure")) {
    const kept = known.get(place.dataset.name);
    if (!kept) continue;
    kept.style.minHeight = place.style.minHeight;
    place.replaceWith(kept);
  }
  await redraw(box, ...made.childNodes);
  for (const place of box.querySelectorAll(".figure")) await draw(place, data[place.dataset.name]);
}

// What has to be called when something has changed: it paints again, but not more often than that can be borne, and
// not where nobody sees it.
export function renewal(element, paint) {
  let [busy, stale, free] = [false, false, 0];
  async function turn() {
    if (busy || !stale || !element.isConnected) return;
    const wait = free - performance.now();
    if (wait > 0) return void setTimeout(turn, wait);
    [busy, stale] = [true, false];
    const began = performance.now();
    try {
      await paint();
    } catch (error) {
      element.replaceChildren(h("p", { class: "error" }, error.message));
    }
    free = performance.now() + Math.max(2000, 5 * (performance.now() - began));
    busy = false;
    if (stale) turn();
  }
  return () => {
    stale = true;
    // The first paint of the page comes first.
    requestAnimationFrame(() => setTimeout(turn, 0));
  };
}

// Takes figures from the page, and what the browser keeps for them: it has few places for WebGL.
export function discard(box) {
  for (const place of box.querySelectorAll(".js-plotly-plot")) Plotly.purge(place);
  box.remove();
}

const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"];
const BAND = "rgba(0, 114, 178, 0.3)"; // the first of them, seen on light and on dark
const DASHES = ["solid", "dash", "dot", "dashdot"];
const escape = (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// A picture for each metric, as one may be in the hundreds where another is below 1: [metric, [[name, curve], ...]].
// The first is the one that is optimised; `ending` says how its only curve is expected to go on.
export async function plotCurves(place, metrics, ending) {
  const reported = metrics.filter(([, curves]) => curves.some(([, curve]) => curve.length));
  place.hidden = !reported.length;
  const known = new Map([...place.children].map((one) => [one.dataset.metric, one]));
  const boxes = reported.map(([metric]) => known.get(metric) ?? h("div", { class: "figure", "data-metric": metric }));
  if (boxes.some((one, i) => one !== place.children[i]) || boxes.length !== place.children.length) place.replaceChildren(...boxes);
  for (const [i, [metric, curves]] of reported.entries()) await plotMetric(boxes[i], metric, curves, metric === metrics[0][0] ? ending : null);
}

function plotMetric(place, metric, curves, ending) {
  const several = curves.length > 1;
  const data = curves.map(([name, curve], i) => ({
    x: curve.map(([step]) => step),
    y: curve.map(([, mean]) => mean),
    type: "scatter",
    mode: curve.length > 1 ? "lines" : "markers",
    name: escape(name),
    showlegend: several || Boolean(ending),
    line: { color: COLORS[i % 4], width: 2.5, dash: DASHES[Math.floor(i / 4) % 4] },
  }));
  if (ending)
    data.push(
      { x: [...ending.steps, ...ending.steps.toReversed()], y: [...ending.upper, ...ending.lower.toReversed()], type: "scatter", mode: "lines", fill: "toself", fillcolor: BAND, line: { width: 0 }, hoverinfo: "skip", name: "80 % band" },
      { x: ending.steps, y: ending.means, type: "scatter", mode: "lines", line: { color: COLORS[0], width: 2, dash: "dot" }, name: "predicted" },
    );
  const last = Math.max(0, ...data.flatMap((trace) => trace.x)); // of few steps plotly would put ticks between two
  const axes = { xaxis: { title: { text: "step" }, rangemode: "tozero", ...(last <= 6 ? { dtick: 1 } : {}) }, yaxis: { title: { text: escape(brief(metric)) } } };
  return draw(place, { data, layout: { height: 340, ...axes, margin: { t: several || ending ? 44 : 16, b: 48 } } });
}
