// The trials of an experiment, page by page.
import { keep, told } from "./address.js";
import { h, link, query, redraw, state, table } from "./parts.js";
import { newest } from "./server.js";
import { ALIVE, duration, measured, number, total } from "./words.js";

// What an order is called in the address: the name of a column, after a minus where its largest value comes first.
const NEWEST = "-trial";

export function trialTable(name, found) {
  const kind = (parameter) => (parameter.kind === "number" ? "number" : "short");
  const view = { offset: Number(told("offset")) || 0, state: told("state") ?? "", words: told("words") ?? "", order: told("order") ?? NEWEST, limit: 50 };
  const page = newest("trials");
  const place = h("div");
  const chosen = new Set();
  const choose = h(
    "select",
    { "aria-label": "Only trials in this state", onchange: () => turn({ offset: 0, state: choose.value }) },
    h("option", { value: "" }, "every state"),
    ["completed", "failed", "stopped", "abandoned", ...ALIVE].map((one) => h("option", {}, one)),
  );
  choose.value = view.state;
  const words = h("input", { type: "search", placeholder: "Filter", value: view.words, "aria-label": "Only trials that contain this", oninput: () => turn({ offset: 0, words: words.value.trim() }) });
  const newer = h("button", { type: "button", onclick: () => turn({ offset: Math.max(0, view.offset - view.limit) }) }, "Previous");
  const older = h("button", { type: "button", onclick: () => turn({ offset: view.offset + view.limit }) }, "Next");
  const where = h("span", { role: "status" });
  const compare = h(
    "button",
    {
      type: "button",
      disabled: true,
      onclick: () => location.assign(`/?${query({ experiment: name, trials: [...chosen].join(",") })}`),
    },
    "Compare trials",
  );
  const bar = h("div", { class: "bar" }, words, choose, newer, older, where, h("span", { class: "push" }), compare);
  const element = h("div", {}, bar, place);

  let counts = found.counts;
  function turn(difference) {
    Object.assign(view, difference);
    keep({ offset: view.offset && String(view.offset), state: view.state, words: view.words, order: view.order === NEWEST ? "" : view.order });
    return update();
  }
  // A column's head orders by it, and then the other way; of results the best come first.
  function head(column, words, kind = "", largest = false) {
    const [up, down] = [view.order === column, view.order === `-${column}`];
    const next = up || (largest && !down) ? `-${column}` : column;
    const button = h("button", { type: "button", onclick: () => turn({ offset: 0, order: next }) }, words);
    return { name: button, kind, title: words, sorted: up ? "ascending" : down ? "descending" : null };
  }
  async function update(now) {
    if (now) counts = now.counts;
    const answer = await page({
      experiment: name,
      offset: view.offset,
      order: view.order.replace(/^-/, ""),
      ...(view.order.startsWith("-") ? {} : { ascending: "1" }),
      ...(view.state ? { state: view.state } : {}),
      ...(view.words ? { words: view.words } : {}),
    });
    if (answer === null) return;
    const { trials, limit } = answer;
    view.limit = limit;
    const count = answer.count ?? (view.state ? (counts[view.state] ?? 0) : total(counts));
    const isEmpty = !trials.length && !view.offset && !view.state && !view.words;
    bar.hidden = isEmpty;
    if (isEmpty) return redraw(place, h("p", { class: "none" }, "No trial was started yet."));
    const metrics = [...new Set([found.metric, ...trials.flatMap((trial) => Object.keys(trial.metrics))])];
    redraw(
      place,
      table(
        "Trials",
        [
          "",
          head("trial", "trial", "number", true),
          head("state", "state"),
          ...metrics.map((metric) => head(`metric:${metric}`, metric, "number cut", metric === found.metric && !found.minimize)),
          ...found.parameters.map((one) => head(`parameter:${one.name}`, one.name, `${kind(one)} cut`)),
          head("seconds", "time", "number", true),
          head("source", "source"),
        ],
        trials.map((trial) =>
          h(
            "tr",
            { class: trial.state === "failed" ? "failed" : "" },
            h("td", {}, h("input", { type: "checkbox", checked: chosen.has(trial.index), "aria-label": `Compare trial ${trial.index}`, onchange: (event) => choice(trial.index, event.target.checked) })),
            h("td", { class: "number" }, link(String(trial.index), { experiment: name, trial: trial.index }), trial.note ? h("span", { class: "noted", title: trial.note, role: "img", "aria-label": "has a note" }, "✎") : null),
            h("td", {}, state(trial.state), trial.error ? h("div", { class: "error", title: trial.error }, trial.error) : null),
            metrics.map((metric) => result(trial, metric, found.metric)),
            found.parameters.map((one) => h("td", { class: kind(one), title: trial.parameters[one.name] }, one.name in trial.parameters ? number(trial.parameters[one.name]) : "")),
            h("td", { class: "number" }, duration(trial.seconds)),
            h("td", {}, trial.source),
          ),
        ),
      ),
    );
    where.textContent = trials.length ? `trials ${view.offset + 1} to ${view.offset + trials.length} of ${count.toLocaleString("en")}` : "no such trial";
    newer.disabled = view.offset === 0;
    older.disabled = trials.length < limit;
  }
  // What was chosen stays so on other pages of the table.
  function choice(index, on) {
    if (on) chosen.add(index);
    else chosen.delete(index);
    compare.disabled = chosen.size < 2;
    compare.textContent = chosen.size ? `Compare ${chosen.size} trials` : "Compare trials";
  }
  return { element, update };
}

// A result, or what was reported last of the metric that is optimised.
function result(trial, metric, objective) {
  if (trial.metrics[metric]) return h("td", { class: "number" }, measured(trial.metrics[metric]));
  if (metric !== objective || !trial.spark.length) return h("td", { class: "number" });
  return h("td", { class: "number reported", title: `reported after step ${trial.step}` }, number(trial.spark.at(-1)));
}
