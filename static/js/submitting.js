// One submission at a time: a second click or Enter does nothing while the first is under way,
// and after 300 ms the button says what it is doing (data-busy="Packing…").
// Forms that fetch a file or may be sent again at once carry data-no-guard.
import { word } from "./words.js";

const waiting = new Map();
const PATIENCE = 30_000;

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method === "dialog" || form.hasAttribute("data-no-guard")) return;
    if (waiting.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    hold(form, event.submitter);
    setTimeout(() => {
      const taken = event.defaultPrevented && !form.classList.contains("htmx-request");
      if (taken && !form.querySelector(".htmx-request")) release(form);
    });
  },
  true,
);

// Buttons that post by themselves: asked before htmx would queue a second request.
document.addEventListener("htmx:confirm", (event) => {
  const { elt, verb } = event.detail;
  if (verb !== "get" && elt.tagName !== "FORM" && waiting.has(elt)) event.preventDefault();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, requestConfig } = event.detail;
  if (requestConfig.verb !== "get" && !waiting.has(elt) && elt.matches("button, a, form")) {
    hold(elt, elt.matches("button") ? elt : null);
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  release(event.detail.elt);
  const form = event.detail.elt.closest?.("form");
  if (form) release(form);
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const element of [...waiting.keys()]) release(element);
});

function hold(element, button) {
  const state = { button: null, nodes: [], timers: [] };
  waiting.set(element, state);
  element.setAttribute("aria-busy", "true");
  state.timers.push(setTimeout(() => speak(state, button), 300), setTimeout(() => release(element), PATIENCE));
}

function speak(state, button) {
  if (!button?.isConnected) return;
  state.button = button;
  state.nodes = [...button.childNodes];
  button.replaceChildren(button.dataset.busy || word("working"));
  button.classList.add("is-busy");
}

function release(element) {
  const state = waiting.get(element);
  if (!state) return;
  waiting.delete(element);
  state.timers.forEach(clearTimeout);
  element.removeAttribute("aria-busy");
  if (state.button) {
    state.button.replaceChildren(...state.nodes);
    state.button.classList.remove("is-busy");
  }
}
