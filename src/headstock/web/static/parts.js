// Small parts of pages. What users wrote becomes text of the page, never markup.

export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export const query = (what) => new URLSearchParams(what).toString();
export const link = (words, address, attributes = {}) => h("a", { href: `/?${query(address)}`, ...attributes }, words);

export async function get(path, what = {}) {
  return answer(await fetch(`/api/${path}?${query(what)}`));
}

// Asks like `get`, but an answer that a later question has overtaken is null: it is not drawn.
export function newest(path) {
  let asked = 0;
  return async (what) => {
    const mine = ++asked;
    const found = await get(path, what);
    return mine === asked ? found : null;
  };
}

export async function post(path, what) {
  const headers = { "Content-Type": "application/json" };
  return answer(await fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(what) }));
}

async function answer(response) {
  if (response.headers.get("content-type")?.startsWith("application/json")) {
    const found = await response.json();
    if (response.ok) return found;
    throw new Error(found.error);
  }
  throw new Error((await response.text()) || response.statusText);
}

export function tell(words) {
  const line = h("p", {}, words);
  document.getElementById("news").append(line);
  setTimeout(() => line.remove(), 8000);
}

export function number(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(4));
  return Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

// A long value whose ends tell it from others.
export const brief = (words) => (words.length <= 40 ? words : `${words.slice(0, 26)}…${words.slice(-13)}`);

export const measured = ([mean, sem]) => (sem === null ? number(mean) : `${number(mean)} ± ${number(Number(sem.toPrecision(2)))}`);
export const moment = (seconds) => (seconds === null ? "" : new Date(1000 * seconds).toLocaleString());

export function duration(seconds) {
  if (seconds === null) return "";
  if (seconds < 120) return `${number(Number(seconds.toPrecision(3)))} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export function bytes(size) {
  const unit = Math.min(4, Math.floor(Math.log(Math.max(size, 1)) / Math.log(1000)));
  return `${number(Number((size / 1000 ** unit).toPrecision(3)))} ${["bytes", "kB", "MB", "GB", "TB"][unit]}`;
}

export const state = (name, count) =>
  h("span", { class: `state ${name}` }, count === undefined ? name : `${count.toLocaleString("en")} ${name}`);

export const states = (counts) =>
  h("ul", { class: "states" }, Object.entries(counts).map(([name, count]) => h("li", {}, state(name, count))));

// Names with values; of very many, the others unfold. Where it was unfolded, it stays so when it is drawn anew.
const NAMED = 12;
let unfolded = false;
export function facts(pairs) {
  const list = (some) => h("dl", {}, some.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, number(value))]));
  const all = Object.entries(pairs);
  if (all.length <= NAMED) return list(all);
  const others = h(
    "details",
    { open: unfolded, ontoggle: (event) => (unfolded = event.target.open) },
    h("summary", {}, `${all.length - NAMED} more`),
    list(all.slice(NAMED)),
  );
  return [list(all.slice(0, NAMED)), others];
}

export function spark(values) {
  if (values.length < 2) return "";
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, i) => [
    (110 * i) / (values.length - 1),
    high > low ? 22 - (20 * (value - low)) / (high - low) : 12,
  ]);
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("class", "spark");
  picture.setAttribute("viewBox", "0 0 110 24");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `from ${number(values[0])} to ${number(values.at(-1))}`);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  picture.append(line);
  return picture;
}

export function table(label, heads, rows) {
  const head = heads.map((words) => h("th", { scope: "col", class: words.kind ?? "", title: words.kind === "short" ? words.name : null }, words.name ?? words));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
  );
}

// A question in a dialog; `act` is done when it is confirmed, and what is refused is said in place.
export function ask(title, words, fields, label, act) {
  const error = h("p", { class: "error", role: "alert" });
  const confirm = h("button", { class: "main", type: "submit" }, label);
  const form = h(
    "form",
    {
      method: "dialog",
      onsubmit: async (event) => {
        event.preventDefault();
        confirm.disabled = true;
        try {
          await act();
          dialog.close();
        } catch (refused) {
          error.textContent = refused.message;
        }
        confirm.disabled = false;
      },
    },
    h("h2", { id: "asked" }, title),
    words ? h("p", {}, words) : null,
    fields.length ? h("div", { class: "fields" }, fields) : null,
    error,
    h("div", { class: "bar" }, confirm, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
  );
  const dialog = h("dialog", { "aria-labelledby": "asked", onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

// Plotly is large and loaded when the first figure is looked at.
let drawer = null;
const load = (source) =>
  new Promise((done, failed) => document.head.append(h("script", { src: source, onload: done, onerror: failed })));

export async function draw(place, figure) {
  drawer ??= Promise.all([load("/static/plotly.js"), fetch("/static/templates.json").then((found) => found.json())]).then(
    ([, templates]) => figureDrawer(templates),
  );
  return (await drawer)(place, figure);
}

// A section as the report has it: the server wrote its HTML, in which what users wrote is escaped.
export async function show(box, { html, data }) {
  const places = [...box.querySelectorAll(".figure")];
  const names = Object.keys(data);
  const same = places.length === names.length && places.length && places.every((place) => names.includes(place.dataset.name));
  if (!same) box.innerHTML = html;
  for (const place of box.querySelectorAll(".figure")) await draw(place, data[place.dataset.name]);
}
