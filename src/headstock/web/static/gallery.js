// The figures of an experiment.
import { show } from "./charts.js";
import { h } from "./parts.js";
import { get } from "./server.js";

// A figure is drawn when it is opened, and again when something has changed, but not more often than it can bear.
export function box(name, figure, open) {
  const content = h("div", {}, h("p", { class: "waiting" }, "Drawing…"));
  const titles = { trace: "Trace", curves: "Learning curves", contour: "Contour", importances: "Importances", effects: "Marginal effects", slices: "Slices", feasibility: "Feasibility", gain: "Going on", failures: "Failures", validation: "Cross-validation", record: "Predicted and got", distribution: "Distribution", metrics: "Metrics", parallel: "Parallel coordinates", matrix: "Scatter matrix", timeline: "Timeline" };
  const element = h("details", { class: "figure-box", open, "data-figure": figure, ontoggle: () => renew() }, h("summary", {}, titles[figure]), content);
  let [busy, stale, free] = [false, true, 0];

  async function paint() {
    if (busy || !stale || !element.open || !element.isConnected) return;
    const wait = free - performance.now();
    if (wait > 0) return void setTimeout(paint, wait);
    [busy, stale] = [true, false];
    const began = performance.now();
    try {
      await show(content, await get("figure", { experiment: name, figure }));
    } catch (error) {
      content.replaceChildren(h("p", { class: "error" }, error.message));
    }
    free = performance.now() + Math.max(2000, 5 * (performance.now() - began));
    busy = false;
    if (stale) paint();
  }
  function renew() {
    stale = true;
    // The first paint of the page comes first.
    requestAnimationFrame(() => setTimeout(paint, 0));
  }
  return { element, renew };
}
