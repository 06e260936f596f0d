// The pages: each fills the main element and gives back what to do when something has changed.
import {
  ask, brief, bytes, draw, duration, facts, get, h, link, measured, moment, newest, number, post, query, show, spark, state, states, table, tell,
} from "./parts.js";

const NAMED = 8; // of the parameters of a trial under way
const SHOWN = 6; // how many of the trials under way, unless more are running
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
    table("Experiments", ["", "experiment", { name: "best", kind: "number" }, "trials", { name: "last news", kind: "aside" }], []),
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
          h("td", { class: "name" }, link(found.name, { experiment: found.name }), h("div", { class: "goal" }, goal(found))),
          h("td", { class: "number" }, best(found)),
          h("td", {}, states(found.counts)),
          h("td", { class: "aside" }, moment(found.updated)),
        ),
      ),
    );
    if (!experiments.length) body.append(h("tr", {}, h("td", { colspan: 5 }, "There is no experiment yet.")));
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
  let every = false; // of the trials under way, whether all are shown
  const rows = trialTable(name, found);
  const figures = found.figures.map((figure) => box(name, figure, figure === "trace"));
  const findings = h("section", { "aria-label": "Findings" });
  main.replaceChildren(
    h("h1", {}, name),
    h("p", { class: "goal" }, [goal(found), ...found.constraints].join(", ")),
    ...(found.note ? [h("p", { class: "note-text" }, found.note)] : []),
    ...(Object.keys(found.budget).length ? [h("p", { class: "goal" }, `Budget, as changed here: ${budgeted(found.budget)}.`)] : []),
    top,
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", onclick: () => enqueue(name, found) }, "Try a point…"),
      h("button", { type: "button", onclick: () => widen(name, found) }, "Widen a range…"),
      h("button", { type: "button", onclick: () => budget(name, found) }, "Change the budget…"),
      h("button", { type: "button", onclick: () => note(name, null, found.note, () => location.reload()) }, "Note…"),
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
      h("span", { class: "push" }),
      h("a", { href: `/api/report?${query({ experiment: name })}`, download: "report.html" }, "Report"),
      h("a", { href: `/api/csv?${query({ experiment: name })}`, download: "trials.csv" }, "CSV"),
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

  main.append(
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", onclick: () => rename(name) }, "Rename…"),
      h("button", { type: "button", onclick: () => remove(name) }, "Delete…"),
    ),
  );

  async function update(now) {
    top.replaceChildren(
      card(`Best seen${now.best ? `: trial ${now.best.index}` : ""}`, best(now) || "none yet", now.best ? facts(now.best.parameters) : null),
      card("Trials", Object.values(now.counts).reduce((a, b) => a + b, 0).toLocaleString("en"), states(now.counts)),
    );
    const open = ALIVE.some((one) => now.counts[one]);
    const { trials } = open ? await get("trials", new URLSearchParams([["experiment", name], ...ALIVE.map((one) => ["state", one])])) : { trials: [] };
    const order = (trial) => ALIVE.indexOf(trial.state);
    trials.sort((a, b) => order(a) - order(b));
    const most = Math.max(SHOWN, trials.filter((trial) => trial.state === "running").length);
    const shown = every ? trials : trials.slice(0, most);
    const more = h("button", { type: "button", "aria-expanded": String(every), onclick: () => ((every = !every), update(now)) }, every ? `Show ${most}` : `Show all ${trials.length}`);
    alive.replaceChildren(
      ...(trials.length
        ? [h("h2", {}, "Under way"), table("Trials under way", aliveHeads(found), shown.map((trial) => aliveRow(name, found, trial))), ...(trials.length > most ? [h("div", { class: "bar" }, more)] : [])]
        : []),
    );
    await rows.update();
    for (const figure of figures) figure.renew();
  }
  await update(found);
  return { update };
}

const card = (title, value, more) => h("div", { class: "card brief" }, h("h2", {}, title), h("div", { class: "value" }, value), more);

