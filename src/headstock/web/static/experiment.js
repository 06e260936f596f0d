// The page of an experiment.
import { budget, enqueue, remove, rename, widen } from "./experiment_actions.js";
import { box } from "./gallery.js";
import { facts, h, link, query, spark, state, states, table } from "./parts.js";
import { get } from "./server.js";
import { actions, note } from "./trial_actions.js";
import { trialTable } from "./trial_table.js";
import { ALIVE, best, brief, budgeted, goal, number } from "./words.js";

const NAMED = 8; // of the parameters of a trial under way
const SHOWN = 6; // how many of the trials under way, unless more are running

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
