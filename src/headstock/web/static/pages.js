// The pages: each fills the main element and gives back what to do when something has changed.
import {
  ask, draw, duration, facts, get, h, link, measured, moment, number, post, show, spark, state, states, table, tell,
} from "./parts.js";

const ALIVE = ["running", "paused", "queued"];
const goal = (found) => `${found.minimize ? "minimise" : "maximise"} ${found.metric}`;
const best = (found) => (found.best ? measured(found.best.metrics[found.metric]) : "");

export async function list(main) {
  const body = h("tbody");
  const compare = h("button", { type: "submit", disabled: true }, "Compare the best so far");
  const form = h(
    "form",
    {
      method: "get",
      action: "/",
      onsubmit: (event) => {
        event.preventDefault();
        const names = [...form.querySelectorAll("input:checked")].map((box) => ["compare", box.value]);
        location.assign(`/?${new URLSearchParams(names)}`);
      },
      onchange: () => (compare.disabled = form.querySelectorAll("input:checked").length < 2),
    },
    h("h1", {}, "Experiments"),
    h("p", { class: "goal" }),
    table("Experiments", ["compare", "name", "objective", { name: "best", kind: "number" }, "trials", "last news"], []),
    h("div", { class: "bar" }, compare),
  );
  form.querySelector("tbody").replaceWith(body);
  main.replaceChildren(form);

  function update(experiments) {
    const chosen = new Set([...form.querySelectorAll("input:checked")].map((box) => box.value));
    body.replaceChildren(
      ...experiments.toReversed().map((found) =>
        h(
          "tr",
          {},
          h("td", {}, h("input", { type: "checkbox", value: found.name, checked: chosen.has(found.name), "aria-label": `Compare ${found.name}` })),
          h("td", { class: "name" }, link(found.name, { experiment: found.name })),
          h("td", {}, goal(found)),
          h("td", { class: "number" }, best(found)),
          h("td", {}, states(found.counts)),
          h("td", {}, moment(found.updated)),
        ),
      ),
    );
    if (!experiments.length) body.append(h("tr", {}, h("td", { colspan: 6 }, "There is no experiment yet.")));
  }
  const { experiments, storage } = await get("experiments");
  form.querySelector(".goal").textContent = storage;
  update(experiments);
  return { update };
}

export async function experiment(main, name) {
  const found = await get("experiment", { experiment: name });
  const top = h("div", { class: "cards" });
  const alive = h("div");
  const rows = trialTable(name, found);
  const figures = found.figures.map((figure) => box(name, figure, figure === "trace"));
  const findings = h("section", { "aria-label": "Findings" });
  main.replaceChildren(
    h("h1", {}, name),
    h("p", { class: "goal" }, [goal(found), ...found.constraints].join(", ")),
    top,
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", onclick: () => enqueue(name, found) }, "Try a point…"),
      h("button", { type: "button", onclick: () => widen(name, found) }, "Widen a range…"),
      h(
        "button",
        {
          type: "button",
          onclick: async (event) => {
            event.target.disabled = true;
            findings.replaceChildren(h("p", { class: "waiting" }, "Looking…"));
            const { html } = await get("figure", { experiment: name, figure: "summary" });
            findings.innerHTML = html; // written by the server, with what users wrote escaped
            event.target.disabled = false;
          },
        },
        "What was found?",
      ),
    ),
    findings,
    alive,
    h("h2", {}, "Figures"),
    ...figures.map((figure) => figure.element),
    h("h2", {}, "Trials"),
    rows.element,
    h("h2", {}, "Search space"),
    table("Search space", ["parameter", "what is searched"], found.parameters.map((p) => h("tr", {}, h("th", { scope: "row" }, p.name), h("td", {}, h("code", {}, p.shown))))),
  );

  async function update(now) {
    top.replaceChildren(
      card(`Best seen${now.best ? `: trial ${now.best.index}` : ""}`, best(now) || "none yet", now.best ? facts(now.best.parameters) : null),
      card("Trials", Object.values(now.counts).reduce((a, b) => a + b, 0).toLocaleString("en"), states(now.counts)),
    );
    const open = ALIVE.some((one) => now.counts[one]);
    const { trials } = open ? await get("trials", new URLSearchParams([["experiment", name], ...ALIVE.map((one) => ["state", one])])) : { trials: [] };
    const order = (trial) => ALIVE.indexOf(trial.state);
    alive.replaceChildren(
      ...(trials.length
        ? [h("h2", {}, "Under way"), table("Trials under way", aliveHeads(found), trials.sort((a, b) => order(a) - order(b)).map((trial) => aliveRow(name, found, trial)))]
        : []),
    );
    await rows.update();
    for (const figure of figures) figure.renew();
  }
  await update(found);
  return { update };
}

