// @ts-check
/** Number the lines of text areas that ask for it. Without this script they are plain ones. */

for (const box of document.querySelectorAll("[data-numbered]")) {
  const area = box.querySelector("textarea");
  const numbers = box.querySelector(".numbers");
  if (!area || !numbers) continue;
  const write = () => {
    const count = area.value.split("\n").length;
    numbers.textContent = Array.from({ length: count }, (_, n) => n + 1).join("\n");
    numbers.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", write);
  area.addEventListener("scroll", () => {
    numbers.scrollTop = area.scrollTop;
  });
  write();
}
