// Lines of an order's form: rows are added and removed, amounts follow units and prices, and the total
// follows the lines until a person writes another. Without script rows are offered ready-made.

const root = document.querySelector("[data-lines]");
const total = document.querySelector("[data-total]");
const cents = (text) => Math.round(Number(String(text).trim().replace(",", ".")) * 100);
const written = (amount) => (amount / 100).toFixed(2);

let next = 1000;
let isOwnTotal = false;

const rows = () => [...root.querySelectorAll("[data-line]")];

function amountOf(row) {
  const own = row.querySelector("[data-line-total]");
  if (own) return cents(own.value) || 0;
  const quantity = Number(row.querySelector("[data-quantity]").value) || 0;
  return (cents(row.querySelector("[data-price]").value) || 0) * quantity;
}

const sum = () => rows().reduce((all, row) => all + amountOf(row), 0);
const began = root ? sum() : 0;

function follow() {
  if (!total || isOwnTotal) return;
  const before = total.dataset.totalBefore;
  const lines = sum();
  if (before) total.value = written(Math.max(cents(before) + lines - began, 0));
  else total.value = lines ? written(lines) : "";
}

function add() {
  const mould = root.querySelector("[data-line-mould]");
  const row = mould.content.firstElementChild.cloneNode(true);
  const place = next++;
  for (const node of [row, ...row.querySelectorAll("*")]) {
    for (const name of ["id", "name", "for", "aria-controls"]) {
      const value = node.getAttribute(name);
      if (value) node.setAttribute(name, value.replace(/(?<=\[|[_-])999(?=\]|$)/, place));
    }
  }
  root.querySelector("[data-line-list]").append(row);
  return row;
}

function remove(row) {
  const other = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  (other?.querySelector("input:not([type='hidden'])") ?? root.querySelector("[data-add-line]")).focus();
  follow();
}

if (root) {
  for (const row of rows()) if (row.classList.contains("only-without-script")) row.remove();
  if (!rows().length) add();

  root.addEventListener("click", (event) => {
    if (event.target.closest("[data-add-line]")) add().querySelector('[role="combobox"]').focus();
    const removed = event.target.closest("[data-remove-line]");
    if (removed) remove(removed.closest("[data-line]"));
  });

  root.addEventListener("suggest-picked", (event) => {
    const row = event.target.closest("[data-line]");
    const { price } = event.detail;
    const own = row.querySelector("[data-line-total]");
    if (own) {
      own.dataset.unit = price;
      own.value = written(cents(price) * (Number(row.querySelector("[data-quantity]").value) || 0));
    } else row.querySelector("[data-price]").value = price;
    row.querySelector("[data-quantity]").select();
    follow();
  });

  root.addEventListener("input", (event) => {
    const row = event.target.closest("[data-line]");
    const own = row?.querySelector("[data-line-total]");
    if (own?.dataset.unit && event.target.matches("[data-quantity]")) {
      own.value = written(cents(own.dataset.unit) * (Number(event.target.value) || 0));
    }
    follow();
  });

  total?.addEventListener("input", () => {
    isOwnTotal = total.value.trim() !== "";
    follow();
  });

  if (total && !total.dataset.totalBefore) isOwnTotal = total.value !== "" && cents(total.value) !== began;
}
