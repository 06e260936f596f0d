// Trials, or experiments, side by side.
import { artifactsCompared } from "./artifacts.js";
import { plotCurves, renewal, show } from "./charts.js";
import { h, link, redraw, table } from "./parts.js";
import { get } from "./server.js";
import { best, budgeted, duration, goal, measured, number } from "./words.js";

// A row of a comparison, marked where the cells differ.
function line(label, cells) {
  const differ = new Set(cells).size > 1;
  return h("tr", {}, h("th", { scope: "row" }, label), cells.map((cell) => h("td", { class: "compared" }, differ ? h("mark", {}, cell) : cell)));
}

// What came of a metric, or what was reported last of it.
function result({ metrics, reports }, key) {
  const last = reports[key]?.at(-1);
  return metrics[key] ? measured(metrics[key]) : last ? `${number(last[1])} after step ${last[0]}` : "";
}

export async function trials(main, name, indices) {
  const place = h("div");
  const curves = h("div", { class: "panels" });
  const left = artifactsCompared(name, indices);
  main.replaceChildren(h("h1", {}, "Trials compared"), h("p", { class: "goal" }, "What differs is underlined."), place, curves, left.element);

  async function update() {
    const found = await Promise.all(indices.map((index) => get("trial", { experiment: name, trial: index })));
    const keys = (what) => [...new Set(found.flatMap((one) => Object.keys(one[what])))];
    redraw(
      place,
      table(
        "Trials compared",
        ["", ...found.map((one) => ({ name: link(`trial ${one.index}`, { experiment: name, trial: one.index }) }))],
        [
          line("state", found.map((one) => one.state)),
          ...[...new Set([...keys("metrics"), ...keys("reports")])].map((key) => line(key, found.map((one) => result(one, key)))),
          ...keys("parameters").map((key) => line(key, found.map((one) => (key in one.parameters ? number(one.parameters[key]) : "")))),
          line("time", found.map((one) => duration(one.seconds))),
          line("because", found.map((one) => one.because)),
          ...(found.some((one) => one.error) ? [line("error", found.map((one) => one.error ?? ""))] : []),
          ...(found.some((one) => one.note) ? [line("note", found.map((one) => one.note))] : []),
        ],
      ),
    );
    left.renew();
    const metrics = [...new Set([found[0].objective, ...keys("reports")])];
    await plotCurves(curves, metrics.map((metric) => [metric, found.map((one) => [`trial ${one.index}`, one.reports[metric] ?? []])]));
  }
  await update();
  return { update };
}

export async function compare(main, names) {
  const drawn = h("div", {}, h("p", { class: "waiting" }, "Drawing…"));
  const place = h("div");
  const named = new URLSearchParams(names.map((name) => ["experiment", name]));
  const renew = renewal(drawn, async () => show(drawn, await get("compare", named)));
  main.replaceChildren(h("h1", {}, "Experiments compared"), drawn, h("h2", {}, "Side by side"), h("p", { class: "goal" }, "What differs is underlined."), place);

  async function update() {
    redraw(place, sideBySide(await Promise.all(names.map((name) => get("experiment", { experiment: name })))));
    renew();
  }
  await update();
  return { update };
}

function sideBySide(found) {
  const space = found.map((one) => Object.fromEntries(one.parameters.map((parameter) => [parameter.name, parameter.shown])));
  const parameters = [...new Set(space.flatMap(Object.keys))];
  const others = parameters.filter((parameter) => new Set(space.map((one) => one[parameter])).size > 1);
  const known = (label, cells) => (cells.some((cell) => cell) ? [line(label, cells)] : []);
  const ofBest = (one, parameter) => (parameter in (one.best?.parameters ?? {}) ? number(one.best.parameters[parameter]) : "");
  const tried = (one) => Object.entries(one.counts).map(([state, count]) => `${count.toLocaleString("en")} ${state}`).join(", ");
  return table(
    "Experiments side by side",
    ["", ...found.map((one) => ({ name: link(one.name, { experiment: one.name }) }))],
    [
      line("objective", found.map(goal)),
      line("best seen", found.map((one) => (one.best ? `${best(one)} (trial ${one.best.index})` : "none yet"))),
      line("trials", found.map(tried)),
      ...known("constraints", found.map((one) => one.constraints.join(", "))),
      ...parameters.map((parameter) => line(`${parameter} of the best`, found.map((one) => ofBest(one, parameter)))),
      ...(others.length ? [] : [line("search space", found.map(() => "the same"))]),
      ...others.map((parameter) => line(`${parameter} searched`, space.map((one) => one[parameter] ?? "not"))),
      line("seed", found.map((one) => String(one.seed))),
      ...known("budget", found.map((one) => budgeted(one.budget))),
      ...known("note", found.map((one) => one.note)),
    ],
  );
}
