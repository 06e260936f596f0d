// The page of an experiment.
import { budget, enqueue, remove, rename, suggest, widen } from "./experiment_actions.js";
import { gallery } from "./gallery.js";
import { facts, h, link, query, redraw, shares, since, spark, state, states, table, written } from "./parts.js";
import { get } from "./server.js";
import { actions, note } from "./trial_actions.js";
import { trialTable } from "./trial_table.js";
import { ALIVE, best, brief, budgeted, goal, number, total } from "./words.js";

const NAMED = 8; // of the parameters of a trial under way
const SHOWN = 6; // how many of the trials under way, unless more are running

export async function experiment(main, name) {
  const found = await get("experiment", { experiment: name });
  const top = h("div", { class: "cards" });
  const alive = underWay(name, found);
  const rows = trialTable(name, found);
  const figures = gallery(name, found.figures);
  const download = (path, file, label) => h("a", { href: `/api/${path}?${query({ experiment: name })}`, download: file }, label);
  const offer = (label, act) => h("button", { type: "button", onclick: act }, label);
  main.replaceChildren(
    h("h1", {}, name),
    h("p", { class: "goal" }, [goal(found), ...found.constraints].join(", ")),
    ...(found.note ? [written(found.note_html)] : []),
    top,
    h(
      "div",
      { class: "bar" },
      found.judged ? link("Judge trials", { experiment: name, judge: 1 }, { class: "button main" }) : null,
      offer("Suggest a trial…", () => suggest(name)),
      offer("Try a point…", () => enqueue(name, found)),
      offer("Widen a range…", () => widen(name, found)),
      offer("Change the budget…", () => budget(name, found)),
      offer("Note…", () => note(name, null, found.note, () => location.reload())),
      h("span", { class: "push" }),
      h("span", { class: "links" }, download("report", "report.html", "Report"), download("csv", "trials.csv", "CSV")),
    ),
    alive.element,
    h("h2", {}, "Figures"),
    figures.element,
    h("h2", {}, "Trials"),
    rows.element,
    h("h2", {}, "Search space"),
    table("Search space", ["parameter", "what is searched"], found.parameters.map((p) => h("tr", {}, h("th", { scope: "row" }, p.name), h("td", {}, h("code", {}, p.shown))))),
    h("div", { class: "bar" }, offer("Rename…", () => rename(name)), offer("Delete…", () => remove(name))),
  );

  const waiting = h("div", { class: "none", hidden: true }, h("p", {}, "It waits for workers. Start one where the training is, and as many more as you like:"), h("pre", { tabindex: "0", "aria-label": "How a worker is started" }, found.start), h("p", {}, found.judged ? "Or make the trials yourself: let one be suggested, and tell when it is done." : "Or evaluate it yourself: let a trial be suggested, and tell its result."));
  top.after(waiting);

  async function update(now) {
    const [tried, most] = [total(now.counts), found.budget.trials ?? 0];
    waiting.hidden = tried > 0;
    const bounds = Object.keys(found.budget).length ? h("p", { class: "goal" }, `Budget: ${budgeted(found.budget)}.`) : null;
    redraw(
      top,
      card(`${found.judged ? "Most appealing" : "Best seen"}${now.best ? `: trial ${now.best.index}` : ""}`, best(now) || "none yet", now.best ? facts(now.best.parameters) : unkept(now, found)),
      card(
        "Trials",
        tried.toLocaleString("en") + (most ? ` of ${most.toLocaleString("en")}` : ""),
        [shares(now.counts, most), states(now.counts), bounds, h("p", { class: "goal" }, "last news ", since(now.updated))],
      ),
    );
    await alive.update(now);
    await rows.update(now);
    figures.renew();
  }
  await update(found);
  return { update };
}

// Why there is no best one where there are results.
const unkept = (now, found) => (now.counts.completed && found.outcomes.length ? h("p", { class: "goal" }, `No result keeps ${found.outcomes.join(" and ")}.`) : null);

const card = (title, value, more) => h("div", { class: "card brief" }, h("h2", {}, title), h("div", { class: "value" }, value), more);

// The trials under way, of very many the newest ones.
function underWay(name, found) {
  const element = h("div", { class: "alive" });
  const heads = ["trial", "state", found.metric, { name: "step", kind: "number" }, "parameters", "because", "do"];
  let [trials, count, every] = [[], 0, false];

  async function update(now) {
    count = ALIVE.reduce((sum, one) => sum + (now.counts[one] ?? 0), 0);
    const wanted = new URLSearchParams([["experiment", name], ...ALIVE.map((one) => ["state", one])]);
    ({ trials } = count ? await get("trials", wanted) : { trials: [] });
    const order = (trial) => ALIVE.indexOf(trial.state);
    trials.sort((a, b) => order(a) - order(b));
    show();
  }
  function show() {
    const most = Math.max(SHOWN, trials.filter((trial) => trial.state === "running").length);
    const rows = (every ? trials : trials.slice(0, most)).map((trial) => aliveRow(name, trial));
    const left = trials.length < count ? ` of ${count.toLocaleString("en")}` : "";
    const turn = () => ((every = !every), show());
    const more = h("button", { type: "button", "aria-expanded": String(every), onclick: turn }, every ? `Show ${most}` : `Show ${left ? "the newest" : "all"} ${trials.length}${left}`);
    redraw(
      element,
      ...(trials.length ? [h("h2", {}, "Under way"), table("Trials under way", heads, rows)] : []),
      ...(trials.length > most ? [h("div", { class: "bar" }, more)] : []),
    );
  }
  return { element, update };
}

function aliveRow(name, trial) {
  const all = Object.entries(trial.parameters).map(([key, value]) => `${key} ${brief(number(value))}`);
  const settings = all.slice(0, NAMED).join(", ") + (all.length > NAMED ? ` and ${all.length - NAMED} more` : "");
  return h(
    "tr",
    {},
    h("td", {}, link(String(trial.index), { experiment: name, trial: trial.index })),
    h("td", {}, state(trial.state)),
    h("td", { class: "curve" }, h("span", {}, trial.spark.length ? number(trial.spark.at(-1)) : ""), spark(trial.spark)),
    h("td", { class: "number" }, trial.step === null ? "" : String(trial.step)),
    h("td", { class: "text" }, settings),
    h("td", { class: "text" }, trial.verdict || trial.because),
    h("td", {}, actions(name, trial)),
  );
}
