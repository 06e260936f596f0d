// What may be done about a trial, each after a confirmation.
import { ask } from "./dialogs.js";
import { h, tell } from "./parts.js";
import { get, post } from "./server.js";
import { decimal } from "./words.js";

export function actions(name, trial) {
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
    offer("Pause", "After its next report its state is saved and its slot is free. It goes on when somebody says so.", "pause", (now) => `Trial ${now.index} is asked to pause.`);
  const goOn = () => offer("Go on", "It is queued, and goes on before anything new begins.", "unpause", (now) => `Trial ${now.index} is queued.`);
  const stop = () =>
    offer("Stop", `What it has reported is its result${isLed ? "; it ends after its next report" : ""}. It is not trained any further.`, "stop", ended);
  const giveUp = () => offer("Give up", "It ends as abandoned, without a result, and is not evaluated any further.", "abandon", ended);
  const again = () => offer("Try again", "Its parameters are queued once more.", "retry", (now) => `Trial ${now.index} is queued.`);
  const told = () => h("button", { type: "button", class: "small", "aria-label": `Tell the result of trial ${trial.index}`, onclick: () => result(name, trial.index) }, "Tell the result…");
  const offers = { running: isLed ? [pause, stop] : [told, stop, giveUp], paused: [goOn, stop, giveUp], queued: [told, giveUp] }[trial.state] ?? [again];
  return h("span", { class: "actions" }, offers.map((one) => one()));
}

// The result of a trial that somebody evaluates by hand.
async function result(name, index) {
  const { required, others } = await get("metrics", { experiment: name }).catch((error) => (tell(error.message), {}));
  if (required === undefined) return;
  const rows = [...required, ...others].map((metric, i) => ({
    metric,
    mean: h("input", { id: `mean-${i}`, inputmode: "decimal", autocomplete: "off" }),
    sem: h("input", { inputmode: "decimal", autocomplete: "off", placeholder: "± error", "aria-label": `standard error of ${metric}` }),
  }));
  const reason = h("input", { id: "reason", autocomplete: "off", placeholder: "if it did" });
  const fields = rows.flatMap(({ metric, mean, sem }) => [h("label", { for: mean.id }, metric), h("div", { class: "pair" }, mean, sem)]);
  const words = required.length ? "It is final, and the model learns from it. A standard error is left out where none is known" : "It is done, and can be compared then. Nothing has to be measured";
  ask(`The result of trial ${index}`, `${words}${required.length && others.length ? `, and so may be ${others.join(", ")}` : ""}.`, [...fields, h("label", { for: "reason" }, "Why it failed"), reason], "Keep it", async () => {
    const what = { experiment: name, trial: index };
    const given = rows.filter(({ mean, sem }) => mean.value.trim() || sem.value.trim());
    if (reason.value.trim()) what.failed = reason.value.trim();
    if (given.length || !what.failed)
      what.metrics = Object.fromEntries(given.map(({ metric, mean, sem }) => [metric, [decimal(metric, mean.value), sem.value.trim() ? decimal(`The error of ${metric}`, sem.value) : null]]));
    const now = await post("tell", what);
    tell(`Trial ${index} is ${now.state}.`);
  });
}

// A note of the user's own, on a trial or on the experiment.
export function note(name, index, text, done) {
  const about = index === null ? "the experiment" : `trial ${index}`;
  const field = h("textarea", { id: "note", rows: 6, maxlength: 10000, class: "wide" });
  field.value = text;
  ask(`Note on ${about}`, "In Markdown. An empty note is none.", [h("label", { for: "note", class: "wide" }, "Note"), field], "Keep", async () => {
    await post("note", { experiment: name, trial: index, text: field.value });
    tell(`The note on ${about} is kept.`);
    await done();
  });
}
