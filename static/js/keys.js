// Keys that work on every page: / goes to the scan-or-search box and Esc leaves it, ? shows the keys.

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const box = document.querySelector("[data-find]");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "?") {
    event.preventDefault();
    document.getElementById("keys")?.showModal();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !event.target.matches?.("[data-find]")) return;
  event.preventDefault(); // what was typed stays, and so does the selection
  event.target.blur(); // the page's own keys work again
});

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-show-keys]")) return;
  event.preventDefault();
  document.getElementById("who-menu")?.hidePopover?.();
  document.getElementById("keys")?.showModal();
});

// A details menu closes when a click lands elsewhere or Esc is pressed.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details[data-menu][open]");
  if (!menu) return;
  event.preventDefault(); // Esc closes one thing at a time: the selection stays
  menu.open = false;
  menu.querySelector("summary").focus();
});
