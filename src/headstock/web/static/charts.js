// Figures in the page.
import { h } from "./parts.js";

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
export async function show(box, { html, data }) {
  const places = [...box.querySelectorAll(".figure")];
  const names = Object.keys(data);
  const same = places.length === names.length && places.length && places.every((place) => names.includes(place.dataset.name));
  if (!same) box.innerHTML = html;
  for (const place of box.querySelectorAll(".figure")) await draw(place, data[place.dataset.name]);
}

// Curves by name; of the one that is optimised, how it is expected to go on.
export async function plot(place, curves, objective, ending) {
  place.hidden = !curves.some(([, curve]) => curve.length);
  if (place.hidden) return;
  const colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"];
  const dashes = ["solid", "dash", "dot", "dashdot"];
  const escape = (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const data = curves.map(([name, curve], i) => ({
    x: curve.map(([step]) => step),
    y: curve.map(([, mean]) => mean),
    type: "scatter",
    mode: curve.length > 1 ? "lines" : "markers",
    name: escape(name),
    showlegend: true,
    line: { color: colors[i % 4], width: 2.5, dash: dashes[Math.floor(i / 4) % 4] },
  }));
  const color = colors[Math.max(0, curves.findIndex(([name]) => name === objective)) % 4];
  if (ending)
    data.push(
      { x: [...ending.steps, ...ending.steps.toReversed()], y: [...ending.upper, ...ending.lower.toReversed()], type: "scatter", mode: "lines", fill: "toself", line: { width: 0, color }, opacity: 0.3, hoverinfo: "skip", name: "80 % band" },
      { x: ending.steps, y: ending.means, type: "scatter", mode: "lines", line: { color, width: 2, dash: "dot" }, name: "predicted" },
    );
  await draw(place, { data, layout: { height: 380, xaxis: { title: { text: "step" }, rangemode: "tozero" }, margin: { t: 50 } } });
}