const card = (title, value, more) => h("div", { class: "card" }, h("h2", {}, title), h("div", { class: "value" }, value), more);

// A figure is drawn when it is opened, and again when something has changed, but not more often than it can bear.
function box(name, figure, open) {
  const content = h("div", {}, h("p", { class: "waiting" }, "Drawing…"));
  const titles = { trace: "Trace", curves: "Learning curves", contour: "Contour", importances: "Importances", effects: "Marginal effects", slices: "Slices", gain: "Going on", validation: "Cross-validation", record: "Predicted and got", metrics: "Metrics", parallel: "Parallel coordinates", matrix: "Scatter matrix", timeline: "Timeline" };
  const element = h("details", { class: "figure-box", open, "data-figure": figure, ontoggle: () => renew() }, h("summary", {}, titles[figure]), content);
  let [busy, stale, free] = [false, true, 0];

  async function paint() {
    if (busy || !stale || !element.open || !element.isConnected) return;
    const wait = free - performance.now();
    if (wait > 0) return void setTimeout(paint, wait);
    [busy, stale] = [true, false];
    const began = performance.now();
    try {
      await show(content, await get("figure", { experiment: name, figure }));
    } catch (error) {
      content.replaceChildren(h("p", { class: "error" }, error.message));
    }
    free = performance.now() + Math.max(2000, 5 * (performance.now() - began));
    busy = false;
    if (stale) paint();
  }
  function renew() {
    stale = true;
    // The first paint of the page comes first.
    requestAnimationFrame(() => setTimeout(paint, 0));
  }
  return { element, renew };
}

const aliveHeads = (found) => ["trial", "state", found.metric, { name: "step", kind: "number" }, "parameters", "because", "do"];

function aliveRow(name, found, trial) {
  const settings = Object.entries(trial.parameters).map(([key, value]) => `${key} ${number(value)}`).join(", ");
  return h(
    "tr",
    {},
    h("td", {}, link(String(trial.index), { experiment: name, trial: trial.index })),
    h("td", {}, state(trial.state)),
    h("td", {}, spark(trial.spark), " ", trial.spark.length ? number(trial.spark.at(-1)) : ""),
    h("td", { class: "number" }, trial.step === null ? "" : String(trial.step)),
    h("td", { class: "text" }, settings),
    h("td", { class: "text" }, trial.verdict || trial.because),
    h("td", {}, actions(name, trial)),
  );
}

function actions(name, trial) {
  const offer = (label, title, words, path) =>
    h(
      "button",
      {
        type: "button",
        class: "small",
        "aria-label": `${label} trial ${trial.index}`,
        onclick: () =>
          ask(title, words, [], label, async () => {
            await post(path, { experiment: name, trial: trial.index });
            tell(`Trial ${trial.index}: done.`);
          }),
      },
      label,
    );
  return ALIVE.includes(trial.state)
    ? offer("Give up", `Give up trial ${trial.index}?`, "It ends as abandoned and is not evaluated any further.", "stop")
    : offer("Try again", `Try trial ${trial.index} again?`, "Its parameters are queued once more.", "retry");
}

