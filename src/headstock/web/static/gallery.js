// The figures of an experiment. Which ones are open stands in the address, so that they are after a reload, too.
import { keep, told } from "./address.js";
import { discard, renewal, show } from "./charts.js";
import { h } from "./parts.js";
import { get } from "./server.js";

const TITLES = {
  summary: "What was found?", trace: "Trace", curves: "Learning curves", contour: "Contour", importances: "Importances", effects: "Marginal effects",
  slices: "Slices", feasibility: "Feasibility", gain: "Going on", failures: "Failures", validation: "Cross-validation", record: "Predicted and got",
  distribution: "Distribution", metrics: "Metrics", hypervolume: "Hypervolume", parallel: "Parallel coordinates", matrix: "Scatter matrix", timeline: "Timeline", conditions: "Conditions",
};

export function gallery(name, offered) {
  const wanted = (told("figures") ?? "trace").split(",").filter((figure) => offered.includes(figure));
  const shown = new Map(); // by figure, what draws it
  const place = h("div");
  const chips = offered.map((figure) => h("button", { type: "button", class: "chip", value: figure, "aria-pressed": "false", onclick: () => turn(figure) }, TITLES[figure]));

  function turn(figure) {
    if (shown.has(figure)) {
      discard(shown.get(figure).element);
      shown.delete(figure);
    } else open(figure);
    press();
    keep({ figures: [...place.children].map((one) => one.dataset.figure).join(",") || "none" });
  }
  // What was chosen last stands first, where it is looked for.
  function open(figure) {
    const made = box(name, figure, () => turn(figure));
    shown.set(figure, made);
    place.prepend(made.element);
    made.renew();
  }
  function press() {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(shown.has(chip.value)));
  }
  for (const figure of wanted.toReversed()) open(figure);
  press();
  return {
    element: h("div", {}, h("div", { class: "chips", role: "group", "aria-label": "Figures" }, chips), place),
    renew: () => shown.forEach((one) => one.renew()),
  };
}

function box(name, figure, close) {
  const content = h("div", { class: "drawn" }, h("p", { class: "waiting" }, "Drawing…"));
  const head = h("div", { class: "bar" }, h("h3", {}, TITLES[figure]), h("span", { class: "push" }), h("button", { type: "button", class: "small", "aria-label": `Close ${TITLES[figure]}`, onclick: close }, "Close"));
  const element = h("section", { class: "figure-box", "data-figure": figure, "aria-label": TITLES[figure] }, head, content);
  return { element, renew: renewal(content, async () => show(content, await get("figure", { experiment: name, figure }))) };
}
