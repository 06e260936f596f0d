// The page of a person who judges: two trials, and which of them is better.
import { artifacts } from "./artifacts.js";
import { facts, h, link, redraw, since, table, tell, written } from "./parts.js";
import { get, post } from "./server.js";
import { measured, number } from "./words.js";

const KEYS = { ArrowLeft: 0, ArrowRight: 1 };
const SKIPPED = 30; // the newest pairs that are not asked for again

export async function judge(main, name) {
  const { metric } = await get("experiment", { experiment: name });
  const sides = ["←", "→"].map((key, i) => side(name, metric, key, () => prefer(i)));
  const place = h("div", { class: "sides" }, sides.map((one) => one.element));
  const [words, done] = ["", "done"].map((kind) => h("p", { class: `goal ${kind}`, role: "status" }));
  const [ranking, said] = [h("div"), h("div")];
  const skip = h("button", { type: "button", "aria-keyshortcuts": "s", onclick: () => pass() }, "Skip", keys(" (S)"));
  const back = h("button", { type: "button", "aria-keyshortcuts": "z", onclick: () => takeBack() }, "Take back", keys(" (Z)"));
  main.replaceChildren(
    h("h1", {}, "Which is better?"),
    words,
    place,
    h("div", { class: "bar" }, skip, back, done),
    h("h2", {}, "Ranking"),
    ranking,
    h("h2", {}, "What was said"),
    said,
  );
  let [shown, newest, skipped] = [null, null, []]; // the two trials, and the newest of all comparisons
  let own = null; // what was said here and not taken back; null before anything was

  // One thing after the other: what is pressed while an answer is under way is not about the pair that comes then.
  async function alone(act) {
    if (place.ariaBusy === "true") return;
    place.ariaBusy = "true";
    try {
      await act();
      await renew(true);
    } catch (error) {
      tell(error.message);
    }
    place.ariaBusy = "false";
  }
  const prefer = (i) =>
    alone(async () => {
      if (shown === null) return;
      const [better, worse] = [shown[i].index, shown[1 - i].index];
      const { said } = await post("prefer", { experiment: name, trial: better, worse: [worse] });
      own = [...(own ?? []), said];
      done.textContent = `Kept: trial ${better} is better than trial ${worse}.`;
    });
  const pass = () =>
    alone(async () => {
      if (shown !== null) skipped = [...skipped, shown.map((one) => one.index).join("-")].slice(-SKIPPED);
    });
  // One's own, for others may have judged meanwhile; who has just opened the page means the newest there is.
  const takeBack = () =>
    alone(async () => {
      const said = own === null ? newest : own.at(-1);
      if (!said) return;
      own = own?.slice(0, -1) ?? null;
      await post("back", { experiment: name, said });
      done.textContent = `Taken back: trial ${said[0]} is better than trial ${said[1].join(", ")}.`;
    });

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest("input, textarea, select, audio, video, pre, .scroll, dialog")) return;
    const act = event.key in KEYS ? () => prefer(KEYS[event.key]) : { s: pass, z: takeBack }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // What is looked at stays while others judge, too: another pair is asked for after an answer.
  async function renew(isAnswered) {
    const found = await get("pair", new URLSearchParams([["experiment", name], ...skipped.map((one) => ["skip", one])]));
    newest = found.said[0] ?? null;
    if (isAnswered || shown === null) {
      shown = found.pair;
      sides.forEach((one, i) => one.show(shown?.[i] ?? null, shown?.[1 - i] ?? null));
    }
    place.hidden = shown === null;
    skip.disabled = shown === null;
    back.disabled = own === null ? newest === null : !own.length;
    if (shown === null) words.replaceChildren(nothing(skipped.length));
    else words.replaceChildren("The two that are worth most to compare.", keys(" Arrow keys answer."), never(found.uncompared));
    redraw(ranking, found.ranking.length ? ranked(name, metric, found.ranking) : h("p", {}, "Nothing was compared yet."));
    redraw(said, found.said.length ? h("ol", { class: "said", reversed: true, start: found.count }, found.said.map((one) => sentence(name, one))) : h("p", {}, "Nothing yet."));
  }
  await renew(true);
  return { update: () => renew(false) };
}

const keys = (words) => h("span", { class: "keys" }, words); // not shown where there are none
const never = (count) => (count ? ` ${count} ${count === 1 ? "trial was" : "trials were"} never compared.` : "");
const nothing = (skipped) => (skipped ? "There is nothing else to compare for now: you have skipped the rest. Load the page anew to see it again." : "There are no two finished trials to compare yet.");

// One of the two trials; its elements stay, so that the focus does. What others think of it is not shown.
function side(name, judged, key, act) {
  const heading = h("h2");
  const content = h("div", { class: "seen" });
  const button = h("button", { type: "button", class: "main", onclick: act });
  const element = h("section", { class: "card" }, heading, content, button);
  let files = null;

  function show(trial, other) {
    if (trial === null) return;
    const measures = Object.fromEntries(Object.entries(trial.metrics).filter(([metric]) => metric !== judged).map(([metric, value]) => [metric, measured(value)]));
    const values = Object.fromEntries(Object.entries(trial.parameters).map(([parameter, value]) => [parameter, value === other.parameters[parameter] ? value : h("mark", {}, number(value))]));
    files = artifacts(name, trial.index);
    heading.replaceChildren(link(`Trial ${trial.index}`, { experiment: name, trial: trial.index }));
    element.setAttribute("aria-label", `Trial ${trial.index}`);
    content.replaceChildren(
      h("div", {}, files.element),
      h("div", {}, facts(values)),
      h("div", {}, Object.keys(measures).length ? facts(measures) : null, trial.note_html ? written(trial.note_html) : null),
    );
    button.textContent = `${key} Trial ${trial.index} is better`;
    files.renew();
  }
  return { element, show };
}

function ranked(name, metric, ranking) {
  const row = ({ index, appeal, won, lost }, i) =>
    h("tr", {}, h("td", { class: "number" }, String(i + 1)), h("td", {}, link(String(index), { experiment: name, trial: index })), h("td", { class: "number" }, measured(appeal)), h("td", { class: "number" }, String(won)), h("td", { class: "number" }, String(lost)));
  return table("Ranking", [{ name: "place", kind: "number" }, "trial", { name: metric, kind: "number" }, { name: "better", kind: "number" }, { name: "worse", kind: "number" }], ranking.map(row));
}

function sentence(name, [better, worse, time]) {
  const one = (index) => link(`trial ${index}`, { experiment: name, trial: index });
  return h("li", {}, one(better), " is better than ", worse.flatMap((index, i) => [i ? ", " : "", one(index)]), " · ", since(time));
}
