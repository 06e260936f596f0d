// The trials of an experiment, page by page.
import { h, link, query, redraw, state, table } from "./parts.js";
import { newest } from "./server.js";
import { ALIVE, duration, measured, number } from "./words.js";

export function trialTable(name, found) {
  const kind = (parameter) => (parameter.kind === "number" ? "number" : "short");
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
  const newer = h("button", { type: "button", onclick: () => turn({ offset: Math.max(0, view.offset - view.limit) }) }, "Previous");
  const older = h("button", { type: "button", onclick: () => turn({ offset: view.offset + view.limit }) }, "Next");
  const where = h("span", { role: "status" });
  const compare = h(
    "button",
    {
      type: "button",
      disabled: true,
      onclick: () => {
        const chosen = [...place.querySelectorAll("input:checked")].map((one) => one.value);
        location.assign(`/?${query({ experiment: name, trials: chosen.join(",") })}`);
      },
    },
    "Compare trials",
  );
  const bar = h("div", { class: "bar" }, choose, order, newer, older, where, h("span", { class: "push" }), compare);
  const element = h("div", {}, bar, place);

  function turn(difference) {
    Object.assign(view, difference);
    return update();
  }
  async function update() {
    const answer = await page({ experiment: name, offset: view.offset, ...(view.state ? { state: view.state } : {}), ...(view.oldest ? { oldest: "1" } : {}) });
    if (answer === null) return;
    const { trials, limit } = answer;
    view.limit = limit;
    const isEmpty = !trials.length && !view.offset && !view.state;
    bar.hidden = isEmpty;
    if (isEmpty) return place.replaceChildren(h("p", { class: "none" }, "No trial was started yet."));
    const metrics = [...new Set([found.metric, ...trials.flatMap((trial) => Object.keys(trial.metrics))])];
    const numeric = (column) => ({ name: column, kind: "number" });
    const chosen = new Set([...place.querySelectorAll("input:checked")].map((one) => one.value));
    redraw(
      place,
      table(
        "Trials",
        ["", numeric("trial"), "state", ...metrics.map(numeric), ...found.parameters.map((one) => ({ name: one.name, kind: `${kind(one)} cut` })), numeric("time"), "source"],
        trials.map((trial) =>
          h(
            "tr",
            { class: trial.state === "failed" ? "failed" : "" },
            h("td", {}, h("input", { type: "checkbox", value: trial.index, checked: chosen.has(String(trial.index)), "aria-label": `Compare trial ${trial.index}`, onchange: ready })),
            h("td", { class: "number" }, link(String(trial.index), { experiment: name, trial: trial.index }), trial.note ? h("span", { class: "noted", title: trial.note, role: "img", "aria-label": "has a note" }, "✎") : null),
            h("td", {}, state(trial.state)),
            metrics.map((metric) => result(trial, metric, found.metric)),
            found.parameters.map((one) => h("td", { class: kind(one), title: trial.parameters[one.name] }, one.name in trial.parameters ? number(trial.parameters[one.name]) : "")),
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

// A result, or what was reported last of the metric that is optimised.
function result(trial, metric, objective) {
  if (trial.metrics[metric]) return h("td", { class: "number" }, measured(trial.metrics[metric]));
  if (metric !== objective || !trial.spark.length) return h("td", { class: "number" });
  return h("td", { class: "number reported", title: `reported after step ${trial.step}` }, number(trial.spark.at(-1)));
}
