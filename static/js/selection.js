// Selected rows of a list: checkboxes named ids, one [data-select-all] in the heading, a live count in
// [data-selected-count], "all that match" in [data-all-matching], [data-clear-selection] to empty it.
// The selection comes back with Back or a reload of the same address; "selection-clear" forgets it.
import { word } from "./words.js";

const boxes = () => [...document.querySelectorAll('input[type="checkbox"][name="ids"]')];
const place = () => `selection:${location.pathname}${location.search}`;
let last = null;

function keep() {
  const chosen = boxes().filter((box) => box.checked);
  const all = document.querySelector("[data-all-matching]");
  const state = { ids: chosen.map((box) => box.value), all: Boolean(all?.checked) };
  try {
    if (state.ids.length) sessionStorage.setItem(place(), JSON.stringify(state));
    else sessionStorage.removeItem(place());
  } catch {
    // a browser without storage forgets the selection, nothing else
  }
}

function show() {
  const every = boxes().filter((box) => !box.disabled);
  const chosen = every.filter((box) => box.checked);
  const full = every.length > 0 && chosen.length === every.length;
  for (const head of document.querySelectorAll("[data-select-all]")) {
    head.checked = full;
    head.indeterminate = chosen.length > 0 && !full;
  }
  const all = document.querySelector("[data-all-matching]");
  if (all) {
    all.closest("label").hidden = !full;
    if (!full) all.checked = false;
  }
  const count = all?.checked ? all.dataset.allMatching : chosen.length.toLocaleString("en");
  for (const place of document.querySelectorAll("[data-selected-count]")) {
    place.textContent = word("selected", { count });
  }
}

function changed() {
  show();
  keep();
  document.dispatchEvent(new CustomEvent("selection-changed"));
}

function clear() {
  for (const box of boxes()) box.checked = false;
  last = null;
  changed();
}

function restore() {
  const way = performance.getEntriesByType("navigation")[0]?.type;
  if (way !== "back_forward" && way !== "reload") return keep();
  try {
    const state = JSON.parse(sessionStorage.getItem(place()) ?? "null");
    if (!state) return;
    const ids = new Set(state.ids);
    for (const box of boxes()) box.checked = ids.has(box.value);
    show();
    const all = document.querySelector("[data-all-matching]");
    if (all && state.all && !all.closest("label").hidden) all.checked = true;
  } catch {
    // what cannot be read is forgotten
  }
}

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.matches?.("[data-select-all]")) {
    for (const box of boxes()) if (!box.disabled) box.checked = target.checked;
    changed();
  } else if (target.matches?.('input[type="checkbox"][name="ids"], [data-all-matching]')) {
    changed();
  }
});

// Shift and click takes everything between this row and the last one clicked.
document.addEventListener("click", (event) => {
  const label = event.target.closest?.(".cell-check label");
  const box = event.target.matches?.('input[name="ids"]') ? event.target : null;
  if (label && event.shiftKey) window.getSelection()?.removeAllRanges();
  if (!box) {
    if (event.target.closest?.("[data-clear-selection]")) clear();
    return;
  }
  const every = boxes();
  if (event.shiftKey && last && every.includes(last)) {
    const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b);
    for (const between of every.slice(from, to + 1)) if (!between.disabled) between.checked = box.checked;
  }
  last = box;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], details[data-menu][open], :popover-open")) return;
  if (event.target.matches?.("input:not([type='checkbox']), textarea, select")) return;
  if (boxes().some((box) => box.checked)) clear();
});

document.addEventListener("selection-clear", clear);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.querySelector?.('input[name="ids"], [data-selected-count]')) show();
});
window.addEventListener("pageshow", () => show());

restore();
show();
