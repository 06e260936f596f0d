// What may be done about a trial, each after a confirmation.
import { ask } from "./dialogs.js";
import { h, tell } from "./parts.js";
import { post } from "./server.js";

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
  const offers = { running: isLed ? [pause, stop] : [stop, giveUp], paused: [goOn, stop, giveUp], queued: [giveUp] }[trial.state] ?? [again];
  return h("span", { class: "actions" }, offers.map((one) => one()));
}

// A note of the user's own, on a trial or on the experiment.
export function note(name, index, text, done) {
  const about = index === null ? "the experiment" : `trial ${index}`;
  const field = h("textarea", { id: "note", rows: 6, maxlength: 10000, class: "wide" });
  field.value = text;
  ask(`Note on ${about}`, "An empty note is none.", [h("label", { for: "note", class: "wide" }, "Note"), field], "Keep", async () => {
    await post("note", { experiment: name, trial: index, text: field.value });
    tell(`The note on ${about} is kept.`);
    await done();
  });
}
