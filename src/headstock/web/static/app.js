// What the address says is shown, and shown anew when the server says that something has changed.
import { h, link } from "./parts.js";
import { brief } from "./words.js";

const main = document.getElementById("main");
const live = document.getElementById("live");
const address = new URLSearchParams(location.search);
const name = address.get("experiment");

function where() {
  const trail = [h("a", { href: "/" }, "headstock")];
  if (name !== null) trail.push(h("span", {}, " / "), ["trial", "trials", "judge"].some((one) => address.has(one)) ? link(brief(name), { experiment: name }) : brief(name));
  if (address.has("trial")) trail.push(h("span", {}, " / "), `trial ${address.get("trial")}`);
  document.getElementById("where").replaceChildren(...trail);
  document.title = [...(address.has("trial") ? [`trial ${address.get("trial")}`] : []), ...(name === null ? [] : [name]), "headstock"].join(" · ");
}

// Each page fills the main element and gives back what to do when something has changed.
async function page() {
  if (address.has("compare")) return (await import("./comparisons.js")).compare(main, address.getAll("compare"));
  if (address.has("new")) return (await import("./creating.js")).create(main);
  if (name === null) return (await import("./experiments.js")).list(main);
  if (address.has("trial")) return (await import("./trial.js")).trial(main, name, address.get("trial"));
  if (address.has("judge")) return (await import("./judging.js")).judge(main, name);
  if (address.has("trials")) return (await import("./comparisons.js")).trials(main, name, address.get("trials").split(",").slice(0, 8));
  return (await import("./experiment.js")).experiment(main, name);
}

// The browser opens a stream that broke off again by itself; it then begins with the present state.
function follow(update) {
  const watched = name === null ? address.getAll("compare") : [name];
  const stream = new EventSource(`/api/events?${new URLSearchParams(watched.map((one) => ["experiment", one]))}`);
  let [busy, newest] = [false, null];
  stream.onopen = () => say("live", true);
  stream.onerror = () => say("reconnecting", false);
  stream.addEventListener("deleted", () => {
    stream.close();
    say("deleted", false);
  });
  stream.onmessage = async (event) => {
    newest = JSON.parse(event.data);
    if (name !== null) [newest] = newest;
    if (busy) return; // what came in the meantime is shown next; what came before that is skipped
    busy = true;
    while (newest !== null) {
      const now = newest;
      newest = null;
      try {
        await update(now);
      } catch (error) {
        say(error.message, false);
      }
    }
    busy = false;
  };
  addEventListener("pagehide", () => stream.close());
}

function say(words, on) {
  live.textContent = words;
  live.classList.toggle("on", on);
}

where();
try {
  const { update } = await page();
  if (update) follow(update);
} catch (error) {
  main.replaceChildren(h("p", { class: "none error" }, error.message));
}
document.body.classList.add("ready");
