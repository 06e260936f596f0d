// Small parts of pages. What users wrote becomes text of the page, never markup.
import { ago, moment, number, total } from "./words.js";

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

// A note: the server wrote its HTML, in which what users wrote is escaped.
export function written(html) {
  const made = h("div", { class: "written" });
  made.innerHTML = html;
  return made;
}

export const query = (what) => new URLSearchParams(what).toString();
export const link = (words, address, attributes = {}) => h("a", { href: `/?${query(address)}`, ...attributes }, words);

export function tell(words) {
  const line = h("p", {}, words);
  document.getElementById("news").append(line);
  setTimeout(() => line.remove(), 8000);
}

export const state = (name, count) =>
  h("span", { class: `state ${name}` }, count === undefined ? name : `${count.toLocaleString("en")} ${name}`);

export const states = (counts) =>
  h("ul", { class: "states" }, Object.entries(counts).map(([name, count]) => h("li", {}, state(name, count))));

// How many trials are in each state, as parts of a bar; the words beside it say the same.
export const shares = (counts, most = 0) =>
  h(
    "div",
    { class: "shares", "aria-hidden": "true" },
    Object.entries(counts).map(([name, count]) => h("span", { class: `share ${name}`, style: `flex-grow: ${count}` })),
    h("span", { style: `flex-grow: ${Math.max(0, most - total(counts))}` }),
  );

// A moment as the time that has passed since, which goes on by itself.
export const since = (seconds) => h("time", { datetime: new Date(1000 * seconds).toISOString(), title: moment(seconds), "data-seconds": seconds }, ago(seconds));
setInterval(() => {
  for (const one of document.querySelectorAll("time[data-seconds]")) one.textContent = ago(Number(one.dataset.seconds));
}, 15_000);

// A click is lost where what was pressed is replaced before it is let go.
let held = null; // until the pointer is let go and its click was answered
for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
  addEventListener(kind, ({ buttons }) => {
    if (buttons & 1) held ??= Promise.withResolvers();
    else if (held) setTimeout(() => (held?.resolve(), (held = null)));
  }, true);

// Draws anew, and leaves the reader where he is: the focus, what is unfolded, how far it is scrolled. What he presses
// stays until he lets it go.
export async function redraw(place, ...children) {
  while (held) await held.promise;
  const called = (one) => `${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent}`;
  const all = (what, of) => [...place.querySelectorAll(what)].map((one) => [called(one), of(one)]);
  const focused = place.contains(document.activeElement) ? called(document.activeElement) : null;
  const scrolled = new Map(all(".scroll", (one) => one.scrollLeft));
  const unfolded = new Map(all("summary", (one) => one.parentElement.open));
  place.replaceChildren(...children);
  for (const one of place.querySelectorAll(".scroll")) one.scrollLeft = scrolled.get(called(one)) ?? 0;
  for (const one of place.querySelectorAll("summary")) one.parentElement.open = unfolded.get(called(one)) ?? false;
  if (focused !== null) [...place.querySelectorAll("a, button, input, summary, pre, .scroll")].find((one) => called(one) === focused)?.focus({ preventScroll: true });
}

// Names with values; of very many, the others unfold.
const NAMED = 12;
export function facts(pairs) {
  const list = (some) => h("dl", {}, some.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value instanceof Node ? value : number(value))]));
  const all = Object.entries(pairs);
  if (all.length <= NAMED) return list(all);
  const others = h(
    "details",
    {},
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
  const title = (words) => (words.kind?.includes("cut") ? words.title : null);
  const head = heads.map((words) => h("th", { scope: "col", class: words.kind ?? "", title: title(words), "aria-sort": words.sorted }, words.name ?? words));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
  );
}
