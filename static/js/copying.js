// Buttons that copy a field's text. They show themselves only where a script can copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const word = button.querySelector("span") ?? button;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // No clipboard without HTTPS: what is selected can still be copied by the older way.
      if (!document.execCommand("copy")) return;
    }
    word.textContent = button.dataset.copied;
  });
}
