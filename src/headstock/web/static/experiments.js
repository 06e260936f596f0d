// The list of experiments.
import { h, link, query, redraw, shares, since, states, table } from "./parts.js";
import { get } from "./server.js";
import { best, goal, total } from "./words.js";

export async function list(main) {
  const body = h("tbody");
  const compare = h("button", { type: "submit", disabled: true }, "Compare the best so far");
  const form = h(
    "form",
    {
      method: "get",
      action: "/",
      onsubmit: (event) => {
        event.preventDefault();
        const names = [...form.querySelectorAll("input:checked")].map((box) => ["compare", box.value]);
        location.assign(`/?${query(names)}`);
      },
      onchange: () => (compare.disabled = form.querySelectorAll("input:checked").length < 2),
    },
    h("div", { class: "bar head" }, h("h1", {}, "Experiments"), h("span", { class: "push" }), h("a", { class: "button main", href: "/?new" }, "New experiment")),
    h("p", { class: "goal" }),
    table("Experiments", ["", "experiment", { name: "best", kind: "number" }, "trials", { name: "last news", kind: "aside" }], []),
    h("div", { class: "bar" }, compare),
  );
  form.querySelector("tbody").replaceWith(body);
  main.replaceChildren(form);

  function update(experiments) {
    const chosen = new Set([...form.querySelectorAll("input:checked")].map((box) => box.value));
    redraw(
      body,
      ...experiments.toReversed().map((found) =>
        h(
          "tr",
          {},
          h("td", {}, h("input", { type: "checkbox", value: found.name, checked: chosen.has(found.name), "aria-label": `Compare ${found.name}` })),
          h("td", { class: "name" }, link(found.name, { experiment: found.name }), h("div", { class: "goal" }, goal(found))),
          h("td", { class: "number" }, best(found)),
          h("td", { class: "progress" }, progress(found.counts)),
          h("td", { class: "aside" }, since(found.updated)),
        ),
      ),
    );
    if (!experiments.length) body.append(h("tr", {}, h("td", { colspan: 5 }, "There is no experiment yet. Create one here, or with headstock run.")));
  }
  const { experiments, storage } = await get("experiments");
  form.querySelector(".goal").textContent = storage;
  update(experiments);
  return { update };
}

// On a phone only how many there are and the bar.
function progress(counts) {
  if (!total(counts)) return h("span", { class: "none-yet" }, "none yet");
  return [h("span", { class: "total" }, total(counts).toLocaleString("en")), states(counts), shares(counts)];
}
