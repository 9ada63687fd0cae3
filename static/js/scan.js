// A scan bench: takes codes, sends them, shows and sounds the answers. Nothing turns green before the
// server has answered; what was refused stays until it was seen.
import { renewKey } from "./answers.js";
import { listenForCodes } from "./scan-keys.js";
import { newNonce, ScanQueue } from "./scan-queue.js";
import { play, soundIsOn, switchSound, wake } from "./sounds.js";

const PATIENCE = 15_000;
const HESITATION = 150;

const bench = document.querySelector("[data-bench]");
const form = document.getElementById("scan-form");
const field = document.getElementById("scan-field");
const day = document.getElementById("scan-day");
const words = document.getElementById("scan-words").dataset;
const mould = (name) => document.getElementById(`scan-${name}`).content.firstElementChild.cloneNode(true);
const panel = () => document.getElementById("bench-answer");
const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);

// --- what is shown ---------------------------------------------------------------

const initial = panel();
const unseen = initial.dataset.look === "refused" ? [initial] : []; // refusals, until they were seen
let latest = unseen.length ? null : initial; // the last answer that was no refusal

function draw() {
  const next = pick();
  if (next !== panel()) panel().replaceWith(next);
  next.querySelector(".scan-more")?.remove();
  if (next === unseen[0] && unseen.length > 1) {
    const more = document.createElement("div");
    more.className = "scan-more";
    more.textContent = fill(words.moreRefused, { count: unseen.length - 1 });
    next.append(more);
  }
  drawPending();
}

function pick() {
  if (unseen.length) return unseen[0];
  if (queue.failure) return drawWaiting(mould("unsent"), queue.failure.words);
  if (!queue.isEmpty) return drawWaiting(mould("wait"));
  return (latest ??= mould("ready"));
}

function drawWaiting(element, why = "") {
  const [scan, ...others] = queue.scans;
  element.querySelector("[data-what]").textContent = scan.shown;
  const reason = element.querySelector("[data-why]");
  if (reason) reason.textContent = why;
  const left = element.querySelector("[data-left]");
  left.hidden = !others.length;
  left.textContent = fill(left.textContent, { count: others.length });
  return element;
}

function drawPending() {
  const list = document.getElementById("scan-pending");
  list.hidden = queue.isEmpty;
  list.classList.toggle("is-unsent", Boolean(queue.failure));
  list.replaceChildren(
    ...queue.scans.map((scan) => {
      const row = mould("row");
      row.querySelector("[data-what]").textContent = scan.shown;
      row.querySelector("[data-when]").textContent = scan.at;
      return row;
    }),
  );
}

/** The answer for who listens to the screen: a panel that is replaced is not read aloud. */
function say(answer) {
  const lines = answer.querySelectorAll(".bench-answer-word, .bench-answer-what, .bench-answer-line, .bench-answer-next");
  const texts = [...lines].filter((line) => !line.hidden).map((line) => line.textContent.trim());
  document.getElementById("scan-said").textContent = texts.join(". ");
}

function acknowledge() {
  if (!unseen.length) return false;
  unseen.shift();
  draw();
  field.focus();
  return true;
}

// --- sending ---------------------------------------------------------------------

class Unsent extends Error {
  constructor(reason, retry = false) {
    super(reason);
    this.words = words[reason] ?? reason;
    this.retry = retry;
  }
}

async function post(scan) {
  const body = new URLSearchParams({ ...scan.values, csrfmiddlewaretoken: form.csrfmiddlewaretoken.value });
  let answer;
  let html;
  try {
    answer = await fetch(scan.url, {
      method: "POST",
      body,
      headers: { Accept: "text/html", "HX-Request": "true", "HX-Current-URL": location.href },
      signal: AbortSignal.timeout(PATIENCE),
    });
    html = await answer.text();
  } catch {
    throw new Unsent("offline");
  }
  if (answer.status === 401) throw new Unsent("session");
  if (answer.status === 403 && html.includes('data-reason="csrf"')) throw new Unsent("session", true);
  const part = document.createElement("template");
  part.innerHTML = html;
  const parts = { panel: part.content.querySelector("#bench-answer"), side: part.content.querySelector("#bench-side") };
  if (parts.panel && parts.side && answer.status < 500) return parts;
  const isPlain = answer.headers.get("Content-Type")?.startsWith("text/plain") && answer.status < 500;
  throw new Unsent(isPlain && html.trim() ? html.trim() : "failed");
}

async function send(scan) {
  try {
    return await post(scan);
  } catch (failure) {
    if (!failure.retry) throw failure;
    await renewKey({ isResent: true }); // the page outlived its session's key
    return post(scan);
  }
}

