// Suggestions under a field: [data-suggest="address"] round a text input, a hidden input for the value
// and a list. The address answers ?q= with <div role="option" data-value data-text>. Without script the
// typed text is sent and the server finds out what was meant.
import { word } from "./words.js";

const DELAY = 160;
let serial = 0;

function parts(input) {
  const root = input.closest("[data-suggest]");
  return {
    root,
    list: root.querySelector('[role="listbox"]'),
    hidden: root.querySelector('input[type="hidden"]'),
  };
}

const options = (list) => [...list.querySelectorAll('[role="option"]')];

function close(input) {
  const { list } = parts(input);
  list.replaceChildren();
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function point(input, list, option) {
  for (const other of options(list)) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  } else input.removeAttribute("aria-activedescendant");
}

function pick(input, option) {
  const { root, hidden } = parts(input);
  input.value = option.dataset.text ?? option.textContent.trim();
  if (hidden) hidden.value = option.dataset.value ?? "";
  close(input);
  root.dispatchEvent(new CustomEvent("suggest-picked", { bubbles: true, detail: { ...option.dataset } }));
}

async function ask(input) {
  const { root, list } = parts(input);
  const mine = ++serial;
  root.asked = mine;
  const address = new URL(root.dataset.suggest, location.href);
  address.searchParams.set("q", input.value.trim());
  for (const name of (root.dataset.suggestWith ?? "").split(" ").filter(Boolean)) {
    const field = input.form?.elements[name];
    if (field?.value) address.searchParams.set(name, field.value);
  }
  let text = "";
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    text = await answer.text();
  } catch {
    return; // suggestions help, they are not needed
  }
  if (root.asked !== mine || document.activeElement !== input) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  const found = [...page.querySelectorAll('[role="option"]')];
  found.forEach((option, index) => {
    option.id = `${list.id}-${index}`;
    option.setAttribute("aria-selected", "false");
  });
  if (found.length) list.replaceChildren(...found);
  else {
    const note = document.createElement("div");
    note.className = "suggest-note";
    note.textContent = word("nothing");
    list.replaceChildren(note);
  }
  input.setAttribute("aria-expanded", "true");
}

const isOurs = (target) => target.matches?.('[data-suggest] input[role="combobox"]');
const timers = new WeakMap();

document.addEventListener("input", (event) => {
  const input = event.target;
  if (!isOurs(input)) return;
  const { hidden } = parts(input);
  if (hidden) hidden.value = "";
  clearTimeout(timers.get(input));
  if (!input.value.trim()) return close(input);
  timers.set(input, setTimeout(() => ask(input), DELAY));
});

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!isOurs(input)) return;
  const { list } = parts(input);
  const all = options(list);
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") {
    event.preventDefault();
    if (all.length) point(input, list, all[(at + 1) % all.length]);
    else ask(input);
  } else if (event.key === "ArrowUp" && all.length) {
    event.preventDefault();
    point(input, list, all[(at - 1 + all.length) % all.length]);
  } else if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    pick(input, all[at]);
  } else if (event.key === "Escape" && list.firstElementChild) {
    event.preventDefault();
    event.stopPropagation();
    close(input);
  }
});

document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.('[data-suggest] [role="option"]');
  if (!option) return;
  event.preventDefault();
  pick(option.closest("[data-suggest]").querySelector('input[role="combobox"]'), option);
});

document.addEventListener("focusout", (event) => {
  if (isOurs(event.target)) close(event.target);
});
