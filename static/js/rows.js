// Lists by keyboard: table[data-rows] moves by arrows or j and k, opens by Enter, selects by Space or x,
// extends by Shift and arrows. One row at a time can be reached by Tab.

const LIST = "table[data-rows]";
const rowsOf = (table) => [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.hidden);
const boxOf = (row) => row.querySelector('.cell-check input[type="checkbox"]');

function prepare() {
  for (const table of document.querySelectorAll(LIST)) {
    const rows = rowsOf(table);
    const current = rows.find((row) => row.tabIndex === 0 && row.hasAttribute("tabindex")) ?? rows[0];
    for (const row of rows) row.tabIndex = row === current ? 0 : -1;
  }
}

function go(row) {
  if (!row) return;
  for (const other of row.closest("table").querySelectorAll("tbody tr[tabindex='0']")) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus();
}

function choose(row, checked) {
  const box = boxOf(row);
  if (!box || box.disabled || box.checked === checked) return;
  box.checked = checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

function step(event, row, by) {
  event.preventDefault();
  const rows = rowsOf(row.closest("table"));
  const next = rows[rows.indexOf(row) + by];
  if (event.shiftKey) {
    choose(row, true);
    if (next) choose(next, true);
  }
  go(next);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const { target, key } = event;
  const down = key === "ArrowDown" || key === "j" || key === "J";
  const up = key === "ArrowUp" || key === "k" || key === "K";
  if (target === document.body) {
    if (!down || event.shiftKey) return;
    const first = document.querySelector(`${LIST} tbody tr[tabindex="0"]`);
    if (first) {
      event.preventDefault();
      go(first);
    }
    return;
  }
  const row = target.closest?.(`${LIST} tbody tr`);
  if (!row || (target !== row && !target.matches("a, input[type='checkbox']"))) return;
  if (down) step(event, row, 1);
  else if (up) step(event, row, -1);
  else if (target !== row) return;
  else if (key === "Enter") {
    event.preventDefault();
    (row.querySelector("a[data-open]") ?? row.querySelector(".cell-key a"))?.click();
  } else if (key === " " || key === "x") {
    event.preventDefault();
    const box = boxOf(row);
    if (box) choose(row, !box.checked);
  } else if (key === "Home" || key === "End") {
    event.preventDefault();
    const rows = rowsOf(row.closest("table"));
    go(key === "Home" ? rows[0] : rows[rows.length - 1]);
  }
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(`${LIST} tbody tr`);
  if (row === event.target && row.tabIndex !== 0) go(row);
});

document.addEventListener("htmx:afterSettle", prepare);
prepare();