const queue = new ScanQueue(send, {
  onAnswer({ panel: answer, side }) {
    const held = document.getElementById("bench-side");
    const hadFocus = held.contains(document.activeElement);
    held.replaceWith(side);
    if (hadFocus) field.focus();
    keepDay(answer.dataset.today);
    say(answer);
    if (answer.dataset.look === "refused") unseen.push(answer);
    else latest = answer;
    play(answer.dataset.sound);
  },
  onFailure() {
    say(drawWaiting(mould("unsent"), queue.failure.words));
    play("attention");
  },
  onChange: draw,
});

const clock = () => new Date().toLocaleTimeString("en-GB", { timeZone: bench.dataset.zone });

function take({ typed, keys }) {
  const shown = (typed || keys).trim();
  document.querySelector("details[data-menu][open]")?.removeAttribute("open");
  field.placeholder = shown;
  field.classList.add("has-last");
  const values = { reference: typed.trim() ? typed : keys, keys, nonce: newNonce() };
  for (const choice of document.querySelectorAll("[data-choice]")) values[choice.name] = choice.value;
  queue.add({ url: form.action, values, shown, at: clock() });
}

// --- the person --------------------------------------------------------------------

const codes = listenForCodes(field, {
  onCode: take,
  onEmpty() {
    if (queue.failure) queue.flush();
  },
  onSilence(waits) {
    document.getElementById("scan-hint")?.remove();
    if (!waits) return;
    const hint = document.createElement("p");
    hint.id = "scan-hint";
    hint.className = "scan-hint";
    hint.role = "status";
    hint.textContent = words.noEnter;
    form.append(hint);
  },
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const candidate = event.submitter?.dataset.candidate;
  if (candidate) {
    acknowledge();
    take({ typed: candidate, keys: "" });
  } else {
    codes.take();
  }
  field.focus();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-undo]")) return;
  event.preventDefault();
  const undone = event.target.closest("li").querySelector(".code").textContent;
  queue.add({ url: event.target.action, values: { attempt: event.target.attempt.value }, shown: undone, at: clock() });
  field.focus();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.matches("[data-acknowledge]")) acknowledge();
  else if (button.matches("[data-resend]")) queue.flush();
  else if (button.matches("[data-throw-away]")) queue.throwAway();
  else if (button.matches("[data-try-sound]")) play(button.dataset.trySound);
  else return;
  if (!button.matches("[data-try-sound]")) field.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && acknowledge()) event.preventDefault();
  const isUndo = event.ctrlKey && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
  if (isUndo && (event.target !== field || !field.value) && !event.target.matches?.("[data-choice]")) {
    event.preventDefault();
    undoing = setTimeout(() => document.querySelector("form[data-undo]")?.requestSubmit(), HESITATION);
  }
});

// A barcode may hold Ctrl+Z as a sign of its own: then more keys follow at once, and nothing is undone.
let undoing = 0;
window.addEventListener("keydown", () => clearTimeout(undoing), true);

window.addEventListener("online", () => {
  if (queue.failure) queue.flush();
});

window.addEventListener("beforeunload", (event) => {
  if (!queue.isEmpty) event.preventDefault();
});

// --- choices -------------------------------------------------------------------------

// Chosen once: kept at the server as soon as it was chosen by hand, so the next bench knows it too.
document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-choice]") || !event.target.checkValidity()) return;
  const values = { csrfmiddlewaretoken: form.csrfmiddlewaretoken.value };
  for (const choice of document.querySelectorAll("[data-choice]")) values[choice.name] = choice.value;
  fetch(bench.dataset.choicesUrl, { method: "POST", body: new URLSearchParams(values) }).catch(() => {
    // the next scan carries the choice as well
  });
});

/** Past midnight the bench goes on with the new day, unless another one was chosen. */
function keepDay(today) {
  if (!today || today === day.dataset.today) return;
  if (day.value === day.dataset.today) day.value = today;
  day.max = today;
  day.dataset.today = today;
}

const openedOn = new Date().toDateString();
setInterval(() => {
  const isIdle = queue.isEmpty && !unseen.length && !field.value;
  if (isIdle && new Date().toDateString() !== openedOn) location.reload();
}, 60_000);

// --- sound ---------------------------------------------------------------------------

const soundSwitch = document.querySelector("[data-sound-switch]");

function drawSound() {
  soundSwitch.checked = soundIsOn();
  document.querySelector("[data-sound-on]").hidden = !soundIsOn();
  document.querySelector("[data-sound-off]").hidden = soundIsOn();
}

soundSwitch.addEventListener("change", () => {
  switchSound(soundSwitch.checked);
  wake();
  drawSound();
});

drawSound();
draw();
field.focus();
