// The page of a trial.
import { artifacts } from "./artifacts.js";
import { plotCurves } from "./charts.js";
import { facts, h, link, redraw, state, table, written } from "./parts.js";
import { newest } from "./server.js";
import { actions, note } from "./trial_actions.js";
import { ALIVE, bytes, duration, measured, moment, number, total } from "./words.js";

export async function trial(main, name, index) {
  const content = h("div");
  const curves = h("div", { class: "panels" });
  const beliefs = h("p", { class: "goal", role: "status" });
  const log = h("pre", { tabindex: "0", "aria-label": "The end of the log" });
  const printed = h("details", { class: "figure-box", ontoggle: () => read() }, h("summary", {}, "Log"), log);
  const said = h("details", { class: "figure-box" });
  const left = artifacts(name, index);
  main.replaceChildren(content, beliefs, curves, left.element, said, printed);
  const [ofTrial, ofBeliefs, ofLog] = ["trial", "beliefs", "log"].map((path) => {
    const ask = newest(path);
    return () => ask({ experiment: name, trial: index });
  });
  let [asked, ending, count] = ["", null, 0]; // of all trials

  async function read() {
    if (!printed.open) return;
    const answer = await ofLog();
    if (answer === null) return;
    const { lines, limit } = answer;
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    log.textContent = lines.length ? (lines.length === limit ? `… the last ${limit} lines\n` : "") + lines.join("\n") : "There is no log here. headstock run and resume keep what a script prints.";
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function draw({ reports, objective }) {
    const metrics = [objective, ...Object.keys(reports).filter((metric) => metric !== objective)];
    return plotCurves(curves, metrics.map((metric) => [metric, [["reported", reports[metric] ?? []]]]), ending);
  }

  // What the model makes of it takes a while to compute, so it comes after everything else.
  async function believe(found) {
    const about = `${found.state} ${found.step}`;
    if (about === asked) return;
    asked = about;
    const told = await ofBeliefs().catch(() => ({}));
    if (told === null) return;
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
    if (ending) await draw(found);
  }

  async function update(now) {
    if (now) count = total(now.counts);
    const found = await ofTrial();
    if (found === null) return;
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
    const other = (step, words) => (found.index + step >= 0 && found.index + step < count ? link(words, { experiment: name, trial: found.index + step }) : null);
    redraw(
      content,
      h("div", { class: "bar head" }, h("h1", {}, `Trial ${found.index}`), h("span", { class: "push" }), other(-1, "← previous"), other(1, "next →")),
      h("p", {}, state(found.state), found.because ? ` · tried because: ${found.because}` : ""),
      found.error ? h("p", { class: "error" }, found.error) : "",
      found.note ? written(found.note_html) : "",
      h("div", { class: "bar" }, actions(name, found), h("button", { type: "button", class: "small", onclick: () => note(name, found.index, found.note, () => update()) }, "Note…")),
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
    redraw(said, h("summary", {}, "What the scheduler said"), table("What the scheduler said", [{ name: "step", kind: "number" }, "decision", "because"], decisions));
    left.renew();
    await draw(found);
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
