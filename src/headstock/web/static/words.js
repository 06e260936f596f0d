// What is said of numbers, times and experiments.

export function number(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value); // beyond, every number is whole
  const rounded = Number(value.toPrecision(4));
  return Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

// The number that somebody has typed into the field of this name.
export function decimal(name, given) {
  const value = Number(given);
  if (given.trim() === "" || !Number.isFinite(value)) throw new Error(`${name}: ${given.trim() || "nothing"} is not a number.`);
  return value;
}

// A long value whose ends tell it from others.
export const brief = (words) => (words.length <= 40 ? words : `${words.slice(0, 26)}…${words.slice(-13)}`);

export const measured = ([mean, sem]) => (sem === null ? number(mean) : `${number(mean)} ± ${number(Number(sem.toPrecision(2)))}`);
export const moment = (seconds) => new Date(1000 * seconds).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

// How long ago something was, in the largest unit that it has two of.
const UNITS = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
export function ago(seconds) {
  const passed = Date.now() / 1000 - seconds;
  if (passed < 45) return "just now";
  const [unit, length] = UNITS.find(([, one]) => passed >= 1.75 * one) ?? UNITS.at(-1);
  return relative.format(-Math.round(passed / length), unit);
}

export function duration(seconds) {
  if (seconds === null) return "";
  if (seconds < 120) return `${number(Number(seconds.toPrecision(3)))} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export function bytes(size) {
  const unit = Math.min(4, Math.floor(Math.log(Math.max(size, 1)) / Math.log(1000)));
  return `${number(Number((size / 1000 ** unit).toPrecision(3)))} ${["bytes", "kB", "MB", "GB", "TB"][unit]}`;
}

// A text with characters that cannot be seen, or that would reorder its lines, as escapes.
export const harmless = (text) => text.replace(/(?![\n\r\t])[\p{Cc}\p{Cf}]/gu, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

export const total = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

export const ALIVE = ["running", "paused", "queued"];
export const goal = (found) => `${found.minimize ? "minimise" : "maximise"} ${found.metric}${found.judged ? ", which persons judge" : ""}`;
export const best = (found) => (found.best ? measured(found.best.metrics[found.metric]) : "");

export const BOUNDS = { trials: "trials in all", steps: "training steps in all", seconds: "seconds of a run", cost: "cost in all", target: "target" };
export const budgeted = (bounds) => Object.entries(bounds).map(([bound, value]) => `${BOUNDS[bound]} ${number(value)}`).join(", ");