// A figure is drawn when it is opened, and again when something has changed, but not more often than it can bear.
function box(name, figure, open) {
  const content = h("div", {}, h("p", { class: "waiting" }, "Drawing…"));
  const titles = { trace: "Trace", curves: "Learning curves", contour: "Contour", importances: "Importances", effects: "Marginal effects", slices: "Slices", feasibility: "Feasibility", gain: "Going on", failures: "Failures", validation: "Cross-validation", record: "Predicted and got", distribution: "Distribution", metrics: "Metrics", parallel: "Parallel coordinates", matrix: "Scatter matrix", timeline: "Timeline" };
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
  const all = Object.entries(trial.parameters).map(([key, value]) => `${key} ${brief(number(value))}`);
  const settings = all.slice(0, NAMED).join(", ") + (all.length > NAMED ? ` and ${all.length - NAMED} more` : "");
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

// What may be done about a trial, each after a confirmation.
function actions(name, trial) {
  const offer = (label, words, path, done) =>
    h(
      "button",
      {
        type: "button",
        class: "small",
        "aria-label": `${label} trial ${trial.index}`,
        onclick: () =>
          ask(`${label} trial ${trial.index}?`, words, [], label, async () => {
            const now = await post(path, { experiment: name, trial: trial.index });
            tell(done(now));
          }),
      },
      label,
    );
  const isLed = trial.owner !== null;
  const ended = (now) => (now.state === "running" ? `Trial ${now.index} is asked to end.` : `Trial ${now.index} is ${now.state}.`);
  const pause = () =>
    offer("Pause", "After its next report its state is saved and its slot is free. The scheduler may let it go on later.", "pause", (now) => `Trial ${now.index} is asked to pause.`);
  const stop = () =>
    offer("Stop", `What it has reported is its result${isLed ? "; it ends after its next report" : ""}. It is not trained any further.`, "stop", ended);
  const giveUp = () => offer("Give up", "It ends as abandoned, without a result, and is not evaluated any further.", "abandon", ended);
  const again = () => offer("Try again", "Its parameters are queued once more.", "retry", (now) => `Trial ${now.index} is queued.`);
  const offers = { running: isLed ? [pause, stop] : [stop, giveUp], paused: [stop, giveUp], queued: [giveUp] }[trial.state] ?? [again];
  return h("span", { class: "actions" }, offers.map((one) => one()));
}

// A note of the user's own, on a trial or on the experiment.
function note(name, index, text, done) {
  const about = index === null ? "the experiment" : `trial ${index}`;
  const field = h("textarea", { id: "note", rows: 6, maxlength: 10000, class: "wide" });
  field.value = text;
  ask(`Note on ${about}`, "An empty note is none.", [h("label", { for: "note", class: "wide" }, "Note"), field], "Keep", async () => {
    await post("note", { experiment: name, trial: index, text: field.value });
    tell(`The note on ${about} is kept.`);
    await done();
  });
}

function rename(name) {
  const field = h("input", { id: "new-name", maxlength: 200, class: "wide" });
  field.value = name;
  const words = "Programs that have it open know it by the old name, and have to open it again.";
  ask("Rename the experiment", words, [h("label", { for: "new-name", class: "wide" }, "New name"), field], "Rename", async () => {
    await post("rename", { experiment: name, name: field.value });
    location.assign(`/?${query({ experiment: field.value })}`);
  });
}

async function remove(name) {
  const { words, led } = await get("belongings", { experiment: name }).catch((error) => (tell(error.message), {}));
  if (words === undefined) return;
  const field = h("input", { id: "typed", autocomplete: "off", class: "wide" });
  const running = led ? ` Processes run ${led} of its trials; they end with an error.` : "";
  const lost = `It cannot be undone. Lost are ${words}, and all that was reported.${running} headstock backup FILE copies the storage first.`;
  ask(`Delete ${name}?`, lost, [h("label", { for: "typed", class: "wide" }, "Type its name to confirm"), field], "Delete", async () => {
    await post("delete", { experiment: name, typed: field.value });
    location.assign("/");
  });
}

const BOUNDS = { trials: "trials in all", steps: "training steps in all", seconds: "seconds of a run", cost: "cost in all", target: "target" };

function budget(name, found) {
  const fields = Object.entries(BOUNDS).map(([bound, words]) => [
    h("label", { for: `bound-${bound}` }, words),
    h("input", { id: `bound-${bound}`, inputmode: "decimal", value: found.budget[bound] ?? "", placeholder: "as the run was told" }),
  ]);
  const words = "Holds for runs that go on, and for later ones, in place of what they were told.";
  ask("Change the budget", words, fields.flat(), "Change it", async () => {
    const bounds = {};
    Object.keys(BOUNDS).forEach((bound, i) => {
      const given = fields[i][1].value.trim();
      if (given !== "") bounds[bound] = decimal(bound, given);
    });
    await post("budget", { experiment: name, bounds });
    location.reload();
  });
}

const budgeted = (bounds) => Object.entries(bounds).map(([bound, value]) => `${BOUNDS[bound]} ${number(value)}`).join(", ");

function trialTable(name, found) {
  const names = found.parameters.map((parameter) => parameter.name);
  const view = { offset: 0, state: "", oldest: false, limit: 50 };
  const page = newest("trials");
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
    const answer = await page(what);
    if (answer === null) return;
    const { trials, limit } = answer;
    view.limit = limit;
    const metrics = [...new Set([found.metric, ...trials.flatMap((trial) => Object.keys(trial.metrics))])];
    const numeric = (column) => ({ name: column, kind: "number" });
    const chosen = new Set([...place.querySelectorAll("input:checked")].map((one) => one.value));
    place.replaceChildren(
      table(
        "Trials",
        ["", numeric("trial"), "state", ...metrics.map(numeric), ...names.map((one) => ({ name: one, kind: "short" })), numeric("time"), "source"],
        trials.map((trial) =>
          h(
            "tr",
            { class: trial.state === "failed" ? "failed" : "" },
            h("td", {}, h("input", { type: "checkbox", value: trial.index, checked: chosen.has(String(trial.index)), "aria-label": `Compare trial ${trial.index}`, onchange: ready })),
            h("td", { class: "number" }, link(String(trial.index), { experiment: name, trial: trial.index }), trial.note ? h("span", { class: "noted", title: trial.note, role: "img", "aria-label": "has a note" }, "✎") : null),
            h("td", {}, state(trial.state)),
            metrics.map((metric) => h("td", { class: "number" }, trial.metrics[metric] ? measured(trial.metrics[metric]) : "")),
            names.map((one) => h("td", { class: "short", title: trial.parameters[one] }, one in trial.parameters ? number(trial.parameters[one]) : "")),
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
  const beliefs = h("p", { class: "goal", role: "status" });
  const log = h("pre", { tabindex: "0", "aria-label": "The end of the log" });
  const printed = h("details", { class: "figure-box", ontoggle: () => read() }, h("summary", {}, "Log"), log);
  const said = h("details", { class: "figure-box" });
  main.replaceChildren(content, curves, beliefs, said, printed);
  let [asked, ending] = ["", null];

  async function read() {
    if (!printed.open) return;
    const { lines, limit } = await get("log", { experiment: name, trial: index });
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    log.textContent = lines.length ? (lines.length === limit ? `… the last ${limit} lines\n` : "") + lines.join("\n") : "There is no log here. headstock run and resume keep what a script prints.";
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  // What the model makes of it takes a while to compute, so it comes after everything else.
  async function believe(found) {
    const about = `${found.state} ${found.step}`;
    if (about === asked) return;
    asked = about;
    const told = await get("beliefs", { experiment: name, trial: index }).catch(() => ({}));
    const within = ({ lower, upper }) => `(80 % interval: ${number(lower)} to ${number(upper)})`;
    const words = [];
    ending = told.ending ?? null;
    if (ending) {
      const [end] = [ending.steps.length - 1];
      words.push(`Expected to come to ${number(ending.means[end])} after step ${ending.steps[end]} ${within({ lower: ending.lower[end], upper: ending.upper[end] })}.`);
    }
    if (told.forecast) {
      const { predicted, lower, upper, observed } = told.forecast;
      const where = observed < lower ? "below it" : observed > upper ? "above it" : "inside";
      words.push(`When it was suggested, ${number(predicted)} was predicted (90 % interval: ${number(lower)} to ${number(upper)}); it gave ${number(observed)}, ${where}.`);
    }
    beliefs.textContent = words.join(" ");
    if (ending) await plot(curves, Object.entries(found.reports), found.objective, ending);
  }

  async function update() {
    const found = await get("trial", { experiment: name, trial: index });
    const metrics = Object.fromEntries(Object.entries(found.metrics).map(([metric, value]) => [metric, measured(value)]));
    const life = {
      arm: found.arm,
      source: found.source,
      ...(found.owner === null ? {} : { worker: worker(found.owner) }),
      ...(found.attempt ? { attempt: found.attempt + 1 } : {}),
      ...(found.step === null ? {} : { step: found.steps === null ? found.step : `${found.step} of ${found.steps}` }),
      ...(found.saved === null || (!found.saves && !found.saved.length) ? {} : { "saved state": found.saved.length ? `after step ${found.saved[0][0]} (${bytes(found.saved[0][1])})` : "none yet" }),
      ...(found.created === found.started ? {} : { created: moment(found.created) }),
      ...(found.started === null ? {} : { started: moment(found.started) }),
      ...(found.finished === null ? {} : { finished: moment(found.finished), took: duration(found.seconds) }),
    };
    const reported = Object.entries(found.reports).map(([metric, curve]) => [metric, curve.at(-1)[1]]);
    const decisions = found.verdicts.map(([step, decision, because]) => h("tr", {}, h("td", { class: "number" }, String(step)), h("td", {}, decision), h("td", { class: "text" }, because)));
    content.replaceChildren(
      h("h1", {}, `Trial ${found.index}`),
      h("p", {}, state(found.state), found.because ? ` · tried because: ${found.because}` : ""),
      found.error ? h("p", { class: "error" }, found.error) : "",
      found.note ? h("p", { class: "note-text" }, found.note) : "",
      h("div", { class: "bar" }, actions(name, found), h("button", { type: "button", class: "small", onclick: () => note(name, found.index, found.note, update) }, "Note…")),
      h(
        "div",
        { class: "cards" },
        h("div", { class: "card" }, h("h2", {}, "Parameters"), facts(found.parameters)),
        h("div", { class: "card" }, h("h2", {}, Object.keys(metrics).length || !reported.length ? "Results" : `Reported after step ${found.step}`), Object.keys(metrics).length ? facts(metrics) : reported.length ? facts(Object.fromEntries(reported)) : h("p", {}, ALIVE.includes(found.state) ? "none yet" : "none")),
        h("div", { class: "card" }, h("h2", {}, "Life"), facts(life)),
      ),
      found.traceback ? h("details", {}, h("summary", {}, "Traceback"), h("pre", { tabindex: "0" }, found.traceback)) : "",
    );
    said.hidden = !decisions.length;
    said.replaceChildren(h("summary", {}, "What the scheduler said"), table("What the scheduler said", [{ name: "step", kind: "number" }, "decision", "because"], decisions));
    await plot(curves, Object.entries(found.reports), found.objective, ending);
    await read();
    believe(found);
  }
  await update();
  return { update };
}

// A worker is known by its host, boot, process, time of start and a random number.
function worker(owner) {
  const parts = owner.split("/");
  return parts.length === 5 ? `process ${parts[2]} on ${parts[0]}` : owner;
}

// Curves by name; of the one that is optimised, how it is expected to go on.
async function plot(place, curves, objective, ending) {
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

// A row of a comparison, marked where the cells differ.
function line(label, cells) {
  const differ = new Set(cells).size > 1;
  return h("tr", {}, h("th", { scope: "row" }, label), cells.map((cell) => h("td", { class: "compared" }, differ ? h("mark", {}, cell) : cell)));
}

export async function trials(main, name, indices) {
  const found = await Promise.all(indices.map((index) => get("trial", { experiment: name, trial: index })));
  const curves = h("div", { class: "figure" });
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
        line("because", found.map((one) => one.because)),
        ...(found.some((one) => one.error) ? [line("error", found.map((one) => one.error ?? ""))] : []),
        ...(found.some((one) => one.note) ? [line("note", found.map((one) => one.note))] : []),
      ],
    ),
    curves,
  );
  await plot(curves, found.map((one) => [`trial ${one.index}`, one.reports[one.objective] ?? []]));
  return {};
}

export async function compare(main, names) {
  const place = h("div", {}, h("p", { class: "waiting" }, "Drawing…"));
  const found = await Promise.all(names.map((name) => get("experiment", { experiment: name })));
  const space = found.map((one) => Object.fromEntries(one.parameters.map((parameter) => [parameter.name, parameter.shown])));
  const parameters = [...new Set(space.flatMap(Object.keys))];
  const others = parameters.filter((parameter) => new Set(space.map((one) => one[parameter])).size > 1);
  const known = (label, cells) => (cells.some((cell) => cell) ? [line(label, cells)] : []);
  const ofBest = (one, parameter) => (parameter in (one.best?.parameters ?? {}) ? number(one.best.parameters[parameter]) : "");
  const tried = (one) => Object.entries(one.counts).map(([state, count]) => `${count.toLocaleString("en")} ${state}`).join(", ");
  main.replaceChildren(
    h("h1", {}, "Experiments compared"),
    place,
    h("h2", {}, "Side by side"),
    h("p", { class: "goal" }, "What differs is underlined."),
    table(
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
    ),
  );
  await show(place, await get("compare", new URLSearchParams(names.map((name) => ["experiment", name]))));
  return {};
}