function trialTable(name, found) {
  const names = found.parameters.map((parameter) => parameter.name);
  const view = { offset: 0, state: "", oldest: false, limit: 50 };
  const place = h("div");
  const choose = h(
    "select",
    { "aria-label": "Only trials in this state", onchange: () => turn({ offset: 0, state: choose.value }) },
    h("option", { value: "" }, "every state"),
    ["completed", "failed", "stopped", "abandoned", ...ALIVE].map((one) => h("option", {}, one)),
  );
  const order = h(
    "select",
    { "aria-label": "Order", onchange: () => turn({ offset: 0, oldest: order.value === "oldest" }) },
    h("option", { value: "newest" }, "newest first"),
    h("option", { value: "oldest" }, "oldest first"),
  );
  const newer = h("button", { type: "button", onclick: () => turn({ offset: Math.max(0, view.offset - view.limit) }) }, "Back");
  const older = h("button", { type: "button", onclick: () => turn({ offset: view.offset + view.limit }) }, "On");
  const where = h("span", { role: "status" });
  const compare = h(
    "button",
    {
      type: "button",
      disabled: true,
      onclick: () => {
        const chosen = [...place.querySelectorAll("input:checked")].map((one) => one.value);
        location.assign(`/?${new URLSearchParams({ experiment: name, trials: chosen.join(",") })}`);
      },
    },
    "Compare trials",
  );
  const element = h("div", {}, h("div", { class: "bar" }, choose, order, newer, older, where, h("span", { class: "push" }), compare), place);

  function turn(difference) {
    Object.assign(view, difference);
    return update();
  }
  async function update() {
    const what = new URLSearchParams({ experiment: name, offset: view.offset });
    if (view.state) what.set("state", view.state);
    if (view.oldest) what.set("oldest", "1");
    const { trials, limit } = await get("trials", what);
    view.limit = limit;
    const metrics = [...new Set([found.metric, ...trials.flatMap((trial) => Object.keys(trial.metrics))])];
    const numeric = (column) => ({ name: column, kind: "number" });
    const chosen = new Set([...place.querySelectorAll("input:checked")].map((one) => one.value));
    place.replaceChildren(
      table(
        "Trials",
        ["", numeric("trial"), "state", ...metrics.map(numeric), ...names, numeric("time"), "source"],
        trials.map((trial) =>
          h(
            "tr",
            { class: trial.state === "failed" ? "failed" : "" },
            h("td", {}, h("input", { type: "checkbox", value: trial.index, checked: chosen.has(String(trial.index)), "aria-label": `Compare trial ${trial.index}`, onchange: ready })),
            h("td", { class: "number" }, link(String(trial.index), { experiment: name, trial: trial.index })),
            h("td", {}, state(trial.state)),
            metrics.map((metric) => h("td", { class: "number" }, trial.metrics[metric] ? measured(trial.metrics[metric]) : "")),
            names.map((one) => h("td", {}, one in trial.parameters ? number(trial.parameters[one]) : "")),
            h("td", { class: "number" }, duration(trial.seconds)),
            h("td", {}, trial.source),
          ),
        ),
      ),
    );
    where.textContent = trials.length ? `trials ${view.offset + 1} to ${view.offset + trials.length}` : "no such trial";
    newer.disabled = view.offset === 0;
    older.disabled = trials.length < limit;
    ready();
  }
  const ready = () => (compare.disabled = place.querySelectorAll("input:checked").length < 2);
  return { element, update };
}

function field(parameter, required) {
  const attributes = { id: `field-${parameter.name}`, name: parameter.name, required };
  const control =
    parameter.kind === "choice"
      ? h("select", attributes, h("option", { value: "" }, "suggested"), parameter.values.map((value, i) => h("option", { value: i }, String(value))))
      : h("input", { ...attributes, inputmode: "decimal", placeholder: "suggested" });
  return [h("label", { for: attributes.id }, parameter.name), control];
}

function enqueue(name, found) {
  const searched = found.parameters.filter((parameter) => parameter.kind !== "fixed");
  const fields = searched.map((parameter) => field(parameter, false));
  ask("Try a point", "What is left empty is suggested.", fields.flat(), "Queue it", async () => {
    const parameters = {};
    searched.forEach((parameter, i) => {
      const given = fields[i][1].value.trim();
      if (given === "") return;
      parameters[parameter.name] = parameter.kind === "choice" ? parameter.values[Number(given)] : decimal(parameter.name, given);
    });
    const trial = await post("enqueue", { experiment: name, parameters });
    tell(`Trial ${trial.index} is queued.`);
  });
}

function widen(name, found) {
  const ranged = found.parameters.filter((parameter) => parameter.kind === "number");
  const ends = ranged.map(({ name: one, low, high }) => [
    h("input", { inputmode: "decimal", value: low, "aria-label": `lowest ${one}` }),
    h("input", { inputmode: "decimal", value: high, "aria-label": `highest ${one}` }),
  ]);
  const fields = ranged.flatMap((parameter, i) => [h("span", {}, parameter.name), h("div", { class: "pair" }, ends[i])]);
  const words = "Old trials are kept and go on to count. A range cannot be made narrower.";
  ask("Widen a range", words, fields, "Widen", async () => {
    const ranges = {};
    ranged.forEach((parameter, i) => {
      const [low, high] = ends[i].map((end) => decimal(parameter.name, end.value));
      if (low !== parameter.low || high !== parameter.high) ranges[parameter.name] = [low, high];
    });
    await post("widen", { experiment: name, ranges });
    location.reload();
  });
}

