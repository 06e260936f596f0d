// Questions to the user, each before something is done.
import { h } from "./parts.js";

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
