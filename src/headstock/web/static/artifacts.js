// The files that trainings have left. The server says what each one is; names and texts become text of the page.
import { renewal } from "./charts.js";
import { h, link, query, since, table } from "./parts.js";
import { get } from "./server.js";
import { brief, bytes, harmless } from "./words.js";

const READ = 20_000; // bytes of a text

// The newest files of a trial; those that one sees stand before the others.
export function artifacts(name, index) {
  const [heading, place, others] = [h("h2", {}, "Files"), h("div", { class: "artifacts" }), h("p", { class: "goal" })];
  const made = items(brief);
  const isSeen = ({ kind }) => kind === "picture" || kind === "video";

  async function paint() {
    const { files, count, whole } = await get("artifacts", { experiment: name, trial: index });
    element.hidden = !files.length;
    settle(element, [heading, place, others]);
    settle(place, [...files.filter(isSeen), ...files.filter((file) => !isSeen(file))].map((file) => made(name, index, file)));
    others.textContent = count > files.length ? `… and ${(count - files.length).toLocaleString("en")}${whole ? "" : " or more"} older files.` : "";
  }
  const element = h("section", { hidden: true, "aria-label": "Files" });
  return { element, renew: renewal(element, paint) };
}

// The files of several trials: those of one name stand beside each other.
export function artifactsCompared(name, indices) {
  const made = items(() => "Download");
  const rows = new Map(); // by name
  const body = h("tbody");
  const whole = table("Files compared", ["", ...indices.map((index) => ({ name: link(`trial ${index}`, { experiment: name, trial: index }) }))], []);
  whole.querySelector("tbody").replaceWith(body);
  const children = [h("h2", {}, "Files"), whole];

  function row(file, found) {
    if (!rows.has(file)) rows.set(file, h("tr", {}, h("th", { scope: "row", title: file }, brief(file)), indices.map(() => h("td"))));
    const [, ...cells] = rows.get(file).children;
    cells.forEach((cell, i) => settle(cell, found[i].files.filter((one) => one.name === file).map((one) => made(name, indices[i], one))));
    return rows.get(file);
  }
  async function paint() {
    const found = await Promise.all(indices.map((index) => get("artifacts", { experiment: name, trial: index })));
    const files = found.flatMap((one) => one.files).sort((a, b) => b.modified - a.modified);
    element.hidden = !files.length;
    settle(element, children);
    settle(body, [...new Set(files.map((file) => file.name))].map((file) => row(file, found)));
  }
  const element = h("section", { hidden: true, "aria-label": "Files" });
  return { element, renew: renewal(element, paint) };
}

// Makes these the children of a place. What is there already is not touched: a sound goes on, a text stays unfolded.
function settle(place, elements) {
  for (const one of [...place.children]) if (!elements.includes(one)) one.remove();
  elements.forEach((one, i) => one === place.children[i] || place.insertBefore(one, place.children[i] ?? null));
}

// Keeps the element of each file, and shows its newest version in it.
function items(label) {
  const made = new Map();
  return (name, trial, file) => {
    const id = [trial, file.key, file.kind].join();
    if (!made.has(id)) made.set(id, item(file, label(file.name)));
    made.get(id).show(`/api/artifact?${query({ experiment: name, trial, artifact: file.key, version: file.version })}`, file);
    return made.get(id).element;
  };
}

function item({ kind, name }, label) {
  const load = h("a", { download: "", title: name, "aria-label": `Download ${name}` }, kind === "text" ? "Download" : label);
  const about = h("small");
  const view = { picture, video: player("video"), sound: player("audio"), text }[kind]?.(name);
  let shown = null;
  function show(source, { size, modified }) {
    if (source === shown) return;
    load.href = shown = source;
    about.replaceChildren(bytes(size), " · ", since(modified));
    view?.show(source);
  }
  return { element: h("figure", { class: kind }, view?.element, h("figcaption", {}, load, " ", about)), show };
}

function picture(name) {
  const seen = h("img", { alt: name, loading: "lazy" });
  const element = h("a", { target: "_blank" }, seen);
  return { element, show: (source) => (element.href = seen.src = source) };
}

const player = (tag) => (name) => {
  const element = h(tag, { controls: true, preload: "metadata", "aria-label": name });
  return { element, show: (source) => (element.src = source) };
};

function text(name) {
  const written = h("pre", { tabindex: "0", "aria-label": name });
  const element = h("details", { ontoggle: () => read() }, h("summary", { title: name }, brief(name)), written);
  let source = null;
  async function read() {
    if (!element.open) return;
    const asked = source;
    const answer = await fetch(asked, { headers: { Range: `bytes=0-${READ - 1}` } });
    const found = answer.ok ? harmless(await answer.text()) : "This file is gone.";
    const isCut = Number(answer.headers.get("content-range")?.split("/")[1]) > READ;
    if (asked === source) written.textContent = isCut ? `${found}\n… only the first ${bytes(READ)} are shown` : found;
  }
  const show = (now) => ((source = now), read());
  return { element, show };
}