function decimal(name, given) {
  const value = Number(given);
  if (given.trim() === "" || !Number.isFinite(value)) throw new Error(`${name}: ${given} is not a number.`);
  return value;
}

export async function trial(main, name, index) {
  const content = h("div");
  const curves = h("div", { class: "figure" });
  main.replaceChildren(content, curves);

  async function update() {
    const found = await get("trial", { experiment: name, trial: index });
    const metrics = Object.fromEntries(Object.entries(found.metrics).map(([metric, value]) => [metric, measured(value)]));
    const life = {
      arm: found.arm,
      source: found.source,
      ...(found.owner === null ? {} : { worker: found.owner }),
      ...(found.attempt ? { attempt: found.attempt + 1 } : {}),
      created: moment(found.created),
      ...(found.started === null ? {} : { started: moment(found.started) }),
      ...(found.finished === null ? {} : { finished: moment(found.finished), took: duration(found.seconds) }),
    };
    content.replaceChildren(
      h("h1", {}, `Trial ${found.index}`),
      h("p", {}, state(found.state), found.because ? ` · ${found.because}` : ""),
      found.error ? h("p", { class: "error" }, found.error) : "",
      h(
        "div",
        { class: "cards" },
        h("div", { class: "card" }, h("h2", {}, "Parameters"), facts(found.parameters)),
        h("div", { class: "card" }, h("h2", {}, "Results"), Object.keys(metrics).length ? facts(metrics) : h("p", {}, ALIVE.includes(found.state) ? "none yet" : "none")),
        h("div", { class: "card" }, h("h2", {}, "Life"), facts(life)),
      ),
      h("div", { class: "bar" }, actions(name, found)),
      found.verdicts.length ? h("details", {}, h("summary", {}, "What the scheduler said"), h("ol", {}, ...found.verdicts.map((said) => h("li", {}, said)))) : "",
      found.traceback ? h("details", {}, h("summary", {}, "Traceback"), h("pre", { tabindex: "0" }, found.traceback)) : "",
    );
    await plot(curves, Object.entries(found.reports).map(([metric, curve]) => [metric, curve]));
  }
  await update();
  return { update };
}

async function plot(place, curves) {
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
  await draw(place, { data, layout: { height: 380, xaxis: { title: { text: "step" }, rangemode: "tozero" }, margin: { t: 50 } } });
}

export async function trials(main, name, indices) {
  const found = await Promise.all(indices.map((index) => get("trial", { experiment: name, trial: index })));
  const curves = h("div", { class: "figure" });
  const line = (label, cells) => {
    const differ = new Set(cells).size > 1;
    return h("tr", {}, h("th", { scope: "row" }, label), cells.map((cell) => h("td", {}, differ ? h("mark", {}, cell) : cell)));
  };
  const keys = (what) => [...new Set(found.flatMap((one) => Object.keys(one[what])))];
  main.replaceChildren(
    h("h1", {}, "Trials compared"),
    h("p", { class: "goal" }, "What differs is underlined."),
    table(
      "Trials compared",
      ["", ...found.map((one) => `trial ${one.index}`)],
      [
        line("state", found.map((one) => one.state)),
        ...keys("metrics").map((key) => line(key, found.map((one) => (one.metrics[key] ? measured(one.metrics[key]) : "")))),
        ...keys("parameters").map((key) => line(key, found.map((one) => (key in one.parameters ? number(one.parameters[key]) : "")))),
        line("time", found.map((one) => duration(one.seconds))),
      ],
    ),
    curves,
  );
  await plot(curves, found.map((one) => [`trial ${one.index}`, one.reports[one.objective] ?? []]));
  return {};
}

export async function compare(main, names) {
  const place = h("div", {}, h("p", { class: "waiting" }, "Drawing…"));
  main.replaceChildren(h("h1", {}, "Experiments compared"), place);
  await show(place, await get("compare", new URLSearchParams(names.map((name) => ["experiment", name]))));
  return {};
}
