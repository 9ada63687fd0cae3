// Answers to partial requests that are not plain successes: swapped where they belong or said aloud,
// never swallowed. The CSRF key of a page that outlived its session is renewed here as well.
import { notify } from "./messages.js";
import { word } from "./words.js";

const SWAPPED = new Set([409, 422]);
const WORDS = { 400: "invalid", 403: "forbidden", 404: "missing", 409: "conflict", 413: "invalid", 422: "invalid", 429: "busy" };

const isPage = (text) => /^\s*<(!doctype|html)/i.test(text ?? "");

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (target === document.body) return;
  if (isPage(xhr.responseText)) {
    // A whole page came where a part was asked for: a log-in page, or an error page.
    event.detail.shouldSwap = false;
    if (xhr.status < 400) sessionEnded(xhr.responseURL);
    return;
  }
  if (SWAPPED.has(xhr.status) && xhr.responseText.trim()) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (xhr.status === 401) return sessionEnded(xhr.getResponseHeader("X-Login"));
  if (xhr.status === 403 && xhr.responseText.includes('data-reason="csrf"')) return renewKey();
  const plain = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain") && xhr.status < 500;
  notify((plain && xhr.responseText.trim()) || word(WORDS[xhr.status] ?? "failed"), "error");
});

document.addEventListener("htmx:sendError", () => notify(word("offline"), "error"));
document.addEventListener("htmx:timeout", () => notify(word("timeout"), "error"));
document.addEventListener("htmx:swapError", () => notify(word("failed"), "error"));

function sessionEnded(address) {
  const link = { href: address || location.href, text: word("logIn"), elsewhere: true };
  notify(word("session"), "error", { link });
}

/** Fetch this page again for its CSRF key only, and put the key into every form of the old one;
    `isResent` when the caller sends again by itself, so nobody need be told to. */
export async function renewKey({ isResent = false } = {}) {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const headers = page.body.getAttribute("hx-headers");
    if (!answer.ok || !headers) return sessionEnded(answer.url);
    document.body.setAttribute("hx-headers", headers);
    const key = JSON.parse(headers)["X-CSRFToken"];
    for (const input of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) input.value = key;
    if (!isResent) notify(word("stale"), "warning");
  } catch {
    notify(word("offline"), "error");
  }
}

/** The headers a module needs to post with fetch. */
export function postHeaders() {
  return { ...JSON.parse(document.body.getAttribute("hx-headers") || "{}"), Accept: "application/json" };
}

// The thin line: nothing under 300 ms, so quick answers do not flicker.
const line = document.querySelector("[data-loading-line]");
let open = 0;
let timer = 0;

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.elt.closest("[data-silent], #running-jobs")) return;
  open += 1;
  clearTimeout(timer);
  timer = setTimeout(() => line?.classList.add("is-on"), 300);
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.closest("[data-silent], #running-jobs")) return;
  open = Math.max(0, open - 1);
  if (open) return;
  clearTimeout(timer);
  line?.classList.remove("is-on");
});
