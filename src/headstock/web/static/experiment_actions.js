// What may be done about an experiment, each after a confirmation.
import { ask } from "./dialogs.js";
import { h, query, tell } from "./parts.js";
import { get, post } from "./server.js";
import { BOUNDS, decimal } from "./words.js";

export function rename(name) {
  const field = h("input", { id: "new-name", maxlength: 200, class: "wide" });
  field.value = name;
  const words = "Programs that have it open know it by the old name, and have to open it again.";
  ask("Rename the experiment", words, [h("label", { for: "new-name", class: "wide" }, "New name"), field], "Rename", async () => {
    await post("rename", { experiment: name, name: field.value });
    location.assign(`/?${query({ experiment: field.value })}`);
  });
}

export async function remove(name) {
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

export function budget(name, found) {
  const fields = Object.entries(BOUNDS).map(([bound, words]) => [
    h("label", { for: `bound-${bound}` }, words),
    h("input", { id: `bound-${bound}`, inputmode: "decimal", value: found.budget[bound] ?? "", placeholder: "as told" }),
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

export function suggest(name) {
  const words = "It is yours to evaluate: its page shows the parameters, and takes the result when you have it. What is queued comes first.";
  ask("Suggest a trial?", words, [], "Suggest", async () => {
    const trial = await post("ask", { experiment: name });
    location.assign(`/?${query({ experiment: name, trial: trial.index })}`);
  });
}

function field(parameter) {
  const attributes = { id: `field-${parameter.name}`, name: parameter.name };
  const control =
    parameter.kind === "choice"
      ? h("select", attributes, h("option", { value: "" }, "suggested"), parameter.values.map((value, i) => h("option", { value: i }, String(value))))
      : h("input", { ...attributes, inputmode: "decimal", placeholder: "suggested" });
  return [h("label", { for: attributes.id }, parameter.name), control];
}

export function enqueue(name, found) {
  const searched = found.parameters.filter((parameter) => parameter.kind !== "fixed");
  const fields = searched.map(field);
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

export function widen(name, found) {
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
