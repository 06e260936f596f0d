"use strict";

// What is in the page as data, compressed.
const stored = (name) => document.getElementById(name);
async function unpacked(name) {
  const bytes = Uint8Array.from(atob(stored(name).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
const read = async (name) => JSON.parse(await unpacked(`data-${name}`));

async function drawFigures() {
  const templates = await read("templates");
  (0, eval)(await unpacked("plotly")); // plotly's own script: the policy of this page lets only this one run by itself
  const drawFigure = figureDrawer(templates);
  const shown = [...document.querySelectorAll(".figure")].map(async (place) => drawFigure(place, await read(place.dataset.name)));
  await Promise.allSettled(shown);
  document.body.classList.add("drawn");
}

// The table of trials: sorted, filtered and paged here, so that thousands of rows cost only the page in view.
const PAGE = 50;
let [columns, rows, best, stateColumn] = [[], [], null, 0];
const view = { column: 0, ascending: true, words: "", state: "", page: 0 };
const element = (id) => document.getElementById(id);

function number(value) {
  if (Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(5));
  return Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

function compare(a, b) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1; // what is missing comes last, either way
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return view.ascending ? order : -order;
}

function selected() {
  const words = view.words.toLowerCase();
  return rows
    .filter((row) => !view.state || row[stateColumn] === view.state)
    .filter((row) => !words || row.some((cell) => cell !== null && String(cell).toLowerCase().includes(words)))
    .sort((a, b) => compare(a[view.column], b[view.column]) || a[0] - b[0]);
}

function cell(value, column) {
  const made = document.createElement("td");
  made.className = column.kind;
  if (value === null) return made;
  made.textContent = typeof value === "number" ? number(value) : String(value);
  if (typeof value === "number" || column.kind === "long") made.title = String(value);
  return made;
}

function draw() {
  const found = selected();
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  view.page = Math.min(Math.max(view.page, 0), pages - 1);
  const body = document.createElement("tbody");
  for (const row of found.slice(view.page * PAGE, (view.page + 1) * PAGE)) {
    const line = body.insertRow();
    line.classList.toggle("failed", row[stateColumn] === "failed");
    line.classList.toggle("best", row[0] === best);
    line.addEventListener("click", () => line.classList.toggle("open")); // a long reason or error is shown whole
    line.append(...row.map((value, i) => cell(value, columns[i])));
  }
  element("table").tBodies[0].replaceWith(body);
  for (const [i, head] of [...element("table").tHead.rows[0].cells].entries()) {
    if (i === view.column) head.setAttribute("aria-sort", view.ascending ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
    head.querySelector("span").textContent = i === view.column ? (view.ascending ? " ▲" : " ▼") : "";
  }
  element("count").textContent =
    `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} trials` +
    (pages > 1 ? `, page ${view.page + 1} of ${pages}` : "");
  element("previous").disabled = view.page === 0;
  element("next").disabled = view.page === pages - 1;
  for (const button of [element("previous"), element("next")]) button.hidden = pages === 1;
}

function change(difference) {
  Object.assign(view, { page: 0 }, difference);
  draw();
}

function head(column, i) {
  const made = document.createElement("th");
  const button = document.createElement("button");
  button.type = "button";
  button.append(column.name, document.createElement("span"));
  button.addEventListener("click", () =>
    change({ column: i, ascending: i === view.column ? !view.ascending : column.kind !== "number" || i === 0 }),
  );
  made.scope = "col";
  made.className = column.kind;
  made.append(button);
  return made;
}

async function fillTable() {
  if (!stored("data-trials")) return;
  ({ columns, rows, best } = await read("trials"));
  stateColumn = columns.findIndex((column) => column.kind === "state");
  element("table").tHead.rows[0].append(...columns.map(head));
  for (const state of new Set(rows.map((row) => row[stateColumn]))) element("states").add(new Option(state));
  element("words").addEventListener("input", (event) => change({ words: event.target.value }));
  element("states").addEventListener("change", (event) => change({ state: event.target.value }));
  element("previous").addEventListener("click", () => change({ page: view.page - 1 }));
  element("next").addEventListener("click", () => change({ page: view.page + 1 }));
  draw();
}

if ("DecompressionStream" in window) fillTable().then(drawFigures);
else for (const place of document.querySelectorAll(".figure")) place.textContent = "This browser is too old to draw figures.";
