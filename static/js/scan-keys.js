// What a scanner types, wherever the focus is. Keys are read by their place on a US keyboard, so a
// scanner set to that layout is understood on an AZERTY or Arabic PC as well.

// A scanner's rhythm, in milliseconds: nobody types four keys like that. A busy PC may hold a single key
// back; it is the typical gap that tells a scanner from a hand.
const TYPICAL_GAP = 40;
const LONGEST_GAP = 250;
const SHORTEST = 4;

const SIGNS = {
  Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:",
  Quote: "'\"", Backquote: "`~", Comma: ",<", Period: ".>", Slash: "/?", Space: "  ",
  NumpadSubtract: "--", NumpadAdd: "++", NumpadDecimal: "..", NumpadDivide: "//", NumpadMultiply: "**",
};
const SHIFTED_DIGITS = ")!@#$%^&*(";
// Keys that leave the text as it is.
const SILENT = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "Dead", "Tab", "Escape"]);

/** The sign that a US keyboard has on this key; null for keys that print nothing. */
export function usSign(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const { code, shiftKey } = event;
  if (code.startsWith("Numpad") && event.key.length > 1) return null; // NumLock is off: it moves the cursor
  let found = /^Key([A-Z])$/.exec(code);
  if (found) return shiftKey ? found[1] : found[1].toLowerCase();
  found = /^Digit(\d)$/.exec(code);
  if (found) return shiftKey ? SHIFTED_DIGITS[found[1]] : found[1];
  found = /^Numpad(\d)$/.exec(code);
  if (found) return found[1];
  return SIGNS[code]?.[shiftKey ? 1 : 0] ?? null;
}

/** The keys of one code as they come in, with their rhythm. */
export class Burst {
  constructor() {
    this.reset();
  }

  reset() {
    this.keys = "";
    this.typed = "";
    this.gaps = [];
    this.last = -Infinity;
    this.isSpoiled = false; // edited by hand: the field's text is right, the keys are not
    this.origin = null;
  }

  add(event, sign) {
    if (this.keys) this.gaps.push(event.timeStamp - this.last);
    this.keys += sign;
    this.typed += event.key.length === 1 ? event.key : "";
    this.last = event.timeStamp;
  }

  isStale(event) {
    return event.timeStamp - this.last > LONGEST_GAP;
  }

  /** Whether the key that ends a code (Enter, Tab) came from a scanner, right behind its code. */
  isScan(event) {
    if (this.keys.length < SHORTEST || this.isStale(event)) return false;
    const gaps = [...this.gaps].sort((a, b) => a - b);
    return gaps[gaps.length >> 1] <= TYPICAL_GAP;
  }
}

const isEnter = (event) => event.key === "Enter" && !event.ctrlKey && !event.altKey && !event.metaKey;
const isTab = (event) => event.key === "Tab" && !event.shiftKey;
// Line feed and carriage return as scanners type them: the browser would open its downloads.
const isControlEnd = (event) => event.ctrlKey && (event.code === "KeyJ" || event.code === "KeyM");

const isWrittenInto = (element) =>
  element instanceof HTMLElement &&
  (element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=submit], [type=button])") ||
    element.isContentEditable);

function snapshot(element) {
  const before = { element, value: element.value, start: null, end: null };
  try {
    before.start = element.selectionStart;
    before.end = element.selectionEnd;
  } catch {
    // date and number fields have no selection to keep
  }
  return before;
}

function restore({ element, value, start, end }) {
  if (element.value === value) return;
  element.value = value;
  if (start !== null && element === document.activeElement) element.setSelectionRange?.(start, end);
  element.dispatchEvent(new Event("input", { bubbles: true }));
  if (element.matches("select")) element.dispatchEvent(new Event("change", { bubbles: true }));
}

/**
 * Listen for codes. `onCode({typed, keys})` gets each one; `onEmpty()` an Enter in the empty field;
 * `onSilence(waits)` says that a scanner's code lies in the field without an Enter, or no longer does.
 */
export function listenForCodes(field, { onCode, onEmpty, onSilence }) {
  const burst = new Burst();
  let silence = 0;

  function take() {
    const typed = field.value;
    const keys = burst.isSpoiled ? "" : burst.keys;
    field.value = "";
    burst.reset();
    clearTimeout(silence);
    onSilence(false);
    if (typed.trim() || keys) onCode({ typed, keys });
    else onEmpty();
  }

  function end(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function inField(event, sign) {
    if (isEnter(event) || ((isTab(event) || isControlEnd(event)) && burst.isScan(event))) {
      end(event);
      if (!event.repeat) take();
    } else if (sign !== null) {
      if (!field.value && burst.isStale(event)) burst.reset();
      else if (field.value && !burst.keys) burst.isSpoiled = true;
      if (event.repeat) burst.isSpoiled = true;
      burst.add(event, sign);
      clearTimeout(silence);
      silence = setTimeout(() => onSilence(field.value !== "" && looksScanned()), 600);
    } else if (event.key.length > 1 && !SILENT.has(event.key)) {
      burst.isSpoiled = true;
    }
  }

  const looksScanned = () => burst.isScan({ timeStamp: burst.last });

  function elsewhere(event, sign) {
    const target = event.target;
    if (isEnter(event) || isTab(event) || isControlEnd(event)) {
      const isScan = burst.isScan(event);
      const { typed, keys, origin } = burst;
      burst.reset();
      if (!isScan) return;
      end(event);
      if (event.repeat) return;
      if (origin) restore(origin);
      onCode({ typed, keys });
      return;
    }
    if (sign === null || event.repeat) return;
    if (burst.isStale(event) || burst.origin?.element !== (isWrittenInto(target) ? target : undefined)) {
      burst.reset();
      burst.origin = isWrittenInto(target) ? snapshot(target) : null;
    }
    burst.add(event, sign);
    if (isWrittenInto(target) || document.querySelector("dialog[open]")) return;
    // A button keeps its Space; / and ? keep their meaning on every page, unless a scanner types them.
    if (burst.keys.length === 1 && [" ", "/", "?"].includes(event.key)) return;
    if (field.value) burst.isSpoiled = true;
    event.stopImmediatePropagation();
    field.focus(); // in time for the key to be typed into it
  }

  window.addEventListener(
    "keydown",
    (event) => {
      const sign = usSign(event);
      if (event.target === field) inField(event, sign);
      else elsewhere(event, sign);
    },
    true,
  );
  field.addEventListener("input", (event) => {
    if (event.inputType && event.inputType !== "insertText") burst.isSpoiled = true;
    if (!field.value) onSilence(false);
  });
  field.addEventListener("pointerdown", () => {
    if (field.value) burst.isSpoiled = true;
  });
  return { take };
}
