// What is asked of the server.
import { query } from "./parts.js";

export async function get(path, what = {}) {
  return answer(await fetch(`/api/${path}?${query(what)}`));
}

// Asks like `get`, but what a later question has overtaken is null, be it an answer or a refusal: it is not drawn.
export function newest(path) {
  let asked = 0;
  return async (what) => {
    const mine = ++asked;
    const found = await get(path, what).catch((error) => {
      if (mine === asked) throw error;
    });
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
