// A form for a new experiment. What evaluates it is not asked for: a worker is told that, on its own machine.
import { h, query } from "./parts.js";
import { post } from "./server.js";

const KINDS = { number: "number", whole: "whole number", choice: "one of several", flag: "yes or no" };
const PARAMETERS = 1; // how many empty ones there are to begin with
let made = 0;

function labelled(label, input, hint) {
  input.id = `new-${++made}`;
  return { input, element: h("div", { class: "field" }, h("label", { for: input.id }, label), input, hint ? h("small", {}, hint) : null) };
}
const field = (label, attributes, hint) => labelled(label, h("input", { autocomplete: "off", ...attributes }), hint);
const choose = (label, options) => labelled(label, h("select", {}, Object.entries(options).map(([value, words]) => h("option", { value }, words))));
const lines = (label, hint) => labelled(label, h("textarea", { rows: 2, spellcheck: "false" }), hint);

export async function create(main) {
  const name = field("Name", { required: true, maxlength: 200 });
  const direction = choose("Goal", { maximize: "maximise", minimize: "minimise", judged: "persons judge" });
  const metric = field("Metric", { required: true, maxlength: 200, placeholder: "accuracy" });
  const bounds = {
    trials: field("Trials in all", { inputmode: "numeric" }),
    steps: field("Steps in all", { inputmode: "numeric" }, "of training"),
    seconds: field("Seconds of a run", { inputmode: "decimal" }),
    cost: field("Cost in all", { inputmode: "decimal" }, "of the metric cost"),
    target: field("Good enough", { inputmode: "decimal" }, "a value of the metric"),
  };
  const outcomes = lines("Bounds on other metrics", "one a line, such as latency <= 20");
  const rules = lines("Bounds on parameters together", "one a line, such as x1 + x2 <= 1.5");
  const rows = h("div", { class: "rows" });
  const parameters = new Set();
  const error = h("p", { class: "error", role: "alert" });
  const confirm = h("button", { class: "main", type: "submit" }, "Create");

  function add() {
    const one = parameter(() => {
      parameters.delete(one);
      one.element.remove();
    });
    parameters.add(one);
    rows.append(one.element);
    return one;
  }

  function told() {
    const named = [...parameters].map((one) => one.told());
    const twice = named.find(([given], i) => named.findIndex(([other]) => other === given) < i);
    if (twice) throw new Error(`There are two parameters ${twice[0]}. Give each a name of its own.`);
    const texts = ({ input }) => input.value.split("\n").filter((line) => line.trim() !== "");
    const when = [...parameters].map((one) => one.when()).filter(Boolean);
    return {
      name: name.input.value,
      ...(direction.input.value === "judged" ? { maximize: metric.input.value, judged: true } : { [direction.input.value]: metric.input.value }),
      parameters: Object.fromEntries(named),
      ...(when.length ? { when } : {}),
      ...(texts(rules).length ? { constraints: texts(rules) } : {}),
      ...(texts(outcomes).length ? { outcome_constraints: texts(outcomes) } : {}),
      ...Object.fromEntries(Object.entries(bounds).filter(([, { input }]) => input.value.trim() !== "").map(([bound, { input }]) => [bound, numeric(input.value)])),
    };
  }

  const form = h(
    "form",
    {
      class: "new",
      onsubmit: async (event) => {
        event.preventDefault();
        confirm.disabled = true;
        error.textContent = "";
        try {
          const created = await post("create", told());
          location.assign(`/?${query({ experiment: created.name })}`);
        } catch (refused) {
          error.textContent = refused.message;
          confirm.disabled = false;
        }
      },
    },
    h("h1", {}, "New experiment"),
    h("p", { class: "goal" }, "It waits for workers, which are started where the training is: nothing that could be run is stored."),
    h("fieldset", { class: "across" }, h("legend", {}, "What for"), name.element, direction.element, metric.element),
    h("fieldset", {}, h("legend", {}, "Parameters"), rows, h("button", { type: "button", onclick: () => add().focus() }, "Add a parameter")),
    h("fieldset", { class: "across" }, h("legend", {}, "Budget"), Object.values(bounds).map((one) => one.element)),
    h("details", {}, h("summary", {}, "Constraints"), h("div", { class: "across" }, outcomes.element, rules.element)),
    error,
    h("div", { class: "bar" }, confirm, h("a", { href: "/" }, "Cancel")),
  );
  for (let i = 0; i < PARAMETERS; i += 1) add();
  main.replaceChildren(form);
  name.input.focus();
  return {};
}

// One parameter: what it tells is written as in a study file.
function parameter(remove) {
  const name = field("Parameter", { required: true, placeholder: "lr" });
  const kind = choose("Kind", KINDS);
  const low = field("From", { inputmode: "decimal", required: true });
  const high = field("To", { inputmode: "decimal", required: true });
  const scale = choose("Scale", { linear: "linear", log: "logarithmic" });
  const values = field("Values", { placeholder: "sgd, adamw", required: true });
  const under = field("Only if", { placeholder: "optimizer=sgd" });
  const element = h(
    "div",
    { class: "across row", role: "group", "aria-label": "A parameter" },
    [name, kind, low, high, scale, values, under].map((one) => one.element),
    h("button", { type: "button", class: "small", onclick: () => remove(), "aria-label": "Remove this parameter" }, "Remove"),
  );
  // A field that does not belong to the kind is neither shown nor required.
  function fit() {
    const ranged = ["number", "whole"].includes(kind.input.value);
    for (const [one, fits] of [[low, ranged], [high, ranged], [scale, ranged], [values, kind.input.value === "choice"]]) {
      one.element.hidden = !fits;
      one.input.disabled = !fits;
    }
  }
  kind.input.addEventListener("change", fit);
  fit();
  function told() {
    const range = { low: numeric(low.input.value), high: numeric(high.input.value), log: scale.input.value === "log" };
    const written = { number: range, whole: { ...range, type: "int" }, choice: values.input.value, flag: "flag" }[kind.input.value];
    return [name.input.value.trim(), written];
  }
  const when = () => (under.input.value.trim() ? `${name.input.value.trim()}: ${under.input.value}` : null);
  return { element, told, when, focus: () => name.input.focus() };
}

// A number where it is one; anything else is for the server to refuse in words.
function numeric(text) {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) ? value : text;
}
